"""The records of a landed dataset written anew without some rows, and what is then to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.record.media_values import media_values
from hugflow_assets.landing.shards.landed_copy import folder_ranges
from hugflow_assets.store import WITHDRAWN, ConfigRecord, Counts
from hugflow_assets.store.models import ShardRecord, SplitRecord

Features = dict[str, Any] | None  # with their media said


@dataclass
class Gone:
    """What went: counts to subtract, and the media files of the rows."""

    counts: Counts = field(default_factory=Counts)
    media: dict[str, Any] = field(default_factory=dict)  # path -> the record's value

    def add(self, line: bytes, row: Any, features: Features) -> None:
        """A row, as it stands in the record."""
        self.counts += Counts(rows=1, json_bytes=len(line))
        self.media |= {value["path"]: value for value in media_values(features, row)}

    def forget_unlisted(self, listed: Iterable[str]) -> None:
        """Keep those media alone that a checksum list has: no other path leads to a file of the landing."""
        self.media = {path: self.media[path] for path in listed if path in self.media}


class RewrittenRecords:
    """The records of a landed dataset written anew without rows."""

    def __init__(
        self, root: Path, to: Path, is_withdrawn: Callable[[Any], bool], features: Mapping[str, Features]
    ) -> None:
        self._root, self._to, self._is_withdrawn, self._features = root, to, is_withdrawn, features
        self.found = Gone()
        self.less_of: dict[tuple[str, int], Gone] = {}  # by record and shard

    def configs(self, configs: Iterable[ConfigRecord], listed: Iterable[str]) -> tuple[ConfigRecord, ...]:
        """Write every record; what the manifest says of them, but for media.

        Args:
            listed: the paths of the landing's checksum list.
        """
        written = tuple(
            config.model_copy(update={"splits": tuple(self._split(config.name, split) for split in config.splits)})
            for config in configs
        )
        self.found.forget_unlisted(listed)
        for gone in self.less_of.values():
            gone.forget_unlisted(list(self.found.media))
        return written

    def named_still(self, configs: tuple[ConfigRecord, ...]) -> set[str]:
        """The media of rows that went which other rows name, too."""
        kept: set[str] = set()
        if self.found.media:
            for name, split in ((config.name, split) for config in configs for split in config.splits):
                with (self._to / split.record_path).open("rb") as lines:
                    for line in lines:
                        named = media_values(self._features[name], loads(line))
                        kept |= {one["path"] for one in named if one["path"] in self.found.media}
        return kept

    def _split(self, config: str, split: SplitRecord) -> SplitRecord:
        target = self._to / split.record_path
        target.parent.mkdir(parents=True, exist_ok=True)
        shards: list[ShardRecord] = []
        with (self._root / split.record_path).open("rb") as lines, target.open("wb") as out:
            for shard in split.shards:
                offset, digest, gone = out.tell(), xxhash.xxh3_128(), Gone()
                lines.seek(shard.json_offset)
                left = shard.json_bytes
                while left > 0 and (line := lines.readline()):
                    left -= len(line)
                    row = loads(line)
                    if self._is_withdrawn(row):
                        gone.add(line, row, self._features[config])
                    else:
                        digest.update(line)
                        out.write(line)
                self.less_of[split.record_path, shard.index] = gone
                self.found.counts += gone.counts
                self.found.media |= gone.media
                changed = {"json_offset": offset, "json_bytes": out.tell() - offset, "json_xxh128": digest.hexdigest()}
                shards.append(shard.model_copy(update=changed))
        return split.model_copy(update={"shards": tuple(shards)})


def with_sums(
    configs: tuple[ConfigRecord, ...],
    sums: Path,
    lost: Iterable[str],
    less_of: Mapping[tuple[str, int], Gone],
    kept: set[str],
    root: Path,
) -> tuple[ConfigRecord, ...]:
    """Counts and checksum lines of every shard and split, as they are now."""
    ranges, folders = folder_ranges(sums), {path.rpartition("/")[0] for path in lost}

    def shard_of(split: SplitRecord, shard: ShardRecord) -> ShardRecord:
        changed: dict[str, Any] = {
            "counts": without(shard.counts, with_media_files(less_of[split.record_path, shard.index], kept, root))
        }
        if folders & set(shard.folders):
            digest = xxhash.xxh3_128()
            with sums.open("rb") as lines:
                for folder in shard.folders:
                    start, end = ranges.get(folder, (0, 0))
                    lines.seek(start)
                    digest.update(lines.read(end - start))
            changed["sums_xxh128"] = digest.hexdigest()
        return shard.model_copy(update=changed)

    def split_of(split: SplitRecord) -> SplitRecord:
        less = sum(
            (with_media_files(less_of[split.record_path, one.index], kept, root) for one in split.shards), Counts()
        )
        shards = tuple(shard_of(split, one) for one in split.shards)
        return split.model_copy(update={"shards": shards, "counts": without(split.counts, less)})

    return tuple(
        config.model_copy(update={"splits": tuple(split_of(split) for split in config.splits)}) for config in configs
    )


def with_media_files(gone: Gone, kept: set[str], root: Path) -> Counts:
    """What is to be subtracted, the media files that really go among it."""
    counts = gone.counts
    for path, value in gone.media.items():
        if path in kept:
            continue
        duration = value.get("duration")
        is_unreadable = "duration" in value and duration is None
        counts += Counts(
            media_files=1,
            media_bytes=(root / path).stat().st_size,
            duration_s=duration or 0.0,
            unreadable_audio=int(is_unreadable),
        )
    return counts


def without(counts: Counts, gone: Counts) -> Counts:
    """Counts after something went; the rows of it are told as withdrawn."""
    names = ("rows", "media_files", "media_bytes", "json_bytes", "unreadable_audio")
    changed: dict[str, Any] = {name: max(0, getattr(counts, name) - getattr(gone, name)) for name in names}
    changed["duration_s"] = max(0.0, counts.duration_s - gone.duration_s)
    if gone.rows:
        changed["extra"] = counts.extra | {WITHDRAWN: counts.extra.get(WITHDRAWN, 0) + gone.rows}
    return counts.model_copy(update=changed)
