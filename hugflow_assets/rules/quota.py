"""The rule about room on the storage. It previews; the reservation just before the download decides."""

from __future__ import annotations

from collections.abc import Iterator

from hugflow_assets.errors import HugflowError, QuotaExceededError
from hugflow_assets.hub.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.space import Space
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.rules.words import size

# Folders and the files beside the data (card, manifest, record, views) that a landing adds, per split and shard.
_INODES_PER_SHARD = 1
_INODES_PER_SPLIT = 8
_INODES_PER_DATASET = 16


class WithinQuota(PlanRule):
    """The dataset fits: the dataset's own limit, the hard quota, free space, inodes; the soft limit warns."""

    name = "within_quota"
    about = "The dataset fits into the quota, the free-space reserve, the inode limit and the limit of one dataset."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        if isinstance(case.space, HugflowError):
            return Verdict.of_error(self.name, case.space)
        space, landed = case.space, plan.estimate.landed_bytes
        need, inodes = max(0, landed - case.held_bytes), needed_inodes(plan)
        facts = {
            "need_bytes": need,
            "need_inodes": inodes,
            "landed_bytes": landed,
            "held_bytes": case.held_bytes,
            **space.model_dump(),
            "left_bytes": space.left_bytes,
        }
        told = f"Needs {_need(need, landed)}; {space.told()}."
        if problems := list(_problems(case, space, need, landed, inodes, already=plan.name in case.stock)):
            return self.failed(
                f"{' '.join(problems)} {told}",
                remedy="Ask for a subset or split, remove a dataset, empty the trash, or raise the limit.",
                code=QuotaExceededError.code,
                transient=True,
                **facts,
            )
        after = space.used_bytes + space.reserved_bytes + need
        if space.soft_bytes is not None and after > space.soft_bytes:
            return self.failed(
                f"Crosses the soft limit of {size(space.soft_bytes)}: {size(after)} would be in use. {told}",
                remedy="It lands all the same; think of what can be removed.",
                code="quota-soft-limit",
                severity=Severity.WARNING,
                **facts,
            )
        return self.passed(told, **facts)


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


def _problems(case: Case, space: Space, need: int, landed: int, inodes: int, *, already: bool) -> Iterator[str]:
    if need == 0:
        return  # a repair, or nothing to do: what is there already is never the reason to refuse
    limit = case.settings.max_dataset_size
    if limit is not None and landed > limit:
        yield f"{size(landed)} is more than one dataset may have (MAX_DATASET_SIZE={size(limit)})."
    if need > space.left_bytes:
        lacking = need - space.left_bytes
        yield f"Does not fit: {size(lacking)} too much."
    if already:
        return
    if space.max_inodes is not None and space.used_inodes + inodes > space.max_inodes:
        yield f"{inodes:,} inodes more than {space.used_inodes:,} pass the limit of {space.max_inodes:,}."
    if space.free_inodes is not None and inodes > space.free_inodes:
        yield f"It takes {inodes:,} inodes and the file system has {space.free_inodes:,}."


def _need(need: int, landed: int) -> str:
    return size(need) if need == landed else f"{size(need)} more ({size(landed)} in all, the rest is there)"
