"""Clips in archives, joined with the tables that name them: a row for each table row whose clip is there.

Rows come in the order of the archive, as the loading scripts of such data sets give them.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hugflow_assets.formats.archive_members import SPOOLED_BYTES, Member, members, refuse_archive_inside
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.clip_table import (
    ClipTable,
    make_clip_table,
    refuse_other_columns,
    table_features,
)
from hugflow_assets.shapes.clip_tables.spec import ClipArchiveSpec
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.reader import BATCH_BYTES, CLIP, Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Sources

if TYPE_CHECKING:
    from hugflow_assets.shapes.reader_inputs import Shard

_MOST_ROWS = 4096


class ClipReader(Reader):
    """One archive (or none: a table whose clips are nowhere) and the tables of its split, which may lie inside it."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._spooled: dict[str, Path] = {}
        self._spec = spec_of(shard, ClipArchiveSpec)
        self._audio, self._column = self._spec.audio_column, self._spec.path_column
        self._tables = shard.source.beside
        self._numbers = count()
        self._told = self._spec.table

    def batches(self) -> Iterator[pa.RecordBatch]:
        archive = next(iter(self.shard.source.files), None)
        local = None if archive is None else self._fetched(archive)
        table = self._table(local)
        if self._spec.first:
            self.counts["table_rows"] = len(table)
            self.counts["malformed_rows"] = table.malformed
        if archive is not None and local is not None:
            yield from self._joined(table, local, archive.path)

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {self._audio: MediaTree(kind="audio")}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        return {path: self._spooled.pop(path) for path in paths if path in self._spooled}

    def _fetched(self, archive: SourceFile) -> Path:
        read_by_others = self._spec.shared or archive.archive is not None
        with_tables = any(one.archive is not None and one.archive.path == archive.path for one in self._tables)
        if read_by_others or (with_tables and not self._spec.apart):
            return self.sources.shared(archive)
        return self.sources.fetch(archive)

    def _table(self, archive: Path | None) -> ClipTable:
        told = "\0".join(
            [self._column, repr(self._told), *(f"{promised_hash(file)}\0{file.path}" for file in self._tables)]
        )
        target = self.sources.shared_folder / f"clips-{sha256(told.encode()).hexdigest()[:32]}.arrow"
        if archive is not None and self._spec.apart:
            locals_ = [(self._extracted(archive, file), file.path) for file in self._tables]
        else:
            locals_ = [(self.sources.shared(file), file.path) for file in self._tables]
        with self.sources.making(target) as is_made:
            if not is_made:
                make_clip_table(locals_, self._column, self._told, target)
        refuse_other_columns(target, self.shard.features, self._audio, self._tables[0])
        if self.shard.features is None:
            self.features = table_features(target, self._column, self._audio)
        return ClipTable(target, self._column)

    def _extracted(self, archive: Path, file: SourceFile) -> Path:
        """A table that lies in the shard's own archive."""
        local = self.shard.work / f"table-{next(self._numbers):05d}"
        self.sources.archives.extract(archive, file, local)
        return local

    def _joined(self, table: ClipTable, local: Path, source_path: str) -> Iterator[pa.RecordBatch]:
        rows: list[int] = []
        clips: list[dict[str, Any]] = []
        size = 0
        unused = "clips_of_no_row_here" if self._spec.shared else "clips_without_row"
        for member in members(local, source_path):
            found = table.rows_of(member.name)
            if not found:
                refuse_archive_inside(member.name, source_path)
                self.counts[unused] += _is_clip(member.name)
                continue
            clips += self._clips(member, len(found))
            rows += found
            size += member.size_bytes
            if size >= BATCH_BYTES or len(rows) >= _MOST_ROWS:
                yield self._batch(table, rows, clips)
                rows, clips, size = [], [], 0
        if rows:
            yield self._batch(table, rows, clips)

    def _clips(self, member: Member, count: int) -> list[dict[str, Any]]:
        """The audio values of the rows that name one clip; one file for all of them."""
        if count == 1 and member.size_bytes <= SPOOLED_BYTES:
            return [{"bytes": member.data(), "path": member.name}]
        spooled = self.shard.work / f"clip-{len(self._spooled):05d}"
        member.save(spooled)
        self._spooled[member.name] = spooled
        return [{"bytes": None, "path": member.name}] * count

    def _batch(self, table: ClipTable, rows: list[int], clips: list[dict[str, Any]]) -> pa.RecordBatch:
        taken = table.rows.take(pa.array(rows)).combine_chunks()
        values = {name: taken.column(name).combine_chunks() for name in taken.schema.names}
        audio = pa.StructArray.from_arrays(
            [pa.array([one[field.name] for one in clips], field.type) for field in CLIP], fields=list(CLIP)
        )
        columns: dict[str, Any] = {}
        for name, value in values.items():
            if name != self._audio:
                columns[name] = value
            if name == self._column:
                columns[self._audio] = audio
        return pa.RecordBatch.from_pydict(columns)


def _is_clip(name: str) -> bool:
    """Whether a member that no row names is worth counting: tables, licences and checksums beside clips are not."""
    return not name.lower().endswith((".tsv", ".csv", ".txt", ".md", ".json", ".jsonl", ".pdf", "license", "readme"))
