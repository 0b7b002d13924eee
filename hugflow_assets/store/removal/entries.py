"""What was removed: entries of the trash, and the tombstones that stay when these are gone."""

from __future__ import annotations

from hugflow_assets.intake.models import Frozen


class TrashEntry(Frozen):
    """A removed or replaced version in the trash, under ``.hugflow/trash/<id>``.

    ``size_bytes`` and ``inodes`` count what emptying it would free: a file that is hard-linked to a landed version is
    counted there.
    """

    schema_version: int = 1
    id: str
    name: str
    why: str  # "removed" or "replaced"
    moved_at: str
    frees_at: str
    size_bytes: int
    inodes: int
    commit: str = ""
    fingerprint_data: str = ""
    rows: int = 0


class Tombstone(Frozen):
    """Why a dataset is no longer there; kept for ever, listed in ``archived.json``. ``entry`` is its trash id."""

    schema_version: int = 1
    entry: str
    name: str
    reason: str
    by: str
    removal_path: str | None = None
    removed_at: str
    frees_at: str
    freed_at: str | None = None  # when its bytes were really freed
    restored_at: str | None = None
    size_bytes: int = 0
    files: int = 0
    rows: int = 0
    hours: float = 0.0
    hf_id: str = ""
    commit: str = ""
    owner: str | None = None
