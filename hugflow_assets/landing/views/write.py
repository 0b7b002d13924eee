"""The views: manifests for NeMo, Lhotse and `datasets`, derived from the record alone, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import orjson

from hugflow_assets.formats.json_values import loads
from hugflow_assets.landing.tree.paths import Folders
from hugflow_assets.landing.views.columns import Renaming, ViewColumns, values_at

_WRITE_BYTES = 1 << 20
_VOTING = frozenset({"wav", "flac", "mp3", "ogg", "opus", "aiff", "au", "caf", "w64", "rf64", "webm", "wma"})
NEMO_FIELDS = frozenset({"audio_filepath", "duration", "text", "offset"})
DATASETS_FIELDS = frozenset({"file_name", "audio", "text"})
_SPEAKERS = ("speaker", "speaker_id", "client_id")
_LANGUAGES = ("language", "locale")


@dataclass(frozen=True)
class ViewSplit:
    """A split to make views of: its record is there."""

    folders: Folders
    config: str
    split: str


@dataclass
class SplitViews:
    """What was written for one split. Paths are relative to the dataset's folder.

    ``left_out`` counts audio values that the manifests for NeMo and Lhotse cannot hold, since nothing says how long
    they are (null, unreadable or unresolved audio). ``voters`` are two audio files of one extension, by which
    `datasets` takes the folder for audio (it counts extensions, and the view itself is one vote for JSON).
    """

    split: ViewSplit
    paths: list[str] = field(default_factory=list)
    left_out: int = 0
    seen: dict[str, list[str]] = field(default_factory=dict)

    @property
    def voters(self) -> list[str]:
        """Two files of one extension; a lone file is named twice."""
        most = max(self.seen.values(), key=len, default=[])
        return most * 2 if len(most) == 1 else most

    def see(self, path: str) -> bool:
        """Remember the first two files of each extension that says audio to `datasets`; whether that is enough."""
        name = PurePosixPath(path).name
        if name.count(".") == 1 and (extension := name.partition(".")[2].lower()) in _VOTING:
            known = self.seen.setdefault(extension, [])
            known.append(path)
            return len(known) == 2
        return False


class Utterance(NamedTuple):
    """One audio value of a row, with its text."""

    row: dict[str, Any]
    name: str
    path: str
    duration_s: float | None
    sampling_rate: int | None
    num_channels: int | None
    text: str | None


def write_views(root: Path, to: Path, split: ViewSplit, views: tuple[str, ...], columns: ViewColumns) -> SplitViews:
    """Write the views of one split, reading its record once; memory does not grow with the rows.

    Args:
        root: the dataset's folder, which holds the record.
        to: the folder to write into, at the same relative paths.
        columns: ``audio`` must be given.
    """
    made, decided = SplitViews(split), False
    with ExitStack() as stack:
        writers = []
        for view in views:
            path = split.folders.view(view, split.split)
            made.paths.append(path)
            lines = stack.enter_context(_Lines(to / path))
            writers.append((_WRITERS[view](path, columns), lines))
        for one in utterances(root / split.folders.record(split.split), split, columns):
            made.left_out += one.duration_s is None
            if not decided:
                decided = made.see(one.path)
            for writer, lines in writers:
                if (line := writer.line(one)) is not None:
                    lines.write(line)
    return made


def utterances(record: Path, split: ViewSplit, columns: ViewColumns) -> Iterator[Utterance]:
    """Every audio value of a record, in order, with an id that is unique in the dataset."""
    audio = (columns.audio or "").split(".")
    text = columns.text.split(".") if columns.text else None
    stem = f"{split.config}-{split.split}" if split.folders.config is not None else split.split
    with record.open("rb") as lines:
        for number, line in enumerate(lines):
            row = loads(line)
            values = values_at(row, audio)
            texts = values_at(row, text) if text else []
            for at, value in enumerate(values):
                value = value if isinstance(value, dict) else {}
                told = texts[at] if len(texts) == len(values) else texts[0] if len(texts) == 1 else None
                yield Utterance(
                    row=row,
                    name=f"{stem}-{number:07d}" if len(values) == 1 else f"{stem}-{number:07d}-{at}",
                    path=value.get("path") or "",
                    duration_s=value.get("duration"),
                    sampling_rate=value.get("sampling_rate"),
                    num_channels=value.get("num_channels"),
                    text=told if told is None or isinstance(told, str) else orjson.dumps(told).decode(),
                )


class _Lines:
    """A file of JSON lines, written in large pieces."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=_WRITE_BYTES)

    def write(self, value: dict[str, Any]) -> None:
        self._file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _View:
    own: frozenset[str] = frozenset()

    def __init__(self, path: str, columns: ViewColumns) -> None:
        self._up = "../" * path.count("/")
        dropped = columns.audio.partition(".")[0] if columns.audio else None
        self._renaming = Renaming(self.own, columns.text, dropped)

    def _others(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: row[column] for column, name in self._renaming.names(row).items()}

    def line(self, one: Utterance) -> dict[str, Any] | None:
        """The line of an utterance, or None if this view cannot hold it."""
        raise NotImplementedError


