"""Long values of parquet, read where they lie.

`datasets` writes media in PLAIN pages that are not compressed. Arrow copies every such value, into memory that is new
each time. Here the values stay where the file's bytes are and a batch refers to them (``binary_view``). A column chunk
that is not exactly of this kind, or not what its headers say, is left to Arrow, which also names what is wrong with it.

Source: the specification of the Parquet format. A page header is a struct in Thrift's compact protocol; a PLAIN value
is its length in four bytes and itself.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.formats import parquet_thrift as thrift
from hugflow_assets.shapes.parquet.byte_views import Numbers, as_views

_LEAST_BYTES = 1 << 10  # of a value on the average; shorter ones Arrow reads as fast
_SHORT_HEADER_BYTES = 256
_DATA_PAGE, _DATA_PAGE_V2, _PLAIN = 0, 3, 0
_LENGTH = struct.Struct("<i")


class OtherPagesError(Exception):
    """The pages are not of the kind that is read here, or not what they say."""


class Bytes(Protocol):
    """The bytes of a file, those of the row group that is read being there."""

    def few(self, at: int, count: int) -> bytes | memoryview:
        """Some bytes to look at; fewer where the file ends."""
        ...

    def many(self, begin: int, end: int, reader: int) -> memoryview:
        """Bytes to work with until the same reader asks for more."""
        ...


class MemoryBytes:
    """A file that is in memory."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def few(self, at: int, count: int) -> memoryview:
        return self._memory[at : at + count]

    def many(self, begin: int, end: int, reader: int) -> memoryview:
        return self._memory[begin:end]


class DiskBytes:
    """A file on the disk, read into memory that is used again and again."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._buffers: dict[int, bytearray] = {}

    def few(self, at: int, count: int) -> bytes:
        return os.pread(self._handle, count, at)

    def many(self, begin: int, end: int, reader: int) -> memoryview:
        if len(self._buffers.get(reader, b"")) < end - begin:
            self._buffers[reader] = bytearray((end - begin) * 5 // 4)  # batches are not all of one size
        wanted, done = memoryview(self._buffers[reader])[: end - begin], 0
        while done < len(wanted):
            count = os.preadv(self._handle, [wanted[done:]], begin + done)
            if not count:
                raise OSError(errno.EIO, "The file has become shorter")
            done += count
        return wanted


@dataclass(frozen=True)
class LongColumn:
    """A leaf of bytes: a column (``child`` is None) or a field of a struct that is a column.

    ``leaf`` is its number among Parquet's columns, ``column`` and ``child`` are those of the Arrow schema.
    """

    leaf: int
    column: int
    child: int | None
    has_levels: bool


def view_of(file: Bytes, column: LongColumn, starts: Numbers, sizes: Numbers) -> pa.Array:
    """Values of a long column as ``binary_view``: the file's own bytes, good until more of them are asked for."""
    begin, end = (int(starts[0]), int(starts[-1] + sizes[-1])) if len(starts) else (0, 0)
    return as_views(file.many(begin, end, column.leaf), starts - begin, sizes)


@dataclass(frozen=True)
class LongValues:
    """A long column's values in one row group, none of them null: where each starts in the file, and its size."""

    column: LongColumn
    file: Bytes
    starts: Numbers
    sizes: Numbers

    def view(self, first: int, count: int) -> pa.Array:
        """Some rows' values; see ``view_of``."""
        return view_of(self.file, self.column, self.starts[first : first + count], self.sizes[first : first + count])


def long_columns(metadata: pq.FileMetaData) -> list[LongColumn]:
    """The leaves that may be read here; none where columns cannot be told apart by their names."""
    leaves = metadata.schema
    schema = leaves.to_arrow_schema()
    names = schema.names
    if len(set(names)) < len(names) or any("." in name for name in names):
        return []
    found = []
    for number in range(len(leaves)):
        leaf = leaves.column(number)
        name, _, inner = leaf.path.partition(".")
        if leaf.physical_type != "BYTE_ARRAY" or leaf.max_repetition_level or name not in names:
            continue
        column, child = names.index(name), None
        kind = schema.field(column).type
        if inner:
            child = kind.get_field_index(inner) if pa.types.is_struct(kind) else -1
            if child < 0:
                continue
            kind = kind.field(child).type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            found.append(LongColumn(number, column, child, leaf.max_definition_level > 0))
    return found


