"""What goes wrong on the way to Slack and GitHub, as ``DeliveryError`` without any secret in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from hugflow_assets.errors import DeliveryError, HugflowError, UnexpectedError

# Refusals that pass: the server is busy, another write was faster, too many requests; or a person mends the token.
_PASSING = {401, 408, 409, 425, 429}
# GitHub asks to wait for at least a minute where a limit is reached and no header says how long.
_RATE_LIMIT_WAIT_S = 60.0
_RATE_LIMIT_WORDS = ("rate limit", "abuse detection")


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
    """An error that says the channel, the call, the status and the reason, with every secret taken out.

    ``details``: ``status``, ``permanent`` (the message will never be taken), ``taken`` (False: it certainly was not
    taken this time; None: nobody knows), ``retry_after_s`` (asked for by the server).
    """
    code = f" ({status})" if status else ""
    words = redacted(f"{what}{code}: {' '.join(reason.split())[:300]}", secrets)
    retry_after_s = _retry_after_s(status, reason, {key.lower(): value for key, value in (headers or {}).items()})
    refused = status is not None and 400 <= status < 500
    if permanent is None:
        permanent = refused and status not in _PASSING and retry_after_s is None
    return DeliveryError(
        f"{channel}: {words}",
        remedy="It stays in the audit log and is sent later.",
        status=status,
        permanent=permanent,
        taken=False if taken is None and refused else taken,
        retry_after_s=retry_after_s,
    )


def unexpected_error(channel: str, what: str, error: Exception) -> DeliveryError:
    """Any other error as one of the message that it was raised for: counted against that one, and no other waits."""
    named = UnexpectedError.of(error)
    if isinstance(error, DeliveryError):
        return error
    return DeliveryError(
        f"{channel}: {what}: {named.message}",
        remedy=named.remedy,
        permanent=not (isinstance(error, HugflowError) and error.transient),
    )


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret, and the last part of a secret URL, replaced."""
    for secret in sorted({*secrets, *(one.rpartition("/")[2] for one in secrets)}, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "[redacted]")
    return text


def _retry_after_s(status: int | None, reason: str, headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds, or until ``X-RateLimit-Reset`` when nothing remains, or a minute for a limit."""
    after = headers.get("retry-after", "")
    if after.strip().isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - datetime.now(UTC).timestamp())
    limited = status == 429 or (status == 403 and any(word in reason.lower() for word in _RATE_LIMIT_WORDS))
    return _RATE_LIMIT_WAIT_S if limited else None
