"""Parquet as a stream of record batches of even size, whatever the row groups are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.errors import BadSourceError
from hugflow_assets.landing.pages import Bytes, DiskBytes, LongValues, long_columns, long_values

BATCH_BYTES = 16 << 20
_MOST_ROWS = 16_384
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
            for group in range(file.num_row_groups):
                for batch in rows_of(file, group, content):
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


def rows_of(file: pq.ParquetFile, group: int, content: Bytes) -> Iterator[pa.RecordBatch]:
    """The rows of one row group in batches of about ``BATCH_BYTES``, each good until the next is asked for.

    Args:
        content: the bytes of the file. Long values are not copied from it.
    """
    facts = file.metadata.row_group(group)
    rows = _rows_of_a_batch(facts.num_rows, facts.total_byte_size)
    found = [values for one in long_columns(file) if (values := long_values(one, facts, content)) is not None]
    if found and len(found) < len(file.schema):
        yield from _rows_around(file, group, rows, found)
    else:
        yield from file.iter_batches(rows, row_groups=[group], use_threads=False)


def _rows_around(file: pq.ParquetFile, group: int, rows: int, found: list[LongValues]) -> Iterator[pa.RecordBatch]:
    """The rows of a row group of which Arrow reads what is not ``found``."""
    long = {values.column.leaf for values in found}
    others = [file.schema.column(leaf).path for leaf in range(len(file.schema)) if leaf not in long]
    first = 0
    for batch in file.iter_batches(rows, row_groups=[group], columns=others, use_threads=False):
        yield _with_long(batch, file.schema_arrow, found, first)
        first += batch.num_rows


def _with_long(batch: pa.RecordBatch, schema: pa.Schema, found: list[LongValues], first: int) -> pa.RecordBatch:
    """The batch with its long values, in the columns' order of ``schema``."""
    views = {(values.column.column, values.column.child): values.view(first, batch.num_rows) for values in found}
    columns: list[pa.Array] = []
    fields: list[pa.Field] = []
    for at, field in enumerate(schema):
        if (at, None) in views:
            columns.append(views[at, None])
        elif any(column == at for column, _ in views):
            columns.append(
                _struct_with_long(batch, field, {child: v for (column, child), v in views.items() if column == at})
            )
        else:
            columns.append(batch.column(field.name))
        fields.append(field.with_type(columns[-1].type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields, schema.metadata))


def _struct_with_long(batch: pa.RecordBatch, field: pa.Field, views: dict[int | None, pa.Array]) -> pa.StructArray:
    """A struct that is nowhere null, since its long values are not."""
    children, fields = [], []
    for at, child in enumerate(field.type):
        values = views[at] if at in views else batch.column(field.name).field(child.name)
        children.append(values)
        fields.append(child.with_type(values.type))
    return pa.StructArray.from_arrays(children, fields=fields)


def _rows_of_a_batch(rows: int, size_bytes: int) -> int:
    return max(1, min(_MOST_ROWS, rows * BATCH_BYTES // max(1, size_bytes)))
