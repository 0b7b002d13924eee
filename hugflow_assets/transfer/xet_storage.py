"""Bytes of a file straight from Xet storage, by the Hub's own client for it; plain HTTP is what is left without it.

Xet keeps a file as chunks of a few large objects and gives many of them at once. From anywhere inside a file it goes on
by a range of bytes, and ends with the same hash as by plain HTTP. Measured, plain HTTP over several connections is as
fast or faster for half the processor's time (``benchmarks/NOTES.md``), so with ``XET=auto`` only files come by Xet that
are too large for the Hub's plain HTTP; with ``on`` every file does.

Whatever goes wrong, the rest of the file comes by plain HTTP from where the bytes stopped, the Hub's storage is left
alone for some minutes, and a warning says so once.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, urlsplit

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub.library_internals import is_xet_available
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.refusals import Asked
from hugflow_assets.hub.requests import call
from hugflow_assets.transfer.xet_client import (
    FRESH_S,
    XetBody,
    XetClient,
    XetFailedError,
    XetToken,
    client_library,
    words,
)

_LOG = logging.getLogger(__name__)
_HASH, _TOKEN, _SECONDS = re.compile("[0-9a-f]{64}"), re.compile("[!-~]+"), re.compile("[0-9]{1,12}")
_Key = tuple[str, str | None, str, str]  # a Hub, whose token, a repository, a commit
_AVOIDED_S = 600.0
_SILENCE_S = 8.0  # longest silence of the storage within one request of the client's; it tries each once again
_PATIENCE = 2.5  # times that, until a byte of the file is there
_CONNECT_S = 5.0


class XetStorage:
    """What this process knows of Xet storage: its client, the tokens it was given, which storage to leave alone."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tokens: dict[_Key, XetToken] = {}
        self._asking: dict[_Key, threading.Lock] = {}
        self._avoided: dict[str, float] = {}
        self._clients: dict[tuple[int, float, float], XetClient] = {}

    def is_wanted(self, asked: Asked, file: SourceFile, start: int) -> bool:
        """Whether the bytes of a file from ``start`` on are to come by Xet, and can."""
        access = asked.access
        is_due = access.xet == "on" or (access.xet == "auto" and file.size_bytes > access.largest_plain_bytes)
        return is_due and self._is_possible(asked, file, start)

    def _is_possible(self, asked: Asked, file: SourceFile, start: int) -> bool:
        """Not through a proxy, with a CA bundle of the settings, or within a bandwidth limit: the client knows none."""
        access = asked.access
        if not _HASH.fullmatch(file.xet_hash or "") or file.size_bytes <= start:
            return False
        if access.https_proxy or access.ssl_cert_file or access.bytes_per_s:
            return False
        return not self._is_avoided(asked) and is_installed()

    def _is_avoided(self, asked: Asked) -> bool:
        with self._guard:
            return self._avoided.get(asked.access.endpoint, 0.0) > time.monotonic()

    def open(self, asked: Asked, file: SourceFile, start: int, stop_if_asked: Callable[[], None]) -> XetBody:
        """The bytes of a file from ``start`` on, on their way.

        Args:
            stop_if_asked: called often while they are waited for; what it raises ends that.
        Raises:
            XetFailedError: no token, or no client that can be used.
        """
        token = self._token(asked)
        access = asked.access
        silence_s = _silence_s(access.read_timeout_s)
        try:
            client = self._client(min(access.connect_timeout_s, _CONNECT_S), silence_s)
            group, stream = client.stream(token, file, start)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  of whatever kind; a panic of the library's is no Exception
            raise XetFailedError(words(error)) from None
        return XetBody(client, group, stream, token.expires - FRESH_S, silence_s * _PATIENCE, stop_if_asked)

    def _client(self, connect_s: float, silence_s: float) -> XetClient:
        """The client of this process; a forked one has none of its parent's."""
        key = os.getpid(), connect_s, silence_s
        with self._guard:
            if key not in self._clients or self._clients[key].is_ended:
                self._clients[key] = XetClient(connect_s, silence_s)
            return self._clients[key]

    def refuse(self, asked: Asked, reason: str) -> None:
        """Leave the storage of this Hub alone for a while; says so once."""
        with self._guard:
            token = self._tokens.pop(_key(asked), None)
            now = time.monotonic()
            is_avoided = self._avoided.get(asked.access.endpoint, 0.0) > now
            self._avoided[asked.access.endpoint] = now + _AVOIDED_S
            ours = [client for (process, *_), client in self._clients.items() if process == os.getpid()]
        for client in ours:
            client.end()
        if token is not None:
            reason = reason.replace(token.token, "***")
        if not is_avoided:
            _LOG.warning(
                "Xet storage of %s is not used for %.0f minutes: %s. Its files are fetched by plain HTTP.",
                asked.access.endpoint,
                _AVOIDED_S / 60,
                asked.access.redact(reason).rstrip("."),
            )

    def _token(self, asked: Asked) -> XetToken:
        """The token for a repository at a commit, asked for once by all threads; never one of another Hub token's."""
        key = _key(asked)
        with self._guard:
            asking = self._asking.setdefault(key, threading.Lock())
        with asking:
            with self._guard:
                token = self._tokens.get(key)
            if token is None or token.expires < time.time() + FRESH_S:
                if self._is_avoided(asked):
                    raise XetFailedError("another thread was given no token")
                try:
                    token = _asked_token(asked)
                except XetFailedError as error:
                    self.refuse(asked, str(error))
                    raise
                with self._guard:
                    self._tokens[key] = token
            return token


