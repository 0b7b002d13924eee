"""The first rows of a landed dataset as a page shows them, and its first clips, copied for the browser to play.

Clips are copied and not linked: the site works wherever it is served from, also where the storage is not, and a packed
landing has no files to link to. What is gated or private on the Hub gives neither rows nor clips.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from hugflow_assets.errors import HugflowError
from hugflow_assets.formats.features import type_name
from hugflow_assets.intake.models import Frozen
from hugflow_assets.reading import Dataset
from hugflow_assets.reading.media import LandedMedia

ROWS = 10
CLIPS = 5
MOST_CLIP_BYTES = 2_000_000
_MOST_TEXT = 300
_MOST_COLUMNS = 12
PLAYABLE = frozenset({"wav", "flac", "mp3", "ogg", "oga", "opus", "m4a", "aac", "webm"})

Save = Callable[[str, bytes], None]


class Cell(Frozen):
    """A value as text; ``clip`` is the file of a player, relative to the dataset's page."""

    text: str = ""
    clip: str = ""


class Samples(Frozen):
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    left_out_columns: int = 0
    problem: str = ""


def samples_of(found: Dataset, save: Save) -> Samples:
    """The first rows; their clips are given to ``save``, by a name of our own and their bytes.

    A record or a clip that cannot be read is said, and keeps the rest of the page from nothing.
    """
    media, saved, rows = LandedMedia(found.path), list[str](), list[tuple[Cell, ...]]()
    try:
        lines = [orjson.loads(line) for line in islice(found.lines(), ROWS)]
    except (HugflowError, OSError, ValueError) as error:
        return Samples(problem=f"The first rows cannot be read: {error}")
    columns = list(dict.fromkeys(name for row in lines for name in row))
    shown = columns[:_MOST_COLUMNS]
    features = found.features() or {}
    # Told by the features: JSON of the source may look like a clip, and name any file that whoever runs this may read.
    audios = {name for name, one in features.items() if type_name(one) == "Audio"}

    def cell(name: str, value: Any) -> Cell:
        if name not in audios or not isinstance(value, dict):
            return Cell(text=_text(value))
        seconds = value.get("duration")
        label = f"{seconds:.2f} s" if isinstance(seconds, int | float) else ""
        ending = Path(str(value.get("path") or "")).suffix.lower().removeprefix(".")
        if ending not in PLAYABLE or len(saved) >= CLIPS:
            return Cell(text=label or str(value.get("path") or "no clip"))
        clip = f"clip-{len(saved) + 1}.{ending}"
        try:
            if _size(media, value) > MOST_CLIP_BYTES or (content := media.content(value)) is None:
                return Cell(text=label or str(value.get("path")))
        except (HugflowError, OSError) as error:
            return Cell(text=f"cannot be read: {error}")
        save(clip, content)
        saved.append(clip)
        return Cell(text=label, clip=clip)

    for row in lines:
        rows.append(tuple(cell(name, row.get(name)) for name in shown))
    return Samples(columns=tuple(shown), rows=tuple(rows), left_out_columns=len(columns) - len(shown))


def _size(media: LandedMedia, value: dict[str, Any]) -> int:
    return int(value["size"]) if value.get("tar") else os.stat(media.root / str(value["path"])).st_size  # noqa: PTH116


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
