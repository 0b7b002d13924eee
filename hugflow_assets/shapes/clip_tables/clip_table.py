"""Tables that name clips, read once for all shards that need them, and kept on the disk.

Every cell stays the text that it is upstream. A tsv has no quoting, as the Common Voice tables and the scripts that
read them have it; a csv is quoted as csv is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.tables import PARQUET, list_items, split_line
from hugflow_assets.formats.transcripts import split_id
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.unfolded import unfolded
from hugflow_assets.shapes.columns import is_text
from hugflow_assets.shapes.media_folders.metadata import make_rows

_BLOCK_BYTES = 8 << 20
_LIST_BYTES, _LARGEST_ITEM = 1 << 20, 64 << 20  # of a JSON list: read at once, and one item's
_BETWEEN = "\x1f"  # stands for the first space of a line


class ClipTable:
    """The rows of one or several tables, memory-mapped. ``starts`` are the first rows of each, and their number."""

    def __init__(self, path: Path, column: str) -> None:
        with pa.memory_map(str(path)) as source:
            self.rows = pa.ipc.open_file(source).read_all()
        self.paths = self.rows.column(column)
        self.starts: list[int] = np.load(_index(path, "starts")).tolist()
        self.malformed = int(np.load(_index(path, "malformed")))

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
        told: how they are written, as ``hub.tables.Table.told``.
    Raises:
        BadSourceError: a file is no such table.
    """
    if unfold := str(told.get("rows") or ""):
        sources = [
            (unfolded(local, path, unfold, column, to.with_name(f"{to.name}.{at}.jsonl")), path)
            for at, (local, path) in enumerate(sources)
        ]
    if told["delimiter"]:
        lengths, malformed = _from_csv(sources, column, told, to)
    else:
        lengths, malformed = _from_json(sources, column, to), 0
    np.save(_index(to, "starts"), np.cumsum([0, *lengths]))
    np.save(_index(to, "malformed"), np.int64(malformed))


def table_features(rows: Path, column: str, audio: str) -> dict[str, Any]:
    """``Features.to_dict()`` of a table of clips, with the audio behind the column that names it, or in its place."""
    from datasets import Features

    with pa.memory_map(str(rows)) as source:
        found: dict[str, Any] = Features.from_arrow_schema(pa.ipc.open_file(source).schema).to_dict()
    features: dict[str, Any] = {}
    for name, feature in found.items():
        if name != audio:
            features[name] = feature
        if name == column:
            features[audio] = {"_type": "Audio"}
    return features


def refuse_other_columns(rows: Path, features: Mapping[str, Any] | None, audio: str, source: SourceFile) -> None:
    """Refuse a table whose columns are not those that the plan knows, by its first bytes or by those of one alike.

    Raises:
        BadSourceError: it has others.
    """
    with pa.memory_map(str(rows)) as opened:
        names = set(pa.ipc.open_file(opened).schema.names)
    if features is not None and not names <= {*features, audio}:
        raise BadSourceError(
            f"{source.path} has the columns {', '.join(sorted(names))}, not {', '.join(features)}.",
            remedy="Tables of one name were taken to be alike. Ask for one subset at a time.",
            file=source.path,
        )


def _from_json(sources: list[tuple[Path, str]], column: str, to: Path) -> list[int]:
    """The number of rows of each."""
    read = []
    for at, (local, path) in enumerate(sources):
        is_parquet = path.lower().endswith(PARQUET)
        lines = local if is_parquet else _as_lines(local, path, to.with_name(f"{to.name}.{at}"))
        read.append((lines, path if is_parquet else f"{path}.jsonl"))
    lengths = make_rows(read, to)
    with pa.memory_map(str(to)) as source:
        rows = pa.ipc.open_file(source).read_all()
        if column not in rows.schema.names or not is_text(rows.schema.field(column).type):
            raise BadSourceError(f"{sources[0][1]} has no text in a column {column!r}.", file=sources[0][1])
    return lengths


