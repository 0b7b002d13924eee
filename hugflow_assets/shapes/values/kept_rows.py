"""The rows of tables, read once for all shards that need them and kept in an Arrow file on the disk.

Tables of text and parquet are columns there; rows of JSON stay lines, beside the column by which they are looked up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.tables import PARQUET, delimiter_seen
from hugflow_assets.formats.text.delimited_text import Dialect
from hugflow_assets.formats.text.json_rows import NoRowsError, row_blocks
from hugflow_assets.formats.text.json_values import dumped, parsed
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252, TextFile
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows, Marks
from hugflow_assets.shapes.values.text_table import TextTable

LINE = "\0line"  # the column of lines of JSON
_KINDS = b"kinds"  # in the metadata of the schema
_HEAD_BYTES = 64 << 10
_ROWS_AT_ONCE = 4096
_STRING = {"dtype": "string", "_type": "Value"}
Sources = Sequence[tuple[Path, str]]


@dataclass(frozen=True)
class CardSays:
    """What a dataset's card says of its tables: the features of their columns, and in which encoding they are."""

    features: Mapping[str, Any] | None = None
    encoding: str | None = None


def keep_rows(
    sources: Sources,
    to: Path,
    dialect: Dialect | None = None,
    card: CardSays | None = None,
    column: str | None = None,
    look: Callable[[Any], None] | None = None,
) -> list[int]:
    """Read tables, local files with their upstream paths, into an Arrow file; how many rows each has.

    Args:
        dialect: how tables of text are written, where that is known.
        card: what the dataset's card says of them.
        column: by which rows are looked up; it stays text.
        look: is shown each row of JSON.
    Raises:
        BadSourceError: one cannot be read as what its ending says.
    """
    path, counts, card = sources[0][1].lower(), Counter[str](), card or CardSays()
    try:
        if path.endswith(PARQUET):
            lengths = _keep_parquet(sources, to, column)
        elif dialect is None and not path.endswith((".csv", ".tsv")):
            files = [TextFile(local, one, card.encoding) for local, one in sources]
            lengths = _keep_json(files, to, column, look or (lambda _: None), counts)
        else:
            told = {**(card.features or {}), **({} if column is None else {column: _STRING})}
            lengths = _keep_text(sources, to, dialect, CardSays(told, card.encoding), counts)
    except (pa.ArrowException, ValueError, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        raise BadSourceError(
            f"{', '.join(path for _, path in sources)} cannot be read as a table: {' '.join(str(error).split())[:500]}",
            remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
            file=sources[0][1],
        ) from error
    _counts_of(to).write_bytes(orjson.dumps(dict(+counts)))
    return lengths


def kept_schema(rows: Path) -> pa.Schema:
    """The columns of rows that are kept."""
    with pa.memory_map(str(rows)) as source:
        return pa.ipc.open_file(source).schema


def kept_kinds(schema: pa.Schema) -> dict[str, str]:
    """Of the columns of rows that are kept, those of tables of text with what their values are."""
    told = (schema.metadata or {}).get(_KINDS)
    return {} if told is None else dict(orjson.loads(told))


def are_lines(schema: pa.Schema) -> bool:
    """Whether rows that are kept are lines of JSON."""
    return LINE in schema.names


def kept_counts(rows: Path) -> Counter[str]:
    """What was counted when the rows were read; for one of the shards that need them."""
    return Counter(orjson.loads(_counts_of(rows).read_bytes()))


def _counts_of(rows: Path) -> Path:
    return rows.with_name(f"{rows.name}.counts.json")


def lines_with_clips(
    texts: Sequence[bytes], column: str, audio: str, clips: Sequence[Any], rows: JsonRows
) -> JsonLines:
    """Lines of JSON with a clip each, behind the member that names it or in its place.

    Args:
        clips: bytes and path, or None.
    """
    waiting = iter(clips)

    def place(row: dict[str, Any], marks: Marks) -> dict[str, Any]:
        made: dict[str, Any] = {}
        clip = next(waiting)
        for name, value in row.items():
            if name != audio:
                made[name] = value
            if name == column:
                made[audio] = marks.clip("audio", clip)
        if column not in row:
            made[audio] = marks.clip("audio", clip)
        return made

    rows.place = place
    return rows.of_texts(texts)


def _keep_text(sources: Sources, to: Path, dialect: Dialect | None, card: CardSays, counts: Counter[str]) -> list[int]:
    if dialect is None:
        local, path = sources[0]
        with closing(TextFile(local, path, card.encoding).open()) as opened:
            dialect = Dialect(delimiter_seen(opened.read(_HEAD_BYTES), path))
    table = TextTable(sources, dialect, card.features, card.encoding)
    lengths = []
    schema = table.schema.with_metadata({_KINDS: orjson.dumps(table.kinds)})
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for batches in table.by_source():
            lengths.append(0)
            for batch in batches:
                writer.write_batch(batch)
                lengths[-1] += batch.num_rows
    counts.update(table.counts)
    return lengths


def _keep_parquet(sources: Sources, to: Path, column: str | None) -> list[int]:
    import pyarrow.parquet as pq

    schemas = [
        _with_paths(pq.read_schema(local).remove_metadata().empty_table(), column).schema for local, _ in sources
    ]
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    lengths = []
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for local, _ in sources:
            with pq.ParquetFile(local) as file:
                lengths.append(file.metadata.num_rows)
                for batch in file.iter_batches(_ROWS_AT_ONCE):
                    writer.write_table(_as(_with_paths(pa.Table.from_batches([batch]), column), schema))
    return lengths


def _with_paths(table: pa.Table, column: str | None) -> pa.Table:
    """The table with the paths alone where its column holds audio as `datasets` has it, without its bytes.

    What is written once for many rows is written for each.
    """
    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(field.type.value_type))
    at = table.schema.get_field_index(column) if column is not None else -1
    if at < 0 or not pa.types.is_struct(table.schema.field(at).type):
        return table
    return table.set_column(at, column, pc.struct_field(table.column(at), "path"))


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _keep_json(
    files: Sequence[TextFile], to: Path, column: str | None, look: Callable[[Any], None], counts: Counter[str]
) -> list[int]:
    named = [] if column is None else [(column, pa.large_string())]
    schema = pa.schema([*named, (LINE, pa.large_binary())])
    lengths = []
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for file in files:
            counts[TEXTS_CP1252] += file.is_guess
            lengths.append(0)
            names, texts = list[str | None](), list[bytes]()
            for value, text in _json_rows(file, counts):
                look(value)
                name = None if column is None else value.get(column)
                names.append(name if isinstance(name, str) else None)
                texts.append(text)
                lengths[-1] += 1
                if len(texts) >= _ROWS_AT_ONCE:
                    writer.write_batch(pa.record_batch([names, texts][1 - len(named) :], schema=schema))
                    names, texts = [], []
            writer.write_batch(pa.record_batch([names, texts][1 - len(named) :], schema=schema))
    return lengths


def _json_rows(file: TextFile, counts: Counter[str]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The rows of a file, each as its value and as a line."""
    row = 0
    with closing(file.open()) as opened:
        try:
            for block, line in row_blocks(opened):
                for at, text in enumerate(block.split(b"\n")):
                    if not (text := text.strip(b" \t\r")):
                        continue
                    row += 1
                    where = None if line is None else line + at
                    try:
                        value, is_whole = parsed(text, counts)
                    except ValueError as error:
                        raise NoRowsError(f"row {row} is no JSON: {error}", where) from error
                    if not isinstance(value, dict):
                        raise NoRowsError(f"row {row} is no object", where)
                    yield value, text if is_whole else dumped(value)
        except NoRowsError as error:
            at_line = "" if error.line is None else f", line {error.line}"
            raise BadSourceError(
                f"{file.place}{at_line}: cannot be read as JSON: {error}.",
                remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
                file=file.place,
            ) from error
