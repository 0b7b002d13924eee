"""The record's lines back as typed Arrow batches: the inverse of the encoder, as far as JSON keeps a value.

Arrow's own JSON reader parses the columns whose JSON form it knows, times and decimals as text that is cast afterwards.
What it cannot read (``Json``, durations), and lines whose values are not of the stated types, are read value by value.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as paj

_BLOCK_BYTES = 8 << 20
_DURATION = re.compile(r"(-?)PT(-?)(\d+)(?:\.(\d+))?S")
_TICKS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_NOT_TYPED = (pa.ArrowException, ValueError, TypeError, OverflowError, KeyError, ArithmeticError)


_HALF_LETTER = re.compile(r"[\ud800-\udfff]")


class Field:
    """How one value is read: the type it gets, and the type that Arrow's JSON reader is told.

    Args:
        target: its type.
        media: the value is a media value, of which the path is read.
        as_json: it is kept as JSON text, whatever it is.
        absent: the record has no such column: null in every row.
    ``read`` is None where Arrow's reader has no type for it. A list or an object that holds media is never null, since
    `datasets` finds no files in one that is: an empty list, an object of nulls.
    """

    def __init__(
        self, target: pa.DataType, *, media: bool = False, as_json: bool = False, absent: bool = False
    ) -> None:
        self.target, self.media, self.as_json, self.absent = target, media, as_json, absent
        self.read = None if as_json or absent else pa.struct([("path", pa.string())]) if media else _read_type(target)
        self.children: dict[str, Field] = {}
        self.item: Field | None = None
        self.names: list[str] = []
        self.holds_media = media

    @classmethod
    def struct(cls, children: dict[str, Field], names: list[str] | None = None) -> Field:
        """An object with these members; ``names`` are those that they get, by default their own."""
        names = list(children) if names is None else names
        one = cls(pa.struct([(name, child.target) for name, child in zip(names, children.values(), strict=True)]))
        one.children, one.names = children, names
        one.holds_media = any(child.holds_media for child in children.values())
        known = all(child.read is not None for child in children.values()) and bool(children)
        one.read = pa.struct([(name, child.read) for name, child in children.items()]) if known else None
        return one

    @classmethod
    def list_of(cls, item: Field, target: pa.DataType) -> Field:
        """A list; ``target`` is its Arrow type, whose items are those of ``item``."""
        one = cls(target)
        one.item, one.holds_media = item, item.holds_media
        one.read = pa.list_(item.read) if item.read is not None else None
        return one


def typed_batches(lines: BinaryIO, size_bytes: int, fields: dict[str, Field]) -> Iterator[pa.RecordBatch]:
    """The next ``size_bytes`` of a record as batches of these columns, a few MB at a time.

    Raises:
        NotTypedError: a column holds values that are not of its type.
    """
    left, rest = size_bytes, b""
    while left or rest:
        block = lines.read(min(left, _BLOCK_BYTES))
        left -= len(block)
        if not block:
            left = 0
        block = rest + block
        cut = block.rfind(b"\n") + 1 if left else len(block)
        if not cut:
            rest = block
            continue
        rest = block[cut:]
        if cut:
            yield _typed(block[:cut], fields)
        if not left and not rest:
            return


class NotTypedError(ValueError):
    """Values of a column are not of the type that its features say."""

    def __init__(self, column: str, why: Exception) -> None:
        super().__init__(f"column {column!r}: {why}")
        self.column = column


def _typed(block: bytes, fields: dict[str, Field]) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    quick = {name: field for name, field in fields.items() if field.read is not None}
    table = _parsed(block, quick) if quick else None
    columns = {}
    for name, field in fields.items():
        if field.absent:
            columns[name] = pa.nulls(block.count(b"\n"), field.target)
            continue
        if table is not None and name in quick:
            try:
                columns[name] = _finished(_one_chunk(table[name]), field)
                continue
            except _NOT_TYPED:
                pass  # some value is of no form that Arrow casts: read one by one
        rows = rows or [json.loads(line) for line in block.split(b"\n") if line]
        columns[name] = _by_value([row.get(name) for row in rows], name, field)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _parsed(block: bytes, fields: dict[str, Field]) -> pa.Table | None:
    schema = pa.schema([(name, field.read) for name, field in fields.items()])
    options = paj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        return paj.read_json(
            pa.BufferReader(block), paj.ReadOptions(use_threads=False, block_size=len(block) + 1), options
        )
    except pa.ArrowException:
        return None  # the values are read one by one then


def _one_chunk(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def _by_value(values: list[Any], name: str, field: Field) -> pa.Array:
    try:
        read = [_value(one, field) for one in values]
        if field.as_json:
            return pa.array(read, pa.string())
        return pa.array(read, field.target)
    except _NOT_TYPED as error:
        raise NotTypedError(name, error) from error


# ---- by Arrow


def _read_type(target: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_duration(target) or types.is_interval(target) or types.is_map(target):
        return None
    if types.is_large_string(target) or types.is_string(target) or types.is_boolean(target) or types.is_null(target):
        return target
    if types.is_integer(target):
        return target
    if types.is_floating(target):
        return pa.float64()
    return pa.string()


def _finished(values: pa.Array, field: Field) -> pa.Array:
    if field.media:
        return values.field("path") if not values.null_count else pc.struct_field(values, "path")
    if field.children:
        children = [
            _finished(part, child) for part, child in zip(values.flatten(), field.children.values(), strict=True)
        ]
        mask = None if field.holds_media else values.is_null()
        return pa.StructArray.from_arrays(children, field.names, mask=mask)
    if field.item is not None:
        return _finished_list(values, field.item, field.target)
    return _cast(values, field.target)


def _finished_list(values: pa.ListArray, item: Field, target: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(target):
        lengths = pc.unique(pc.list_value_length(values).drop_null()).to_pylist()
        if values.null_count or any(length != target.list_size for length in lengths):
            raise ValueError("a list of another length, or none")
        return pa.FixedSizeListArray.from_arrays(_finished(values.flatten(), item), type=target)
    items = _finished(values.values, item)
    mask = values.is_null() if values.null_count and not item.holds_media else None
    plain = pa.ListArray.from_arrays(values.offsets, items, mask=mask)
    return plain.cast(target) if pa.types.is_large_list(target) else plain


def _cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    types = pa.types
    if values.type.equals(target):
        return values
    if types.is_binary(target) or types.is_large_binary(target) or types.is_fixed_size_binary(target):
        return pa.array([None if one is None else base64.b64decode(one) for one in values.to_pylist()], target)
    if types.is_timestamp(target):
        if target.tz is None:
            return values.cast(target)
        return values.cast(pa.timestamp(target.unit, "UTC")).cast(target)
    if types.is_time(target):  # Arrow casts no text to a time of day
        days = pc.binary_join_element_wise(pa.scalar("1970-01-01T"), values, pa.scalar(""))
        return days.cast(pa.timestamp(target.unit)).cast(target)
    if types.is_date64(target):
        return values.cast(pa.date32()).cast(target)
    return values.cast(target)


# ---- value by value


def _value(value: Any, field: Field) -> Any:
    if value is None and field.holds_media and not field.media:
        return [] if field.item is not None else dict.fromkeys(field.names)
    if value is None:
        return None
    if field.as_json:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text if _HALF_LETTER.search(text) is None else json.dumps(value)  # which only escapes can write
    if field.media:
        return value["path"]
    if field.children:
        pairs = zip(field.names, field.children.items(), strict=True)
        return {name: _value(value.get(member), child) for name, (member, child) in pairs}
    if field.item is not None:
        return [_value(one, field.item) for one in value]
    return _scalar(value, field.target)


def _scalar(value: Any, target: pa.DataType) -> Any:
    types = pa.types
    if types.is_string(target) or types.is_large_string(target):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no text")
        return value
    if types.is_decimal(target):
        return Decimal(value)
    if types.is_binary(target) or types.is_large_binary(target) or types.is_fixed_size_binary(target):
        return base64.b64decode(value, validate=True)
    if types.is_duration(target):
        return _ticks(value, target.unit)
    if types.is_temporal(target):
        if isinstance(value, int):  # beyond the calendar: the bare number, in the unit of the type
            return pa.scalar(value, pa.int64()).cast(target)
        return _cast(pa.array([value]), target)[0]
    if types.is_integer(target) and isinstance(value, bool):
        raise TypeError(f"{value!r} is no number")
    return value


def _ticks(text: str, unit: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    digits = _TICKS[unit]
    ticks: int = int(found[3]) * 10**digits + int((found[4] or "").ljust(digits, "0")[:digits] or 0)
    return -ticks if found[1] or found[2] else ticks