def _as_lines(local: Path, source_path: str, to: Path) -> Path:
    """A file of JSON lines: the file itself, or a JSON list written as such, piece by piece."""
    with local.open(encoding="utf-8-sig", errors="replace") as file:
        text = file.read(_LIST_BYTES).lstrip()
        if not text.startswith("["):
            return local
        text = text[1:]
        with to.open("w", encoding="utf-8") as out:
            while True:
                end = 0
                for _, start, end in list_items(text):
                    out.write(text[start:end].replace("\n", " ").replace("\r", " ") + "\n")
                text = text[end:].lstrip(", \t\r\n")
                if not (more := file.read(_LIST_BYTES)):
                    break
                text += more
                if len(text) > _LARGEST_ITEM:
                    raise BadSourceError(f"{source_path} has an item too large for a row.", file=source_path)
    if text.strip() != "]":
        raise BadSourceError(f"{source_path} cannot be read as a list: it ends in {text[-40:]!r}.", file=source_path)
    return to


def _from_csv(sources: list[tuple[Path, str]], column: str, told: Mapping[str, Any], to: Path) -> tuple[list[int], int]:
    """The number of rows of each, and of the rows that are left out."""
    malformed, lengths = 0, list[int]()
    writer, schema = None, None
    try:
        with pa.OSFile(str(to), "wb") as out:
            for local, source_path in sources:
                spaced = told["delimiter"] == " "
                reader = _Table(
                    _respaced(local, to) if spaced else local,
                    source_path,
                    {**told, "delimiter": _BETWEEN} if spaced else told,
                )
                lengths.append(0)
                for batch in reader:
                    lengths[-1] += batch.num_rows
                    if writer is None or schema is None:
                        schema = batch.schema
                        writer = pa.ipc.new_file(out, schema)
                    batch = _as(batch, schema, source_path)
                    if column not in batch.schema.names:
                        raise BadSourceError(f"{source_path} has no column {column!r}.", file=source_path)
                    writer.write_batch(batch)
                malformed += reader.malformed
            if writer is None:
                writer = pa.ipc.new_file(out, pa.schema([(column, pa.large_string())]))
            writer.close()
    except pa.ArrowException as error:
        raise BadSourceError(f"A table of clips cannot be read: {error}", file=sources[0][1]) from error
    return lengths, malformed


def _respaced(local: Path, to: Path) -> Path:
    """A list of ids and texts with something between the two that no text has."""
    spaced = to.with_name(f"{to.name}.spaced")
    with local.open(encoding="utf-8-sig", errors="replace") as lines, spaced.open("w", encoding="utf-8") as out:
        for line in lines:
            if line.strip():
                out.write(_BETWEEN.join(split_id(line.replace(_BETWEEN, " "))) + "\n")
    return spaced


class _Table:
    """One table as batches of text; ``malformed`` counts rows of another length than the header, which are left out."""

    def __init__(self, local: Path, source_path: str, told: Mapping[str, Any]) -> None:
        self._local, self._path = local, source_path
        self._delimiter, self._columns = str(told["delimiter"]), told["columns"]
        self.malformed = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        quoted = self._delimiter not in f"\t|{_BETWEEN}"
        try:
            names = self._columns or self._header()
            if not names:
                return
            with pc.open_csv(
                self._local,
                pc.ReadOptions(
                    block_size=_BLOCK_BYTES,
                    column_names=names,
                    skip_rows=0 if self._columns else 1,
                    use_threads=False,
                ),
                pc.ParseOptions(
                    delimiter=self._delimiter,
                    quote_char='"' if quoted else False,
                    newlines_in_values=quoted,
                    invalid_row_handler=self._skip,
                ),
                pc.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False),
            ) as reader:
                yield from reader
        except (pa.ArrowException, UnicodeDecodeError) as error:
            if "Empty CSV file" in str(error):
                return
            raise BadSourceError(
                f"{self._path} cannot be read as a table: {error}",
                remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
                file=self._path,
            ) from error

    def _header(self) -> list[str]:
        with self._local.open(encoding="utf-8-sig", newline="") as file:
            return split_line(file.readline().rstrip("\r\n"), self._delimiter)

    def _skip(self, row: Any) -> str:
        self.malformed += 1
        return "skip"


def _as(batch: pa.RecordBatch, schema: pa.Schema, source_path: str) -> pa.RecordBatch:
    if batch.schema.names == schema.names:
        return batch
    if set(batch.schema.names) != set(schema.names):
        raise BadSourceError(f"{source_path} has other columns than the table before it.", file=source_path)
    return batch.select(schema.names)


def _index(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.npy")
