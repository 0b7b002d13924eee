"""The rule about room on the storage. It previews; the reservation just before the download decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.errors import HugflowError, QuotaExceededError, UnexpectedError
from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.capacity.space import Headroom
from hugflow_assets.wording import human_size as size

SOFT_LIMIT = "quota-soft-limit"


class WithinQuota(PlanRule):
    """The dataset fits: the dataset's own limit, the hard quota, free space, inodes; the soft limit warns."""

    name = "within_quota"
    about = "The dataset fits into the quota, the free-space reserve, the inode limit and the limit of one dataset."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        if isinstance(case.room, HugflowError):
            raise case.room
        if not isinstance(case.forecast, Forecast):
            raise case.forecast or UnexpectedError(f"{plan.name} was judged without a forecast.")
        room, forecast = case.room, case.forecast
        facts: dict[str, Any] = {
            "need_bytes": forecast.peak_bytes,
            "need_inodes": forecast.peak_inodes,
            "stays_bytes": forecast.stays_bytes,
            "landed_bytes": plan.estimate.landed_bytes,
            "available_bytes": room.available_bytes,
            **room.model_dump(),
        }
        message = f"{_needs(forecast)}; {room_in_words(room)}."
        if problems := list(_problems(case, room, forecast, plan.estimate.landed_bytes)):
            return self.failed(
                f"{' '.join(problems)} {message}",
                remedy=_remedy(case, room, plan, forecast),
                code=QuotaExceededError.code,
                transient=True,
                **facts,
            )
        after = room.used_bytes + room.reserved_bytes + forecast.peak_bytes
        if forecast.peak_bytes and room.soft_limit_bytes is not None and after > room.soft_limit_bytes:
            return self.failed(
                f"Passes the soft limit of {size(room.soft_limit_bytes)}: {size(after)} would be in use. {message}",
                remedy="It lands all the same; think of what can be removed.",
                code=SOFT_LIMIT,
                severity=Severity.WARNING,
                **facts,
            )
        return self.passed(message, **facts)


def room_in_words(room: Headroom) -> str:
    """``used 1.2 TB, reserved 30.0 GB, quota 10.0 TB, …``: the numbers as one phrase."""
    quota = f"quota {size(room.quota_bytes)}" if room.quota_bytes is not None else "no quota"
    free = f"{size(room.free_bytes)} free, of which {size(room.min_free_bytes)} stay free"
    return f"used {size(room.used_bytes)}, reserved {size(room.reserved_bytes)}, {quota}, {free}"


def _problems(case: Case, room: Headroom, forecast: Forecast, landed: int) -> Iterator[str]:
    if not forecast.action.fetches:
        return  # what is there already is never the reason to refuse
    need, inodes, limit = forecast.peak_bytes, forecast.peak_inodes, case.settings.max_dataset_size
    if limit is not None and landed > limit and forecast.action is not Action.REPAIR:
        yield f"{size(landed)} is more than one dataset may have (MAX_DATASET_SIZE={size(limit)})."
    if need > room.available_bytes:
        yield f"Does not fit: {size(need - room.available_bytes)} too much."
    if room.available_inodes is not None and inodes > room.available_inodes:
        yield f"Needs {inodes:,} inodes; {max(0, room.available_inodes):,} can be had ({room.used_inodes:,} in use)."


def _remedy(case: Case, room: Headroom, plan: LandingPlan, forecast: Forecast) -> str:
    remedy = "Ask for a subset or split, remove a dataset, empty the trash, or raise the limit."
    as_files = (plan.request.form or case.settings.landing_form) == "files"
    too_many = room.available_inodes is not None and forecast.peak_inodes > room.available_inodes
    if not (as_files and too_many and forecast.packed_inodes < forecast.files_inodes):
        return remedy
    return (
        f"Write `form: packed` in the request: packed into tars it takes {forecast.packed_inodes:,} inodes instead of "
        f"{forecast.files_inodes:,}. Or: {remedy[0].lower()}{remedy[1:]}"
    )


def _needs(forecast: Forecast) -> str:
    if not forecast.action.fetches:
        return "Needs no more than is there"
    return f"Needs {size(forecast.peak_bytes)} while it lands, of which {size(forecast.stays_bytes)} stay"
