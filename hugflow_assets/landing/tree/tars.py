"""What completes the tars of a split when all of its shards are there: the list of members, and no number missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from hugflow_assets.formats.archives.ustar import END
from hugflow_assets.formats.checksums import Checksum, parse_sums, sum_line
from hugflow_assets.landing.tree.indexes import ENDING, offsets_bytes
from hugflow_assets.landing.tree.paths import tar_name
from hugflow_assets.store.models import ShardReceipt, ShardRecord, SplitRecord

SumsOf = Callable[[ShardReceipt], bytes]


def tars_of(split: SplitRecord, kind: str) -> tuple[str, ...]:
    """The tars of one kind of media in a split, by their numbers; none where it has no such media."""
    return _numbered(split.shards, kind)


def complete_tars(tree: Path, splits: Iterable[list[ShardReceipt]], sums_of: SumsOf, checksum: Checksum) -> list[str]:
    """Write what the shards could not know of each other; paths of what was written, which no shard lists.

    Args:
        splits: the receipts of each split, in the order of their shards.
        sums_of: the checksum lines of a shard.
    """
    written = []
    for receipts in splits:
        kinds = sorted({folder.partition("/")[0] for one in receipts for folder in one.folders})
        for kind in kinds:
            tars = _numbered(receipts, kind)
            known = {tar.path for one in receipts for tar in one.tars}
            for tar in tars:
                if tar not in known:
                    (tree / tar).write_bytes(END)
                    (tree / (tar + ENDING)).write_bytes(offsets_bytes([], len(END)))
                    written += [tar, tar + ENDING]
            if tars:
                folder = tars[0].rpartition("/")[0]
                written.append(f"{folder}/{checksum.members_name}")
                _write_members(tree / written[-1], f"{folder}/", receipts, sums_of)
    return written


def tar_lines(receipts: Iterable[ShardReceipt], sums_of: SumsOf) -> list[str]:
    """The checksum lines of all tars and their indexes, sorted by path."""
    found = []
    for one in receipts:
        own = {name for tar in one.tars for name in (tar.path, tar.path + ENDING)}
        found += [(path, digest) for path, digest in parse_sums(_lines(sums_of(one))) if path in own]
    return [sum_line(digest, path) for path, digest in sorted(found, key=lambda pair: pair[0].encode())]


def _numbered(shards: Iterable[ShardReceipt] | Iterable[ShardRecord], kind: str) -> tuple[str, ...]:
    count, folder = 0, None
    for one in shards:
        if one.pack is not None:
            count = max(count, one.pack.first + one.pack.count)
        for tar in one.tars:
            if tar.path.startswith(f"{kind}/"):
                folder = tar.path.rpartition("/")[0]
    return tuple(f"{folder}/{tar_name(kind, number)}" for number in range(count)) if folder is not None else ()


def _write_members(target: Path, below: str, receipts: list[ShardReceipt], sums_of: SumsOf) -> None:
    """The members' checksum lines, relative to the split's folder: ``xxh128sum -c`` works where they are unpacked."""
    by_folder: dict[str, ShardReceipt] = {}
    for one in receipts:
        by_folder |= {folder: one for folder in one.folders if folder.startswith(below)}
    with target.open("w", encoding="utf-8", newline="\n") as out:
        for folder in sorted(by_folder, key=str.encode):
            for path, digest in parse_sums(_lines(sums_of(by_folder[folder]))):
                if path.startswith(f"{folder}/"):
                    out.write(sum_line(digest, path.removeprefix(below)))


def _lines(sums: bytes) -> list[str]:
    return sums.decode().split("\n")


def by_split(receipts: Iterable[ShardReceipt]) -> list[list[ShardReceipt]]:
    """Receipts in the order of their shards, those of a split together."""
    found = defaultdict(list)
    for one in receipts:
        found[one.config, one.split].append(one)
    return list(found.values())
