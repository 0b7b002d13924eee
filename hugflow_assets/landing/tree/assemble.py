"""Shards become a split: their lines in upstream order in one record, verified against their receipts."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import xxhash

from hugflow_assets.errors import IncompleteLandingError
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.store.models import Counts, ShardReceipt, ShardRecord, SplitRecord

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class LandedShard:
    """A shard with its proof."""

    shard: Shard
    receipt: ShardReceipt


def assemble(tree: Path, record_path: str, split: str, landed: list[LandedShard]) -> SplitRecord:
    """Make ``record_path`` of the shards' lines. May be killed and repeated at any point.

    Each shard's offset is known beforehand: the first file is renamed into place, and each further one is appended
    behind a truncation to its offset, then removed. The record is so never on the disk twice.

    Raises:
        IncompleteLandingError: lines are missing or not those of the receipt; the shards at fault are in
            ``details["shards"]``.
    """
    target = tree / record_path
    target.parent.mkdir(parents=True, exist_ok=True)
    offsets = [0, *itertools.accumulate(one.receipt.counts.json_bytes for one in landed)]
    if not landed:
        target.write_bytes(b"")
    for at, one in enumerate(landed):
        lines = one.shard.lines_path
        if not lines.exists():
            continue  # in already
        if at == 0:
            lines.replace(target)
        else:
            _append(lines, target, offsets[at])
            lines.unlink()
    _verify(target, landed, offsets)
    return SplitRecord(
        name=split,
        record_path=record_path,
        shards=tuple(_record(one.receipt, offset) for one, offset in zip(landed, offsets, strict=False)),
        counts=_matched(sum((one.receipt.counts for one in landed), Counts())),
    )


def _matched(counts: Counts) -> Counts:
    """What only a whole split knows: lines of its lists that no clip of any shard has."""
    extra = dict(counts.extra)
    if "table_rows" in extra:
        extra["rows_without_clip"] = max(0, extra["table_rows"] - extra.get("rows_joined", 0))
        absent = extra["rows_without_clip"] - extra.get("rows_ambiguous", 0)
        extra |= {"rows_absent": absent} if absent else {}
    return counts.model_copy(update={"extra": extra})


def is_staged(one: LandedShard, record: Path, *, assembled_upto: int | None) -> bool:
    """Whether what a receipt of an earlier run proves is still there: the lines, and as many media as it says.

    Args:
        record: the split's record, which may hold the lines already.
        assembled_upto: where the shard's lines end in it; None if not all receipts are there, so that nothing can be.
    """
    counts = one.receipt.counts
    try:
        lines = one.shard.lines_path.stat().st_size == counts.json_bytes
    except FileNotFoundError:
        try:
            lines = assembled_upto is not None and record.stat().st_size >= assembled_upto
        except FileNotFoundError:
            return False
    return lines and media_hold(one.shard.tree, one.receipt)


def media_hold(root: Path, landed: ShardReceipt | ShardRecord) -> bool:
    """Whether a shard's tars are as large as they were, or its folders hold as many files and bytes as were counted."""
    if landed.pack is not None:
        return all(_size(root / tar.path) == tar.size_bytes for tar in landed.tars)
    return _folders_hold(root, landed.folders, landed.counts)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _folders_hold(root: Path, folders: tuple[str, ...], counts: Counts) -> bool:
    files = size = 0
    for folder in folders:
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    files, size = files + 1, size + entry.stat(follow_symlinks=False).st_size
        except (FileNotFoundError, NotADirectoryError):
            return False
    return (files, size) == (counts.media_files, counts.media_bytes)


def _append(source: Path, target: Path, offset: int) -> None:
    with source.open("rb") as lines, target.open("r+b") as record:
        if record.seek(0, os.SEEK_END) < offset:
            return  # an earlier part is missing: found by the verification
        record.truncate(offset)
        at = 0
        while sent := _send(lines.fileno(), record.fileno(), at, offset + at):
            at += sent


def _send(source: int, target: int, at: int, to: int) -> int:
    return os.pwrite(target, block, to) if (block := os.pread(source, _BLOCK_BYTES, at)) else 0


def _verify(target: Path, landed: list[LandedShard], offsets: list[int]) -> None:
    """Read the record once and compare each shard's part with its receipt."""
    wrong = []
    with target.open("rb", buffering=0) as record:
        for one in landed:
            digest, left = xxhash.xxh3_128(), one.receipt.counts.json_bytes
            while left and (block := record.read(min(left, _BLOCK_BYTES))):
                digest.update(block)
                left -= len(block)
            if left or digest.hexdigest() != one.receipt.json_xxh128:
                wrong.append(one.receipt.index)
        more = record.read(1)
    if wrong or (more and landed) or target.stat().st_size != offsets[-1]:
        raise IncompleteLandingError(
            f"{target.name}: the lines of shards {wrong} are not those that were written; nothing was published.",
            remedy="Run it again: these shards are landed anew.",
            shards=wrong,
        )


def _record(receipt: ShardReceipt, offset: int) -> ShardRecord:
    return ShardRecord(
        index=receipt.index,
        sources=receipt.sources,
        folders=receipt.folders,
        json_offset=offset,
        json_bytes=receipt.counts.json_bytes,
        json_xxh128=receipt.json_xxh128,
        sums_xxh128=receipt.sums_xxh128,
        counts=receipt.counts,
        read_as=receipt.read_as,
        kinds=receipt.kinds,
        unmatched=receipt.unmatched,
        pack=receipt.pack,
        tars=receipt.tars,
    )
