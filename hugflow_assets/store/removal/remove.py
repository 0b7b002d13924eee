"""The end of a dataset and its way back: into the trash at once, out of it within the grace."""

from __future__ import annotations

from hugflow_assets.durable import Lease
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import StorageError, UnknownDatasetError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.store.events import EventLog, now_text
from hugflow_assets.store.layout import Layout
from hugflow_assets.store.models import EventKind
from hugflow_assets.store.publishing.intents import Intent, Move
from hugflow_assets.store.publishing.moves import Moves
from hugflow_assets.store.publishing.publish import Publisher
from hugflow_assets.store.publishing.trees import inode
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry
from hugflow_assets.store.removal.trash import Trash, readable_manifest


class Removal:
    """Moves between the storage root and the trash. The caller of each method holds the lease of the name."""

    def __init__(self, layout: Layout, trash: Trash, moves: Moves, events: EventLog, publisher: Publisher) -> None:
        self._layout, self._trash, self._moves, self._events = layout, trash, moves, events
        self._publisher = publisher

    def remove(self, name: str, lease: Lease, *, reason: str, by: str, removal_path: str | None) -> Tombstone:
        """Move a dataset to the trash and discard its staging; the tombstone says why.

        Raises:
            UnknownDatasetError: nothing of that name is landed or staged.
        """
        target = self._layout.dataset(name)
        if not target.is_dir() and not (self._layout.staging_root / name).is_dir():
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
                old_inode=inode(target),
                tombstone=tombstone,
                event=self._events.plan(EventKind.REMOVED, name, **tombstone.model_dump(mode="json", exclude={"name"})),
            )
            self._moves.begin(intent, lease)
        return tombstone

    def restore(
        self, name: str, lease: Lease, entry_id: str | None = None, request: DatasetRequest | None = None
    ) -> TrashEntry:
        """Bring back the newest removed version, or the entry given, to those who may read it.

        Args:
            request: says who that is; None: the one that it landed for.
        Raises:
            UnknownDatasetError: the trash has no such version.
            StorageError: a version of that name is landed.
            GroupUnusableError, UnguardedDataError: it cannot be kept from those who may not read it.
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
            if (manifest := self._trash.manifest(entry)) is not None:
                self._publisher.guard(self._trash.folder(entry), manifest, request or manifest.request)
            intent = Intent(
                move=Move.RESTORE,
                name=name,
                entry=entry,
                old_inode=inode(self._trash.folder(entry)),
                event=self._events.plan(EventKind.RESTORED, name, entry=entry.id, commit=entry.commit),
            )
            self._moves.begin(intent, lease)
        return entry

    def free(self, entry: TrashEntry, lease: Lease, *, by: str) -> int:
        """Delete a version in the trash for good, which is a ``freed`` event; the bytes, 0 if it is gone already."""
        lease.check()
        if self._trash.entry(entry.id) is None:
            return 0
        facts = {"entry": entry.id, "why": entry.why, "size_bytes": entry.size_bytes, "by": by}
        intent = Intent(
            move=Move.FREE,
            name=entry.name,
            entry=entry,
            old_inode=inode(self._trash.folder(entry)),
            event=self._events.plan(EventKind.FREED, entry.name, **facts),
        )
        self._moves.begin(intent, lease)
        return entry.size_bytes

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
