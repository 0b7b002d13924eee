"""Parquet as a stream of record batches of even size, whatever the row groups are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.errors import BadSourceError

BATCH_BYTES = 16 << 20
_MOST_ROWS = 16_384
_BUFFER_BYTES = 1 << 20


def stream(path: Path, source_path: str) -> Iterator[pa.RecordBatch]:
    """The rows of a parquet file in order, in batches of about ``BATCH_BYTES``; memory does not grow with its size.

    Args:
        path: the file.
        source_path: what it is called upstream, for errors.
    Raises:
        BadSourceError: not parquet, cut off, or pages that cannot be read.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            read = 0
            for group in range(file.num_row_groups):
                for batch in rows_of(file, group):
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


def rows_of(file: pq.ParquetFile, group: int) -> Iterator[pa.RecordBatch]:
    """The rows of one row group in batches of about ``BATCH_BYTES``."""
    facts = file.metadata.row_group(group)
    rows = _rows_of_a_batch(facts.num_rows, facts.total_byte_size)
    yield from file.iter_batches(rows, row_groups=[group], use_threads=False)


def _rows_of_a_batch(rows: int, size_bytes: int) -> int:
    return max(1, min(_MOST_ROWS, rows * BATCH_BYTES // max(1, size_bytes)))