STORAGE = XetStorage()


def _key(asked: Asked) -> _Key:
    return asked.access.endpoint, asked.access.token, asked.repo_id, asked.revision


def _asked_token(asked: Asked) -> XetToken:
    """Ask the Hub, once and with little patience; it counts into the rate budget as every call does.

    Protocol: https://huggingface.co/docs/xet/auth
    """
    access = replace(
        asked.access,
        retries=0,
        retry_max_wait_s=0,
        connect_timeout_s=min(asked.access.connect_timeout_s, _CONNECT_S),
        read_timeout_s=_silence_s(asked.access.read_timeout_s),
    )
    try:
        answer = call(
            access,
            "GET",
            f"{access.endpoint}/api/datasets/{asked.repo_id}/xet-read-token/{quote(asked.revision, safe='')}",
            largest=1 << 16,
        )
    except HugflowError as error:
        raise XetFailedError(f"the Hub gives no token for it: {error.message}") from None
    if answer.status != 200:
        raise XetFailedError(f"the Hub gives no token for it: status {answer.status}")
    url, token = answer.header("X-Xet-Cas-Url"), answer.header("X-Xet-Access-Token")
    expires = answer.header("X-Xet-Token-Expiration")
    is_fresh = _SECONDS.fullmatch(expires) is not None and int(expires) > time.time() + FRESH_S
    if not is_fresh or not _TOKEN.fullmatch(token) or not _is_address(url, urlsplit(access.endpoint).scheme):
        raise XetFailedError("the Hub's answer to the question for a token is none")
    return XetToken(url.rstrip("/"), token, float(expires))


def _is_address(url: str, scheme: str) -> bool:
    """Whether that is one, no less secure than ``scheme``."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.scheme in ("https", scheme)
    except ValueError:
        return False


def _silence_s(read_timeout_s: float) -> float:
    return min(read_timeout_s, _SILENCE_S)


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether there is a client, and ``HF_HUB_DISABLE_XET`` does not say to do without."""
    try:
        return bool(is_xet_available() and client_library().XetSession)
    except Exception as error:  # noqa: BLE001  whatever keeps it from being loaded, there is plain HTTP
        _LOG.warning("Files in Xet storage are fetched by plain HTTP: hf_xet cannot be used (%s).", words(error))
        return False
