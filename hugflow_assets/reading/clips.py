"""Every clip of a dataset with its text, as toolkits want them: one utterance an audio value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugflow_assets.formats.record_rows import audio_values, first_text
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
        return first_text(self.row, columns)


def clips_of(dataset: Dataset) -> Iterator[Clip]:
    """The clips of the selected rows, in order. Values without a clip (null upstream, not found) are passed over."""
    columns = dataset.manifest.get("audio_columns") or [dataset.info.audio_column]
    audios = [(name, name.split(".")) for name in columns if name is not None]
    text = dataset.info.text_column.split(".") if dataset.info.text_column else None
    several = len({config for config, _ in dataset.all_parts}) > 1
    for config, split, number, line in dataset.lines_with_places():
        row = parse(line)
        stem = f"{config}-{split}" if several else split
        for name, value, said in audio_values(row, f"{stem}-{number:07d}", audios, text):
            if value.get("path"):
                yield Clip(name, config, split, value, said, row)
