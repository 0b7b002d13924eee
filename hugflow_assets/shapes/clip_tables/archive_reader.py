"""Clips in archives, joined with the tables that name them: a row for each row of the tables, with its clip.

Rows come in the order of the tables, archive by archive; a row without a clip comes with the first archive. Clips that
no row names are counted, and do not land: a table says what the rows are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import SPOOLED_BYTES, Member, members, refuse_archive_inside
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.archive_names import archive_names
from hugflow_assets.shapes.clip_tables.clip_table import ClipTable, make_clip_table, table_features, with_clips
from hugflow_assets.shapes.clip_tables.spec import ClipArchiveSpec
from hugflow_assets.shapes.columns import CLIP, MediaTree
from hugflow_assets.shapes.join import counts
from hugflow_assets.shapes.join.clip_of_row import ABSENT, Decision, count_rows
from hugflow_assets.shapes.join.clips import Clips, Names
from hugflow_assets.shapes.join.paths import as_folders, is_nameable
from hugflow_assets.shapes.join.row_names import keep_names
from hugflow_assets.shapes.join.scope import Scope, split_told
from hugflow_assets.shapes.reader import BATCH_BYTES, Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Sources
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows
from hugflow_assets.shapes.values.kept_rows import are_lines, kept_kinds

if TYPE_CHECKING:
    from hugflow_assets.shapes.reader_inputs import Shard

_MOST_ROWS = 4096


class ClipReader(Reader):
    """One archive (or none: a table whose clips are nowhere) and the tables that speak of it, which may lie inside it.

    ``files`` is the archive, ``others`` are those that the same tables speak of: which clip a row means is known when
    the names in all of them are.
    """

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._spooled: dict[str, Path] = {}
        self._kept = set[str]()  # what was spooled so far
        self._spec = spec_of(shard, ClipArchiveSpec)
        self._audio, self._column = self._spec.audio_column, self._spec.path_column
        self._tables = shard.source.beside
        self._numbers = count()
        self._lines = JsonRows(Counter())
        self._told = self._spec.table

    def batches(self) -> Iterator[pa.RecordBatch | JsonLines]:
        archive = next(iter(self.shard.source.files), None)
        local = None if archive is None else self._fetched(archive)
        path = self._made_table(local)
        table = ClipTable(path, self._column)
        self.kinds = kept_kinds(table.rows.schema)
        match, clips_here, first = self._joined(table, path, archive, local)
        rows = self._rows(table, match, first, first + clips_here)
        self.counts.update(count_rows(match[rows]))
        keep_names(self.unmatched, rows, match[rows], table.paths)
        if self._spec.first:
            self.counts += table.counts
        if archive is None or local is None:
            batches = _Rows(table, rows, match[rows], self._batch).without_clips()
        else:
            batches = self._with_clips(_Rows(table, rows, match[rows] - first, self._batch), local, archive.path)
        yield from batches
        if self.shard.features is None:
            known = table_features(table.rows.schema, self._column, self._audio)
            self.features = self._lines.type.features if are_lines(table.rows.schema) else known
        if archive is not None:
            is_shared = self._spec.shared or self._holds_tables(archive)
            self.sources.done_with(archive, is_shared=is_shared)

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {self._audio: MediaTree(kind="audio")}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        return {path: self._spooled.pop(path) for path in paths if path in self._spooled}

    # ---- what is read

    def _fetched(self, archive: SourceFile) -> Path:
        read_by_others = self._spec.shared or archive.archive or self.shard.source.others
        with_tables = self._holds_tables(archive) and not self._spec.apart
        return self.sources.shared(archive) if read_by_others or with_tables else self.sources.fetch(archive)

    def _holds_tables(self, archive: SourceFile) -> bool:
        return any(one.archive is not None and one.archive.path == archive.path for one in self._tables)

    def _made_table(self, archive: Path | None) -> Path:
        target = self.sources.shared_folder / f"clips-{self._digest(self._tables, 'table')}.arrow"
        if archive is not None and self._spec.apart:
            locals_ = [(self._extracted(archive, file), file.path) for file in self._tables]
        else:
            locals_ = [(self.sources.shared(file), file.path) for file in self._tables]
        with self.sources.making(target) as is_made:
            if not is_made:
                make_clip_table(locals_, self._column, self._told, target)
        return target

    def _extracted(self, archive: Path, file: SourceFile) -> Path:
        """A table that lies in the shard's own archive."""
        local = self.shard.work / f"table-{next(self._numbers):05d}"
        self.sources.archives.extract(archive, file, local)
        return local

    def _digest(self, files: tuple[SourceFile, ...], what: str) -> str:
        told = [what, self._column, repr(self._told), repr(self._spec.scope)]
        return sha256("\0".join([*told, *map(_told, files)]).encode()).hexdigest()[:32]

    # ---- which clip a row means

    def _joined(
        self, table: ClipTable, path: Path, archive: SourceFile | None, local: Path | None
    ) -> tuple[Any, int, int]:
        """The clips of all rows, how many files the archive holds, and the number of its first."""
        if archive is None or local is None:
            return np.full(len(table), ABSENT, np.int64), 0, 0
        at = self._spec.at
        archives = [*self.shard.source.others[:at], archive, *self.shard.source.others[at:]]
        order = [*range(at, len(archives)), *range(at)]  # its own first: others are fetching theirs meanwhile
        named = {one: self._names(archives[one], local if one == at else None) for one in order}
        places = [Names(named[one], as_folders(archives[one].path)) for one in range(len(archives))]
        target = path.with_name(f"join-{self._digest((*self._tables, *archives), path.name)}.npy")
        counted = target.with_suffix(".counts.npy")
        with self.sources.making(target) as is_made:
            if not is_made:
                clips = Clips(places)
                np.save(target, self._decided(table, clips))
                np.save(counted, [clips.count(place) for place in range(len(places))])
        self.counts[counts.CLIPS_IN_SOURCE] += int(np.load(counted)[at])
        return np.load(target, mmap_mode="r"), len(places[at]), sum(map(len, places[:at]))

    def _names(self, archive: SourceFile, local: Path | None) -> Path:
        target = self.sources.shared_folder / f"names-{sha256(_told(archive).encode()).hexdigest()[:32]}.arrow"
        with self.sources.making(target) as is_made:
            if not is_made:
                archive_names(local or self.sources.shared(archive), archive.path, target)
        return target

    def _decided(self, table: ClipTable, clips: Clips) -> Any:
        told = self._spec.scope
        decision = Decision(clips)
        for at, file in enumerate(self._tables):
            self.sources.stop_if_asked()
            decision.add(table.paths_of(at), Scope.of(file.path, beside=[one.path for one in self._tables], **told))
        return decision.all()

    def _rows(self, table: ClipTable, match: Any, first: int, end: int) -> Any:
        """The rows that land here: those with a clip of the archive, and in the first shard those without any."""
        here = (match >= first) & (match < end)
        if self._spec.first and not self._spec.parts:
            here |= match < 0
        elif self._spec.first:
            without = np.flatnonzero(match < 0).tolist()
            here[[row for row in without if self._is_of_part(table.paths[row].as_py())]] = True
        return np.flatnonzero(here)

    def _is_of_part(self, path: str | None) -> bool:
        """Whether a row without a clip is of the split: by what its path says, else of the first."""
        parts = self._spec.parts
        return (split_told(path, parts) or parts[0]) == self._spec.part

    # ---- rows with their clips

    def _with_clips(self, rows: _Rows, local: Path, source_path: str) -> Iterator[pa.RecordBatch | JsonLines]:
        unnamed = counts.CLIPS_OF_OTHERS if self._spec.shared else counts.CLIPS_UNNAMED
        with closing(members(local, source_path)) as every:
            for number, member in enumerate(every):
                naming = rows.naming(number)
                if naming:
                    self.counts[counts.CLIPS_NAMED] += is_nameable(member.name)
                    yield from rows.give(number, self._clip(member, is_kept=naming > 1 or not rows.waits_for(number)))
                else:
                    refuse_archive_inside(member.name, source_path)
        self.counts[unnamed] += self.counts[counts.CLIPS_IN_SOURCE] - self.counts[counts.CLIPS_NAMED]
        yield from rows.end(source_path)

    def _clip(self, member: Member, is_kept: bool) -> dict[str, Any]:
        """A clip as its bytes; as a file where it is large, or waits for its row, or is for several."""
        if not is_kept and member.size_bytes <= SPOOLED_BYTES:
            return {"bytes": member.data(), "path": member.name}
        spooled = self.shard.work / f"clip-{next(self._numbers):07d}"
        member.save(spooled)
        self._spooled[member.name] = spooled
        self._kept.add(member.name)
        return {"bytes": None, "path": member.name}

    def _batch(self, values: dict[str, pa.Array], clips: list[dict[str, Any]]) -> pa.RecordBatch | JsonLines:
        for one in clips:
            if one.get("is_absent") and one["path"] in self._kept:
                one["path"] = None  # a path that could mean several, one of which is here under that very name
        audio = pa.StructArray.from_arrays(
            [pa.array([one[field.name] for one in clips], field.type) for field in CLIP],
            fields=list(CLIP),
            mask=pa.array([one["bytes"] is None and one["path"] is None for one in clips], pa.bool_()),
        )
        return with_clips(values, self._column, self._audio, audio, self._lines)


