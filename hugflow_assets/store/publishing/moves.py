"""Moves of folders as a whole: written down, done under the lock of the quota, told, and cleared up after.

Once the folders are where they belong, the move is done, whatever becomes of what follows: what a crash or a full disk
leaves of that is completed by the next process that uses the storage.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

from hugflow_assets.durable import Lease
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import HugflowError, LeaseLostError
from hugflow_assets.store.capacity.quota import Quota
from hugflow_assets.store.events import EventLog
from hugflow_assets.store.layout import Layout
from hugflow_assets.store.publishing.intents import Intent, Intents, Move, Outcome
from hugflow_assets.store.publishing.trees import delete_tree
from hugflow_assets.store.removal.trash import Trash

_LOG = logging.getLogger(__name__)
_ENDS_A_LANDING = (Move.LAND, Move.SWAP, Move.REMOVE)


class Moves:
    """What moves datasets between staging, storage root and trash. The caller of each method holds the lease."""

    def __init__(self, layout: Layout, quota: Quota, trash: Trash, events: EventLog, *, exchanging: bool) -> None:
        self._layout, self._quota, self._trash, self._events = layout, quota, trash, events
        self._intents = Intents(layout, trash, exchanging=exchanging)
        self.pending = self._intents.pending
        self.record = self._intents.record

    def begin(self, intent: Intent, lease: Lease) -> None:
        """Carry out a move from its beginning.

        Raises:
            LeaseLostError: another run has taken over; nothing visible was changed.
            OSError: nothing was moved.
        """
        staged = self._staged(intent.name)
        lease.check()
        self._intents.record(intent)
        if not lease.held():  # written too late: it would be taken for one of the successor's
            self._intents.close(intent)
        try:
            with self._quota.lock():
                lease.check()
                done = self._intents.carry_out(intent, begin=True)
                if done is Outcome.DONE and intent.move in _ENDS_A_LANDING and lease.held():
                    self._quota.settle(intent.name)
        except (OSError, HugflowError):
            lease.check()  # a successor completes it, or has taken the folders away
            done = self._intents.carry_out(intent, begin=False)
            if done is Outcome.NOTHING:
                self._intents.close(intent)
                raise
        if done is Outcome.NOTHING:
            self._intents.close(intent)
            raise _outrun(intent, lease)
        try:
            self._finish(intent, staged)
        except (OSError, HugflowError) as error:
            _LOG.warning("%s: what follows the %s is completed later: %s", intent.name, intent.move.value, error)

    def recover(self, name: str) -> bool:
        """Complete what a crash has cut short; whether there was anything."""
        intent = self._intents.read(name)
        if intent is None:
            return False
        with disk_errors(self._layout.root):
            with self._quota.lock():
                done = self._intents.carry_out(intent, begin=False) is Outcome.DONE
                if done and intent.move in _ENDS_A_LANDING:
                    self._quota.settle(name)
            if done:
                self._finish(intent, self._staged(name) if intent.move in _ENDS_A_LANDING else ())
            else:
                self._intents.close(intent)
        return True

    def _finish(self, intent: Intent, staged: Iterable[Path]) -> None:
        """What follows when the folders are where they belong; also after a crash, which may have come after all."""
        if intent.entry is not None and (intent.move is Move.FREE or not intent.keep_replaced):
            self._trash.delete(intent.entry)
        if intent.event is not None:
            self._events.append_planned(intent.event)
        if intent.move in _ENDS_A_LANDING:
            self._discard(intent.name, staged)
        if intent.move is Move.REMOVE:
            self._layout.progress_file(intent.name).unlink(missing_ok=True)
        self._trash.remeasure(intent.name)  # what is linked from there counts here now
        self._intents.close(intent)

    def _staged(self, name: str) -> tuple[Path, ...]:
        """What is staged of a name now: what a successor stages later has another path."""
        place = self._layout.staging_root / name
        return tuple(one for one in place.iterdir() if one.is_dir()) if place.is_dir() else ()

    def _discard(self, name: str, staged: Iterable[Path]) -> None:
        for folder in staged:
            delete_tree(folder)
        place = self._layout.staging_root / name
        if not self._staged(name):
            with contextlib.suppress(FileNotFoundError):
                delete_tree(place)


def _outrun(intent: Intent, lease: Lease) -> HugflowError:
    return LeaseLostError(
        f"{intent.name} was changed by another run before this one could {intent.move.value} it.",
        remedy="Run it again; what is staged is kept.",
        name=intent.name,
        token=lease.token,
    )
