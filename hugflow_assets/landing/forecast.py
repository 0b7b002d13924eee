"""What a landing will do and take, before it begins: the one sum that plans show, rules judge and landings reserve."""

from __future__ import annotations

from collections.abc import Mapping

from hugflow_assets.errors import HugflowError
from hugflow_assets.landing.decide import decide
from hugflow_assets.landing.known_files import known_files
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.shards.landed_copy import LandedCopy
from hugflow_assets.landing.shards.packing import Packs, packs_of
from hugflow_assets.landing.shards.reuse import WantedShard, landed_copies, wanted_shards
from hugflow_assets.landing.shards.shard import ShardKey
from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.store import Store
from hugflow_assets.store.models import ShardRecord

SLACK_BYTES = 1 << 20
_SOURCES_AHEAD = 2  # fetched while every worker reads
_INODES_PER_DATASET = 64  # folders and the files beside the data: card, manifest, checksum list, what is staged
_INODES_PER_TAR = 4
_INODES_PER_SPLIT = 12  # its record, its views, their indexes and folders
_INODES_PER_SHARD = 3


def forecast(
    plan: LandingPlan | HugflowError, store: Store, options: LandingOptions, *, in_run: bool = False
) -> Forecast | HugflowError | None:
    """What ``land`` would do with a plan now; None where there is no plan, an error where the storage cannot tell.

    Args:
        in_run: see ``decide``.
    """
    if isinstance(plan, HugflowError):
        return None
    try:
        action = decide(plan, store, options, in_run=in_run)
        copies = landed_copies(plan, store, packs_of(plan, options)) if action.fetches else {}
        found = forecast_of(action, plan, copies, options)
        is_shown = action is Action.LAND and not in_run
        return found.model_copy(update={"known": known_files(plan, store)}) if is_shown else found
    except HugflowError as error:
        return error


def forecast_of(
    action: Action, plan: LandingPlan, copies: Mapping[ShardKey, LandedCopy], options: LandingOptions
) -> Forecast:
    """The sum. Sources lie on the storage while they are read, the largest at once; those of several shards to the end.

    Args:
        copies: the shards that are on the storage already; those in the form that is wanted are linked, and take no
            space again.
    """
    if not action.fetches:
        return Forecast(action=action)
    shards = wanted_shards(plan)
    missing = [shard for shard in shards if shard.key not in copies]
    packs = packs_of(plan, options)
    linked = {key: copy.record for key, copy in copies.items() if copy.record.pack == packs.get(key)}
    stays = max(0, plan.estimate.landed_bytes - sum(one.counts.media_bytes for one in linked.values()))
    fetched = shards if action is Action.REPAIR else missing  # which of its copies are damaged shows when it lands
    sizes = sorted((shard.source.size_bytes for shard in fetched), reverse=True)
    sources = sum(sizes[: options.parallel + _SOURCES_AHEAD]) + _kept_bytes(fetched)
    return Forecast(
        action=action,
        download_bytes=None if action is Action.REPAIR else _download_bytes(plan, missing, copies),
        stays_bytes=stays,
        peak_bytes=stays + sources + SLACK_BYTES,
        peak_inodes=_inodes(plan, packs, linked),
        files_inodes=_inodes(plan, {}, {}),
        packed_inodes=_inodes(plan, packs_of(plan, options, "packed"), {}),
    )


def _inodes(plan: LandingPlan, packs: Packs, linked: Mapping[ShardKey, ShardRecord]) -> int:
    """Files and folders that are new; a tar comes with its index, and with a manifest and the index of that."""
    if packs:
        tars = sum(pack.count for key, pack in packs.items() if key not in linked)
        return tars * _INODES_PER_TAR + _other_inodes(plan)
    files = _media_files(plan) - sum(record.counts.media_files for record in linked.values())
    return max(0, files) + _other_inodes(plan)


def _kept_bytes(shards: list[WantedShard]) -> int:
    """Sources that several shards read stay until the end: tables, and archives that are shared."""
    kept = {
        (file.archive or file).path: (file.archive or file).size_bytes
        for shard in shards
        for file in (*shard.source.files, *shard.source.beside)
        if file.archive or file in shard.source.beside or shard.source.spec.are_files_shared
    }
    return sum(kept.values())


def _download_bytes(plan: LandingPlan, missing: list[WantedShard], copies: Mapping[ShardKey, LandedCopy]) -> int:
    if not copies:
        return plan.estimate.download_bytes
    files = {
        (file.archive or file).path: (file.archive or file).size_bytes
        for shard in missing
        for file in (*shard.source.files, *shard.source.beside)
    }
    return sum(files.values()) + sum(shard.source.named_bytes for shard in missing)


def _media_files(plan: LandingPlan) -> int:
    """From what is known upstream: a media file a row where there is audio."""
    features = [config.features for config in plan.configs]
    has_media = any(one is None or "'Audio'" in repr(one) or "'Image'" in repr(one) for one in features)
    return max(plan.estimate.files, (plan.estimate.rows or 0) if has_media else 0)


def _other_inodes(plan: LandingPlan) -> int:
    splits = [split for config in plan.configs for split in config.splits]
    shards = sum(len(split.shards) for split in splits)
    return _INODES_PER_DATASET + len(splits) * _INODES_PER_SPLIT + shards * _INODES_PER_SHARD
