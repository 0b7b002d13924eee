"""Which columns the views are made of: the audio, the text, and what the others are called there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hugflow_assets.errors import ColumnNotFoundError
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.formats.text.text_columns import TEXT_COLUMNS, meant_text_column, usual_text_column
from hugflow_assets.landing.tree.paths import ViewSplit
from hugflow_assets.wording import nearest_first


@dataclass(frozen=True)
class ViewColumns:
    """Which columns are the audio and the text, as dotted names (``turns.audio``).

    Attributes:
        audios: every audio column, or the one that was asked for. A row may have a clip in several of them.
        text: None: there is none.
        alias: the text column again, where it was asked for under another name than ``text``: what `datasets` loads
            has it as ``text`` too.
    """

    audios: tuple[str, ...] = ()
    text: str | None = None
    alias: str | None = None

    @property
    def audio(self) -> str | None:
        """The first audio column."""
        return self.audios[0] if self.audios else None


_LOOKED_AT = 100
_LANDED_AUDIO = {"path", "source_path", "duration", "sampling_rate", "num_channels"}
_IN_TAR = {"tar", "offset", "size"}


def choose_columns(
    features: Iterable[dict[str, Any] | None],
    audio_column: str | None,
    text_column: str | None,
    rows: Iterable[dict[str, Any]] = (),
) -> ViewColumns:
    """The columns asked for, else all audio columns and the first of ``TEXT_COLUMNS`` that exists.

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
    found = tuple(name for name, kind in fields.items() if kind == "Audio")
    if known:
        _require(audio_column, "audio_column", list(found))
        _require(text_column, "text_column", list(fields))
    audios = found if audio_column is None else (audio_column,)
    text = text_column or usual_text_column(fields)
    if text is None and audios and "." in audios[0]:
        beside = audios[0].rpartition(".")[0]
        text = next((f"{beside}.{name}" for name in TEXT_COLUMNS if f"{beside}.{name}" in fields), None)
    return ViewColumns(audios, text, text_column if text_column != "text" else None)


def first_rows(root: Path, splits: Iterable[ViewSplit]) -> Iterator[dict[str, Any]]:
    """Some rows of every record, to see what columns there are."""
    for split in splits:
        with (root / split.record).open("rb") as lines:
            yield from map(loads, islice(lines, _LOOKED_AT))


def features_seen(root: Path, config: str, splits: Iterable[ViewSplit]) -> dict[str, Any]:
    """The features of a config that has none, as some of its rows show them."""
    rows = list(first_rows(root, [one for one in splits if one.config == config]))
    found = _seen(rows)
    for name, feature in found.items():
        if feature["_type"] == "Value":
            kinds = {type(value) for row in rows if (value := row.get(name)) is not None}
            found[name] = {"_type": "Value", "dtype": _DTYPES[kinds.pop()]} if kinds in _PLAIN else {"_type": "Json"}
    return found


_DTYPES: dict[type, str] = {str: "string", int: "int64", float: "float64", bool: "bool"}
_PLAIN: tuple[set[type], ...] = tuple({kind} for kind in _DTYPES)


def _seen(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Features as far as rows of the record show them: which columns there are, and which are audio."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            is_audio = isinstance(value, dict) and set(value) - _IN_TAR == _LANDED_AUDIO
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


class Renaming:
    """What the other columns are called in a view: ``src_…`` where the view has a field of that name itself.

    Args:
        own: the view's own field names.
        left_out: columns that the view says in a field of its own, and those that the audio is in.
    """

    def __init__(self, own: frozenset[str], left_out: Iterable[str | None]) -> None:
        self._own, self._left_out = own, set(left_out)
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
