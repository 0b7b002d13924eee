"""Which columns the views are made of: the audio, the text, and what the others are called there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hugflow_assets.errors import ColumnNotFoundError
from hugflow_assets.formats.text_columns import TEXT_COLUMNS, meant_text_column, usual_text_column
from hugflow_assets.wording import nearest_first


@dataclass(frozen=True)
class ViewColumns:
    """``audio`` and ``text`` as dotted names (``turns.audio``); None: there is none, or no views are made."""

    audio: str | None = None
    text: str | None = None


_LANDED_AUDIO = {"path", "source_path", "duration", "sampling_rate", "num_channels"}


def choose_columns(
    features: Iterable[dict[str, Any] | None],
    audio_column: str | None,
    text_column: str | None,
    rows: Iterable[dict[str, Any]] = (),
) -> ViewColumns:
    """The columns asked for, else the first audio column and the first of ``TEXT_COLUMNS`` that exists.

    ``text`` is an alias where no column is called so, see ``meant_text_column``.

    Args:
        features: ``Features.to_dict()`` of each config that lands; None where upstream has none to tell.
        rows: some rows of the record, looked at where no config has features.
    Raises:
        ColumnNotFoundError: a column asked for is in none of the configs.
    """
    known = [one for one in features if one is not None]
    fields = {name: kind for one in known or [_seen(rows)] for name, kind in _fields(one)}
    if text_column is not None:
        text_column = meant_text_column(text_column, fields)
    if known:
        _require(audio_column, "audio_column", [name for name, kind in fields.items() if kind == "Audio"])
        _require(text_column, "text_column", list(fields))
    audio = audio_column or next((name for name, kind in fields.items() if kind == "Audio"), None)
    text = text_column or usual_text_column(fields)
    if text is None and audio is not None and "." in audio:
        beside = audio.rpartition(".")[0]
        text = next((f"{beside}.{name}" for name in TEXT_COLUMNS if f"{beside}.{name}" in fields), None)
    return ViewColumns(audio, text)


def _seen(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Features as far as rows of the record show them: which columns there are, and which are audio."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            is_audio = isinstance(value, dict) and set(value) == _LANDED_AUDIO
            found[name] = (
                {"_type": "Audio"}
                if is_audio or (name in found and found[name]["_type"] == "Audio")
                else {"_type": "Value"}
            )
    return found


def _require(column: str | None, variable: str, existing: list[str]) -> None:
    if column is None or column in existing:
        return
    near = nearest_first(column, existing)
    what = "audio column" if variable == "audio_column" else "column"
    raise ColumnNotFoundError(
        f"{variable}: the dataset has no {what} {column!r}; it has {', '.join(near[:10]) or 'none'}.",
        remedy=f"Set {variable} to one of these, or leave it out.",
        column=column,
        existing=near,
    )


def _fields(feature: Any, name: str = "") -> Iterable[tuple[str, str | None]]:
    """Every field by its dotted name, lists looked through, with its type's name; columns before what is in them."""
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if not isinstance(feature, dict):
        return
    kind = feature.get("_type")
    if isinstance(kind, str):
        if name:
            yield name, kind
        if "feature" in feature:
            yield from (pair for pair in _fields(feature["feature"], name) if pair[0] != name or pair[1] == "Audio")
        return
    if name:
        yield name, None
    if set(feature) == {"bytes", "path"} and "binary" in str((feature["bytes"] or {}).get("dtype")):
        yield name, "Audio"
        return
    pairs = [(child, f"{name}.{child}" if name else child) for child in feature]
    if not name:
        found = {dotted: list(_fields(feature[child], dotted)) for child, dotted in pairs}
        yield from (field for fields in found.values() for field in fields)
        return
    for child, dotted in pairs:
        yield from _fields(feature[child], dotted)


def values_at(row: dict[str, Any], names: list[str]) -> list[Any]:
    """The values of a dotted name in a row: one, or as many as the lists on the way hold."""
    if len(names) == 1 and not isinstance(value := row.get(names[0]), list):
        return [value]  # nearly every one
    found: list[Any] = [row]
    for name in names:
        found = [one.get(name) if isinstance(one, dict) else None for one in _flat(found)]
    return list(_flat(found))


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


class Renaming:
    """What the other columns are called in a view: ``src_…`` where the view has a field of that name itself.

    Args:
        own: the view's own field names.
        same: the column whose meaning is that of the field of its name (a text column called ``text``); left out.
        dropped: the column that the audio is in; left out.
    """

    def __init__(self, own: frozenset[str], same: str | None, dropped: str | None) -> None:
        self._own, self._left_out = own, {same if same in own else None, dropped}
        self._names: dict[tuple[str, ...], dict[str, str]] = {}

    def names(self, columns: Iterable[str]) -> dict[str, str]:
        """Column -> name in the view, without those left out."""
        key = tuple(columns)
        if key not in self._names:
            taken = {name for name in key if name not in self._own}
            names = {}
            for column in key:
                if column in self._left_out:
                    continue
                name = column
                while name in self._own or (name != column and name in taken):
                    name = f"src_{name}"
                taken.add(name)
                names[column] = name
            self._names[key] = names
        return self._names[key]
