"""What goes wrong on the way to Slack and GitHub, as ``DeliveryError`` without any secret in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from hugflow_assets.errors import DeliveryError

# The message itself is at fault, or what it was for is gone: sending it again changes nothing.
_PERMANENT = {400, 404, 410, 413, 422}


def delivery_error(
    channel: str,
    what: str,
    *,
    status: int | None = None,
    reason: str = "",
    headers: Mapping[str, str] | None = None,
    permanent: bool | None = None,
    taken: bool | None = None,
    secrets: Iterable[str] = (),
) -> DeliveryError:
    """An error that tells the channel, the call, the status and the reason, with every secret taken out.

    ``details``: ``status``, ``permanent`` (the message will never be taken), ``taken`` (False: it certainly was not
    taken this time; None: nobody knows), ``retry_after_s`` (asked for by the server).
    """
    code = f" ({status})" if status else ""
    told = redacted(f"{what}{code}: {' '.join(reason.split())[:300]}", secrets)
    return DeliveryError(
        f"{channel}: {told}",
        remedy="It stays in the audit log and is sent later.",
        status=status,
        permanent=status in _PERMANENT if permanent is None else permanent,
        taken=False if taken is None and status is not None and 400 <= status < 500 else taken,
        retry_after_s=_retry_after_s({key.lower(): value for key, value in (headers or {}).items()}),
    )


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret, and the last part of a secret URL, replaced."""
    for secret in sorted({*secrets, *(one.rpartition("/")[2] for one in secrets)}, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "[redacted]")
    return text


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds, or until ``X-RateLimit-Reset`` when nothing remains."""
    after = headers.get("retry-after", "")
    if after.strip().isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - datetime.now(UTC).timestamp())
    return None