class _Nemo(_View):
    """NeMo: paths relative to the manifest; duration is mandatory."""

    own = NEMO_FIELDS

    def line(self, one: Utterance) -> dict[str, Any] | None:
        if one.duration_s is None or not one.path:
            return None
        told = {"audio_filepath": self._up + one.path, "duration": one.duration_s, "text": one.text}
        return told | self._others(one.row)


class _Datasets(_View):
    """What ``load_dataset(<folder>)`` reads: it lies in the root and names files relative to it."""

    own = DATASETS_FIELDS

    def __init__(self, path: str, columns: ViewColumns) -> None:
        super().__init__(path, columns)
        self._with_text = columns.text is not None

    def line(self, one: Utterance) -> dict[str, Any] | None:
        if not one.path:
            return None
        told: dict[str, Any] = {"file_name": one.path}
        if self._with_text:
            told["text"] = one.text
        return told | self._others(one.row)


class _Lhotse(_View):
    """Lhotse cuts, paths relative to the dataset's folder (``with_recording_path_prefix``).

    Fields as ``lhotse.CutSet.to_jsonl`` writes them (Lhotse 1.33); the other columns are in ``custom``.
    """

    def line(self, one: Utterance) -> dict[str, Any] | None:
        if one.duration_s is None or not one.path or not one.sampling_rate or not one.num_channels:
            return None
        samples = round(one.duration_s * one.sampling_rate)
        if not samples:
            return None
        duration, channels = samples / one.sampling_rate, list(range(one.num_channels))
        mono = one.num_channels == 1
        recording = {
            "id": one.name,
            "sources": [{"type": "file", "channels": channels, "source": one.path}],
            "sampling_rate": one.sampling_rate,
            "num_samples": samples,
            "duration": duration,
            "channel_ids": channels,
        }
        supervision: dict[str, Any] = {
            "id": one.name,
            "recording_id": one.name,
            "start": 0.0,
            "duration": duration,
            "channel": 0 if mono else channels,
        }
        if one.text is not None:
            supervision["text"] = one.text
        for key, columns in (("speaker", _SPEAKERS), ("language", _LANGUAGES)):
            if value := next((one.row[name] for name in columns if isinstance(one.row.get(name), str)), None):
                supervision[key] = value
        cut: dict[str, Any] = {
            "id": one.name,
            "start": 0,
            "duration": duration,
            "channel": 0 if mono else channels,
            "supervisions": [supervision],
            "recording": recording,
        }
        if custom := {key: value for key, value in self._others(one.row).items() if value is not None}:
            cut["custom"] = custom
        return cut | {"type": "MonoCut" if mono else "MultiCut"}


_WRITERS: dict[str, type[_View]] = {"nemo": _Nemo, "lhotse": _Lhotse, "datasets": _Datasets}
