"""What is written down before folders of a name are moved, so that any process can complete the move after a crash.

The state of a move is read from inode numbers, which renames keep: whatever step the crash came after, the folder that
lies at the dataset's name, in the staging and in the trash tells how far it got. The event that tells of the move is
part of the intent: it is told once, by whoever finds the move done.
"""

from __future__ import annotations

from enum import StrEnum

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write, sync_folder
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout, is_safe
from hugflow_assets.store.models import PlannedEvent
from hugflow_assets.store.publishing.trees import exchange, inode
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry
from hugflow_assets.store.removal.trash import Trash


class Move(StrEnum):
    LAND = "land"  # a first version comes to where nothing is
    SWAP = "swap"  # a new version takes the place of the landed one
    REMOVE = "remove"
    RESTORE = "restore"
    FREE = "free"  # what is in the trash is deleted


class Intent(Frozen):
    """``intents/<name>.json``: present while folders of a name are being moved.

    ``old_inode`` is the folder that leaves (for a restoration: the one that comes back; None where there is none),
    ``new_inode`` the one that takes its place.
    """

    schema_version: int = 1
    move: Move
    name: str
    entry: TrashEntry | None = None  # none for a first version
    old_inode: int | None = None
    new_inode: int | None = None
    fingerprint_data: str = ""  # of the staging whose tree is the new version
    keep_replaced: bool = True  # whether the version that is replaced stays in the trash
    tombstone: Tombstone | None = None
    event: PlannedEvent | None = None
    after_seq: int = 0  # of intents before they had an event


class Outcome(StrEnum):
    DONE = "done"
    NOTHING = "nothing"  # the move had not begun; the old version stays


class Intents:
    """Carries out intents, from the beginning or from wherever a crash left them. The caller holds the lease."""

    def __init__(self, layout: Layout, trash: Trash, *, exchanging: bool = True) -> None:
        self._layout = layout
        self._trash = trash
        self._exchanging = exchanging

    def record(self, intent: Intent) -> None:
        path = self._layout.intent(intent.name)
        atomic_write(path, orjson.dumps(intent.model_dump(mode="json")), mode=INNER_FILE_MODE)

    def pending(self) -> tuple[str, ...]:
        """Names with an intent."""
        return tuple(sorted(path.stem for path in self._layout.intents.glob("*.json") if is_safe(path.stem)))

    def read(self, name: str) -> Intent | None:
        try:
            return Intent.model_validate_json(self._layout.intent(name).read_bytes())
        except (OSError, ValidationError):
            return None

    def close(self, intent: Intent) -> None:
        """The move and everything that follows from it is done; an intent that has taken its place stays."""
        if self.read(intent.name) in (intent, None):
            self._layout.intent(intent.name).unlink(missing_ok=True)

    def carry_out(self, intent: Intent, *, begin: bool) -> Outcome:
        """Do what is left of a move.

        Args:
            begin: start it if it has not begun. False after a crash: whoever asked was told of a failure or of
                nothing, and asks again.
        """
        moves = {
            Move.LAND: self._land,
            Move.SWAP: self._swap,
            Move.REMOVE: self._remove,
            Move.RESTORE: self._restore,
            Move.FREE: self._free,
        }
        done = moves[intent.move](intent, begin)
        sync_folder(self._layout.root)
        sync_folder(self._layout.trash)
        if intent.entry is None or intent.move is Move.FREE:
            return done
        if not self._trash.folder(intent.entry).exists():
            self._trash.forget(intent.entry)
        if done is Outcome.DONE and intent.tombstone is not None:
            self._trash.bury(intent.tombstone)
        if done is Outcome.DONE and intent.move is Move.RESTORE:
            self._trash.mark_restored(intent.entry)
        return done

    def _land(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        if begin and inode(target) is None:
            (self._layout.staging(intent.name, intent.fingerprint_data) / "tree").rename(target)
        return Outcome.DONE if inode(target) == intent.new_inode else Outcome.NOTHING

    def _swap(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        tree = self._layout.staging(intent.name, intent.fingerprint_data) / "tree"
        kept = self._trash.folder(_entry(intent))
        if inode(target) == intent.old_inode:
            if not begin:
                return Outcome.NOTHING
            if not (self._exchanging and exchange(tree, target)):
                target.rename(kept)
        if inode(target) is None:  # between the two renames
            if inode(tree) != intent.new_inode:
                if inode(kept) == intent.old_inode:  # the new version is gone: nothing else is complete
                    kept.rename(target)
                return Outcome.NOTHING
            tree.rename(target)
        if inode(tree) == intent.old_inode:
            tree.rename(kept)
        return Outcome.DONE if inode(target) == intent.new_inode else Outcome.NOTHING

    def _remove(self, intent: Intent, begin: bool) -> Outcome:
        kept = self._trash.folder(_entry(intent))
        if intent.old_inode is None:  # nothing was landed: the tombstone is all there is to it
            return Outcome.DONE if begin or self._trash.is_buried(_entry(intent)) else Outcome.NOTHING
        target = self._layout.dataset(intent.name)
        if begin and inode(target) == intent.old_inode:
            target.rename(kept)
        return Outcome.DONE if inode(kept) == intent.old_inode else Outcome.NOTHING

    def _restore(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        kept = self._trash.folder(_entry(intent))
        if begin and inode(target) is None and inode(kept) == intent.old_inode:
            kept.rename(target)
        return Outcome.DONE if inode(target) == intent.old_inode else Outcome.NOTHING

    def _free(self, intent: Intent, begin: bool) -> Outcome:
        kept = self._trash.folder(_entry(intent))
        if begin and inode(kept) == intent.old_inode:
            self._trash.set_aside(_entry(intent))
        return Outcome.NOTHING if inode(kept) == intent.old_inode else Outcome.DONE


def _entry(intent: Intent) -> TrashEntry:
    if intent.entry is None:
        raise ValueError(f"a {intent.move.value} has a trash entry")
    return intent.entry
