"""What a plan says, as pairs of label and value: the same on a pull request and in ``hugflow plan``."""

from __future__ import annotations

from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.store import Headroom
from hugflow_assets.wording import human_size

CODE_FACTS = frozenset({"Commit", "Path", "Where"})  # shown letter by letter
_KNOWN_SHOWN = 3


_DOES = {
    Action.NOOP: "landed, nothing to do",
    Action.DESCRIPTION: "landed; what is said of it is updated, nothing is fetched",
    Action.VIEWS: "landed; its views are made anew, nothing is fetched",
    Action.LAND: "lands",
    Action.RESTORE: "comes back from the trash, nothing is fetched",
    Action.REPAIR: "landed and damaged; it is repaired at its commit",
    Action.UPDATE: "landed; moves to another commit, what is the same is not fetched",
}


def does(forecast: Forecast) -> str:
    """What would be done, in a few words."""
    return _DOES[forecast.action]


def plan_facts(
    plan: LandingPlan | None, forecast: Forecast | None, room: Headroom | None, path: str = ""
) -> list[tuple[str, str]]:
    """What is done, commit, sizes, rows, licence, access, place, quota before and after; what is not known says so.

    Args:
        plan: None where the request could not be resolved.
        forecast: what landing the plan would do and take; None where it has no plan.
        room: the storage as it is now.
        path: where it lands.
    """
    facts = [("Does", does(forecast))] if forecast is not None else []
    if plan is not None:
        estimate = plan.estimate
        media = f", {estimate.files:,} media files" if estimate.files else ""
        reason = f": {plan.shape_reason}" if plan.shape_reason else ""
        facts += [
            ("Commit", plan.commit),
            ("Revision", plan.request.revision),
            ("Shape", f"{plan.shape.value}{reason}"),
            ("Selection", _selection(plan)),
            *left_out(plan),
            ("To fetch", _to_fetch(plan, forecast)),
            *_known(forecast),
            ("Lands as", f"about {human_size(estimate.landed_bytes)}{media}"),
            *_inodes(forecast),
            ("Rows", "not known" if estimate.rows is None else f"{estimate.rows:,}"),
            ("Hours", "not known" if estimate.hours is None else f"{estimate.hours:,.1f}"),
            ("Licence", plan.state.license or "not known"),
            ("Access", _access(plan)),
        ]
    if path:
        facts.append(("Where", path))
    if room is not None:
        facts.append(("Quota", quota_line(room, forecast)))
    return facts


def _inodes(forecast: Forecast | None) -> list[tuple[str, str]]:
    """How many files and folders it takes in either form, where there are media to pack."""
    if forecast is None or forecast.files_inodes <= forecast.packed_inodes:
        return []
    return [("Inodes", f"about {forecast.files_inodes:,} as files, {forecast.packed_inodes:,} packed")]


def _known(forecast: Forecast | None) -> list[tuple[str, str]]:
    """Which landed datasets hold some of its files already: they may be another copy of it, or a part."""
    if forecast is None or not forecast.known:
        return []
    some = [
        f"{one.files:,} of {one.of_files:,} files ({human_size(one.size_bytes)}) are also in {one.name}"
        for one in forecast.known[:_KNOWN_SHOWN]
    ]
    more = len(forecast.known) - len(some)
    return [("Known", "; ".join(some) + (f" and {more:,} more datasets" if more else ""))]


def _to_fetch(plan: LandingPlan, forecast: Forecast | None) -> str:
    files = "1 file" if plan.upstream_files == 1 else f"{plan.upstream_files:,} files"
    whole = f"{human_size(plan.estimate.download_bytes)} in {files}"
    if forecast is None or forecast.action is Action.LAND:
        return whole
    if not forecast.action.fetches:
        return "nothing"
    if forecast.download_bytes is None:
        return f"what is missing or damaged of {whole}"
    return f"{human_size(forecast.download_bytes)} of {whole}"


def left_out(plan: LandingPlan) -> list[tuple[str, str]]:
    """What of the repository is not read, where something is: how many files, and some of their names."""
    coverage = plan.coverage
    if not coverage.left_files:
        return []
    more = ", …" if coverage.left_files > len(coverage.left) else ""
    return [("Left out", f"{coverage.left_files:,} of {coverage.files:,} files: {', '.join(coverage.left)}{more}")]


def quota_line(room: Headroom, forecast: Forecast | None) -> str:
    """``1.2 GB of 10.0 TB, then 1.4 GB; 1.6 GB while it lands``: taken and promised, before, after and at the peak."""
    taken = room.used_bytes + room.reserved_bytes
    if room.quota_bytes is None:
        limit = f"{human_size(taken + max(0, room.available_bytes))} (the file system's)"
    else:
        limit = human_size(room.quota_bytes)
    stays, peak = (forecast.stays_bytes, forecast.peak_bytes) if forecast is not None else (0, 0)
    fits = f"{human_size(taken)} of {limit}, then {human_size(taken + stays)}"
    return f"{fits}; {human_size(taken + peak)} while it lands" if peak else fits


def _access(plan: LandingPlan) -> str:
    if plan.state.private:
        return "private"
    return f"gated ({plan.state.gated})" if plan.state.gated else "open"


def _selection(plan: LandingPlan) -> str:
    """Subsets and splits, the first of them where there are many."""
    configs = [f"{one.name}: {', '.join(split.name for split in one.splits[:8])}" for one in plan.configs[:8]]
    more = len(plan.configs) - 8
    return "; ".join(configs) + (f" and {more:,} more subsets" if more > 0 else "")
