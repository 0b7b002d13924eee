"""``storage_catalogue``: everything that is landed, as one table, with what it takes of the quota."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    TableRecord,
    asset,
)

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.notify.markdown import plain
from hugflow_assets.orchestration.assets.check_specs import DATASET, GROUP
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.metadata import Metadata, cell
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.orchestration.assets.shown.card import picture
from hugflow_assets.orchestration.assets.shown.storage_figure import Tile, growth_of, storage_png
from hugflow_assets.status.report import State, landed_states
from hugflow_assets.store import Headroom, IndexRow, Store
from hugflow_assets.wording import human_duration, human_size, share

CATALOGUE = AssetKey("storage_catalogue")
_SHOWN = 1000
_LISTED = 100
_SOON = timedelta(days=30)
_REMEDIES: dict[str, str] = {
    State.DAMAGED: "Materialize it: damaged and missing files are fetched again.",
    State.ORPHANED: "Nobody asks for it: request its removal, or ask for it again.",
    State.UPSTREAM_GONE: "The Hub has it no longer; keep this copy, or request its removal.",
    State.UPSTREAM_DISABLED: "The Hub gives it out no longer: ask why before you use it.",
    State.UPSTREAM_RELICENSED: "Its licence has changed: read the new one before you use it.",
    State.UPSTREAM_NO_ACCESS: "The token may not read it any more: ask for access on the Hub.",
    State.UPSTREAM_RENAMED: "Its name on the Hub has changed: name the new one in the request.",
    State.UPSTREAM_REVISION_GONE: "Its branch is gone on the Hub: name another revision in the request.",
    State.STALE: "`hugflow update` lands the newer commit, if you want it.",
    State.REMOVING: "Wait: its removal is on the way.",
}


@asset(
    key=CATALOGUE,
    deps=[DATASET],
    group_name=GROUP,
    kinds={"table"},
    owners=descriptions.OWNERS,
    tags={"about": "storage"},
    description=descriptions.CATALOGUE,
)
def storage_catalogue(context: AssetExecutionContext, platform: Platform) -> MaterializeResult[None]:
    """List what is landed, largest first."""
    with failing_by_name(context.instance, context.run.run_id):
        return MaterializeResult(metadata=catalogue_metadata(platform.store(), states_now(platform)))


def states_now(platform: Platform) -> dict[str, State]:
    """The state of every landed dataset; empty while the requests cannot be read, which ``requests`` says."""
    try:
        return landed_states(platform.snapshot(), platform.store(), platform.settings())
    except RequestSourceError:
        return {}


def catalogue_event(instance: DagsterInstance, store: Store, states: Mapping[str, State]) -> AssetMaterialization:
    """What the asset would say, as an event without a run.

    It points at the latest landing it knows of: without that, Dagster calls it outdated as long as one request fails.
    """
    latest = instance.fetch_materializations(DATASET, limit=1).records
    tags = {
        "dagster/code_version": "told",
        "dagster/input_data_version/dataset": "landed",
        "dagster/input_event_pointer/dataset": str(latest[0].storage_id if latest else 0),
    }
    return AssetMaterialization(CATALOGUE, metadata=catalogue_metadata(store, states), tags=tags)


def catalogue_digest(store: Store, states: Mapping[str, State]) -> str:
    """Changes when, and only when, what is landed does, or its state."""
    rows = sorted(
        (row.name, row.commit, row.landed_at, row.size_bytes, row.owner, str(states.get(row.name, row.state)))
        for row in store.index.rows().values()
    )
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def catalogue_metadata(store: Store, states: Mapping[str, State]) -> Metadata:
    """What wants attention, a picture, every dataset (the largest 1,000) in words; then totals to plot over time."""
    rows = sorted(store.index.rows().values(), key=lambda one: (-one.size_bytes, one.name))
    room, now = store.quota.headroom(), {row.name: str(states.get(row.name, row.state)) for row in rows}
    tiles = [Tile(name=row.name, size_bytes=row.size_bytes, kind=_kind(now[row.name])) for row in rows]
    figure = storage_png(tiles, room, growth_of(store.events.read()))
    wanting = _attention(rows, now)
    facts: Metadata = {
        "summary": MetadataValue.md(_summary(rows, room, len(wanting))),
        "wants_attention": MetadataValue.md(_wanting(wanting)),
        "figure": MetadataValue.md(picture("Storage", figure)),
        "largest": MetadataValue.md(_largest(rows, now)),
    }
    if rows:
        facts["catalogue"] = MetadataValue.table([_record(row, now[row.name]) for row in rows[:_SHOWN]])
    return facts | _totals(store, rows, room, states)


def _kind(state: str) -> str:
    """The colour of a dataset's tile, by the picture's key."""
    if state == State.DAMAGED:
        return "damaged"
    if state in (State.ORPHANED, State.REMOVING):
        return "asked for by nobody"
    return "behind the Hub" if state == State.STALE or state.startswith("upstream-") else "whole"


def _attention(rows: Sequence[IndexRow], states: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, what it is, what to do: the damaged first, then those nobody asks for, then what is old."""
    soon = (datetime.now(UTC).date() + _SOON).isoformat()
    found = []
    for row in rows:
        state = states[row.name]
        if remedy := _REMEDIES.get(state):
            found.append((row.name, state, remedy))
        if row.keep_until and row.keep_until <= soon:
            found.append(
                (row.name, f"keep_until {row.keep_until}", "Move the date in its request, or request removal.")
            )
    order: list[str] = list(_REMEDIES)
    return sorted(found, key=lambda one: order.index(one[1]) if one[1] in order else len(order))


