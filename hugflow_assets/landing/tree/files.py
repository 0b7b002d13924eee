"""The finished tree around the shards: records, features, views, card, checksum list, and what it all amounts to."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from hugflow_assets.formats.checksums import Checksum, merged, sum_line
from hugflow_assets.landing.tree.paths import Folders, ViewSplit
from hugflow_assets.landing.tree.tars import tars_of
from hugflow_assets.store.models import ConfigRecord, Manifest
from hugflow_assets.store.publishing.trees import walk


def write_features(tree: Path, features: dict[str, dict[str, Any] | None], folders: dict[str, Folders]) -> list[str]:
    """``features.json`` of each config that has them; their paths."""
    written = []
    for config, one in features.items():
        if one is None:
            continue
        path = folders[config].features
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(orjson.dumps(one, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
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


def view_splits(configs: tuple[ConfigRecord, ...], folders: dict[str, Folders]) -> list[ViewSplit]:
    """Every split with its record, in upstream order."""
    return [
        ViewSplit(
            folders[config.name],
            config.name,
            split.name,
            tuple((shard.json_offset, shard.json_bytes) for shard in split.shards),
            is_packed=any(shard.pack is not None for shard in split.shards),
            audio_tars=tars_of(split, "audio"),
        )
        for config in configs
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
