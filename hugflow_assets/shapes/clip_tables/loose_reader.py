"""Audio files of the repository that a table names: a row a table row, in table order, every cell the text it is."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from posixpath import basename, join
from typing import TYPE_CHECKING

import pyarrow as pa

from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.shapes.clip_tables.clip_table import make_clip_table, refuse_other_columns, table_features
from hugflow_assets.shapes.clip_tables.spec import ClipFileSpec
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.media_folders.metadata import read_rows
from hugflow_assets.shapes.reader import Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Sources
from hugflow_assets.shapes.repo_files import RepoPaths

if TYPE_CHECKING:
    from hugflow_assets.shapes.reader_inputs import Shard

_ROWS_AT_ONCE = 64


class ClipFileReader(Reader):
    """A range of rows of a split's tables."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._paths = RepoPaths(shard, near_first=True, also=self._elsewhere)
        self._spec = spec_of(shard, ClipFileSpec)
        self._audio, self._column = self._spec.audio_column, self._spec.path_column
        self._told = self._spec.table

    def batches(self) -> Iterator[pa.RecordBatch]:
        tables = self.shard.source.beside
        told = "\0".join([self._column, repr(self._told), *(f"{promised_hash(file)}\0{file.path}" for file in tables)])
        rows = self.sources.shared_folder / f"clips-{sha256(told.encode()).hexdigest()[:32]}.arrow"
        locals_ = [(self.sources.shared(file), file.path) for file in tables]
        with self.sources.making(rows) as is_made:
            if not is_made:
                make_clip_table(locals_, self._column, self._told, rows)
        refuse_other_columns(rows, self.shard.features, self._audio, tables[0])
        if self.shard.features is None:
            self.features = table_features(rows, self._column, self._audio)
        self._paths.beside = tables[0].path
        with pa.memory_map(str(rows)) as source:
            schema = pa.ipc.open_file(source).schema
        for batch in read_rows(rows, schema, self._spec.start, self._spec.end, _ROWS_AT_ONCE):
            columns = {}
            for name, values in zip(batch.schema.names, batch.columns, strict=True):
                if name != self._audio:
                    columns[name] = values
                if name == self._column:
                    columns[self._audio] = values
            yield pa.RecordBatch.from_pydict(columns)

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {self._audio: MediaTree(kind="audio")}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        before = self._paths.bytes_fetched
        found = self._paths.resolve(paths)
        self.sources.bytes_fetched += self._paths.bytes_fetched - before
        return found

    def _elsewhere(self, path: str) -> list[str]:
        """Where else a clip may be: in any folder that holds audio, with its ending or, if it has none, with each."""
        name = basename(path.replace("\\", "/"))
        if name in ("", ".", ".."):
            return []
        known = tuple(ending.lower() for ending in self._spec.endings)
        endings = ("",) if name.lower().endswith(known) else self._spec.endings
        return [join(folder, f"{name}{ending}") for folder in self._spec.folders for ending in endings]
