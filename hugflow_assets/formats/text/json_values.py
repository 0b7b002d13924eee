"""JSON texts as values and as they go into the record: every number as it is written, nothing lost in silence.

What JSON does not have (NaN, infinities) becomes null, and of a name that an object has twice the last value stays, as
every reader of JSON takes it; both are counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import orjson

NON_FINITE, DUPLICATES = "non_finite", "duplicate_keys"
_LONG = re.compile(rb"(?<![.\d])\d{19}")  # digits of an integer that 64 bits may not hold
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = b" \t\r\n"


class Written:
    """A text that goes into JSON as it is: a number that no number of Python says."""

    __slots__ = ("is_whole", "text")

    def __init__(self, text: str, *, is_whole: bool = False) -> None:
        self.text, self.is_whole = text, is_whole


def loads(line: bytes | str) -> Any:
    """The value of a line of the record, or of any JSON; numbers beyond a double and halves of letters are no error."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def parsed(text: bytes, lost: Counter[str]) -> tuple[Any, bool]:
    """The value of a JSON text for ``dumped``, and whether the text itself says it as the record may hold it.

    Numbers that Python's own would change are ``Written``.

    Args:
        lost: counts what is left out: ``non_finite``, ``duplicate_keys``.
    Raises:
        ValueError: it is no JSON.
    """
    if _LONG.search(text) is None:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # no JSON, or some that it does not read
        else:
            if len(orjson.dumps(value).translate(None, _SPACE)) == len(text.translate(None, _SPACE)):
                return value, True
    return _Exact(lost).value(text)


def one_line(text: str, lost: Counter[str]) -> str:
    """A JSON text as one line of it.

    Raises:
        ValueError: it is no JSON.
    """
    data = text.encode("utf-8")
    value, is_whole = parsed(data, lost)
    if is_whole and b"\n" not in data and b"\r" not in data:
        return text.strip()
    return dumped(value).decode()


def dumped(value: Any) -> bytes:
    """The text of a value that ``parsed`` gave."""
    try:
        return orjson.dumps(value, default=_fragment)
    except TypeError:  # halves of letters; only Python's own writes these
        return orjson.dumps(_without_halves(value), default=_fragment)


def _fragment(value: Any) -> orjson.Fragment:
    if isinstance(value, Written):
        return orjson.Fragment(value.text)
    raise TypeError


def _without_halves(value: Any) -> Any:
    if isinstance(value, str) and _SURROGATE.search(value):
        return Written(json.dumps(value))
    if isinstance(value, list):
        return [_without_halves(one) for one in value]
    if isinstance(value, dict):
        if any(_SURROGATE.search(name) for name in value):
            raise ValueError("the name of a member is no text: it has half of a letter")
        return {name: _without_halves(one) for name, one in value.items()}
    return value


class _Exact:
    def __init__(self, lost: Counter[str]) -> None:
        self._lost, self._changed = lost, False

    def value(self, text: bytes) -> tuple[Any, bool]:
        try:
            value = json.loads(
                text.decode("utf-8"),
                object_pairs_hook=self._object,
                parse_constant=self._nothing,
                parse_float=_number,
                parse_int=_integer,
            )
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return value, not self._changed

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            self._lost[DUPLICATES] += len(pairs) - len(made)
            self._changed = True
        return made

    def _nothing(self, _: str) -> None:
        self._lost[NON_FINITE] += 1
        self._changed = True


def _number(text: str) -> Any:
    value = float(text)
    return value if repr(value) == text else Written(text)


def _integer(text: str) -> Any:
    value = int(text) if len(text) < 21 else 1 << 64
    return value if -(1 << 63) <= value < 1 << 64 and text != "-0" else Written(text, is_whole=True)
