"""Locks for moments and leases for hours, both a claim."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from hugflow_assets.durable.claim import Claim, Holder, current_holder, try_claim
from hugflow_assets.errors import LeaseHeldError, LeaseLostError

LOCK_TTL_S = 10.0


class Lease:
    """A lease that this process holds: ``token`` grows with every holder of the same folder.

    It is renewed by heartbeat while the process lives. ``check`` just before anything visible changes.
    """

    def __init__(self, claim: Claim, what: str) -> None:
        self._claim = claim
        self.what = what

    @property
    def token(self) -> int:
        return self._claim.token

    def held(self) -> bool:
        """Whether nobody has taken over."""
        return self._claim.held()

    def check(self) -> None:
        """
        Raises:
            LeaseLostError: another has taken over, or it was released.
        """
        if not self.held():
            raise LeaseLostError(
                f"The lease {self.token} of {self.what} was taken over: this run was silent for more than "
                f"{self._claim.ttl_s:g} s, or the lease was released.",
                remedy="Run it again; what is staged is kept.",
                name=self.what,
                token=self.token,
            )

    def renew(self) -> None:
        """Beat now, and check."""
        self._claim.beat()
        self.check()

    def server_time(self) -> float:
        """Now by the file server's clock, seconds since the epoch."""
        return self._claim.server_time()

    def release(self) -> None:
        self._claim.release()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def acquire(
    folder: Path,
    *,
    what: str,
    purpose: str = "",
    ttl_s: float = 60,
    wait_s: float = 0,
    host: str | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Lease:
    """Take the lease of ``folder``.

    Args:
        what: its name for messages.
        purpose: what for; others are told.
        ttl_s: silence after which a holder counts as dead.
        wait_s: how long to wait for a living holder.
        host: this host's id; given only to stand for another one.
        should_stop: ends the waiting early.
    Raises:
        LeaseHeldError: still held after ``wait_s``; the message says by whom.
    """
    deadline = time.monotonic() + wait_s
    pause = 0.002
    while True:
        found = try_claim(folder, ttl_s=ttl_s, purpose=purpose, host=host)
        if isinstance(found, Claim):
            return Lease(found, what)
        left = deadline - time.monotonic()
        if left <= 0 or (should_stop is not None and should_stop()):
            raise held_error(what, found)
        # Contenders that look at different moments do not meet again and again.
        time.sleep(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311
        pause = min(pause * 1.5, 0.05 if wait_s <= 60 else 1.0)


def held_error(what: str, holder: Holder) -> LeaseHeldError:
    """The error that tells who holds ``what``."""
    host = holder.host.partition("/")[0] or "another host"
    since = datetime.fromtimestamp(holder.since, UTC).isoformat(timespec="seconds")
    return LeaseHeldError(
        f"{what} is held by process {holder.pid} on {host} ({holder.purpose or 'no purpose given'}) since {since}, "
        f"last heard of {max(0.0, holder.age_s):.0f} s ago.",
        remedy="Wait for it, or cancel it; if that process is dead its lease ends by itself.",
        name=what,
        host=host,
        pid=holder.pid,
        purpose=holder.purpose,
        since=since,
    )


def holder(folder: Path, *, ttl_s: float = 60, host: str | None = None) -> Holder | None:
    """Who holds the lease of ``folder``; None when it is free or its holder is dead."""
    return current_holder(folder, ttl_s=ttl_s, host=host)


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float = 30, ttl_s: float = LOCK_TTL_S, host: str | None = None) -> Iterator[Lease]:
    """Mutual exclusion over threads, processes and hosts while the block runs. Not re-entrant.

    Args:
        path: the folder that stands for the lock; made when missing.
        timeout_s: longest wait; more than ``ttl_s``, so that the lock of a host that died is outlived.
    Raises:
        LeaseHeldError: not free within ``timeout_s``.
    """
    lease = acquire(path, what=f"The lock {path.name}", purpose="lock", ttl_s=ttl_s, wait_s=timeout_s, host=host)
    with lease:
        yield lease
