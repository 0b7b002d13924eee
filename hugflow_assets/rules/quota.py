"""The rule about room on the storage. It previews; the reservation just before the download decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.errors import HugflowError, QuotaExceededError
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.space import Headroom
from hugflow_assets.wording import human_size as size

SOFT_LIMIT = "quota-soft-limit"

# Folders and the files beside the data (card, manifest, record, views) that a landing adds, per split and shard.
_INODES_PER_SHARD = 1
_INODES_PER_SPLIT = 8
_INODES_PER_DATASET = 16


class WithinQuota(PlanRule):
    """The dataset fits: the dataset's own limit, the hard quota, free space, inodes; the soft limit warns."""

    name = "within_quota"
    about = "The dataset fits into the quota, the free-space reserve, the inode limit and the limit of one dataset."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        if isinstance(case.room, HugflowError):
            raise case.room
        room, landed = case.room, plan.estimate.landed_bytes
        need, inodes = max(0, landed - case.held_bytes), needed_inodes(plan)
        facts: dict[str, Any] = {
            "need_bytes": need,
            "need_inodes": inodes,
            "landed_bytes": landed,
            "held_bytes": case.held_bytes,
            "available_bytes": room.available_bytes,
            **room.model_dump(),
        }
        told = f"Needs {_need(need, landed)}; {told_room(room)}."
        if problems := list(_problems(case, room, need, landed, inodes)):
            return self.failed(
                f"{' '.join(problems)} {told}",
                remedy="Ask for a subset or split, remove a dataset, empty the trash, or raise the limit.",
                code=QuotaExceededError.code,
                transient=True,
                **facts,
            )
        after = room.used_bytes + room.reserved_bytes + need
        if need and room.soft_limit_bytes is not None and after > room.soft_limit_bytes:
            return self.failed(
                f"Passes the soft limit of {size(room.soft_limit_bytes)}: {size(after)} would be in use. {told}",
                remedy="It lands all the same; think of what can be removed.",
                code=SOFT_LIMIT,
                severity=Severity.WARNING,
                **facts,
            )
        return self.passed(told, **facts)


def told_room(room: Headroom) -> str:
    """``used 1.2 TB, reserved 30.0 GB, quota 10.0 TB, …``: the numbers as one phrase."""
    quota = f"quota {size(room.quota_bytes)}" if room.quota_bytes is not None else "no quota"
    free = f"{size(room.free_bytes)} free, of which {size(room.min_free_bytes)} stay free"
    return f"used {size(room.used_bytes)}, reserved {size(room.reserved_bytes)}, {quota}, {free}"


def needed_inodes(plan: LandingPlan) -> int:
    """The inodes that a landing takes, from what is known upstream: a media file a row where there is audio."""
    splits = [split for config in plan.configs for split in config.splits]
    shards = sum(len(split.shards) for split in splits)
    rows = plan.estimate.rows or 0
    fixed = _INODES_PER_DATASET + len(splits) * _INODES_PER_SPLIT + shards * _INODES_PER_SHARD
    return fixed + max(plan.estimate.files, rows if _has_media(plan) else 0)


def _has_media(plan: LandingPlan) -> bool:
    features = [config.features for config in plan.configs]
    return any(one is None or "'Audio'" in repr(one) or "'Image'" in repr(one) for one in features)


def _problems(case: Case, room: Headroom, need: int, landed: int, inodes: int) -> Iterator[str]:
    if need == 0:
        return  # a repair, or nothing to do: what is there already is never the reason to refuse
    limit = case.settings.max_dataset_size
    if limit is not None and landed > limit:
        yield f"{size(landed)} is more than one dataset may have (MAX_DATASET_SIZE={size(limit)})."
    if need > room.available_bytes:
        yield f"Does not fit: {size(need - room.available_bytes)} too much."
    if case.held_bytes == 0 and room.available_inodes is not None and inodes > room.available_inodes:
        yield f"Needs {inodes:,} inodes; {max(0, room.available_inodes):,} can be had ({room.used_inodes:,} in use)."


def _need(need: int, landed: int) -> str:
    return size(need) if need == landed else f"{size(need)} more ({size(landed)} in all, the rest is there)"
