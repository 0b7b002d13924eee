"""The trash: removed and replaced versions, until their grace is over. Tombstones: why, for ever."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import ManifestError
from hugflow_assets.store.events import now_text
from hugflow_assets.store.layout import INNER_FILE_MODE, MANIFEST, Layout, safe_name
from hugflow_assets.store.manifests import read_manifest
from hugflow_assets.store.models import Manifest
from hugflow_assets.store.publishing.trees import delete_tree, measure, measure_together
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry

DELETING = ".deleting-"


class Trash:
    """Entries of ``.hugflow/trash``: a folder ``<name>@<time>-<id>`` and beside it ``<the same>.json``."""

    def __init__(self, layout: Layout, grace_s: float, prepare: Callable[[], None]) -> None:
        self._layout, self._prepare = layout, prepare
        self.grace_s = grace_s

    def entries(self, name: str | None = None) -> tuple[TrashEntry, ...]:
        """What is in the trash, oldest first; of one name, if given."""
        found = []
        with disk_errors(self._layout.root):
            for path in self._layout.trash.glob("*.json" if name is None else f"{safe_name(name)}@*.json"):
                entry = _read_entry(path)
                if entry is not None and self.folder(entry).is_dir():
                    found.append(entry)
        return tuple(sorted(found, key=lambda one: (one.moved_at, one.id)))

    def versions(self, name: str) -> tuple[tuple[Path, Manifest], ...]:
        """The readable versions of ``name`` in the trash, newest first. They stay while the caller holds the lease."""
        found = [(self.folder(entry), self.manifest(entry)) for entry in self.entries(name)[::-1]]
        return tuple((folder, manifest) for folder, manifest in found if manifest is not None)

    def manifest(self, entry: TrashEntry) -> Manifest | None:
        """The manifest of a version in the trash; None when it is unreadable."""
        return readable_manifest(self.folder(entry) / MANIFEST)

    def entry(self, entry_id: str) -> TrashEntry | None:
        return next((one for one in self.entries() if one.id == entry_id), None)

    def older_than(self, age_s: float, name: str | None = None) -> tuple[TrashEntry, ...]:
        """What has been in the trash for at least ``age_s``."""
        limit = datetime.now(UTC) - timedelta(seconds=age_s)
        return tuple(one for one in self.entries(name) if datetime.fromisoformat(one.moved_at) <= limit)

    def folder(self, entry: TrashEntry) -> Path:
        return self._layout.trash / entry.id

    def record_path(self, entry: TrashEntry) -> Path:
        return self._layout.trash / f"{entry.id}.json"

    def draft(self, name: str, why: str) -> TrashEntry:
        """An entry for the version that is landed now; all zero when none is."""
        folder = self._layout.dataset(name)
        manifest = readable_manifest(folder / MANIFEST)
        if manifest is None:
            size, inodes = measure(folder)
        else:
            size, inodes = manifest.size_bytes + _size(folder / MANIFEST), manifest.inodes or manifest.files + 2
        now = datetime.now(UTC)
        return TrashEntry(
            id=f"{name}@{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}",
            name=name,
            why=why,
            moved_at=now_text(),
            frees_at=_text(now + timedelta(seconds=self.grace_s)),
            size_bytes=size,
            inodes=inodes,
            commit=manifest.commit if manifest else "",
            fingerprint_data=manifest.fingerprint.data if manifest else "",
            rows=manifest.counts.rows if manifest else 0,
        )

    def save(self, entry: TrashEntry) -> None:
        atomic_write(self.record_path(entry), _dump(entry), mode=INNER_FILE_MODE)

    def forget(self, entry: TrashEntry) -> None:
        """Drop an entry whose folder is not (or no longer) in the trash."""
        self.record_path(entry).unlink(missing_ok=True)

    def remeasure(self, name: str) -> None:
        """Count again what the entries of a name hold alone: versions share files by hard links."""
        entries = self.entries(name)[::-1]
        for entry, (size, inodes) in zip(
            entries, measure_together(self.folder(entry) for entry in entries), strict=True
        ):
            if (entry.size_bytes, entry.inodes) != (size, inodes):
                self.save(entry.model_copy(update={"size_bytes": size, "inodes": inodes}))

    def set_aside(self, entry: TrashEntry) -> None:
        """Begin the deletion of an entry: from here on it cannot be restored, and still counts."""
        self.folder(entry).rename(self._doomed(entry))

    def delete(self, entry: TrashEntry) -> int:
        """Delete an entry for good; the bytes freed. The caller holds the lease of its name."""
        with contextlib.suppress(FileNotFoundError):  # a crash has cut this short: go on
            self.set_aside(entry)
        self.finish_deletion(self._doomed(entry))
        self.remeasure(entry.name)
        return entry.size_bytes

    def _doomed(self, entry: TrashEntry) -> Path:
        return self._layout.trash / f"{DELETING}{entry.id}"

    def finish_deletion(self, doomed: Path) -> None:
        """Delete what ``set_aside`` has begun; also after a crash."""
        entry_id = doomed.name.removeprefix(DELETING)
        delete_tree(doomed)
        (self._layout.trash / f"{entry_id}.json").unlink(missing_ok=True)
        self._update_tombstone(entry_id, freed_at=now_text())

    def being_deleted(self) -> tuple[TrashEntry, ...]:
        """What is being deleted, or a crash has left half deleted: it counts until it is gone."""
        found = (
            _read_entry(self._layout.trash / f"{one.name.removeprefix(DELETING)}.json") for one in self.half_deleted()
        )
        return tuple(one for one in found if one is not None)

    def half_deleted(self) -> tuple[Path, ...]:
        """Deletions that a crash cut short."""
        return tuple(sorted(self._layout.trash.glob(f"{DELETING}*")))

    # ---- tombstones

    def bury(self, tombstone: Tombstone) -> None:
        path = self._layout.tombstones / f"{tombstone.entry}.json"
        atomic_write(path, _dump(tombstone), mode=INNER_FILE_MODE)

    def is_buried(self, entry: TrashEntry) -> bool:
        """Whether the removal that made this entry has its tombstone."""
        return (self._layout.tombstones / f"{entry.id}.json").exists()

    def tombstones(self, name: str | None = None) -> tuple[Tombstone, ...]:
        """Every removal ever, oldest first; of one name, if given."""
        found = []
        for path in self._layout.tombstones.glob("*.json" if name is None else f"{safe_name(name)}@*.json"):
            try:
                found.append(Tombstone.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        return tuple(sorted(found, key=lambda one: (one.removed_at, one.entry)))

    def tombstone(self, name: str) -> Tombstone | None:
        """Why ``name`` was last removed; None if it never was, or was restored since."""
        found = self.tombstones(name)
        return found[-1] if found and found[-1].restored_at is None else None

    def archived(self) -> tuple[Tombstone, ...]:
        """Every removal ever, oldest first; also written to ``archived.json``."""
        self._prepare()
        with disk_errors(self._layout.root):
            return self._write_archive()

    def _write_archive(self) -> tuple[Tombstone, ...]:
        found = self.tombstones()
        document = {"schema_version": 1, "removed": [one.model_dump(mode="json") for one in found]}
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        path = self._layout.archived
        with contextlib.suppress(PermissionError):  # who may only read gets the answer all the same
            if not path.is_file() or path.read_bytes() != text:
                atomic_write(path, text, mode=0o664, sync=False)
        return found

    def mark_restored(self, entry: TrashEntry) -> None:
        self._update_tombstone(entry.id, restored_at=now_text())

    def _update_tombstone(self, entry_id: str, **changes: str) -> None:
        path = self._layout.tombstones / f"{entry_id}.json"
        try:
            found = Tombstone.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return
        atomic_write(path, _dump(found.model_copy(update=changes)), mode=INNER_FILE_MODE)


def readable_manifest(path: Path) -> Manifest | None:
    """The manifest, or None when it is missing or damaged: a damaged dataset can be removed too."""
    try:
        return read_manifest(path)
    except (ManifestError, OSError):
        return None


def _read_entry(path: Path) -> TrashEntry | None:
    try:
        return TrashEntry.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _dump(model: TrashEntry | Tombstone) -> bytes:
    return orjson.dumps(model.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
