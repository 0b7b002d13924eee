"""The end of a dataset and its way back: into the trash at once, out of it within the grace."""

from __future__ import annotations

from hugflow_assets.durable import Lease
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import StorageError, UnknownDatasetError
from hugflow_assets.store.capacity.quota import Quota
from hugflow_assets.store.events import EventLog, now_text
from hugflow_assets.store.layout import Layout
from hugflow_assets.store.models import EventKind, Tombstone, TrashEntry
from hugflow_assets.store.progress import ProgressFiles
from hugflow_assets.store.publishing.intents import Intent, Move, Moves, Outcome, inode_of
from hugflow_assets.store.publishing.trees import delete_tree
from hugflow_assets.store.removal.trash import Trash, readable_manifest


class Removal:
    """Moves between the storage root and the trash. The caller of each method holds the lease of the name."""

    def __init__(
        self, layout: Layout, quota: Quota, trash: Trash, moves: Moves, events: EventLog, progress: ProgressFiles
    ) -> None:
        self._layout, self._quota, self._trash, self._moves = layout, quota, trash, moves
        self._events, self._progress = events, progress

    def remove(self, name: str, lease: Lease, *, reason: str, by: str, removal_path: str | None) -> Tombstone:
        """Move a dataset to the trash and discard its staging; the tombstone says why.

        Raises:
            UnknownDatasetError: nothing of that name is landed or staged.
        """
        target = self._layout.dataset(name)
        staged = self._layout.staging_root / name
        if not target.is_dir() and not staged.is_dir():
            raise UnknownDatasetError(
                f"{name} is neither landed nor landing; there is nothing to remove.",
                remedy="`hugflow status` lists what is there.",
                name=name,
            )
        with disk_errors(target):
            entry = self._trash.draft(name, "removed")
            tombstone = self._tombstone(entry, reason, by, removal_path)
            if target.is_dir():
                self._trash.save(entry)
                intent = Intent(
                    move=Move.REMOVE,
                    name=name,
                    entry=entry,
                    old_inode=inode_of(target),
                    tombstone=tombstone,
                    after_seq=self._events.last_seq(),
                )
                self._begin(intent, lease)
            else:
                lease.check()
                self._trash.bury(tombstone)
                self._tell_removed(tombstone)
            delete_tree(staged)
            self._layout.reservation(name).unlink(missing_ok=True)
            self._progress.clear(name)
        return tombstone

    def _begin(self, intent: Intent, lease: Lease) -> None:
        self._moves.record(intent)
        with self._quota.lock():
            lease.check()
            self._moves.carry_out(intent, begin=True)
        self._finish(intent)

    def _finish(self, intent: Intent) -> None:
        """What follows when the folders are where they belong; also after a crash, which may have come after all."""
        self._trash.remeasure(intent.name)
        if intent.move is not Move.SWAP and not self._is_told(intent):
            if intent.tombstone is not None:
                self._tell_removed(intent.tombstone)
            else:
                self._events.append(EventKind.RESTORED, intent.name, entry=intent.entry.id, commit=intent.entry.commit)
        self._moves.close(intent)

    def _is_told(self, intent: Intent) -> bool:
        return any(one.data.get("entry") == intent.entry.id for one in self._events.read(intent.after_seq))

    def recover(self, name: str) -> bool:
        """Complete what a crash has cut short; whether there was anything."""
        intent = self._moves.read(name)
        if intent is None:
            return False
        with disk_errors(self._layout.root):
            with self._quota.lock():
                outcome = self._moves.carry_out(intent, begin=False)
            if outcome is Outcome.DONE:
                if intent.move is Move.SWAP:
                    delete_tree(self._layout.staging_root / name)
                self._finish(intent)
            else:
                self._moves.close(intent)
        return True

    def restore(self, name: str, lease: Lease, entry_id: str | None = None) -> TrashEntry:
        """Bring back the newest removed version, or the entry given.

        Raises:
            UnknownDatasetError: the trash has no such version.
            StorageError: a version of that name is landed.
        """
        entries = [one for one in self._trash.entries(name) if entry_id in (None, one.id)]
        removed = [one for one in entries if one.why == "removed"] if entry_id is None else entries
        if not removed:
            raise UnknownDatasetError(
                f"The trash holds no removed version of {name}.",
                remedy="`hugflow trash list` shows what can be restored; its grace may be over.",
                name=name,
            )
        entry, target = removed[-1], self._layout.dataset(name)
        if target.exists():
            raise StorageError(
                f"{name} is landed; a version from the trash cannot take its place.",
                remedy="Remove it first, if the version in the trash is the one you want.",
                name=name,
            )
        with disk_errors(target):
            intent = Intent(
                move=Move.RESTORE,
                name=name,
                entry=entry,
                old_inode=inode_of(self._trash.folder(entry)),
                after_seq=self._events.last_seq(),
            )
            self._begin(intent, lease)
        return entry

    def free(self, entry: TrashEntry, lease: Lease, *, by: str) -> int:
        """Delete a version in the trash for good and append the ``freed`` event; the bytes, 0 if it is gone already."""
        lease.check()
        if self._trash.entry(entry.id) is None:
            return 0
        size = self._trash.delete(entry)
        self._events.append(EventKind.FREED, entry.name, entry=entry.id, why=entry.why, size_bytes=size, by=by)
        return size

    def _tombstone(self, entry: TrashEntry, reason: str, by: str, removal_path: str | None) -> Tombstone:
        manifest = readable_manifest(self._layout.manifest(entry.name))
        counts = manifest.counts if manifest else None
        return Tombstone(
            entry=entry.id,
            name=entry.name,
            reason=reason,
            by=by,
            removal_path=removal_path,
            removed_at=now_text(),
            frees_at=entry.frees_at,
            size_bytes=entry.size_bytes,
            files=manifest.files if manifest else 0,
            rows=counts.rows if counts else 0,
            hours=round(manifest.hours, 6) if manifest else 0.0,
            hf_id=manifest.repo.id if manifest else "",
            commit=entry.commit,
            owner=manifest.request.owner if manifest else None,
        )

    def _tell_removed(self, tombstone: Tombstone) -> None:
        self._events.append(EventKind.REMOVED, tombstone.name, **tombstone.model_dump(mode="json", exclude={"name"}))
