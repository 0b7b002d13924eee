"""``active.json``: a row a dataset, believed only while the row's stamp is that of the dataset's ``hugflow.json``.

So nothing needs to keep it right: lost, half written, or made by another host that is behind, it is mended by the next
reader, who reads the manifests that changed and no others.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import ManifestError
from hugflow_assets.store.layout import MANIFEST, Layout, is_safe
from hugflow_assets.store.manifests import read_manifest
from hugflow_assets.store.marks import request_digest
from hugflow_assets.store.models import LEFT_OUT, IndexRow, Landed, Manifest

_ROWS = TypeAdapter(dict[str, Landed | IndexRow])
INDEX_VERSION = 1


class Index:
    """The landed datasets by name."""

    def __init__(self, layout: Layout, prepare: Callable[[], None]) -> None:
        """``prepare`` makes the storage ready to be read: what a crash cut short is completed."""
        self._layout, self._prepare = layout, prepare
        self._rows: dict[str, IndexRow] | None = None
        self._guard = threading.Lock()

    def names(self) -> list[str]:
        """The landed datasets, sorted: folders of the storage root with a ``hugflow.json``, damaged ones too."""
        return list(self.rows())

    def landed(self) -> dict[str, Landed]:
        """A row a dataset whose manifest can be read."""
        return {name: row for name, row in self.rows().items() if isinstance(row, Landed)}

    def rows(self) -> dict[str, IndexRow]:
        """A row a dataset; also written to ``active.json``. A manifest is read only where it changed."""
        self._prepare()
        with disk_errors(self._layout.root):
            return self.read()

    def read(self) -> dict[str, IndexRow]:
        """As ``rows``, for those who hold a lock: one ``stat`` a dataset, and nothing is completed first."""
        with self._guard:
            known = self._load() if self._rows is None else self._rows
            found: dict[str, IndexRow] = {}
            for name in _folders(self._layout.root):
                # Text, not a Path: to make thousands of those takes longer than to ask the disk.
                stamp = _stamp(f"{self._layout.root}/{name}/{MANIFEST}")
                if stamp is None:
                    continue
                row = known.get(name)
                if row is None or row.stamp != stamp or _is_older(row):
                    row = _row(name, self._layout.manifest(name), stamp)
                found[name] = row
            if self._rows is None or found != known:
                self._save(found)
            self._rows = found
            return dict(found)

    def row(self, name: str) -> IndexRow | None:
        """The row of one dataset; None when it is not landed. Reads one ``stat``, not the whole root."""
        path = self._layout.manifest(name)
        self._prepare()
        with disk_errors(self._layout.root):
            stamp = _stamp(path)
            if stamp is None:
                return None
            known = (self._rows or {}).get(name)
            return known if known is not None and known.stamp == stamp else _row(name, path, stamp)

    def rebuild(self) -> dict[str, IndexRow]:
        """Read every manifest afresh and write ``active.json``."""
        with self._guard:
            self._rows = None
            self._layout.active.unlink(missing_ok=True)
        return self.rows()

    def strays(self) -> tuple[str, ...]:
        """What lies in the storage root and is no dataset: folders without ``hugflow.json``, files, odd names."""
        with disk_errors(self._layout.root):
            try:
                entries = sorted(one.name for one in self._layout.root.iterdir())
            except FileNotFoundError:
                return ()
            return tuple(
                one
                for one in entries
                if one != self._layout.inner.name
                and (not is_safe(one) or not (self._layout.root / one / MANIFEST).is_file())
            )

    def _load(self) -> dict[str, IndexRow]:
        try:
            document = orjson.loads(self._layout.active.read_bytes())
            if document["schema_version"] != INDEX_VERSION or document["storage_root"] != str(self._layout.root):
                return {}
            return dict(_ROWS.validate_python(document["datasets"]))
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return {}

    def _save(self, rows: dict[str, IndexRow]) -> None:
        document = {
            "schema_version": INDEX_VERSION,
            "storage_root": str(self._layout.root),
            "datasets": {name: row.model_dump(mode="json") for name, row in rows.items()},
        }
        # A reader without write permission still gets its answer, only slower.
        with contextlib.suppress(OSError):
            self._layout.state_dir.mkdir(exist_ok=True)
            atomic_write(
                self._layout.active, orjson.dumps(document, option=orjson.OPT_INDENT_2), mode=0o664, sync=False
            )


def _is_older(row: IndexRow) -> bool:
    """Whether a Hugflow made the row that did not know all of its keys yet."""
    return row.state == "landed" and not (isinstance(row, Landed) and row.request)


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return sorted(one.name for one in entries if is_safe(one.name) and one.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _stamp(path: Path | str) -> tuple[int, int, int] | None:
    try:
        seen = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size


def _row(name: str, path: Path, stamp: tuple[int, int, int]) -> IndexRow:
    try:
        manifest = read_manifest(path)
    except ManifestError as error:
        return IndexRow(name=name, state="damaged", problem=error.message, stamp=stamp)
    except OSError as error:
        return IndexRow(name=name, state="damaged", problem=f"{path}: {error.strerror}", stamp=stamp)
    if manifest is None or manifest.name != name:
        problem = "it vanished" if manifest is None else f"it is the manifest of {manifest.name}"
        return IndexRow(name=name, state="damaged", problem=f"{path}: {problem}", stamp=stamp)
    return row_of(manifest, stamp)


def row_of(manifest: Manifest, stamp: tuple[int, int, int]) -> Landed:
    """The row that stands for a manifest."""
    request = manifest.request
    return Landed(
        name=manifest.name,
        hf_id=manifest.repo.id,
        revision=request.revision,
        commit=manifest.commit,
        license=manifest.repo.license,
        owner=request.owner,
        keep_until=request.keep_until,
        request=request_digest(request),
        fingerprint=manifest.fingerprint,
        rows=manifest.counts.rows,
        hours=round(manifest.hours, 6),
        left_out=manifest.counts.extra.get(LEFT_OUT, 0),
        size_bytes=manifest.size_bytes + stamp[2],
        files=manifest.files + 1,
        inodes=manifest.inodes or manifest.files + 2,
        landed_at=manifest.volatile.landed_at,
        updated_at=manifest.volatile.updated_at,
        stamp=stamp,
        asked=request,
        repo_oid=manifest.repo.oid,
        selection=frozenset((config.name, split.name) for config in manifest.configs for split in config.splits),
    )
