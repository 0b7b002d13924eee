"""Shards that are landed already: linked from the version on the storage, every file hashed first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import xxhash

from hugflow_assets.landing.record.settled_types import settled, to_become_text
from hugflow_assets.landing.shards.shard import Shard, ShardKey, wipe
from hugflow_assets.landing.shards.sources import source_records
from hugflow_assets.landing.tree.checksums import Checksum, Kind, parse_sums, sum_line
from hugflow_assets.landing.tree.files import read_features
from hugflow_assets.landing.tree.paths import Folders
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.models import Shape, ShardSource
from hugflow_assets.shapes.spec import version_of
from hugflow_assets.store import Store
from hugflow_assets.store.models import Manifest, ShardReceipt, ShardRecord

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class WantedShard:
    """What of a shard decides whether a landed one can stand for it."""

    config: str
    split: str
    source: ShardSource
    folder: str
    features: dict[str, Any] | None
    commit: str

    @property
    def key(self) -> ShardKey:
        return self.config, self.split, self.source.index


def wanted_shards(plan: LandingPlan) -> list[WantedShard]:
    """The shards of a plan, in upstream order."""
    return [
        WantedShard(
            config.name,
            split.name,
            source,
            Folders.of(plan, config.name).shard(split.name, source.index),
            config.features,
            plan.commit,
        )
        for config in plan.configs
        for split in config.splits
        for source in split.shards
    ]


def landed_copies(plan: LandingPlan, store: Store) -> dict[ShardKey, LandedCopy]:
    """The shards of a plan that are on the storage already: of the landed version, else of the newest in the trash.

    The trash is kept from freeing them only while the caller holds the lease.
    """
    found: dict[ShardKey, LandedCopy] = {}
    wanted = wanted_shards(plan)
    folders = {config.name: Folders.of(plan, config.name) for config in plan.configs}
    for root, manifest in _versions(plan.name, store):
        version = LandedVersion(root, manifest)
        before = read_features(root, folders)
        same_files = manifest.repo.files_hash is not None and manifest.repo.files_hash == plan.state.files_hash
        for shard in wanted:
            if shard.key in found or (shard.features is not None and shard.features != before[shard.config]):
                continue
            if (copy := version.shard(shard, same_files=same_files)) is not None:
                found[shard.key] = copy
    return found


def landed_by_earlier_readers(plan: LandingPlan, store: Store) -> int:
    """How many of the landed shards were made by an earlier version of their reader, so that none of it is taken."""
    if (manifest := store.manifest(plan.name)) is None:
        return 0
    landed = LandedVersion(store.layout.dataset(plan.name), manifest)
    return sum(landed.is_of_earlier_reader(shard) for shard in wanted_shards(plan))


def _versions(name: str, store: Store) -> Iterator[tuple[Path, Manifest]]:
    if (manifest := store.manifest(name)) is not None:
        yield store.layout.dataset(name), manifest
    yield from store.trash.versions(name)


@dataclass(frozen=True)
class LandedVersion:
    """A version of a dataset that is on the storage."""

    root: Path
    manifest: Manifest

    def shard(self, shard: WantedShard, *, same_files: bool) -> LandedCopy | None:
        """The copy of a shard in this version, if its sources and place are the same. Its files are not looked at.

        Args:
            same_files: whether this version's repository held the very files that it holds now, its card aside.
        """
        if shard.key not in self._records:
            return None
        record_path, record = self._records[shard.key]
        if [one.hash for one in record.sources] != [one.hash for one in source_records(shard.source)]:
            return None
        if record.read_as != shard.source.spec.reader_identity:
            return None
        if any(not folder.endswith(f"/{shard.folder}") for folder in record.folders):
            return None
        by_path = record.counts.unresolved_paths + record.counts.extra.get("resolved_paths", 0)
        if by_path and not same_files and not _knows_its_media(shard) and self.manifest.commit != shard.commit:
            return None  # the files that its paths name may be others there
        names = tuple(name for name in self.manifest.unreadable_names if name.rpartition("/")[0] in record.folders)
        as_text = tuple(to_become_text(record.kinds, self._kinds[shard.config]))
        return LandedCopy(self.root, record_path, record, _kind(self.manifest), names, as_text)

    def is_of_earlier_reader(self, shard: WantedShard) -> bool:
        """Whether the shard in this version was made by a reader that makes other rows of the same files today."""
        known = self._records.get(shard.key)
        return known is not None and version_of(known[1].read_as) < shard.source.spec.version

    @cached_property
    def _kinds(self) -> dict[str, dict[str, str]]:
        return {
            config.name: settled(shard.kinds for split in config.splits for shard in split.shards)
            for config in self.manifest.configs
        }

    @cached_property
    def _records(self) -> dict[ShardKey, tuple[str, ShardRecord]]:
        return {
            (config.name, split.name, shard.index): (split.record_path, shard)
            for config in self.manifest.configs
            for split in config.splits
            for shard in split.shards
        }


def _knows_its_media(shard: WantedShard) -> bool:
    """Whether the media are among the shard's own files, and not only named by its rows."""
    return shard.source.shape in (*BASE_COLUMNS, Shape.CLIP_ARCHIVES) and bool(shard.source.files)


