"""The record's lines back as typed Arrow batches: the inverse of the encoder, as far as JSON keeps a value.

Arrow's own JSON reader parses the columns whose JSON form it knows, times and decimals as text that is cast afterwards.
What it cannot read (``Json``, durations), and lines whose values are not of the stated types, are read value by value.
The view for `datasets` and readers of a landed dataset both read the record by this, and say what becomes of its media.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as paj

from hugflow_assets.formats.text.json_values import Written, dumped, parsed

_BLOCK_BYTES = 8 << 20
_DURATION = re.compile(r"(-?)PT(-?)(\d+)(?:\.(\d+))?S")
_TICKS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_FAR_DAY = re.compile(r"(-\d+|\d{5,})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z?)?")
_NOT_TYPED = (pa.ArrowException, ValueError, TypeError, OverflowError, KeyError, ArithmeticError)


class MediaReader(Protocol):
    """What becomes of the record's media values, which are objects or null."""

    target: pa.DataType
    members: pa.StructType  # what is read of the record's value

    def array(self, values: pa.StructArray) -> pa.Array:
        """The values of ``target`` for those of ``members``."""
        ...

    def value(self, value: dict[str, Any]) -> Any:
        """The same for one value that is there."""
        ...


class MediaPaths:
    """The path alone, relative to the dataset's folder."""

    target = pa.string()
    members = pa.struct([("path", pa.string())])

    def array(self, values: pa.StructArray) -> pa.Array:
        """The paths."""
        return pc.struct_field(values, "path") if values.null_count else values.field("path")

    def value(self, value: dict[str, Any]) -> Any:
        """The path."""
        return value["path"]


class Field:
    """How one value is read: the type it gets, and the type that Arrow's JSON reader is told.

    Args:
        target: its type.
        media: it is a media value, and this reads it.
        as_json: it is kept as JSON text, whatever it is.
        absent: the record has no such column: null in every row.
    ``read`` is None where Arrow's reader has no type for it. ``filled``: a list or an object is never null, but an
    empty list, an object of nulls. `datasets` finds no files in one that is null.
    """

    def __init__(
        self,
        target: pa.DataType,
        *,
        media: MediaReader | None = None,
        as_json: bool = False,
        absent: bool = False,
    ) -> None:
        self.target, self.media, self.as_json, self.absent = target, media, as_json, absent
        self.read = None if as_json or absent else media.members if media is not None else _read_type(target)
        self.children: dict[str, Field] = {}
        self.item: Field | None = None
        self.names: list[str] = []
        self.holds_media, self.holds_json = media is not None, as_json
        self.filled = False

    @classmethod
    def of_media(cls, reader: MediaReader) -> Field:
        """A media value."""
        return cls(reader.target, media=reader)

    @classmethod
    def struct(cls, children: dict[str, Field], names: list[str] | None = None, *, filled: bool = False) -> Field:
        """An object with these members; ``names`` are those that they get, by default their own.

        Args:
            filled: never null where it holds media.
        """
        names = list(children) if names is None else names
        one = cls(pa.struct([(name, child.target) for name, child in zip(names, children.values(), strict=True)]))
        one.children, one.names = children, names
        one.holds_media = any(child.holds_media for child in children.values())
        one.holds_json = any(child.holds_json for child in children.values())
        one.filled = filled and one.holds_media
        known = all(child.read is not None for child in children.values()) and bool(children)
        one.read = pa.struct([(name, child.read) for name, child in children.items()]) if known else None
        return one

    @classmethod
    def list_of(cls, item: Field, target: pa.DataType, *, filled: bool = False) -> Field:
        """A list; ``target`` is its Arrow type, whose items are those of ``item``. ``filled`` as in ``struct``."""
        one = cls(target)
        one.item, one.holds_media, one.holds_json = item, item.holds_media, item.holds_json
        one.filled = filled and item.holds_media
        one.read = pa.list_(item.read) if item.read is not None else None
        return one


def typed_batches(
    lines: BinaryIO, size_bytes: int, fields: dict[str, Field], *, block_bytes: int = _BLOCK_BYTES
) -> Iterator[pa.RecordBatch]:
    """The next ``size_bytes`` of a record as batches of these columns, about ``block_bytes`` at a time.

    Raises:
        NotTypedError: a column holds values that are not of its type.
    """
    left, rest = size_bytes, b""
    while left or rest:
        block = lines.read(min(left, block_bytes))
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
            yield typed_batch(block[:cut], fields)
        if not left and not rest:
            return


