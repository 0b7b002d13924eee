"""Asking the Hub: one call, tried again with jittered backoff while its fault can pass."""

from __future__ import annotations

import logging
import platform
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2

from hugflow_assets.errors import (
    HFDownloadError,
    HFError,
    HFRateLimitedError,
    HFUnreachableError,
    LandingCancelledError,
    PlanTimedOutError,
)
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.answer_counts import count_answer
from hugflow_assets.hub.http import client, deadline
from hugflow_assets.hub.library_internals import rate_limit_of
from hugflow_assets.hub.rate_limit import RateBudget
from hugflow_assets.version import __version__

PATIENCE = 4  # a whole answer may take this many times the longest silence
LARGEST_ANSWER = 256 << 20
_REACH = "Check HF_ENDPOINT, the network and HTTPS_PROXY; `hugflow doctor` tries them. It is tried again later."
_TRUST = "Point SSL_CERT_FILE at the CA bundle (PEM) that vouches for this server or for the proxy in between."
_LOG = logging.getLogger(__name__)
_SAID_AGAIN_S = 60.0
_waited_for: dict[str, float] = {}
_TOLD_S = 1.0  # a longer wait is told of
_WILL_NOT_PASS = ("CERTIFICATE_VERIFY_FAILED", "407 ")
_USER_AGENT = f"hugflow/{__version__}; python/{platform.python_version()}"
TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Answer:
    """What a server said, read to its end. ``url`` is where the answer came from, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


class Backoff:
    """How long to wait before the next try, and when to stop trying."""

    def __init__(self, access: HubAccess, should_stop: Callable[[], bool] | None = None) -> None:
        self.access = access
        self.failures = 0
        self._should_stop = should_stop

    def progress(self) -> None:
        """Something was achieved since the last fault: the count starts anew."""
        self.failures = 0

    def ask_leave(self, url: str) -> None:
        """Wait while the budget that all runs share is used up.

        Raises:
            HFRateLimitedError: for longer than is allowed to wait.
        """
        budget = RateBudget.of(self.access)
        while (wait := budget.take(url)) > 0:
            if wait > self.access.retry_max_wait_s:
                raise rate_limited(self.access, wait, "has no requests left for this machine in its current window")
            self._pause(
                wait + random.uniform(0, min(1.0, wait)),  # noqa: S311
                f"{self.access.endpoint} has no requests left for this machine in its current window.",
            )

    def wait(self, error: HFError, asked_s: float | None = None) -> None:
        """Wait before the next try; raise ``error`` when the tries are used up or the wait asked for is too long."""
        self.failures += 1
        if self.failures > self.access.retries or (asked_s or 0) > self.access.retry_max_wait_s:
            raise error
        longest = min(self.access.backoff_s * 2 ** (self.failures - 1), self.access.retry_max_wait_s)
        # At least what the server asks for, and not all of us at the same moment.
        spread = random.uniform(longest / 2, longest)  # noqa: S311
        seconds = spread if asked_s is None else asked_s + random.uniform(0, min(1.0, longest))  # noqa: S311
        self._pause(seconds, error.message)

    def _pause(self, seconds: float, reason: str) -> None:
        if seconds > _TOLD_S:
            # Once a minute for one cause: a Hub that is down makes every request in flight wait.
            known, _waited_for[reason] = _waited_for.get(reason, -_SAID_AGAIN_S), time.monotonic()
            level = logging.INFO if time.monotonic() - known >= _SAID_AGAIN_S else logging.DEBUG
            _LOG.log(level, "%s Trying again in %.0f s.", reason, seconds)
        until = time.monotonic() + seconds
        idle = threading.Event()
        while (left := until - time.monotonic()) > 0:
            _check_time(self.access)
            if self._should_stop and self._should_stop():
                raise LandingCancelledError("Stopped while waiting for the Hub.", remedy="Run it again to resume.")
            idle.wait(min(left, 0.2))


def call(
    access: HubAccess,
    method: Literal["GET", "POST", "HEAD"],
    url: str,
    *,
    params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    largest: int = LARGEST_ANSWER,
    cut: bool = False,
) -> Answer:
    """Ask once and again until there is an answer that does not pass by itself; its status may be any other.

    Args:
        largest: no more of the body than this is read.
        cut: take what was read so far for the answer when there is more; otherwise that is an error.
    Raises:
        HFError: an answer larger than ``largest``.
        HFUnreachableError: refused, timed out, reset, 5xx or an endless trickle, after every retry.
        HFRateLimitedError: 429 after every retry, or with a wait longer than allowed.
        HFDownloadError: the file storage that the Hub sent us to refuses, after every retry.
    """
    backoff = Backoff(access)
    while True:
        _check_time(access)
        backoff.ask_leave(url)
        try:
            answer = _once(access, method, url, params, data, headers, largest)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            fault = unreachable(access, url, why(error))
            if any(word in fault.message for word in _WILL_NOT_PASS):
                raise fault from None
            backoff.wait(fault)
            continue
        if _is_dead_link(access, answer):
            backoff.wait(_storage_refuses(answer))
            continue
        if answer.status not in TRY_AGAIN:
            if len(answer.body) > largest and not cut:
                raise HFError(
                    f"{access.endpoint} answers with more than {largest} bytes where a short answer was expected.",
                    remedy="Check that HF_ENDPOINT is a Hub.",
                    endpoint=access.endpoint,
                )
            return answer
        backoff.wait(passing(access, answer), asked_wait(answer.headers) if answer.status in (429, 503) else None)


def _check_time(access: HubAccess) -> None:
    if access.ends_at is not None and time.monotonic() > access.ends_at:
        raise PlanTimedOutError(
            f"{access.endpoint} has not answered everything that a plan needs in the time that one may take.",
            remedy="It goes on by itself with the next look; what was listed is kept.",
            endpoint=access.endpoint,
        )


def note_limits(access: HubAccess, response: httpx2.Response) -> None:
    """Share what an answer, and every redirect on the way to it, says about the rate limit; and count them."""
    budget = RateBudget.of(access)
    for one in (*response.history, response):
        count_answer(access.rate_dir, one.status_code)
        blocked = asked_wait(one.headers) if one.status_code == 429 else None
        budget.learn(str(one.url), one.headers, blocked)


def _once(
    access: HubAccess,
    method: str,
    url: str,
    params: Mapping[str, Any] | None,
    data: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    largest: int,
) -> Answer:
    body = bytearray()
    with (
        deadline(access.read_timeout_s * PATIENCE),
        client(access).stream(
            method, url, params=params, data=data, headers={**request_headers(access), **(headers or {})}
        ) as response,
    ):
        note_limits(access, response)
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > largest:
                break
    return Answer(response.status_code, dict(response.headers), bytes(body), str(response.url))


def request_headers(access: HubAccess) -> dict[str, str]:
    """The headers of every request: who we are, and the token if the settings have one. Never a cached token.

    The client library would first ask the Hub, outside of the time-outs and the budget, which programs there are that
    might have called us, to name the one that did.
    """
    headers = {"user-agent": _USER_AGENT}
    return headers | {"authorization": f"Bearer {access.token}"} if access.token else headers


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait: ``Retry-After`` (seconds or a date), else ``t`` of ``RateLimit``."""
    after = headers.get("retry-after", "").strip()
    if after.isdigit():
        return float(after)
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
        except ValueError:
            return None
    limit = rate_limit_of(headers)
    return float(limit.reset_in_seconds) if limit and limit.remaining == 0 else None


