"""The finished tree around the shards: records, features, views, card, checksum list, and what it all amounts to."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from hugflow_assets.formats.json_values import loads
from hugflow_assets.landing.tree.card import audio_configs, record_configs
from hugflow_assets.landing.tree.checksums import Checksum, merged, sum_line
from hugflow_assets.landing.tree.paths import Folders
from hugflow_assets.landing.views.columns import ViewColumns
from hugflow_assets.landing.views.write import SplitViews, ViewSplit, write_views
from hugflow_assets.store.models import Manifest
from hugflow_assets.store.trees import walk

_LOOKED_AT = 100
LEFT_OUT = "rows_left_out_of_views"


@dataclass(frozen=True)
class MadeViews:
    """The views of a dataset and what its card says about them."""

    splits: tuple[SplitViews, ...]
    configs: list[dict[str, Any]]

    @property
    def paths(self) -> list[str]:
        return [path for one in self.splits for path in one.paths]

    @property
    def left_out(self) -> int:
        return sum(one.left_out for one in self.splits)


def make_views(
    root: Path,
    to: Path,
    splits: list[ViewSplit],
    views: tuple[str, ...],
    columns: ViewColumns,
    features: dict[str, dict[str, Any] | None],
) -> MadeViews:
    """Write every split's views from the records in ``root`` to ``to``; none for a dataset without audio.

    The card leaves splits without a row out, where others have some: `datasets` loads no folder with an empty one.
    """
    filled = [split for split in splits if (root / split.folders.record(split.split)).stat().st_size]
    told = filled or splits
    if columns.audio is None:
        return MadeViews((), record_configs(told))
    made = [write_views(root, to, split, views, columns) for split in splits]
    configs = []
    if "datasets" in views:
        configs = audio_configs([one for one in made if one.split in told], features, columns)
    return MadeViews(tuple(made), configs)


def write_features(tree: Path, features: dict[str, dict[str, Any] | None], folders: dict[str, Folders]) -> list[str]:
    """``features.json`` of each config that has them; their paths."""
    written = []
    for config, told in features.items():
        if told is None:
            continue
        path = folders[config].features
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        written.append(path)
    return written


def read_features(root: Path, folders: dict[str, Folders]) -> dict[str, dict[str, Any] | None]:
    """The features of each config of a landed dataset, as ``write_features`` wrote them."""
    found: dict[str, dict[str, Any] | None] = {}
    for config, one in folders.items():
        try:
            found[config] = orjson.loads((root / one.features).read_bytes())
        except FileNotFoundError:
            found[config] = None
    return found


def folders_of(manifest: Manifest) -> dict[str, Folders]:
    """The paths of each config of a landed dataset."""
    several = len(manifest.configs) > 1
    return {config.name: Folders(config.name if several else None) for config in manifest.configs}


def first_rows(root: Path, splits: list[ViewSplit]) -> Iterator[dict[str, Any]]:
    """Some rows of every record, to see what columns there are."""
    for split in splits:
        with (root / split.folders.record(split.split)).open("rb") as lines:
            yield from map(loads, islice(lines, _LOOKED_AT))


def view_splits(manifest: Manifest) -> list[ViewSplit]:
    """Every split of a landed dataset, in upstream order."""
    folders = folders_of(manifest)
    return [
        ViewSplit(folders[config.name], config.name, split.name)
        for config in manifest.configs
        for split in config.splits
    ]


def write_sums(tree: Path, checksum: Checksum, files: Iterable[str], media: Iterable[Iterable[str]]) -> None:
    """Write the checksum list, sorted by path: ``files`` are hashed now, ``media`` are lines, each list sorted."""
    own = (sum_line(checksum.of_file(tree / path), path) for path in sorted(files, key=str.encode))
    with (tree / checksum.list_name).open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(merged([own, _in_order(media)]))


def _in_order(lists: Iterable[Iterable[str]]) -> Iterator[str]:
    for lines in lists:
        yield from lines


def measure(root: Path) -> tuple[int, int]:
    """Bytes and files of a dataset's folder, ``hugflow.json`` left out."""
    manifest = str(root / "hugflow.json")
    found = [seen.st_size for entry, seen in walk(root) if not stat.S_ISDIR(seen.st_mode) and entry.path != manifest]
    return sum(found), len(found)
