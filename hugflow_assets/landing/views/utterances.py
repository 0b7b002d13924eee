"""Every clip of a record with its text: what the manifests for NeMo and Lhotse are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hugflow_assets.formats.record_rows import audio_values
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.tree.paths import ViewSplit
from hugflow_assets.landing.views.columns import ViewColumns


class Utterance(NamedTuple):
    """One audio value of a row, with its text. ``path`` is empty where the row has no audio.

    ``tar``, ``offset`` and ``size_bytes`` say where in which tar its bytes lie; ``tar`` is empty where it is a file.
    """

    row: dict[str, Any]
    name: str
    path: str
    duration_s: float | None
    sampling_rate: int | None
    num_channels: int | None
    text: str | None
    tar: str = ""
    offset: int = 0
    size_bytes: int = 0

    def head(self, root: Path, size_bytes: int) -> bytes:
        """The first bytes of its audio; none where it cannot be read."""
        try:
            with (root / (self.tar or self.path)).open("rb") as file:
                file.seek(self.offset)
                return file.read(min(size_bytes, self.size_bytes) if self.tar else size_bytes)
        except OSError:
            return b""


def utterances(root: Path, split: ViewSplit, columns: ViewColumns) -> Iterator[Utterance]:
    """Every audio value of a record, in order, with an id that is unique in the dataset; see ``audio_values``."""
    audios = [(name, name.split(".")) for name in columns.audios]
    text = columns.text.split(".") if columns.text else None
    stem = f"{split.config}-{split.split}" if split.folders.config is not None else split.split
    with (root / split.record).open("rb") as lines:
        for number, line in enumerate(lines):
            row = loads(line)
            for name, value, said in audio_values(row, f"{stem}-{number:07d}", audios, text):
                yield Utterance(
                    row=row,
                    name=name,
                    path=value.get("path") or "",
                    duration_s=value.get("duration"),
                    sampling_rate=value.get("sampling_rate"),
                    num_channels=value.get("num_channels"),
                    text=said,
                    tar=value.get("tar") or "",
                    offset=value.get("offset") or 0,
                    size_bytes=value.get("size") or 0,
                )
