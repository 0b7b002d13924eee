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
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.media_folders.metadata import read_rows
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.reader_inputs import Sources
from hugflow_assets.shapes.repo_files import RepoPaths

if TYPE_CHECKING:
    from hugflow_assets.shapes.reader_inputs import Shard

_ROWS_AT_ONCE = 64


class ClipFileReader(Reader):
    """A range of rows of a split's tables.

    ``options``: ``path_column`` names the clips, ``audio_column`` is where they go; ``folders`` and ``endings`` are
    those of the repository's audio, where a clip is looked for that is neither at its path nor beside the table.
    """

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._paths = RepoPaths(shard, near_first=True, also=self._elsewhere)
        self._audio = str(shard.source.options["audio_column"])
        self._column = str(shard.source.options["path_column"])
        self._told = dict(shard.source.options["table"])

    def batches(self) -> Iterator[pa.RecordBatch]:
        tables, options = self.shard.source.beside, self.shard.source.options
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
        for batch in read_rows(rows, schema, int(options["start"]), options["end"], _ROWS_AT_ONCE):
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
        options = self.shard.source.options
        name = basename(path.replace("\\", "/"))
        if name in ("", ".", ".."):
            return []
        known = tuple(str(ending).lower() for ending in options["endings"])
        endings = [""] if name.lower().endswith(known) else options["endings"]
        return [join(folder, f"{name}{ending}") for folder in options["folders"] for ending in endings]
