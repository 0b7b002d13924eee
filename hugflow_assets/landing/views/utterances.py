"""Every clip of a record with its text: what the manifests for NeMo and Lhotse are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.tree.paths import ViewSplit
from hugflow_assets.landing.views.columns import ViewColumns, values_at


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
    """Every audio value of a record, in order, with an id that is unique in the dataset.

    A row with a clip in one of several audio columns is one utterance, as if there were one column; a row with clips in
    several is as many, each named by its column. A row without any is one utterance without a path.
    """
    audios = [name.split(".") for name in columns.audios]
    text = columns.text.split(".") if columns.text else None
    stem = f"{split.config}-{split.split}" if split.folders.config is not None else split.split
    with (root / split.record).open("rb") as lines:
        for number, line in enumerate(lines):
            row = loads(line)
            name = f"{stem}-{number:07d}"
            found = [(column, values_at(row, path)) for column, path in zip(columns.audios, audios, strict=True)]
            filled = [pair for pair in found if any(map(_path, pair[1]))] if len(found) > 1 else found
            texts = values_at(row, text) if text else []
            for column, values in filled or found[:1]:
                yield from _of_column(row, f"{name}-{column}" if len(filled) > 1 else name, values, texts)


def _of_column(row: dict[str, Any], name: str, values: list[Any], texts: list[Any]) -> Iterator[Utterance]:
    for at, value in enumerate(values):
        value = value if isinstance(value, dict) else {}
        text = texts[at] if len(texts) == len(values) else texts[0] if len(texts) == 1 else None
        yield Utterance(
            row=row,
            name=name if len(values) == 1 else f"{name}-{at}",
            path=value.get("path") or "",
            duration_s=value.get("duration"),
            sampling_rate=value.get("sampling_rate"),
            num_channels=value.get("num_channels"),
            text=text if text is None or isinstance(text, str) else orjson.dumps(text).decode(),
            tar=value.get("tar") or "",
            offset=value.get("offset") or 0,
            size_bytes=value.get("size") or 0,
        )


def _path(value: Any) -> Any:
    return value.get("path") if isinstance(value, dict) else None


def first_text(row: dict[str, Any], columns: tuple[str, ...]) -> str | None:
    """The first of these columns that holds a text, or a whole number as text (speaker 103)."""
    for column in columns:
        value = row.get(column)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    return None