def _summary(rows: Sequence[IndexRow], room: Headroom, wanting: int) -> str:
    hours, size = sum(row.hours for row in rows), human_size(sum(row.size_bytes for row in rows))
    lines = [f"**{len(rows):,} datasets**, {size}, {human_duration(hours * 3600)} of audio"]
    if room.quota_bytes is not None:
        part = share(room.used_bytes, room.quota_bytes)
        lines.append(f"{human_size(room.used_bytes)} of {human_size(room.quota_bytes)} used (**{part} of the quota**)")
    else:
        lines.append(f"{human_size(room.used_bytes)} used, {human_size(room.free_bytes)} free, no quota")
    if room.soft_limit_bytes is not None and room.used_bytes > room.soft_limit_bytes:
        lines.append(f"**Above the soft limit of {human_size(room.soft_limit_bytes)}**: remove what nobody needs.")
    lines.append(f"**{wanting:,} want attention**" if wanting else "Nothing wants attention.")
    return "\n".join(f"- {line}" for line in lines)


def _wanting(wanting: Sequence[tuple[str, str, str]]) -> str:
    if not wanting:
        return "Nothing."
    lines = [f"| {_link(name)} | {what} | {remedy} |" for name, what, remedy in wanting[:_LISTED]]
    more = f"\n\nand {len(wanting) - _LISTED:,} more." if len(wanting) > _LISTED else ""
    return "\n".join(["| dataset | what | what to do |", "|---|---|---|", *lines]) + more


def _largest(rows: Sequence[IndexRow], states: Mapping[str, str]) -> str:
    lines = ["| dataset | size | hours | rows | licence | for | state |", "|---|---:|---:|---:|---|---|---|"]
    lines += [
        f"| {_link(row.name)} | {human_size(row.size_bytes)} | {row.hours:,.2f} | {row.rows:,} "
        f"| {cell(row.license or 'not stated')} | {cell(row.owner or '')} | {states[row.name]} |"
        for row in rows[:_LISTED]
    ]
    return "\n".join(lines)


def _link(name: str) -> str:
    """To the dataset's own page in this UI."""
    return f"[{plain(name)}](/assets/dataset?view=partitions&partition={quote(name)})"


def _record(row: IndexRow, state: str) -> TableRecord:
    return TableRecord(
        {
            "dataset": row.name,
            "size": human_size(row.size_bytes),
            "hours": round(row.hours, 2),
            "rows": row.rows,
            "owner": row.owner or "",
            "licence": row.license or "",
            "state": state,
            "landed": row.landed_at[:16],
            "commit": row.commit[:12],
            "files": row.files,
            "bytes": row.size_bytes,
        }
    )


def _totals(store: Store, rows: Sequence[IndexRow], room: Headroom, states: Mapping[str, State]) -> Metadata:
    facts: Metadata = {
        "datasets": MetadataValue.int(len(rows)),
        "orphaned": MetadataValue.int(sum(states.get(row.name) is State.ORPHANED for row in rows)),
        "rows": MetadataValue.int(sum(row.rows for row in rows)),
        "hours": MetadataValue.float(round(sum((row.hours for row in rows), 0.0), 2)),
        "size_bytes": MetadataValue.int(sum(row.size_bytes for row in rows)),
        "used_bytes": MetadataValue.int(room.used_bytes),
        "reserved_bytes": MetadataValue.int(room.reserved_bytes),
        "free_bytes": MetadataValue.int(room.free_bytes),
        "root": MetadataValue.path(str(store.root)),
    }
    if room.quota_bytes is not None:
        facts["quota_bytes"] = MetadataValue.int(room.quota_bytes)
        facts["quota_used_percent"] = MetadataValue.float(round(100 * room.used_bytes / max(room.quota_bytes, 1), 2))
    return facts