@dataclass(frozen=True)
class LandedCopy:
    """A landed shard. ``ranges`` are the byte ranges of its folders' lines in the checksum list, see ``located``."""

    root: Path
    record_path: str
    record: ShardRecord
    kind: Kind
    unreadable_names: tuple[str, ...]
    as_text: tuple[str, ...] = ()  # columns of numbers that are text there, since another shard has words in them
    ranges: tuple[tuple[int, int], ...] = ()


def located(copies: Mapping[ShardKey, LandedCopy]) -> dict[ShardKey, LandedCopy]:
    """With their ranges; the checksum list of each version is read once."""
    lists = {one.root: _ranges(one.root / Checksum(one.kind).list_name) for one in copies.values()}
    return {
        key: replace(one, ranges=tuple(lists[one.root].get(folder, (0, 0)) for folder in one.record.folders))
        for key, one in copies.items()
    }


def link_shard(shard: Shard, copy: LandedCopy) -> ShardReceipt | None:
    """Land a shard by linking its landed copy; None if any of it is missing or damaged, and it has to be fetched."""
    wipe(shard)
    shard.work.mkdir(parents=True, exist_ok=True)
    try:
        sums = _sums(copy)
        if sums is None or not _lines(shard, copy):
            return None
        told = _linked(shard, copy, sums)
    except OSError:  # gone, or a file system or an owner that does not allow links: fetching says what is wrong
        return None
    if told is None:
        return None
    shard.sums_path.write_bytes(told)
    return ShardReceipt(
        config=shard.config,
        split=shard.split,
        index=shard.source.index,
        sources=source_records(shard.source),
        read_as=copy.record.read_as,
        kinds=copy.record.kinds,
        as_text=copy.as_text,
        folders=copy.record.folders,
        json_xxh128=copy.record.json_xxh128,
        sums_xxh128=xxhash.xxh3_128_hexdigest(told),
        counts=copy.record.counts,
        unreadable_names=copy.unreadable_names,
    )


def _linked(shard: Shard, copy: LandedCopy, sums: bytes) -> bytes | None:
    """Hash and link every file; the shard's checksum lines, of the kind that is wanted now."""
    old, new, lines = Checksum(copy.kind), Checksum(shard.checksums), []
    for folder in copy.record.folders:
        (shard.tree / folder).mkdir(parents=True, exist_ok=True)
    for path, digest in parse_sums(sums.decode().split("\n")):
        if shard.should_stop() or old.of_file(copy.root / path) != digest:
            return None
        os.link(copy.root / path, shard.tree / path)
        lines.append(sum_line(digest if new == old else new.of_file(shard.tree / path), path))
    return "".join(lines).encode()


def _sums(copy: LandedCopy) -> bytes | None:
    with (copy.root / Checksum(copy.kind).list_name).open("rb") as file:
        parts = []
        for start, end in copy.ranges:
            file.seek(start)
            parts.append(file.read(end - start))
    sums = b"".join(parts)
    return sums if xxhash.xxh3_128_hexdigest(sums) == copy.record.sums_xxh128 else None


def _lines(shard: Shard, copy: LandedCopy) -> bool:
    """Copy the shard's part of the landed record; whether it is what was written."""
    digest, left = xxhash.xxh3_128(), copy.record.json_bytes
    with (copy.root / copy.record_path).open("rb") as record, shard.lines_path.open("wb") as lines:
        record.seek(copy.record.json_offset)
        while left and (block := record.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            lines.write(block)
            left -= len(block)
    return not left and digest.hexdigest() == copy.record.json_xxh128


def _ranges(path: Path) -> dict[str, tuple[int, int]]:
    """Where each folder's lines are in a checksum list, which is sorted by path."""
    found: dict[str, tuple[int, int]] = {}
    at = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                folder = line.partition(b"  ")[2].rpartition(b"/")[0].decode(errors="replace")
                found[folder] = found.get(folder, (at, at))[0], at + len(line)
                at += len(line)
    except FileNotFoundError:
        return {}
    return found


def _kind(manifest: Manifest) -> Kind:
    return "sha256" if manifest.checksums == "sha256" else "xxh128"
