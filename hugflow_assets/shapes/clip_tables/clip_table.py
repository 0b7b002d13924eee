"""Tables that name clips, read once for all shards that need them, and kept on the disk.

Their cells are what they are in any table of the repository, see ``TextTable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.delimited_text import Dialect
from hugflow_assets.shapes.clip_tables.unfolded import unfolded
from hugflow_assets.shapes.columns import NAMED_CLIP, is_text
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows
from hugflow_assets.shapes.values.kept_rows import LINE, keep_rows, kept_counts, kept_schema, lines_with_clips


class ClipTable:
    """The rows of one or several tables, memory-mapped. ``starts`` are the first rows of each, and their number."""

    def __init__(self, path: Path, column: str) -> None:
        with pa.memory_map(str(path)) as source:
            self.rows = pa.ipc.open_file(source).read_all()
        self.paths = self.rows.column(column)
        self.starts: list[int] = np.load(_index(path, "starts")).tolist()
        self.counts = kept_counts(path)

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def paths_of(self, table: int) -> pa.ChunkedArray:
        """The paths in one of the tables."""
        return self.paths.slice(self.starts[table], self.starts[table + 1] - self.starts[table])

    def take(self, rows: list[int]) -> dict[str, pa.Array]:
        """Some of the rows, by column."""
        taken = self.rows.take(pa.array(rows, pa.int64())).combine_chunks()
        return {name: taken.column(name).combine_chunks() for name in taken.schema.names}


def make_clip_table(sources: list[tuple[Path, str]], column: str, told: Mapping[str, Any], to: Path) -> None:
    """Read tables into an Arrow file and its index.

    Args:
        sources: local files with their upstream paths.
        column: the one that names the clips; a row without a value in it stands for no clip, and is counted so.
        told: how they are written, as ``ClipTableSpec.table``.
    Raises:
        BadSourceError: a file is no such table.
    """
    if unfold := str(told.get("rows") or ""):
        sources = [
            (unfolded(local, path, unfold, column, to.with_name(f"{to.name}.{at}.jsonl")), path)
            for at, (local, path) in enumerate(sources)
        ]
    columns = told["columns"]
    dialect = Dialect(told["delimiter"], tuple(columns) if columns else None, has_header=not columns)
    lengths = keep_rows(sources, to, dialect if told["delimiter"] else None, column=column)
    schema = kept_schema(to)
    if len(schema) and (column not in schema.names or not is_text(schema.field(column).type)):
        raise BadSourceError(f"{sources[0][1]} has no text in a column {column!r}.", file=sources[0][1])
    np.save(_index(to, "starts"), np.cumsum([0, *lengths]))


def table_features(rows: pa.Schema, column: str, audio: str) -> dict[str, Any]:
    """``Features.to_dict()`` of a table of clips, with the audio behind the column that names it, or in its place."""
    from datasets import Features

    features: dict[str, Any] = {}
    for name, feature in Features.from_arrow_schema(rows).to_dict().items():
        if name != audio:
            features[name] = feature
        if name == column:
            features[audio] = {"_type": "Audio"}
    return features


def with_clips(
    values: Mapping[str, pa.Array], column: str, audio: str, clips: pa.Array, rows: JsonRows
) -> pa.RecordBatch | JsonLines:
    """Rows of a table with their clips, behind the column that names these or in its place.

    Args:
        values: the rows by column, as they are kept.
        clips: bytes and path of each.
        rows: knows the types of those that are lines of JSON.
    """
    if column == audio:  # the path as the table writes it has no column of its own
        written = values[column].cast(pa.large_string())
        clips = pa.StructArray.from_arrays(
            [*clips.flatten(), written], fields=list(NAMED_CLIP), mask=pc.and_(clips.is_null(), written.is_null())
        )
    if LINE in values:
        return lines_with_clips(values[LINE].to_pylist(), column, audio, clips.to_pylist(), rows)
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if name != audio:
            columns[name] = value
        if name == column:
            columns[audio] = clips
    return pa.RecordBatch.from_pydict(columns)


def _index(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.npy")
