"""Who is at work on a name: one at a time, asked to stop by the others, and cleared up after when it died.

A cancellation is for the lease it was set against and for no later one.
"""

from __future__ import annotations

import time

import orjson

from hugflow_assets.durable import Holder, Lease, acquire, atomic_write, holder
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import DiskFullError, LeaseHeldError
from hugflow_assets.store.events import now_text
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout
from hugflow_assets.store.publishing.moves import Moves

_RECOVERY = "recovery"


class Leases:
    """The leases of names. Whoever takes one first completes what a crash of an earlier holder cut short."""

    def __init__(self, layout: Layout, moves: Moves, ttl_s: float, host: str | None = None) -> None:
        self._layout, self._moves, self._ttl_s, self._host = layout, moves, ttl_s, host

    def take(self, name: str, *, purpose: str, wait_s: float = 0) -> Lease:
        """Be the only run at work on ``name``; what a crash of an earlier one cut short is completed first.

        Raises:
            LeaseHeldError: another run is, for longer than ``wait_s``.
        """
        path = self._layout.lease(name)
        self._layout.prepare()
        with disk_errors(path):
            try:
                lease = self._acquire(name, purpose, wait_s)
            except LeaseHeldError as error:
                if error.details["purpose"] != _RECOVERY:
                    raise
                lease = self._acquire(name, purpose, self._ttl_s)  # a reader completes a swap: a moment's work
        try:
            self._moves.recover(name)
            self._clear_before(name, lease.token)
        except BaseException:
            lease.release()
            raise
        return lease

    def take_from(self, name: str, purpose: str, wait_s: float, *, by: str) -> Lease:
        """Take it, asking whoever holds it to stop.

        Raises:
            LeaseHeldError: the holder did not stop in time.
        """
        deadline = time.monotonic() + wait_s
        while True:
            # Asked again each time: another landing may have taken the lease in between.
            self.cancel(name, by=by)
            left = deadline - time.monotonic()
            try:
                return self.take(name, purpose=purpose, wait_s=max(0.0, min(1.0, left)))
            except LeaseHeldError:
                if left <= 0:
                    raise

    def holder(self, name: str) -> Holder | None:
        """Who is at work on ``name`` now."""
        path = self._layout.lease(name)
        with disk_errors(path):
            return holder(path, ttl_s=self._ttl_s, host=self._host)

    def recover(self) -> tuple[str, ...]:
        """Complete what crashes cut short, where nobody else is at work; the names."""
        done = []
        for name in self._moves.pending():
            try:
                with self._acquire(name, _RECOVERY, 0):
                    if self._moves.recover(name):
                        done.append(name)
            except (LeaseHeldError, PermissionError, DiskFullError):
                continue  # somebody is at work, we may only read, or there is no room: completed by those who can
        return tuple(done)

    def cancel(self, name: str, *, by: str = "") -> bool:
        """Ask the holder of ``name`` to stop; whether there is one."""
        path = self._layout.cancel(name)
        self._layout.prepare()
        with disk_errors(path):
            found = self.holder(name)
            if found is None:
                return False
            document = {"schema_version": 1, "token": found.token, "by": by, "at": now_text()}
            atomic_write(path, orjson.dumps(document), mode=INNER_FILE_MODE)
        return True

    def cancelled(self, name: str, lease: Lease | None = None) -> bool:
        """Whether the landing of ``name`` (under ``lease``, if given) was asked to stop."""
        return self._cancelled(name, lease.token if lease else None)

    def _cancelled(self, name: str, token: int | None) -> bool:
        try:
            asked = int(orjson.loads(self._layout.cancel(name).read_bytes())["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return token is None or asked >= token

    def _clear_before(self, name: str, token: int) -> None:
        """The holder of ``token`` begins: what was asked of earlier holders is over."""
        if self._cancelled(name, None) and not self._cancelled(name, token):
            self._layout.cancel(name).unlink(missing_ok=True)

    def _acquire(self, name: str, purpose: str, wait_s: float) -> Lease:
        return acquire(
            self._layout.lease(name), what=name, purpose=purpose, ttl_s=self._ttl_s, wait_s=wait_s, host=self._host
        )
