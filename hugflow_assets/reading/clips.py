"""Every clip of a dataset with its text, as toolkits want them: one utterance an audio value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hugflow_assets.reading.record_file import parse

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

SPEAKERS = ("speaker", "speaker_id", "client_id")
LANGUAGES = ("lang", "language", "locale")


@dataclass(frozen=True)
class Clip:
    """One landed audio value.

    Attributes:
        id: unique in the dataset, and the same in the manifests for NeMo and Lhotse.
        value: what the record says of it: ``path``, ``duration`` in seconds, ``sampling_rate`` in Hz, ``num_channels``.
    """

    id: str
    config: str
    split: str
    value: dict[str, Any]
    text: str | None
    row: dict[str, Any]

    @property
    def ending(self) -> str:
        """The ending of its file, without the dot, in lower case."""
        return Path(self.value["path"]).suffix.lower().removeprefix(".")

    def first_of(self, columns: tuple[str, ...]) -> str | None:
        """The first of these columns that holds a text, or a whole number as text."""
        for name in columns:
            value = self.row.get(name)
            if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
                return str(value)
        return None


def clips_of(dataset: Dataset) -> Iterator[Clip]:
    """The clips of the selected rows, in order. Values without a clip (null upstream, not found) are passed over."""
    columns = dataset.manifest.get("audio_columns") or [dataset.info.audio_column]
    audios = [name.split(".") for name in columns if name is not None]
    text = (dataset.info.text_column or "").split(".") if dataset.info.text_column else None
    several = len({config for config, _ in dataset.all_parts}) > 1
    for config, split, number, line in dataset.lines_with_places():
        row = parse(line)
        name = f"{config}-{split}-{number:07d}" if several else f"{split}-{number:07d}"
        found = [_values(row, path) for path in audios]
        filled = [at for at, values in enumerate(found) if any(map(_path, values))]
        texts = _values(row, text) if text is not None else []
        for at in filled:
            own = f"{name}-{columns[at]}" if len(filled) > 1 else name
            for place, value in enumerate(found[at]):
                if _path(value):
                    said = texts[place] if len(texts) == len(found[at]) else texts[0] if len(texts) == 1 else None
                    called = own if len(found[at]) == 1 else f"{own}-{place}"
                    yield Clip(called, config, split, value, _as_text(said), row)


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _path(value: Any) -> Any:
    return value.get("path") if isinstance(value, dict) else None


def _values(row: dict[str, Any], names: list[str]) -> list[Any]:
    """The values of a dotted name in a row: one, or as many as the lists on the way hold."""
    found: list[Any] = [row]
    for name in names:
        found = [one.get(name) if isinstance(one, dict) else None for one in _flat(found)]
    return list(_flat(found))


def _flat(values: list[Any]) -> Iterator[Any]:
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one