def unreachable(access: HubAccess, url: str, reason: str) -> HFUnreachableError:
    """No usable answer. Names the host only: a link to storage carries a signature."""
    asked, endpoint = urlsplit(url), urlsplit(access.endpoint)
    place = access.endpoint if asked.netloc == endpoint.netloc else f"{asked.scheme}://{asked.netloc} (file storage)"
    return HFUnreachableError(
        access.redact(f"{place} does not answer: {reason}."),
        remedy=_TRUST if "certificate" in reason.lower() else _REACH,
        endpoint=access.endpoint,
        host=asked.netloc,
    )


def _is_dead_link(access: HubAccess, answer: Answer) -> bool:
    """Whether a signed link to storage has expired: asked again, the Hub gives a new one."""
    return answer.status in (400, 401, 403) and urlsplit(answer.url).netloc != urlsplit(access.endpoint).netloc


def _storage_refuses(answer: Answer) -> HFDownloadError:
    return HFDownloadError(
        f"The storage at {urlsplit(answer.url).netloc} answers status {answer.status}, after every retry.",
        remedy="It is tried again later; if it stays so, check that the storage's host is reachable from here.",
        status=answer.status,
    )


def passing(access: HubAccess, answer: Answer) -> HFError:
    """The error of a status that may pass by itself: 429, 408, 5xx."""
    if answer.status != 429:
        return unreachable(access, answer.url, f"status {answer.status}{_quoted(access, answer)}")
    return rate_limited(access, asked_wait(answer.headers))


def rate_limited(
    access: HubAccess, wait: float | None, why: str = "answers 429, too many requests, after every retry"
) -> HFRateLimitedError:
    """Too many requests; ``wait`` seconds until the Hub allows more, if it says so."""
    window = f" It allows requests again in {wait:.0f} s." if wait is not None else ""
    remedy = "Wait; it is tried again later." if access.token else "Set HF_TOKEN (a token has a higher limit), or wait."
    return HFRateLimitedError(
        f"{access.endpoint} {why}.{window}",
        remedy=remedy,
        endpoint=access.endpoint,
        retry_after_s=wait,
    )


def why(error: Exception) -> str:
    """What went wrong with a request, in words."""
    said = str(error) or type(error).__name__
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (httpx2.ConnectTimeout, "no connection in time"),
        (httpx2.ReadTimeout, "silent or too slow for too long"),
        (httpx2.ProxyError, f"the proxy refused ({said})"),
        (httpx2.ConnectError, f"no connection ({said})"),
        (httpx2.ReadError, f"the connection broke ({said})"),
        (httpx2.RemoteProtocolError, f"the connection ended early or spoke no HTTP ({said})"),
        (httpx2.TooManyRedirects, "it redirects in a circle"),
    )
    return next((shown for kind, shown in kinds if isinstance(error, kind)), said)


def _quoted(access: HubAccess, answer: Answer) -> str:
    said = server_message(answer)
    return f" ({access.redact(said)})" if said else ""


def server_message(answer: Answer) -> str:
    """What the server says about an error: ``X-Error-Message``, else ``error`` of a JSON body, cut short."""
    import json

    said = answer.header("X-Error-Message")
    if not said and answer.body[:1] == b"{":
        try:
            found = json.loads(answer.body).get("error", "")
            said = found if isinstance(found, str) else ""
        except ValueError:
            said = ""
    return " ".join(said.split())[:200]
