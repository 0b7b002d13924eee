"""A landed shard taken for a new version: linked, or packed or unpacked; every byte is hashed first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from hugflow_assets.formats.checksums import Checksum, Kind, by_path, parse_sums, sum_line
from hugflow_assets.formats.text.whole_lines import whole_lines
from hugflow_assets.landing.shards.repack import Repacked, UnrepackableError
from hugflow_assets.landing.shards.shard import Shard, ShardKey, wipe
from hugflow_assets.landing.shards.sources import source_records
from hugflow_assets.landing.tree.indexes import ENDING as INDEX_ENDING
from hugflow_assets.landing.tree.indexes import index_tar, members_of
from hugflow_assets.store.models import Counts, ShardReceipt, ShardRecord, TarRecord

_BLOCK_BYTES = 4 << 20
_NOWHERE = (0, 0)


@dataclass(frozen=True)
class ListPart:
    """Where in a checksum list the lines of a folder are; ``below`` is what its paths are relative to."""

    path: str
    start: int
    end: int
    below: str = ""


@dataclass(frozen=True)
class LandedCopy:
    """A landed shard. ``parts`` say where the checksum lines of its media and tars are, see ``located``."""

    root: Path
    record_path: str
    record: ShardRecord
    kind: Kind
    unreadable_names: tuple[str, ...]
    as_text: tuple[str, ...] = ()  # columns of numbers that are text there, since another shard has words in them
    parts: tuple[ListPart, ...] = ()


def located(copies: Mapping[ShardKey, LandedCopy]) -> dict[ShardKey, LandedCopy]:
    """With their parts of the checksum lists; each list is read once."""
    lists: dict[Path, dict[str, tuple[int, int]]] = {}

    def part(copy: LandedCopy, path: str, folder: str, below: str = "") -> ListPart:
        if copy.root / path not in lists:
            lists[copy.root / path] = folder_ranges(copy.root / path)
        return ListPart(path, *lists[copy.root / path].get(folder, _NOWHERE), below=below)

    def parts(copy: LandedCopy) -> list[ListPart]:
        checksum = Checksum(copy.kind)
        if copy.record.pack is None:
            return [part(copy, checksum.list_name, folder) for folder in copy.record.folders]
        splits = [folder.rpartition("/") for folder in copy.record.folders]
        return [part(copy, checksum.list_name, split) for split, _, _ in splits] + [
            part(copy, f"{split}/{checksum.members_name}", folder, f"{split}/") for split, _, folder in splits
        ]

    return {key: replace(one, parts=tuple(parts(one))) for key, one in copies.items()}


def link_shard(shard: Shard, copy: LandedCopy) -> ShardReceipt | None:
    """Land a shard of its landed copy; None if any of it is missing or damaged, and it has to be fetched."""
    wipe(shard)
    shard.work.mkdir(parents=True, exist_ok=True)
    try:
        sums = _listed(copy)
        if sums is None and (sums := _recomputed(copy)) is None:
            return None
        same = copy.record.pack == shard.pack and (shard.pack is None or copy.kind == shard.checksums)
        return _linked(shard, copy, sums) if same else _repacked(shard, copy, sums)
    except OSError:  # gone, or a file system or an owner that does not allow links: fetching says what is wrong
        return None


def _linked(shard: Shard, copy: LandedCopy, sums: bytes) -> ShardReceipt | None:
    if not _lines(shard, copy) or (links := _links(shard, copy, sums)) is None:
        return None
    return _receipt(shard, copy, links, copy.record.json_xxh128, copy.record.counts, copy.record.tars)


def _repacked(shard: Shard, copy: LandedCopy, sums: bytes) -> ShardReceipt | None:
    record, digest = copy.record, xxhash.xxh3_128()
    tars = {name for tar in record.tars for name in (tar.path, tar.path + INDEX_ENDING)}
    media = {path: one for path, one in parse_sums(sums.decode().split("\n")) if path not in tars}
    written = Repacked(shard, copy.root, (copy.record_path, record), media, Checksum(copy.kind))
    try:
        written.write(whole_lines(_blocks(copy, digest)))
    except UnrepackableError:
        return None
    if digest.hexdigest() != record.json_xxh128:
        return None
    counts = record.counts.model_copy(update={"json_bytes": written.json_bytes})
    return _receipt(shard, copy, written.sums, written.json_xxh128, counts, written.tars)


def _receipt(
    shard: Shard, copy: LandedCopy, sums: bytes, json_xxh128: str, counts: Counts, tars: tuple[TarRecord, ...]
) -> ShardReceipt:
    shard.sums_path.write_bytes(sums)
    return ShardReceipt(
        config=shard.config,
        split=shard.split,
        index=shard.source.index,
        sources=source_records(shard.source),
        read_as=copy.record.read_as,
        kinds=copy.record.kinds,
        unmatched=copy.record.unmatched,
        as_text=copy.as_text,
        folders=copy.record.folders,
        json_xxh128=json_xxh128,
        sums_xxh128=xxhash.xxh3_128_hexdigest(sums),
        counts=counts,
        unreadable_names=copy.unreadable_names,
        pack=shard.pack,
        tars=tars,
    )


def _links(shard: Shard, copy: LandedCopy, sums: bytes) -> bytes | None:
    """Hash and link every file; the shard's checksum lines, of the kind that is wanted now."""
    old, new, lines = Checksum(copy.kind), Checksum(shard.checksums), []
    tars = {tar.path for tar in copy.record.tars}
    indexes = {tar + INDEX_ENDING: tar for tar in tars}
    for folder in copy.record.folders:
        (shard.tree / (folder if shard.pack is None else folder.rpartition("/")[0])).mkdir(parents=True, exist_ok=True)
    for path, digest in parse_sums(sums.decode().split("\n")):
        if shard.should_stop():
            return None
        if path in indexes:  # cheaper to make than to judge
            (shard.tree / path).write_bytes(index_tar(shard.tree / indexes[path]))
            lines.append(sum_line(new.of_file(shard.tree / path), path))
            continue
        if shard.pack is not None and path not in tars:
            lines.append(sum_line(digest, path))
            continue
        if old.of_file(copy.root / path) != digest:
            return None
        os.link(copy.root / path, shard.tree / path)
        lines.append(sum_line(digest if new == old else new.of_file(shard.tree / path), path))
    return "".join(lines).encode()


