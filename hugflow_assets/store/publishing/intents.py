"""What moves folders writes down first what it is about to do, so that any process can complete it after a crash.

The state of a move is read from inode numbers, which renames keep: whatever step the crash came after, the folder that
lies at the dataset's name, in the staging and in the trash tells how far it got.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write, sync_folder
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout, is_safe
from hugflow_assets.store.models import Tombstone, TrashEntry
from hugflow_assets.store.publishing.trees import exchange, inode
from hugflow_assets.store.removal.trash import Trash


class Move(StrEnum):
    SWAP = "swap"  # a new version takes the place of the landed one
    REMOVE = "remove"
    RESTORE = "restore"


class Intent(Frozen):
    """``intents/<name>.json``: present while folders of a name are being moved.

    ``old_inode`` is the folder that leaves (for a restoration: the one that comes back), ``new_inode`` the one that
    takes its place.
    """

    schema_version: int = 1
    move: Move
    name: str
    entry: TrashEntry
    old_inode: int
    new_inode: int | None = None
    fingerprint_data: str = ""  # of the staging whose tree is the new version
    tombstone: Tombstone | None = None
    after_seq: int = 0  # the last event before the move: one about it has a higher number


class Outcome(StrEnum):
    DONE = "done"
    NOTHING = "nothing"  # the move had not begun; the old version stays


class Moves:
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

    def carry_out(self, intent: Intent, *, begin: bool) -> Outcome:
        """Do what is left of a move.

        Args:
            begin: start it if it has not begun. False after a crash: whoever asked was told of a failure or of
                nothing, and asks again.
        """
        if intent.move is Move.SWAP:
            done = self._swap(intent, begin)
        else:
            done = self._remove(intent, begin) if intent.move is Move.REMOVE else self._restore(intent, begin)
        sync_folder(self._layout.root)
        sync_folder(self._layout.trash)
        if not self._trash.folder(intent.entry).exists():
            self._trash.forget(intent.entry)
        if done is Outcome.DONE and intent.tombstone is not None:
            self._trash.bury(intent.tombstone)
        if done is Outcome.DONE and intent.move is Move.RESTORE:
            self._trash.mark_restored(intent.entry)
        return done

    def close(self, intent: Intent) -> None:
        """The move and everything that follows from it is done."""
        self._layout.intent(intent.name).unlink(missing_ok=True)

    def _swap(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        tree = self._layout.staging(intent.name, intent.fingerprint_data) / "tree"
        kept = self._trash.folder(intent.entry)
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
        return Outcome.DONE

    def _remove(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        kept = self._trash.folder(intent.entry)
        if begin and inode(target) == intent.old_inode:
            target.rename(kept)
        return Outcome.DONE if inode(kept) == intent.old_inode else Outcome.NOTHING

    def _restore(self, intent: Intent, begin: bool) -> Outcome:
        target = self._layout.dataset(intent.name)
        kept = self._trash.folder(intent.entry)
        if begin and inode(target) is None and inode(kept) == intent.old_inode:
            kept.rename(target)
        return Outcome.DONE if inode(target) == intent.old_inode else Outcome.NOTHING


def inode_of(path: Path) -> int:
    """The inode of what exists at ``path``."""
    return path.lstat().st_ino
