"""One rate budget for all runs on this machine that share a token.

The Hub counts requests per token in windows of five minutes and says in ``RateLimit`` headers how many are left
(https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-09.html). What one process hears, all heed: the
count is kept in a small file, taken from before each request and corrected by each answer. It is a courtesy, not a
guard: where the file cannot be used, every process goes by its own 429s.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.library_internals import rate_limit_of

_SAME_WINDOW_S = 5.0
_Counts = dict[str, list[float]]  # kind -> [requests left, time at which the window ends]


@dataclass(frozen=True)
class RateBudget:
    """The requests that are left to this access, by kind (``api``, ``resolvers``). ``path`` None: nothing is shared."""

    path: Path | None
    endpoint: str

    @classmethod
    def of(cls, access: HubAccess) -> RateBudget:
        """The budget of an access; the file's name is a digest, from which no token can be read."""
        digest = hashlib.sha256(f"{access.endpoint}\0{access.token or ''}".encode()).hexdigest()[:16]
        return cls(access.rate_dir / f"{digest}.json" if access.rate_dir else None, access.endpoint)

    def take(self, url: str) -> float:
        """Take one request from the budget; the seconds to wait first, 0 where one is left or nothing is known."""
        kind = self._kind(url)
        if kind is None or self.path is None or not self.path.exists():
            return 0.0
        wait = 0.0

        def count(counts: _Counts) -> None:
            nonlocal wait
            left, ends = counts.get(kind, [0.0, 0.0])
            if (now := time.time()) < ends:
                if left < 1:
                    wait = ends - now
                else:
                    counts[kind] = [left - 1, ends]

        self._change(count)
        return wait

    def learn(self, url: str, headers: Mapping[str, str], blocked_s: float | None = None) -> None:
        """Note what an answer says: ``RateLimit``, or the wait that a 429 asks for."""
        kind = self._kind(url)
        if kind is None or self.path is None or (blocked_s is None and "ratelimit" not in headers):
            return
        said = rate_limit_of(headers)
        if blocked_s is not None:
            heard = [0.0, time.time() + blocked_s]
        elif said is not None:
            heard = [float(said.remaining), time.time() + said.reset_in_seconds]
        else:
            return

        def correct(counts: _Counts) -> None:
            left, ends = counts.get(kind, heard)
            # Requests of others are under way that the server had not counted yet when it answered.
            counts[kind] = [min(left, heard[0]), ends] if abs(ends - heard[1]) < _SAME_WINDOW_S else heard

        self._change(correct)

    def _kind(self, url: str) -> str | None:
        parts, ours = urlsplit(url), urlsplit(self.endpoint)
        if parts.netloc != ours.netloc:
            return None
        return "resolvers" if "/resolve/" in parts.path or "/resolve-cache/" in parts.path else "api"

    def _change(self, change: Callable[[_Counts], None]) -> None:
        assert self.path is not None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            counts = _counts(os.read(handle, 4096))
            change(counts)
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(counts).encode(), 0)
        except OSError:
            return
        finally:
            os.close(handle)


def _counts(data: bytes) -> _Counts:
    """The file's content; what a killed process left half-written counts as nothing known."""
    try:
        found = json.loads(data or b"{}")
        return {str(kind): [float(left), float(ends)] for kind, (left, ends) in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
