"""Parquet as a stream of record batches of even size, whatever the row groups are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.errors import BadSourceError
from hugflow_assets.shapes.parquet.plain_pages import (
    Bytes,
    DiskBytes,
    LongColumn,
    LongValues,
    long_columns,
    long_values,
)

BATCH_BYTES = 16 << 20
MOST_ROWS = 16_384
_BUFFER_BYTES = 1 << 20


def stream(path: Path, source_path: str, see: Callable[[pa.Schema], None]) -> Iterator[pa.RecordBatch]:
    """The rows of a parquet file in order, in batches of about ``BATCH_BYTES``; memory does not grow with its size.

    Args:
        path: the file.
        source_path: what it is called upstream, for errors.
        see: called with the file's schema before the first batch; that of a batch may have views in it.
    Raises:
        BadSourceError: not parquet, cut off, or pages that cannot be read.
    """
    try:
        with (
            path.open("rb", buffering=0) as opened,
            pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            see(file.schema_arrow)
            content, read = DiskBytes(opened.fileno()), 0
            for batch in rows_of(file, range(file.num_row_groups), content):
                read += batch.num_rows
                yield batch
            promised = file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        raise BadSourceError(
            f"{source_path} cannot be read as parquet: {error}",
            remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
            file=source_path,
        ) from error
    if read != promised:
        raise BadSourceError(f"{source_path} gave {read} rows, its footer promises {promised}.", file=source_path)


def rows_of(file: pq.ParquetFile, groups: range, content: Bytes) -> Iterator[pa.RecordBatch]:
    """The rows of row groups in batches of about ``BATCH_BYTES``, each good until the next is asked for.

    Args:
        content: the bytes of the file. Long values are not copied from it.
    """
    columns = long_columns(file.metadata)
    for group in groups:
        facts = file.metadata.row_group(group)
        rows = _rows_of_a_batch(facts.num_rows, facts.total_byte_size)
        found = [values for one in columns if (values := long_values(one, facts, content)) is not None]
        if found and len(found) < len(file.schema):
            yield from _rows_around(file, group, rows, found)
        else:
            yield from file.iter_batches(rows, row_groups=[group], use_threads=False)


def _rows_around(file: pq.ParquetFile, group: int, rows: int, found: list[LongValues]) -> Iterator[pa.RecordBatch]:
    """The rows of a row group of which Arrow reads what is not ``found``."""
    others, schema, first = other_columns(file.metadata, [values.column for values in found]), file.schema_arrow, 0
    for batch in file.iter_batches(rows, row_groups=[group], columns=others, use_threads=False):
        views = {values.column: values.view(first, batch.num_rows) for values in found}
        yield with_long(batch, schema, views)
        first += batch.num_rows


def other_columns(metadata: pq.FileMetaData, long: list[LongColumn]) -> list[str]:
    """The leaves that Arrow has to read, as it wants them named."""
    left_out = {column.leaf for column in long}
    return [metadata.schema.column(leaf).path for leaf in range(len(metadata.schema)) if leaf not in left_out]


def with_long(batch: pa.RecordBatch, schema: pa.Schema, views: dict[LongColumn, pa.Array]) -> pa.RecordBatch:
    """The batch with its long values, in the columns' order of ``schema``. Structs around them are nowhere null."""
    columns: list[pa.Array] = []
    for at, field in enumerate(schema):
        own = {column.child: view for column, view in views.items() if column.column == at}
        if None in own:
            columns.append(own[None])
        elif own:
            rest: Any = batch.column(field.name) if field.name in batch.schema.names else None
            children = [own[n] if n in own else rest.field(child.name) for n, child in enumerate(field.type)]
            kinds = [child.with_type(values.type) for child, values in zip(field.type, children, strict=True)]
            columns.append(pa.StructArray.from_arrays(children, fields=kinds))
        else:
            columns.append(batch.column(field.name))
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, schema.metadata))


def _rows_of_a_batch(rows: int, size_bytes: int) -> int:
    return max(1, min(MOST_ROWS, rows * BATCH_BYTES // max(1, size_bytes)))
