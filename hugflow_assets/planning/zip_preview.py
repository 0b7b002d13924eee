"""Zip archives seen as folders: their members are files of the repository, at the place of the archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hugflow_assets.formats.names import ARCHIVE_ENDINGS
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.planning.data_files import data_layout
from hugflow_assets.shapes.clip_tables.layout import tables_among
from hugflow_assets.shapes.sight import ZIP, Layout


def zips_of(layout: Layout) -> list[str]:
    """The zip archives among the data files."""
    found = [path for config in layout.configs for _, files in config.splits for path in files]
    return list(dict.fromkeys(path for path in found if path.lower().endswith(".zip")))


def opened(
    layout: Layout,
    files: Mapping[str, SourceFile],
    members: Callable[[SourceFile], list[SourceFile]],
    card_data: dict[str, Any],
) -> tuple[dict[str, SourceFile], Layout]:
    """The files with every zip archive replaced by its members, and the layout that these have.

    Where the archives tell the splits apart (``train.zip``, ``test.zip``) they do; else what is inside tells them.

    Args:
        members: gives the files in an archive.
    """
    zips = zips_of(layout)
    inside = dict(zip(zips, at_once(members, [files[path] for path in zips]), strict=True))
    every = {file.path: file for file in files.values() if file.path not in inside}
    every |= {file.path: file for found in inside.values() for file in found}
    outer = [path for config in layout.configs for _, paths in config.splits for path in paths if path not in inside]
    paths = [*outer, *(file.path for found in inside.values() for file in found)]
    inner = data_layout(paths, {})
    if layout.module not in (None, ZIP) and not (layout.module in ("text", "json") and inner.module == "audiofolder"):
        inner = replace(inner, module=layout.module, params=layout.params)
    told_apart = len(layout.configs) > 1 or any(len(config.splits) > 1 for config in layout.configs)
    if not told_apart and not card_data.get("configs"):
        return every, inner
    kept = {path for config in inner.configs for _, paths in config.splits for path in paths}
    configs = tuple(
        replace(
            config,
            splits=tuple((split, _members(split_paths, inside, kept)) for split, split_paths in config.splits),
        )
        for config in layout.configs
    )
    return every, replace(inner, configs=configs)


def _members(paths: tuple[str, ...], inside: Mapping[str, list[SourceFile]], kept: set[str]) -> tuple[str, ...]:
    found: list[str] = []
    for path in paths:
        found += [file.path for file in inside[path] if file.path in kept] if path in inside else [path]
    return tuple(found)


def tables_and_archives(files: Mapping[str, SourceFile], is_metadata: Callable[[str], bool]) -> tuple[str, ...]:
    """What clip archives inside zip archives are recognised by: tables, tars, and else the zip that holds the clips.

    Args:
        is_metadata: whether a file is metadata of a media folder, which is left to those.
    """
    inner = [path for path, file in files.items() if file.archive is not None or not path.lower().endswith(".zip")]
    tables = [path for path in tables_among(inner) if not is_metadata(path)]
    archives = [path for path in inner if path.lower().endswith(ARCHIVE_ENDINGS)]
    return (*tables, *(archives or dict.fromkeys(one.archive.path for one in files.values() if one.archive)))


__all__ = ["opened", "tables_and_archives", "zips_of"]
