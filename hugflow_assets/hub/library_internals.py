"""What we take from inside the HTTP libraries and huggingface_hub; a test fails when a new version changes one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
from httpcore2 import SyncBackend


def use_backend(made: httpx2.Client, backend: SyncBackend) -> None:
    """Have a client open its connections by a backend: a pool takes one, a transport does not pass one on."""
    for transport in (made._transport, *made._mounts.values()):
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = backend


def mark_body_as_read(response: httpx2.Response) -> bool:
    """Let the parser of the library know that the body has been read, past it; else it closes the connection.

    A new connection to a far storage is slow for its first megabytes. Where the parser is not found, False is returned
    and the connection is closed, which costs speed only.
    """
    found: Any = response.stream
    with suppress(AttributeError):
        while not hasattr(found, "_connection"):
            found = getattr(found, "_stream", None) or found._httpcore_stream
        reader = found._connection._h11_state._reader
        reader._remaining -= reader._remaining
        return True
    return False


def before_hub_request(request: httpx2.Request) -> None:
    """What the Hub's own client does before each request: a request id, and none at all in offline mode.

    Raises:
        huggingface_hub.errors.OfflineModeIsEnabled: HF_HUB_OFFLINE is set.
    """
    from huggingface_hub.utils._http import hf_request_event_hook

    hf_request_event_hook(request)


def rate_limit_of(headers: Mapping[str, str]) -> Any:
    """The Hub's ``RateLimit`` headers, with ``remaining`` and ``reset_in_seconds``; None without them."""
    from huggingface_hub.utils._http import parse_ratelimit_headers

    return parse_ratelimit_headers(headers)


def is_xet_available() -> bool:
    """Whether the Hub's client would use Xet: ``hf_xet`` is installed and not turned off by its variable."""
    from huggingface_hub.utils import _runtime

    return bool(_runtime.is_xet_available())
