"""Which shards are landed already, and can be taken from the version on the storage or in the trash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hugflow_assets.formats.checksums import Checksum
from hugflow_assets.landing.record.settled_types import settled, to_become_text
from hugflow_assets.landing.shards.landed_copy import LandedCopy
from hugflow_assets.landing.shards.packing import Packs
from hugflow_assets.landing.shards.shard import ShardKey
from hugflow_assets.landing.shards.sources import source_records
from hugflow_assets.landing.tree.files import read_features
from hugflow_assets.landing.tree.paths import Folders
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.models import Shape, ShardSource
from hugflow_assets.shapes.spec import version_of
from hugflow_assets.store import Store
from hugflow_assets.store.models import Manifest, ShardRecord


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


def landed_copies(plan: LandingPlan, store: Store, packs: Packs) -> dict[ShardKey, LandedCopy]:
    """The shards of a plan that are on the storage already: of the landed version, else of the newest in the trash.

    One that is in the form that is wanted comes before one that has to be packed or unpacked. The trash is kept from
    freeing them only while the caller holds the lease.

    Args:
        packs: the form that is wanted, see ``packs_of``.
    """
    found: dict[ShardKey, LandedCopy] = {}
    wanted = wanted_shards(plan)
    folders = {config.name: Folders.of(plan, config.name) for config in plan.configs}
    for root, manifest in _versions(plan.name, store):
        version = LandedVersion(root, manifest)
        before = read_features(root, folders)
        same_files = manifest.repo.files_hash is not None and manifest.repo.files_hash == plan.state.files_hash
        for shard in wanted:
            known, wanted_pack = found.get(shard.key), packs.get(shard.key)
            if known is not None and known.record.pack == wanted_pack:
                continue
            if shard.features is not None and shard.features != before[shard.config]:
                continue
            copy = version.shard(shard, same_files=same_files)
            if copy is not None and (known is None or copy.record.pack == wanted_pack):
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
        return LandedCopy(self.root, record_path, record, Checksum.called(self.manifest.checksums).kind, names, as_text)

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
