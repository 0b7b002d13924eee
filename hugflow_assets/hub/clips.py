"""Common Voice style repositories: which tables name the clips of which archives, by language and split.

Nothing but names and the first line of some tables is looked at. A table is a split: ``train.tsv`` of the folder ``ms``
is ``train`` of the config ``ms``. An archive belongs to the configs and splits that its path names, to all where it
names none.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname

from hugflow_assets.hub.footers import AUDIO_ENDINGS

ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
TABLE_ENDINGS = (".tsv", ".csv")
PATH_COLUMNS = ("path", "file_name", "filename", "audio_path", "audio_file", "audio_filename", "clip", "file", "audio")
TABLES_LOOKED_AT = 32
_ALIKE = (
    frozenset({"train", "training"}),
    frozenset({"dev", "valid", "val", "validation", "development"}),
    frozenset({"test", "testing"}),
    frozenset({"validated"}),
    frozenset({"invalidated"}),
    frozenset({"other"}),
)
_KNOWN = frozenset().union(*_ALIKE)
_FOLDERS = frozenset(
    re.findall(
        r"\w+",
        "audio audios clip clips data dataset metadata meta table tables tsv csv transcript transcripts transcription "
        "transcriptions text texts wav wavs mp3 archive archives annotations labels",
    )
)
_WHOLE = frozenset({"metadata", "transcript", "transcripts", "transcription", "data", "all", "index", "labels"})

Head = Callable[[str], bytes]


@dataclass(frozen=True)
class ClipSplit:
    """A split: its tables, its archives in order, and whether other splits read these archives too."""

    config: str
    name: str
    tables: tuple[str, ...]
    archives: tuple[str, ...]
    columns: tuple[str, ...]
    path_column: str
    shared: bool

    @property
    def audio_column(self) -> str:
        """Where the clip goes: ``audio``, beside the path or in its place; another name where that one is taken."""
        if "audio" not in self.columns or self.path_column == "audio":
            return "audio"
        return next(name for name in ("clip_audio", "clip_audio_2") if name not in self.columns)


@dataclass(frozen=True)
class ClipLayout:
    """All splits; ``left_out`` are tables without clips and archives without a table, by path."""

    splits: tuple[ClipSplit, ...]
    left_out: tuple[str, ...]


def clip_layout(paths: Sequence[str], head: Head) -> ClipLayout | None:
    """The splits of clip archives among a repository's files; None where no table names clips by path.

    Args:
        head: gives the first bytes of a file.
    """
    archives = [path for path in paths if path.lower().endswith(ARCHIVE_ENDINGS)]
    if not archives:
        return None
    loose = any(path.lower().endswith(tuple(AUDIO_ENDINGS)) for path in paths)
    tables = [
        path
        for path in paths
        if path.lower().endswith(TABLE_ENDINGS) and not (loose and basename(path) == "metadata.csv")
    ]
    grouped, columns = _grouped(tables, head)
    known = {config for config, _ in grouped}
    places = {path: _place(path, known, {split for _, split in grouped}) for path in archives}
    splits = []
    for (config, split), of_split in grouped.items():
        own = [path for path in archives if _belongs(places[path], config, split)]
        found = columns[_sort(of_split[0])]
        splits.append((config, split, tuple(of_split), tuple(sorted(own, key=natural)), tuple(found)))
    used = [path for _, _, _, own, _ in splits for path in own]
    made = tuple(
        ClipSplit(
            config, split, of_split, own, found, _path_column(found) or "", any(used.count(path) > 1 for path in own)
        )
        for config, split, of_split, own, found in splits
    )
    named = {path for of_split in grouped.values() for path in of_split}
    left = [path for path in (*tables, *archives) if path not in named and path not in set(used)]
    return ClipLayout(made, tuple(left)) if used else None


def loose_layout(paths: Sequence[str], head: Head) -> ClipLayout | None:
    """The splits of tables that name audio files of the repository itself; None where no table does."""
    tables = [path for path in paths if path.lower().endswith(TABLE_ENDINGS) and basename(path) != "metadata.csv"]
    grouped, columns = _grouped(tables, head)
    made = tuple(
        ClipSplit(config, split, tuple(of_split), (), tuple(found), _path_column(found) or "", shared=True)
        for (config, split), of_split in grouped.items()
        for found in [columns[_sort(of_split[0])]]
    )
    named = {path for of_split in grouped.values() for path in of_split}
    return ClipLayout(made, tuple(path for path in tables if path not in named)) if made else None


def _grouped(tables: Sequence[str], head: Head) -> tuple[dict[tuple[str, str], list[str]], dict[str, list[str]]]:
    """The tables that name clips, by config and split, and the columns of every sort of table."""
    columns = _columns(tables, head)
    named = [path for path in tables if _path_column(columns.get(_sort(path), ()))]
    configs = _configs(named)
    grouped: dict[tuple[str, str], list[str]] = {}
    for path in named:
        grouped.setdefault((configs[path], _split(path, configs[path])), []).append(path)
    return grouped, columns


def natural(path: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``_2`` before ``_10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path)]


def header(head: bytes, path: str) -> list[str]:
    """The column names of a csv or tsv from its first bytes, as they are written."""
    line = re.split(r"\r?\n", head.decode("utf-8-sig", "replace"), maxsplit=1)[0]
    if path.lower().endswith(".tsv"):
        return line.split("\t")
    return next(csv.reader([line]), [])


def _columns(tables: Sequence[str], head: Head) -> dict[str, list[str]]:
    """Columns by sort of table: all ``train.tsv`` have the same, whatever their folder."""
    found: dict[str, list[str]] = {}
    for path in tables:
        if _sort(path) not in found and len(found) < TABLES_LOOKED_AT:
            found[_sort(path)] = header(head(path), path)
    return found


def _sort(path: str) -> str:
    return re.sub(r"\d+", "0", basename(path).lower()) if _stem_split(_stem(path)) else path


def _path_column(columns: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(columns)}
    return next((by_lower[name] for name in PATH_COLUMNS if name in by_lower), None)


def _stem(path: str) -> str:
    return basename(path).rpartition(".")[0]


def _stem_split(stem: str) -> str | None:
    """The split that a file name speaks of, spelt as there."""
    return next((word for word in re.split(r"[-_. ]", stem) if word.lower() in _KNOWN), None)


def _configs(tables: Sequence[str]) -> dict[str, str]:
    """The config of each table: the innermost folder that is no split and says more than "data"."""
    found = {}
    for path in tables:
        parts = [part for part in dirname(path).split("/") if part and not part.endswith(ARCHIVE_ENDINGS)]
        speaking = [part for part in parts if part.lower() not in _FOLDERS and part.lower() not in _KNOWN]
        found[path] = speaking[-1] if speaking else "default"
    folders = {config for config in found.values() if config != "default"}
    if len(folders) == 1 and "default" in found.values():
        return dict.fromkeys(found, "default")
    return found


def _split(path: str, config: str) -> str:
    stem = _stem(path)
    for edge in (f"{config}_", f"{config}-", f"{config}."):
        stem = stem.removeprefix(edge)
    if (named := _stem_split(stem)) is not None:
        return named
    folder = next((part for part in reversed(dirname(path).split("/")) if part.lower() in _KNOWN), None)
    if folder is not None:
        return folder
    plain = re.sub(r"\W+", "_", stem).strip("_")
    return "train" if plain.lower() in _WHOLE or not plain else plain


def _place(path: str, configs: set[str], splits: set[str]) -> tuple[set[str], set[str]]:
    """The configs and splits that an archive's path names; empty: none, so that it is for all."""
    name = basename(path)
    for ending in ARCHIVE_ENDINGS:
        name = name.removesuffix(ending)
    folders = [part for part in dirname(path).split("/") if part]
    words = [*folders, name, *re.split(r"[_. ]", name), *re.split(r"[-_. ]", name)]
    in_configs = {word for word in words if word in configs}
    named = [word for word in words if word in splits] or [word for word in words if word.lower() in _KNOWN]
    return in_configs, set(named[:1])


def _belongs(place: tuple[set[str], set[str]], config: str, split: str) -> bool:
    configs, splits = place
    if configs and config not in configs:
        return False
    return not splits or split in splits or any({*map(str.lower, splits), split.lower()} <= alike for alike in _ALIKE)
