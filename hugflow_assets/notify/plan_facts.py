"""What a plan says, as pairs of label and value: the same on a pull request and in ``hugflow plan``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store import Headroom, human_size

CODE_FACTS = frozenset({"Commit", "Path", "Where"})  # shown letter by letter


class Detailed(Protocol):
    """A verdict, for what it says beside its words."""

    @property
    def details(self) -> Mapping[str, Any]: ...


def plan_facts(
    plan: LandingPlan | None, room: Headroom | None, path: str = "", verdicts: Iterable[Detailed] = ()
) -> list[tuple[str, str]]:
    """Commit, sizes, rows, hours, licence, access, place, quota before and after; what is not known says so.

    Args:
        plan: None where the request could not be resolved.
        room: the storage as it is now.
        path: where it lands.
        verdicts: of the pre-flight rules, of which one knows how much of it is on the storage already.
    """
    facts = []
    if plan is not None:
        estimate = plan.estimate
        files = "1 file" if plan.upstream_files == 1 else f"{plan.upstream_files:,} files"
        media = f", {estimate.files:,} media files" if estimate.files else ""
        reason = f": {plan.shape_reason}" if plan.shape_reason else ""
        facts = [
            ("Commit", plan.commit),
            ("Revision", plan.request.revision),
            ("Shape", f"{plan.shape.value}{reason}"),
            ("Selection", _selection(plan)),
            ("To fetch", f"{human_size(estimate.download_bytes)} in {files}"),
            ("Lands as", f"about {human_size(estimate.landed_bytes)}{media}"),
            ("Rows", "not known" if estimate.rows is None else f"{estimate.rows:,}"),
            ("Hours", "not known" if estimate.hours is None else f"{estimate.hours:,.1f}"),
            ("Licence", plan.state.license or "not known"),
            ("Access", _access(plan)),
        ]
    if path:
        facts.append(("Where", path))
    if room is not None:
        needs = [one.details["need_bytes"] for one in verdicts if "need_bytes" in one.details]
        needs.append(plan.estimate.landed_bytes if plan else 0)
        facts.append(("Quota", quota_line(room, int(needs[0]))))
    return facts


def quota_line(room: Headroom, need_bytes: int) -> str:
    """``1.2 GB of 10.0 TB, then 1.4 GB``: taken and promised, before and after."""
    taken = room.used_bytes + room.reserved_bytes
    if room.quota_bytes is None:
        limit = f"{human_size(taken + max(0, room.available_bytes))} (the file system's)"
    else:
        limit = human_size(room.quota_bytes)
    return f"{human_size(taken)} of {limit}, then {human_size(taken + need_bytes)}"


def _access(plan: LandingPlan) -> str:
    if plan.state.private:
        return "private"
    return f"gated ({plan.state.gated})" if plan.state.gated else "open"


def _selection(plan: LandingPlan) -> str:
    """Subsets and splits, the first of them where there are many."""
    told = [f"{one.name}: {', '.join(split.name for split in one.splits[:8])}" for one in plan.configs[:8]]
    more = len(plan.configs) - 8
    return "; ".join(told) + (f" and {more:,} more subsets" if more > 0 else "")
