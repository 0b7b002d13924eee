"""Arrow arrays to JSON tokens, a column at a time and without a Python object a value.

A token is the JSON text of one value. Every function returns a ``large_string`` array without nulls, as long as its
input.
Numbers keep every digit (64-bit integers as they are, doubles in their shortest exact form), binary becomes base64,
decimals strings, times ISO 8601: with ``Z`` where the type has a time zone, without any where it has none, since then
no one knows the zone. Durations are ISO 8601 too (``PT1.5S``).
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hugflow_assets.errors import BadSourceError
from hugflow_assets.shapes.columns import is_binary, is_text

TEXT = pa.large_string()
_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"'}
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_OUT_OF_RANGE = r"^<value out of range: (-?[0-9]+)>$"


def text(value: str) -> pa.Scalar:
    """A constant token. Not by ``pa.scalar``, which imports pandas: a third of a second whenever this is imported."""
    data = value.encode()
    offsets = np.array([0, len(data)], np.int64)
    return pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))[0]


NULL, EMPTY, _QUOTE = text("null"), text(""), text('"')


def joined(*parts: Any) -> pa.Array:
    """Arrays and constants put together, element by element."""
    return pc.binary_join_element_wise(*parts, EMPTY)


def or_null(tokens: pa.Array, values: pa.Array) -> pa.Array:
    """``tokens`` with ``null`` wherever ``values`` is null."""
    return pc.if_else(pc.is_valid(values), tokens, NULL) if values.null_count else tokens


def scalar_tokens(values: pa.Array, lost: Counter[str]) -> pa.Array:
    """The tokens of an array that holds no lists and no structs.

    Args:
        values: of any primitive type.
        lost: counts of what JSON cannot say are added here: ``non_finite``, ``invalid_utf8``, ``out_of_range``.
    Raises:
        BadSourceError: a type that has no JSON form.
    """
    kind = values.type
    types = pa.types
    if types.is_null(kind):
        return pa.repeat(NULL, len(values))
    if is_text(kind):
        return or_null(quoted(escaped(values, lost)), values)
    if types.is_integer(kind) or types.is_boolean(kind):
        return values.cast(TEXT).fill_null(NULL)
    if types.is_floating(kind):
        return _floats(values, lost)
    if is_binary(kind):
        encoded = [None if one is None else base64.b64encode(one).decode() for one in values.to_pylist()]
        return or_null(quoted(pa.array(encoded, TEXT)), values)
    if types.is_decimal(kind):
        return or_null(quoted(values.cast(TEXT)), values)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
        return _times(values, lost)
    if types.is_duration(kind):
        unit = _TICKS[kind.unit]
        return or_null(
            quoted(pa.array([_duration(n, unit) for n in values.cast(pa.int64()).to_pylist()], TEXT)), values
        )
    if types.is_interval(kind):
        spans = [None if v is None else f"P{v[0]}M{v[1]}DT{_seconds(v[2], 10**9)}S" for v in values.to_pylist()]
        return or_null(quoted(pa.array(spans, TEXT)), values)
    raise BadSourceError(
        f"A column has the type {kind}, which has no JSON form.",
        remedy="Leave the column out upstream.",
        type=str(kind),
    )


def quoted(values: pa.Array) -> pa.Array:
    """Escaped texts between quotes; nulls become ``""`` and are for ``or_null``."""
    return joined(_QUOTE, values.fill_null(EMPTY) if values.null_count else values, _QUOTE)


def escaped(values: pa.Array, lost: Counter[str]) -> pa.Array:
    """Texts with what JSON needs escaped; bytes that are not UTF-8 become U+FFFD and are counted."""
    values = _valid_utf8(values.cast(TEXT), lost)
    for code in _special_bytes(values):
        values = pc.replace_substring(values, chr(code), "\\\\" if code == 92 else _SHORT.get(code, f"\\u{code:04x}"))
    return values


def _valid_utf8(values: pa.Array, lost: Counter[str]) -> pa.Array:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        mended = []
        for one in values.view(pa.large_binary()).to_pylist():
            decoded = None if one is None else one.decode(errors="replace")
            lost["invalid_utf8"] += decoded is not None and decoded.encode() != one
            mended.append(decoded)
        return pa.array(mended, TEXT)
    return values


def _special_bytes(values: pa.Array) -> list[int]:
    """The bytes in need of an escape that occur at all, the backslash first (later escapes bring their own)."""
    data = content(values)
    if not data.size:
        return []
    low = data[data < 0x20]
    found = [code for code in (92, 34) if (data == code).any()]
    return [*found, *np.unique(low).tolist()]


def content(values: pa.Array) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bytes of all texts of a ``large_string`` array, one after the other, without a copy."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int64)
    return np.frombuffer(data, np.uint8)[bounds[values.offset] : bounds[values.offset + len(values)]]


def _floats(values: pa.Array, lost: Counter[str]) -> pa.Array:
    values = values.cast(pa.float64())  # narrower floats get the digits that a double needs to be equal to them
    finite = pc.is_finite(values).fill_null(False)
    lost["non_finite"] += len(values) - values.null_count - pc.sum(finite).as_py() if len(values) else 0
    tokens = pc.if_else(finite, values.cast(TEXT), NULL)
    if pc.any(pc.equal(values, pc.trunc(values))).as_py():  # 1.0 prints as 1, which would be read as an integer
        tokens = pc.replace_substring_regex(tokens, r"^(-?[0-9]+)$", r"\1.0")
    return tokens


def _times(values: pa.Array, lost: Counter[str]) -> pa.Array:
    zone = ""
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values, zone = values.cast(pa.timestamp(values.type.unit)), "Z"
    written = values.cast(TEXT)
    beyond = pc.starts_with(written, "<").fill_null(False)
    tokens = quoted(joined(pc.replace_substring(written, " ", "T").fill_null(EMPTY), text(zone)))
    if pc.any(beyond).as_py():  # beyond the calendar: the bare number, in the unit of the type
        lost["out_of_range"] += pc.sum(beyond).as_py()
        tokens = pc.if_else(beyond, pc.replace_substring_regex(written, _OUT_OF_RANGE, r"\1"), tokens)
    return or_null(tokens, values)


def _duration(ticks: int | None, unit: int) -> str | None:
    if ticks is None:
        return None
    return f"-PT{_seconds(-ticks, unit)}S" if ticks < 0 else f"PT{_seconds(ticks, unit)}S"


def _seconds(ticks: int, unit: int) -> str:
    sign, (whole, part) = "-" * (ticks < 0), divmod(abs(ticks), unit)
    return f"{sign}{whole}.{part:0{len(str(unit)) - 1}d}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"
