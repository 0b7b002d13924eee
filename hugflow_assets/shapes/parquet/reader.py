"""Parquet files: the rows as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.columns import MediaTree, media_columns
from hugflow_assets.shapes.parquet.batches import stream
from hugflow_assets.shapes.parquet.footers import features_of
from hugflow_assets.shapes.parquet.streamed import WindowStream
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.repo_files import RepoPaths


class ParquetReader(Reader):
    """One file after the other. Media that a file names by path only are looked up in the repository."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._paths = RepoPaths(shard)
        self._stream = WindowStream(shard)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for file in self.shard.source.files:
            self._paths.beside = file.path
            yield from self._rows(file)

    def _rows(self, file: SourceFile) -> Iterator[pa.RecordBatch]:
        if not self.sources.streamed:
            yield from stream(self.sources.fetch(file), file.path, self._see)
            return
        try:
            yield from self._stream.batches(file, self._see)
        finally:
            self.close()

    def _see(self, schema: pa.Schema) -> None:
        if self.shard.features is None and self.features is None:  # no footer was in reach of the plan
            self.features = features_of(schema)

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return media_columns(schema, self.features or self.shard.features)

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        before = self._paths.bytes_fetched
        found = self._paths.resolve(paths)
        self.sources.bytes_fetched += self._paths.bytes_fetched - before
        return found

    def close(self) -> None:
        super().close()
        self.sources.bytes_fetched += self._stream.close()