class _Rows:
    """The rows of one archive on their way: in table order, each when its clip has come.

    Args:
        rows, clips: numbers of rows, ascending, and for each of them that of its clip in the archive; below 0: none.
    """

    def __init__(self, table: ClipTable, rows: Any, clips: Any, batch: Any) -> None:
        self._table, self._rows, self._clips, self._batch = table, rows, clips, batch
        self._by_clip = np.sort(clips)
        self._next = 0  # row with a clip
        self._clip, self._upto, self._count = -1, 0, 0  # the clip asked for, where its rows begin, how many they are
        self._kept: dict[int, dict[str, Any]] = {}  # clips that came before their rows
        self._left: dict[int, int] = {}  # how many rows these are still for
        self._at, self._size = 0, 0
        self._numbers: list[int] = []
        self._values: list[dict[str, Any]] = []

    def naming(self, clip: int) -> int:
        """How many rows name a clip; they are asked for in their order."""
        if clip > self._clip or self._clip < 0:
            self._clip, self._upto = clip, self._upto + self._count
            while self._upto < len(self._by_clip) and self._by_clip[self._upto] < clip:
                self._upto += 1
            end = self._upto
            while end < len(self._by_clip) and self._by_clip[end] == clip:
                end += 1
            self._count = end - self._upto
        return self._count

    def waits_for(self, clip: int) -> bool:
        """Whether the next row that has a clip has this one."""
        self._next = max(self._next, self._at)
        while self._next < len(self._clips) and self._clips[self._next] < 0:
            self._next += 1
        return self._next < len(self._clips) and int(self._clips[self._next]) == clip

    def give(self, clip: int, value: dict[str, Any]) -> Iterator[pa.RecordBatch | JsonLines]:
        """Take a clip, and give the rows that are complete with it."""
        self._kept[clip], self._left[clip] = value, self.naming(clip)
        while self._at < len(self._rows):
            wanted = int(self._clips[self._at])
            if wanted >= 0 and wanted not in self._kept:
                return
            self._add(self._value(wanted))
            if self._size >= BATCH_BYTES or len(self._numbers) >= _MOST_ROWS:
                yield self._flushed()

    def end(self, source_path: str) -> Iterator[pa.RecordBatch | JsonLines]:
        """The rows that are left when all clips have come."""
        while self._at < len(self._rows):
            if self._clips[self._at] >= 0:
                raise BadSourceError(f"{source_path} gave other members at its second reading.", file=source_path)
            self._add(self._value(ABSENT))
            if len(self._numbers) >= _MOST_ROWS:
                yield self._flushed()
        if self._numbers:
            yield self._flushed()

    def without_clips(self) -> Iterator[pa.RecordBatch | JsonLines]:
        """All rows, where there is no archive."""
        return self.end("")

    def _value(self, clip: int) -> dict[str, Any]:
        if clip < 0:
            path = self._table.paths[int(self._rows[self._at])].as_py()
            return {"bytes": None, "path": path or None, "is_absent": True}
        self._left[clip] -= 1
        if self._left[clip]:
            return self._kept[clip]
        del self._left[clip]
        return self._kept.pop(clip)

    def _add(self, value: dict[str, Any]) -> None:
        self._numbers.append(int(self._rows[self._at]))
        self._values.append(value)
        self._size += len(value["bytes"] or b"")
        self._at += 1

    def _flushed(self) -> pa.RecordBatch | JsonLines:
        made = self._batch(self._table.take(self._numbers), self._values)
        self._numbers, self._values, self._size = [], [], 0
        return made


def _told(file: SourceFile) -> str:
    return f"{promised_hash(file)}\0{file.path}"
