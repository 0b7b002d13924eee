"""Which columns of text are numbers: those whose every value is written as that number would be written.

``007``, ``+1``, ``1.50`` and ``1e5`` are text, and so is a column with one of them. Integers are those of 64 bits;
floats have their shortest form that reads back as the same double (``0.1``, ``3.0``, ``1e-07``), as Python writes it.
Nulls say nothing.
"""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

TEXT, NATURAL, WHOLE, LARGE, FLOAT, NOTHING = "text", "natural", "whole", "large", "float", "nothing"
_INTEGER = r"^(?:0|-?[1-9][0-9]{0,17})$"
_NATURAL = r"^(?:0|[1-9][0-9]{0,17})$"
_BOTH = {frozenset({NATURAL, WHOLE}): WHOLE, frozenset({NATURAL, LARGE}): LARGE}
_TYPES = {NATURAL: pa.int64(), WHOLE: pa.int64(), LARGE: pa.uint64(), FLOAT: pa.float64()}


def narrowed(known: str, values: pa.Array) -> str:
    """The kind of a column of which ``known`` is the kind so far (``NOTHING`` at first), and these are more values."""
    if known == TEXT or values.null_count == len(values):
        return known
    return both(known, _kind(values.drop_null()))


def both(left: str, right: str) -> str:
    """The kind of a column of which one part is of one kind, and another of another."""
    if right == NOTHING or left == right:
        return left
    return right if left == NOTHING else _BOTH.get(frozenset({left, right}), TEXT)


def as_numbers(kind: str, values: pa.Array) -> pa.Array:
    """A column of text as what its kind says."""
    return values.cast(_TYPES[kind]) if kind in _TYPES else values


def arrow_type(kind: str) -> pa.DataType:
    """The type of such a column; one without a value is text."""
    return _TYPES.get(kind, pa.string())


def _kind(values: pa.Array) -> str:
    first = _kind_of(values[0].as_py())
    if first == TEXT:
        return TEXT
    if first == FLOAT:
        return FLOAT if _are_floats(values) else TEXT
    if pc.all(pc.match_substring_regex(values, _INTEGER)).as_py():
        return NATURAL if pc.all(pc.match_substring_regex(values, _NATURAL)).as_py() else WHOLE
    kind = first
    for value in values.to_pylist():
        one = _kind_of(value)
        kind = kind if kind == one else _BOTH.get(frozenset({kind, one}), TEXT)
        if kind == TEXT:
            break
    return kind


def _are_floats(values: pa.Array) -> bool:
    try:
        written = values.cast(pa.float64()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    if "." not in values[-1].as_py() and _kind_of(values[-1].as_py()) != FLOAT:
        return False
    with_point = pc.match_substring(values, ".")
    same = pc.and_(pc.equal(written, values), with_point)
    return all(_kind_of(one) == FLOAT for one in values.filter(pc.invert(same)).to_pylist())


def _kind_of(text: str) -> str:
    if not text.isascii() or text[:1] not in "-0123456789":
        return TEXT
    if text.removeprefix("-").isdigit():
        if len(text) > 20 or str(value := int(text)) != text or not -(1 << 63) <= value < 1 << 64:
            return TEXT
        return WHOLE if value < 0 else NATURAL if value < 1 << 63 else LARGE
    try:
        number = float(text)
    except ValueError:
        return TEXT
    return FLOAT if math.isfinite(number) and repr(number) == text else TEXT
