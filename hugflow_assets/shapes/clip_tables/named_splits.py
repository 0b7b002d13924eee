"""The configs and splits that the paths of tables and archives name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from posixpath import basename, dirname

from hugflow_assets.formats.names import (
    APART_WORDS,
    ARCHIVE_ENDINGS,
    GENERIC_FOLDERS,
    SPLIT_WORDS,
    SPLITS_ALIKE,
    is_whole_stem,
    pair_name,
    split_in_stem,
    stem_of,
    without_archive,
)
from hugflow_assets.shapes.join.paths import as_folders
from hugflow_assets.shapes.join.scope import is_named, languages_of_table, says_nothing, speaks_otherwise


def configs_of(tables: Sequence[str]) -> dict[str, str]:
    """The config of each table: the innermost folder that is no split and says more than "data".

    Folders inside an archive say something only where they tell tables of one archive apart.
    """
    speaking = {path: _speaking(dirname(path)) for path in tables}
    inside: dict[str, set[str]] = {}
    for outer, inner in speaking.values():
        inside.setdefault("/".join(outer), set()).add("/".join(inner))
    found = {}
    for path, (outer, inner) in speaking.items():
        named = [part for part in (*outer, *(inner if len(inside["/".join(outer)]) > 1 else ())) if _says(part)]
        found[path] = named[-1] if named else "default"
    folders = {config for config in found.values() if config != "default"}
    if len(folders) == 1 and "default" in found.values():
        return dict.fromkeys(found, "default")
    return found


def _speaking(folder: str) -> tuple[list[str], list[str]]:
    """The folders around an archive, itself included, and those inside it."""
    parts = [part for part in folder.split("/") if part]
    at = max((at for at, part in enumerate(parts) if part.lower().endswith(ARCHIVE_ENDINGS)), default=-1)
    return (parts[: at + 1], parts[at + 1 :]) if at >= 0 else (parts, [])


def _says(folder: str) -> bool:
    known = folder.lower() in GENERIC_FOLDERS or folder.lower() in SPLIT_WORDS or split_in_folder(folder) is not None
    return not known and not folder.lower().endswith(ARCHIVE_ENDINGS)


def split_of(path: str, config: str) -> str:
    """The split that a table is."""
    stem = stem_of(path)
    for edge in (f"{config}_", f"{config}-", f"{config}."):
        stem = stem.removeprefix(edge)
    if (named := split_in_stem(stem)) is not None:
        return named.lower()
    around = reversed(dirname(path).split("/"))
    folder = next((word for part in around if (word := split_in_folder(without_archive(part))) is not None), None)
    if folder is not None:
        return folder.lower()
    return "train" if is_whole_stem(stem) else re.sub(r"\W+", "_", stem).strip("_")


def split_in_folder(name: str) -> str | None:
    """The split that a folder's name speaks of: ``test``, ``test-clean``; other words only where they are all of it."""
    word = split_in_stem(name)
    is_sure = word is not None and (word == name or word.lower() in APART_WORDS)
    return word if is_sure else None


def place_of(path: str, configs: set[str], splits: set[str]) -> tuple[set[str], set[str]]:
    """The configs and splits that an archive's path names; empty: none, so that it is for all."""
    name = without_archive(basename(path))
    folders = [part for part in dirname(path).split("/") if part]
    words = [*folders, name, *re.split(r"[_. ]", name), *re.split(r"[-_. ]", name)]
    in_configs = {word for word in words if word in configs}
    named = [word for word in words if word in splits] or [word for word in words if word.lower() in SPLIT_WORDS]
    return in_configs, set(named[:1])


def belongs(place: tuple[set[str], set[str]], config: str, split: str) -> bool:
    """Whether what an archive's path names leaves it to a config and split."""
    configs, splits = place
    if configs and config not in configs:
        return False
    return (
        not splits
        or split in splits
        or any({*map(str.lower, splits), split.lower()} <= alike for alike in SPLITS_ALIKE)
    )


class ArchivesByName:
    """Which archives a split's tables may speak of by what both are called: by languages, and as others are."""

    def __init__(self, grouped: Mapping[tuple[str, str], Sequence[str]], archives: Sequence[str]) -> None:
        self._grouped = grouped
        self._archives = {_called(path) for path in archives}
        tables = [table for tables in grouped.values() for table in tables if is_named(table)]
        self._has_pairs = any(pair_name(stem_of(table)) in self._archives for table in tables)

    def allows(self, archive: str, key: tuple[str, str]) -> bool:
        """False: the archive is called as another language; or as nothing, where other tables are called as theirs."""
        tables = self._grouped[key]
        folder = as_folders(archive)
        if any(speaks_otherwise(languages_of_table(table, key[0]), folder) for table in tables):
            return False
        if not self._has_pairs or not all(map(is_named, tables)):
            return True
        has_own = any(pair_name(stem_of(table)) in self._archives for table in tables)
        return has_own or says_nothing(folder)


def _called(archive: str) -> str:
    return pair_name(without_archive(basename(archive)))
