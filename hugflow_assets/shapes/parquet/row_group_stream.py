"""A large row group as rows while it is still arriving.

The media of a row group come before the columns that name them, and `datasets` makes row groups of 100 MB: whoever
waits for the end of one holds all of it and lands nothing meanwhile. What lies behind the media is small. It is asked
for by range first, and compared with what arrives in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.shapes.parquet.batches import BATCH_BYTES, MOST_ROWS, other_columns, with_long
from hugflow_assets.shapes.parquet.plain_pages import LongColumn, is_plain, value_places, view_of
from hugflow_assets.transfer.to_memory import FileStream, StreamBrokenError, addresses

SMALLEST_BYTES = 16 << 20  # of a row group; a smaller one is waited for
_OTHERS_BYTES = 8 << 20  # of the other columns, as they lie in the file and as they are read

ReadRange = Callable[[int, int], bytes]


@dataclass(frozen=True)
class ArrivingGroup:
    """A row group that can be landed while it arrives: one long column, and others that are small.

    The others lie in the file from ``first`` to ``begin`` and from ``end`` to ``last``, the long one in between.
    """

    group: int
    column: LongColumn
    first: int
    begin: int
    end: int
    last: int


def arriving_group(
    metadata: pq.FileMetaData, columns: list[LongColumn], group: int, first: int, last: int
) -> ArrivingGroup | None:
    """How to land a row group while it arrives, or None where all of it has to be there.

    Args:
        columns: the file's ``long_columns``.
        first, last: where it lies in the file.
    """
    facts = metadata.row_group(group)
    long = [column for column in columns if is_plain(column, facts)]
    if last - first < SMALLEST_BYTES or len(long) != 1 or facts.num_columns < 2:
        return None
    chunk = facts.column(long[0].leaf)
    begin, end = chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size
    others = max(last - first - (end - begin), facts.total_byte_size - chunk.total_uncompressed_size)
    if others > _OTHERS_BYTES or not first <= begin < end <= last:
        return None
    return ArrivingGroup(group, long[0], first, begin, end, last)


def rows_arriving(
    stream: FileStream, metadata: pq.FileMetaData, group: ArrivingGroup, read: ReadRange
) -> Iterator[pa.RecordBatch]:
    """The rows of a row group in batches of about ``BATCH_BYTES``, each good until the next is asked for.

    What has been landed is given back to the stream.

    Args:
        read: bytes of the file by range, from one place to another.
    Raises:
        StreamBrokenError: what arrives is another file than what was read by range, or a value needs more memory than
            the stream may have.
        OtherPagesError: it is not what its footer says.
        HFError, LandingCancelledError: as the stream and ``read`` raise them.
    """
    behind = read(group.end, group.last)
    if len(behind) != group.last - group.end:
        raise StreamBrokenError("the server gives no ranges")
    _wait(stream, group.begin)
    others = _others(stream, metadata, group, behind)
    content, schema = _Arriving(stream), metadata.schema.to_arrow_schema()
    starts: list[int] = []
    sizes: list[int] = []
    landed = 0

    def batch() -> pa.RecordBatch:
        view = view_of(content, group.column, np.array(starts, np.int64), np.array(sizes, np.int64))
        return with_long(others.slice(landed, len(starts)), schema, {group.column: view})

    for start, size in value_places(group.column, metadata.row_group(group.group), content):
        if starts and (start + size - starts[0] > BATCH_BYTES or len(starts) == MOST_ROWS):
            yield batch()
            landed += len(starts)
            stream.release(starts[-1] + sizes[-1])
            starts, sizes = [], []
        starts.append(start)
        sizes.append(size)
    yield batch()
    stream.release(group.end)
    _wait(stream, group.last)
    if stream.memory[group.end : group.last] != behind:
        raise StreamBrokenError("the end of a row group was another one when it was read by range")


def _others(stream: FileStream, metadata: pq.FileMetaData, group: ArrivingGroup, behind: bytes) -> pa.RecordBatch:
    """The other columns of all rows, read from a copy: what arrives meanwhile cannot change it under Arrow's hands."""
    copy = addresses(group.last)
    copy[group.first : group.begin] = stream.memory[group.first : group.begin]
    copy[group.end : group.last] = behind
    with pq.ParquetFile(pa.BufferReader(pa.py_buffer(copy)), metadata=metadata, pre_buffer=False) as file:
        names = other_columns(metadata, [group.column])
        (batch,) = file.read_row_group(group.group, names, use_threads=False).combine_chunks().to_batches()
    return batch


def _wait(stream: FileStream, end: int) -> None:
    """Wait for the bytes before ``end``, which come only as far as the stream may reach."""
    if end > stream.reach_bytes:
        raise StreamBrokenError("it needs more memory than there is")
    stream.wait(end)


class _Arriving:
    """The bytes of a stream, waited for."""

    def __init__(self, stream: FileStream) -> None:
        self._stream = stream
        self._memory = memoryview(stream.memory)
        self._there = 0

    def few(self, at: int, count: int) -> memoryview:
        return self.many(at, at + count, 0)

    def many(self, begin: int, end: int, reader: int) -> memoryview:
        if end > self._there:
            _wait(self._stream, end)
            self._there = self._stream.size_bytes
        return self._memory[begin:end]
