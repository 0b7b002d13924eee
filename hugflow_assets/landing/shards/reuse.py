"""Shards that are landed already: linked from the version on the storage, every file hashed first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import xxhash

from hugflow_assets.landing.shards.shard import Shard, wipe
from hugflow_assets.landing.shards.sources import read_as, source_records
from hugflow_assets.landing.tree.checksums import Checksum, Kind, parse_sums, sum_line
from hugflow_assets.shapes.shards import BASE_COLUMNS
from hugflow_assets.store.models import Manifest, ShardReceipt, ShardRecord

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class LandedVersion:
    """The version of a dataset that is on the storage, with where each folder's lines are in its checksum list."""

    root: Path
    manifest: Manifest
    ranges: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, root: Path, manifest: Manifest) -> LandedVersion:
        return cls(root, manifest, _ranges(root / Checksum(_kind(manifest)).list_name))

    def shard(self, shard: Shard, *, same_files: bool) -> LandedCopy | None:
        """The copy of a shard in this version, if its sources and place are the same. Its files are not looked at.

        Args:
            same_files: whether this version's repository held the very files that it holds now, its card aside.
        """
        record_path, record = self._record(shard)
        if record is None:
            return None
        if [one.hash for one in record.sources] != [one.hash for one in source_records(shard.source)]:
            return None
        if record.read_as != read_as(shard.source):
            return None
        if any(not folder.endswith(f"/{shard.folder}") for folder in record.folders):
            return None
        by_path = record.counts.unresolved_paths + record.counts.extra.get("resolved_paths", 0)
        if by_path and not same_files and not _knows_its_media(shard) and self.manifest.commit != shard.commit:
            return None  # the files that its paths name may be others there
        ranges = tuple(self.ranges.get(folder, (0, 0)) for folder in record.folders)
        names = tuple(name for name in self.manifest.unreadable_names if name.rpartition("/")[0] in record.folders)
        return LandedCopy(self.root, record_path, record, _kind(self.manifest), ranges, names)

    def _record(self, shard: Shard) -> tuple[str, ShardRecord | None]:
        for config in self.manifest.configs:
            for split in config.splits:
                if (config.name, split.name) == (shard.config, shard.split):
                    found = next((one for one in split.shards if one.index == shard.source.index), None)
                    return split.record_path, found
        return "", None


def _knows_its_media(shard: Shard) -> bool:
    """Whether the media are among the shard's own files, and not only named by its rows."""
    return shard.source.shape in BASE_COLUMNS and bool(shard.source.files)


@dataclass(frozen=True)
class LandedCopy:
    """A landed shard. ``ranges`` are the byte ranges of its folders' lines in the checksum list."""

    root: Path
    record_path: str
    record: ShardRecord
    kind: Kind
    ranges: tuple[tuple[int, int], ...]
    unreadable_names: tuple[str, ...]


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