def long_values(column: LongColumn, group: pq.RowGroupMetaData, file: Bytes) -> LongValues | None:
    """A long column's values in a row group, or None where Arrow has to read them."""
    if not is_plain(column, group):
        return None
    try:
        places = np.array(list(value_places(column, group, file)), np.int64)
    except OtherPagesError:
        return None
    return LongValues(column, file, places[:, 0], places[:, 1])


def is_plain(column: LongColumn, group: pq.RowGroupMetaData) -> bool:
    """Whether the footer says that there are long values in PLAIN pages, none of them compressed or null."""
    chunk, rows = group.column(column.leaf), group.num_rows
    statistics = chunk.statistics
    return bool(
        rows
        and chunk.num_values == rows
        and chunk.compression == "UNCOMPRESSED"
        and not chunk.has_dictionary_page
        and statistics is not None
        and statistics.has_null_count
        and not statistics.null_count
        and chunk.total_uncompressed_size >= rows * _LEAST_BYTES
    )


def value_places(column: LongColumn, group: pq.RowGroupMetaData, file: Bytes) -> Iterator[tuple[int, int]]:
    """Where each value of a plain column starts in the file, and its size; as many as there are rows.

    Raises:
        OtherPagesError: they are not what the footer says, or otherwise not for reading here.
    """
    try:
        for at, end, count in _pages(group.column(column.leaf), file, column.has_levels):
            yield from _values(file, at, end, count)
    except (thrift.MalformedError, struct.error) as error:
        raise OtherPagesError("a page has no header that can be read") from error


def _pages(chunk: pq.ColumnChunkMetaData, file: Bytes, has_levels: bool) -> Iterator[tuple[int, int, int]]:
    """Where the values of each page begin and end, and how many they are."""
    at, left = chunk.data_page_offset, chunk.num_values
    last = at + chunk.total_compressed_size
    while left > 0:
        header, size = _header(file, at, last)
        at += size
        end = at + _number(header, 3)
        if _number(header, 2) != end - at or not at < end <= last:
            raise OtherPagesError("a page is compressed, or ends outside of its column")
        if (kind := _number(header, 1)) == _DATA_PAGE:
            facts = header.get(5)
            encoding, levels = _number(facts, 2), 4 + _LENGTH.unpack(file.few(at, 4))[0] if has_levels else 0
        elif kind == _DATA_PAGE_V2:
            facts = header.get(8)
            encoding, levels = _number(facts, 4), _number(facts, 5) + _number(facts, 6)
        else:
            raise OtherPagesError("a page holds no data")
        count = _number(facts, 1)
        if encoding != _PLAIN or not 0 < count <= left or not 0 <= levels <= end - at:
            raise OtherPagesError("a page is not PLAIN, or has more values than its column")
        yield at + levels, end, count
        at, left = end, left - count


def _header(file: Bytes, at: int, last: int) -> tuple[dict[int, Any], int]:
    """A page header and its size; nearly all are short, but for statistics with whole values in them."""
    try:
        return thrift.read_struct(file.few(at, min(last - at, _SHORT_HEADER_BYTES)))
    except thrift.MalformedError:
        return thrift.read_struct(file.few(at, min(last - at, thrift.MOST_BYTES)))


def _number(fields: Any, name: int) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(value, int):
        raise OtherPagesError("a page header lacks a number")
    return value


def _values(file: Bytes, at: int, end: int, count: int) -> Iterator[tuple[int, int]]:
    """Walk from value to value: there are as many as were told, and they end where the page does."""
    for _ in range(count):
        size = _LENGTH.unpack(file.few(at, 4))[0]
        at += 4
        if size < 0 or at + size > end:
            raise OtherPagesError("a value does not end in its page")
        yield at, size
        at += size
    if at != end:
        raise OtherPagesError("a page has more than its values")