def _listed(copy: LandedCopy) -> bytes | None:
    """The checksum lines of the landed shard, of the lists; None if they are not those that it landed with."""
    found: list[str] = []
    for part in copy.parts:
        with (copy.root / part.path).open("rb") as file:
            file.seek(part.start)
            lines = file.read(part.end - part.start).decode().splitlines(keepends=True)
        found += [sum_line(digest, part.below + path) for path, digest in parse_sums(lines)] if part.below else lines
    if copy.record.pack is not None:
        by_path = dict(parse_sums(found))
        own = [name for tar in copy.record.tars for name in (tar.path, tar.path + INDEX_ENDING)]
        media = [path for path in by_path if path.rpartition("/")[0] in copy.record.folders]
        found = [sum_line(by_path.get(path, ""), path) for path in (*own, *media)]
    return _as_landed(copy, found)


def _recomputed(copy: LandedCopy) -> bytes | None:
    """Likewise of the tars themselves, where a list is damaged: what it listed need not be fetched."""
    checksum, own, media = Checksum(copy.kind), [], []
    for tar in copy.record.tars:
        index = index_tar(copy.root / tar.path)
        own += [sum_line(checksum.of_file(copy.root / tar.path), tar.path)]
        own += [sum_line(checksum.of(index), tar.path + INDEX_ENDING)]
        below = tar.path.rpartition("/")[0]
        for name, data in members_of(copy.root / tar.path, index):
            media.append(sum_line(checksum.of(data), f"{below}/{name}"))
    media.sort(key=by_path)
    return _as_landed(copy, [*own, *media]) if own else None


def _as_landed(copy: LandedCopy, lines: list[str]) -> bytes | None:
    sums = "".join(lines).encode()
    return sums if xxhash.xxh3_128_hexdigest(sums) == copy.record.sums_xxh128 else None


def _lines(shard: Shard, copy: LandedCopy) -> bool:
    """Copy the shard's part of the landed record; whether it is what was written."""
    digest = xxhash.xxh3_128()
    with shard.lines_path.open("wb") as lines:
        lines.writelines(_blocks(copy, digest))
    return bool(digest.hexdigest() == copy.record.json_xxh128)


def _blocks(copy: LandedCopy, digest: Any) -> Iterator[bytes]:
    """The shard's part of the landed record; ``digest`` is updated with every block."""
    left = copy.record.json_bytes
    with (copy.root / copy.record_path).open("rb") as record:
        record.seek(copy.record.json_offset)
        while left and (block := record.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            digest.update(block)
            yield block


def folder_ranges(path: Path) -> dict[str, tuple[int, int]]:
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
