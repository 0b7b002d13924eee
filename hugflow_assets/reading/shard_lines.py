"""Where the lines of a landing's shards lie: while it is being built, and when it is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson
import xxhash

from hugflow_assets.errors import HFSplitNotFoundError, HFSubsetNotFoundError
from hugflow_assets.formats.text.number_columns import NOTHING, TEXT
from hugflow_assets.store import ShardReceipt, Staging
from hugflow_assets.store.publishing.order import LandingOrder, OrderedSplit

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class ShardLines:
    """The lines of one shard. ``places``: files that may hold them, and from which byte on."""

    features: dict[str, Any] | None
    rows: int
    size_bytes: int
    digest: str
    places: tuple[tuple[Path, int], ...]

    def opened(self) -> BinaryIO | None:
        """A file at the first of the lines, compared with their hash; None while they are nowhere as they should be."""
        for path, offset in self.places:
            try:
                file = path.open("rb")
                if self._digest(file, offset) == self.digest:
                    file.seek(offset)
                    return file
                file.close()
            except OSError:
                continue  # put together, published, or taken over in this moment
        return None

    def _digest(self, file: BinaryIO, offset: int) -> str:
        digest, left = xxhash.xxh3_128(), self.size_bytes
        file.seek(offset)
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
        return digest.hexdigest()


class Version(Protocol):
    """One version of a dataset, on its way or landed. ``root`` is the folder that its paths are relative to."""

    @property
    def root(self) -> Path: ...

    @property
    def is_published(self) -> bool: ...

    @property
    def count(self) -> int:
        """How many shards the selection has."""

    def shard(self, at: int) -> ShardLines | None:
        """The lines of a shard in the final order; None while it is not there, or not settled."""

    def digests(self, upto: int) -> list[str] | None:
        """The hashes of the first shards' lines; None while one of them is not there."""


@dataclass(frozen=True)
class InTheMaking:
    """A version that is being built."""

    staging: Staging
    order: LandingOrder
    subset: str | None
    split: str | None
    is_published = False
    _receipts: dict[tuple[str, str, int], ShardReceipt] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.staging.path

    @property
    def count(self) -> int:
        return len(self._shards)

    @cached_property
    def _shards(self) -> list[tuple[OrderedSplit, int]]:
        parts = [(one.config, one.split) for one in self.order.splits]
        chosen = _chosen(parts, self.subset, self.split)
        return [
            (one, at) for one in self.order.splits if (one.config, one.split) in chosen for at in range(len(one.lines))
        ]

    def shard(self, at: int) -> ShardLines | None:
        split, number = self._shards[at]
        receipt = self._receipt(split, number)
        if receipt is None or set(receipt.kinds.values()) - {TEXT, NOTHING}:
            return None  # a later shard may make text of its numbers: what they are is known when all are there
        lines = self.staging.work / split.lines[number]
        return ShardLines(
            features=split.features or receipt.features,
            rows=receipt.counts.rows,
            size_bytes=receipt.counts.json_bytes,
            digest=receipt.json_xxh128,
            places=((lines, 0),) if lines.exists() else self._in_record(split, number),
        )

    def _in_record(self, split: OrderedSplit, number: int) -> tuple[tuple[Path, int], ...]:
        """The lines are put together when all shards are there."""
        before = [self._receipt(split, one) for one in range(number)]
        offset = sum(one.counts.json_bytes for one in before if one is not None)
        return ((self.staging.path / split.record_path, offset),)

    def digests(self, upto: int) -> list[str] | None:
        receipts = [self._receipt(split, number) for split, number in self._shards[:upto]]
        found = [one.json_xxh128 for one in receipts if one is not None]
        return found if len(found) == upto else None

    def _receipt(self, split: OrderedSplit, number: int) -> ShardReceipt | None:
        key = split.config, split.split, split.indexes[number]
        if key not in self._receipts:
            receipt = self.staging.receipt(*key, of_any_host=True)
            if receipt is None:
                return None
            self._receipts[key] = receipt
        return self._receipts[key]


@dataclass(frozen=True)
class Published:
    """A version that has landed."""

    root: Path
    manifest: dict[str, Any]
    subset: str | None
    split: str | None
    is_published = True

    @property
    def count(self) -> int:
        return len(self._shards)

    @cached_property
    def _shards(self) -> list[tuple[str, dict[str, Any]]]:
        splits = [(config["name"], split) for config in self.manifest["configs"] for split in config["splits"]]
        chosen = _chosen([(config, split["name"]) for config, split in splits], self.subset, self.split)
        return [
            (split["record_path"], shard)
            for config, split in splits
            if (config, split["name"]) in chosen
            for shard in split["shards"]
        ]

    def shard(self, at: int) -> ShardLines | None:
        record, shard = self._shards[at]
        return ShardLines(
            features=self._features(Path(record).parent),
            rows=shard["counts"]["rows"],
            size_bytes=shard["json_bytes"],
            digest=shard["json_xxh128"],
            places=((self.root / record, shard["json_offset"]),),
        )

    def digests(self, upto: int) -> list[str] | None:
        return [shard["json_xxh128"] for _, shard in self._shards[:upto]]

    def _features(self, folder: Path) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = orjson.loads((self.root / folder / "features.json").read_bytes())
        except OSError:
            return None
        return found


def _chosen(parts: list[tuple[str, str]], subset: str | None, split: str | None) -> set[tuple[str, str]]:
    configs = dict.fromkeys(config for config, _ in parts)
    if subset is not None and subset not in configs:
        raise HFSubsetNotFoundError(f"There is no subset {subset!r}: {', '.join(configs)}.", remedy="Name one.")
    of_subset = [one for one in parts if subset in (None, one[0])]
    names = dict.fromkeys(name for _, name in of_subset)
    if split is not None and split not in names:
        raise HFSplitNotFoundError(f"There is no split {split!r}: {', '.join(names)}.", remedy="Name one.")
    return {one for one in of_subset if split in (None, one[1])}
