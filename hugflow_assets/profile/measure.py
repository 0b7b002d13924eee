"""One pass over a landed dataset's record, line by line, into numbers. Nothing is decoded: headers were read before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.profile.audio import AudioTally
from hugflow_assets.profile.models import Profile
from hugflow_assets.profile.text import SpeakerTally, TextTally, has_text
from hugflow_assets.store import Manifest


def measure(folder: Path, manifest: Manifest) -> Profile:
    """Read every line of the record once.

    Args:
        folder: the dataset's folder.
        manifest: its manifest; says where the record is and which column is the text.
    Raises:
        DamagedDatasetError: a file of the record is missing, or a line of it is not JSON.
    """
    audio, text, speakers = AudioTally(), TextTally(manifest.text_column), SpeakerTally()
    rows: dict[str, int] = {}
    for config in manifest.configs:
        for split in config.splits:
            name, count = f"{config.name}/{split.name}", 0
            for row in rows_of_record(folder / split.record_path):
                count += 1
                audio.add(row)
                text.add(row, name, count)
                speakers.add(row)
            rows[name] = count
            audio.end_split(name)
    return Profile(
        rows=sum(rows.values()),
        rows_by_split=rows,
        audio=audio.profile(),
        text=text.profile(),
        speakers=speakers.profile(),
    )


def count_texts(folder: Path, manifest: Manifest) -> tuple[int, int]:
    """How many rows there are, and how many have a text that is not blank.

    Raises:
        DamagedDatasetError: as ``measure``.
    """
    rows = texts = 0
    for config in manifest.configs:
        for split in config.splits:
            for row in rows_of_record(folder / split.record_path):
                rows += 1
                texts += has_text(row.get(manifest.text_column or ""))
    return rows, texts


def rows_of_record(record: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of one split's record.

    Raises:
        DamagedDatasetError: as ``measure``.
    """
    try:
        with record.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield loads(line)
                except ValueError as error:
                    raise _damaged(f"{record}, line {number} is not JSON: {error}.") from None
    except OSError as error:
        raise _damaged(f"{record} cannot be read: {error.strerror}.") from None


def _damaged(what: str) -> DamagedDatasetError:
    return DamagedDatasetError(what, remedy="Run `hugflow verify`, then materialize the dataset to repair it.")
