"""Rows of a landed record: values by dotted names, and the clips that a row has, each with its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson


def value_at(row: Any, names: Iterable[str]) -> Any:
    """The value of a dotted name; None where something on the way is no object."""
    for name in names:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def values_at(row: dict[str, Any], names: list[str]) -> list[Any]:
    """The values of a dotted name in a row: one, or as many as the lists on the way hold."""
    if len(names) == 1 and not isinstance(value := row.get(names[0]), list):
        return [value]  # nearly every one
    found: list[Any] = [row]
    for name in names:
        found = [one.get(name) if isinstance(one, dict) else None for one in _flat(found)]
    return list(_flat(found))


def audio_values(
    row: dict[str, Any], name: str, audios: Sequence[tuple[str, list[str]]], text: list[str] | None
) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Every audio value of a row with an id and its text.

    A row with a clip in one of several audio columns is one utterance, as if there were one column; a row with clips in
    several is as many, each named by its column. A row without any is one utterance without a path.

    Args:
        name: the id of the row.
        audios: the audio columns, each with its dotted name's parts.
        text: likewise the parts of the text column.
    """
    found = [(column, values_at(row, path)) for column, path in audios]
    filled = [pair for pair in found if any(map(_path, pair[1]))] if len(found) > 1 else found
    texts = values_at(row, text) if text else []
    for column, values in filled or found[:1]:
        own = f"{name}-{column}" if len(filled) > 1 else name
        for at, value in enumerate(values):
            said = texts[at] if len(texts) == len(values) else texts[0] if len(texts) == 1 else None
            yield own if len(values) == 1 else f"{own}-{at}", value if isinstance(value, dict) else {}, _as_text(said)


def first_text(row: dict[str, Any], columns: Iterable[str]) -> str | None:
    """The first of these columns that holds a text, or a whole number as text (speaker 103)."""
    for column in columns:
        value = row.get(column)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    return None


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _path(value: Any) -> Any:
    return value.get("path") if isinstance(value, dict) else None


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one
