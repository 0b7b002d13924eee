"""Audio files of the repository that a table names: a row a table row, in table order, every cell the text it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.shapes.clip_tables.clip_table import ClipTable, make_clip_table, table_features, with_clips
from hugflow_assets.shapes.clip_tables.spec import ClipFileSpec
from hugflow_assets.shapes.columns import CLIP, MediaTree
from hugflow_assets.shapes.join import counts
from hugflow_assets.shapes.join.clip_of_row import Decision, count_rows
from hugflow_assets.shapes.join.clips import Clips, Names
from hugflow_assets.shapes.join.repo_clips import repo_clips
from hugflow_assets.shapes.join.row_names import keep_names
from hugflow_assets.shapes.join.scope import Scope, split_told
from hugflow_assets.shapes.media_folders.metadata import read_rows
from hugflow_assets.shapes.reader import Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Sources
from hugflow_assets.shapes.repo_files import RepoFiles
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows
from hugflow_assets.shapes.values.kept_rows import are_lines, kept_counts, kept_kinds, kept_schema

if TYPE_CHECKING:
    from hugflow_assets.shapes.reader_inputs import Shard

_ROWS_AT_ONCE = 64


class ClipFileReader(Reader):
    """A range of rows of a split's tables."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._files = RepoFiles(shard)
        self._clips: set[str] = set()  # of the rows that were given last
        self._spec = spec_of(shard, ClipFileSpec)
        self._audio, self._column = self._spec.audio_column, self._spec.path_column
        self._told = self._spec.table
        self._lines = JsonRows(Counter())

    def batches(self) -> Iterator[pa.RecordBatch | JsonLines]:
        start, end = self._spec.start, self._spec.end
        rows = self._made_table()
        names = repo_clips(self.shard, self.sources)
        match = self._joined(rows, names)
        here = self._of_part(rows, match, names)
        mine = np.flatnonzero(here[start:end]) + start
        self._count(match[here], match[mine], len(names))
        keep_names(self.unmatched, mine, match[mine], ClipTable(rows, self._column).paths)
        if start == 0:
            self.counts += kept_counts(rows)
        schema, at = kept_schema(rows), start
        self.kinds = kept_kinds(schema)
        for batch in read_rows(rows, schema, start, end, _ROWS_AT_ONCE):
            kept = here[at : at + batch.num_rows]
            if kept.any():
                clips = match[at : at + batch.num_rows][kept]
                yield self._with_clips(batch.filter(pa.array(kept)), clips, names)
            at += batch.num_rows
        if self.shard.features is None:
            known = table_features(schema, self._column, self._audio)
            self.features = self._lines.type.features if are_lines(schema) else known

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {self._audio: MediaTree(kind="audio")}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        before = self._files.bytes_fetched
        found = self._files.fetched([path for path in paths if path in self._clips])
        self.sources.bytes_fetched += self._files.bytes_fetched - before
        return found

    def _made_table(self) -> Path:
        tables = self.shard.source.beside
        told = "\0".join([self._column, repr(self._told), *(f"{promised_hash(file)}\0{file.path}" for file in tables)])
        rows = self.sources.shared_folder / f"clips-{sha256(told.encode()).hexdigest()[:32]}.arrow"
        locals_ = [(self.sources.shared(file), file.path) for file in tables]
        with self.sources.making(rows) as is_made:
            if not is_made:
                make_clip_table(locals_, self._column, self._told, rows)
        return rows

    def _joined(self, rows: Path, names: Names) -> Any:
        told = self._spec.scope
        target = rows.with_name(f"join-{sha256(f'{rows.name}{told!r}'.encode()).hexdigest()[:32]}.npy")
        with self.sources.making(target) as is_made:
            if not is_made:
                table, decision = ClipTable(rows, self._column), Decision(Clips([names]))
                tables = [file.path for file in self.shard.source.beside]
                for at, file in enumerate(self.shard.source.beside):
                    self.sources.stop_if_asked()
                    decision.add(table.paths_of(at), Scope.of(file.path, beside=tables, **told))
                np.save(target, decision.all())
        return np.load(target, mmap_mode="r")

    def _of_part(self, rows: Path, match: Any, names: Names) -> Any:
        """Which rows are of the split, where the folders of clips tell splits apart; else all."""
        parts, part = self._spec.parts, self._spec.part
        if not parts:
            return np.ones(len(match), bool)
        told = ClipTable(rows, self._column).paths.to_pylist()
        found = (split_told(names[clip] if clip >= 0 else path, parts)
                 for clip, path in zip(match.tolist(), told, strict=True))  # fmt: skip
        return np.fromiter(((one or parts[0]) == part for one in found), bool, len(match))

    def _count(self, match: Any, here: Any, clips: int) -> None:
        """The rows of this range; with the first range the clips of the split."""
        self.counts.update(count_rows(here))
        if self._spec.start == 0:
            named = len(np.unique(match[match >= 0]))
            splits = self._spec.parts or self._spec.scope["splits"]
            unnamed = counts.CLIPS_OF_OTHERS if len(splits) > 1 else counts.CLIPS_UNNAMED
            self.counts.update({counts.CLIPS_IN_SOURCE: clips, counts.CLIPS_NAMED: named, unnamed: clips - named})

    def _with_clips(self, batch: pa.RecordBatch, match: Any, names: Names) -> pa.RecordBatch | JsonLines:
        """The rows with the paths of their clips in the repository, or as the table has them where there is none."""
        told = batch.column(self._column).to_pylist()
        paths = [names[clip] if clip >= 0 else path for clip, path in zip(match.tolist(), told, strict=True)]
        self._clips = {names[clip] for clip in match.tolist() if clip >= 0}
        clips = [None if path is None else {"bytes": None, "path": path} for path in paths]
        values = dict(zip(batch.schema.names, batch.columns, strict=True))
        return with_clips(values, self._column, self._audio, pa.array(clips, CLIP), self._lines)