class NotTypedError(ValueError):
    """Values of a column are not of the type that its features say."""

    def __init__(self, column: str, why: Exception) -> None:
        super().__init__(f"column {column!r}: {why}")
        self.column = column


def typed_batch(block: bytes, fields: dict[str, Field]) -> pa.RecordBatch:
    """Whole lines of a record as one batch of these columns.

    Raises:
        NotTypedError: a column holds values that are not of its type.
    """
    rows = _Rows(block)
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
        columns[name] = _by_value(rows, name, field)
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


class _Rows:
    """The lines of a block as values, each way of reading them made when it is asked for."""

    def __init__(self, block: bytes) -> None:
        self._lines = [line for line in block.split(b"\n") if line]
        self._plain: list[dict[str, Any]] | None = None
        self._exact: list[dict[str, Any]] | None = None

    def values(self, name: str) -> list[Any]:
        """A column as Python has its values."""
        if self._plain is None:
            self._plain = [json.loads(line) for line in self._lines]
        return [row.get(name) for row in self._plain]

    def as_written(self, name: str) -> list[Any]:
        """A column for ``dumped``, with every number as it is written: Python's own end at 1.8e308."""
        if self._exact is None:
            lost: Counter[str] = Counter()  # stays empty: the record holds nothing that JSON cannot say
            self._exact = [parsed(line, lost)[0] for line in self._lines]
        return [row.get(name) for row in self._exact]


def _by_value(rows: _Rows, name: str, field: Field) -> pa.Array:
    try:
        values = rows.as_written(name) if field.holds_json else rows.values(name)
        return pa.array([_value(one, field) for one in values], field.target)
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
    if field.media is not None:
        return field.media.array(values)
    if field.children:
        children = [
            _finished(part, child) for part, child in zip(values.flatten(), field.children.values(), strict=True)
        ]
        mask = None if field.filled else values.is_null()
        return pa.StructArray.from_arrays(children, field.names, mask=mask)
    if field.item is not None:
        return _finished_list(values, field.item, field)
    return _cast(values, field.target)


def _finished_list(values: pa.ListArray, item: Field, field: Field) -> pa.Array:
    target = field.target
    if pa.types.is_fixed_size_list(target):
        lengths = pc.unique(pc.list_value_length(values).drop_null()).to_pylist()
        if values.null_count or any(length != target.list_size for length in lengths):
            raise ValueError("a list of another length, or none")
        return pa.FixedSizeListArray.from_arrays(_finished(values.flatten(), item), type=target)
    items = _finished(values.values, item)
    mask = values.is_null() if values.null_count and not field.filled else None
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
    if value is None and field.filled:
        return [] if field.item is not None else dict.fromkeys(field.names)
    if value is None:
        return None
    if field.as_json:
        return dumped(value).decode()
    if field.media is not None:
        return field.media.value(value)
    if field.children:
        pairs = zip(field.names, field.children.items(), strict=True)
        return {name: _value(value.get(member), child) for name, (member, child) in pairs}
    if field.item is not None:
        return [_value(one, field.item) for one in value]
    return _scalar(value, field.target)


def _scalar(value: Any, target: pa.DataType) -> Any:
    types = pa.types
    if isinstance(value, Written):
        value = json.loads(value.text)
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
        far = _FAR_DAY.fullmatch(value)
        return _far_moment(far, target) if far is not None else _cast(pa.array([value]), target)[0]
    if types.is_integer(target) and isinstance(value, bool):
        raise TypeError(f"{value!r} is no number")
    return value


def _far_moment(found: re.Match[str], target: pa.DataType) -> pa.Scalar:
    """A day, or a moment, of a year that has not four digits, which Arrow writes and does not read.

    Days from the civil calendar as Howard Hinnant's ``days_from_civil`` has them.
    """
    month = int(found[2])
    year = int(found[1]) - (month <= 2)
    era, day_of_year = year // 400, (153 * ((month + 9) % 12) + 2) // 5 + int(found[3]) - 1
    year_of_era = year - era * 400
    days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
    if pa.types.is_date32(target):
        return pa.scalar(days, pa.int32()).cast(target)
    digits = 3 if pa.types.is_date64(target) else _TICKS[target.unit]
    hour, minute, second = (int(found[at] or 0) for at in (4, 5, 6))
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    return pa.scalar(seconds * 10**digits + int((found[7] or "").ljust(digits, "0")[:digits] or 0)).cast(target)


def _ticks(text: str, unit: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    digits = _TICKS[unit]
    ticks: int = int(found[3]) * 10**digits + int((found[4] or "").ljust(digits, "0")[:digits] or 0)
    return -ticks if found[1] or found[2] else ticks
