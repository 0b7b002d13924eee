"""What is asked for beside what is there: the state of every dataset, as one model that text and JSON are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from hugflow_assets.intake import AddFile, Problem, RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, EventKind, Fingerprint, IndexRow, Phase, Progress, Store, Tombstone, Usage

# How far back the audit log is read for the last word on what has not landed.
RECENT_EVENTS = 10_000


class State(StrEnum):
    """Where a dataset is in its life."""

    REQUESTED = "requested"  # asked for, nothing landed yet
    LANDING = "landing"  # a run is at work
    INTERRUPTED = "interrupted"  # a run fell silent; the next one resumes
    FAILED = "failed"  # the last attempt was refused or failed, and nothing is there
    LANDED = "landed"
    DAMAGED = "damaged"  # its folder is there, its manifest cannot be read
    ORPHANED = "orphaned"  # landed, and no request asks for it any more
    REMOVING = "removing"  # landed, and a removal withdraws it
    REMOVED = "removed"  # nothing is there: a removal withdraws it, or it is in the trash


class DatasetStatus(Frozen):
    """One dataset. Sizes in bytes; None: not known or not there."""

    name: str
    state: State
    note: str = ""
    hf_id: str | None = None
    revision: str | None = None
    commit: str | None = None
    owner: str | None = None
    rows: int | None = None
    hours: float | None = None
    size_bytes: int | None = None
    files: int | None = None
    landed_at: str | None = None
    path: str | None = None
    request: str | None = None  # its file, relative to the requests folder
    progress: Progress | None = None


class Totals(Frozen):
    """Sums over what is landed."""

    datasets: int = 0
    rows: int = 0
    hours: float = 0.0
    size_bytes: int = 0
    files: int = 0


class StatusReport(Frozen):
    """``hugflow status --json``. ``problems`` are request files that cannot be read and so have no name."""

    schema_version: int = 1
    datasets: tuple[DatasetStatus, ...] = ()
    problems: tuple[Problem, ...] = ()
    totals: Totals = Totals()
    usage: Usage = Usage()


def status_report(snapshot: RequestSnapshot, store: Store, settings: Settings) -> StatusReport:
    """Compare what is asked for with what is there.

    Raises:
        StorageError: the storage root cannot be read.
    """
    datasets = tuple(_statuses(snapshot, store, settings))
    landed = [one for one in datasets if one.landed_at is not None]
    return StatusReport(
        datasets=datasets,
        problems=snapshot.problems,
        totals=Totals(
            datasets=len(landed),
            rows=sum(one.rows or 0 for one in landed),
            hours=sum(one.hours or 0 for one in landed),
            size_bytes=sum(one.size_bytes or 0 for one in landed),
            files=sum(one.files or 0 for one in landed),
        ),
        usage=store.usage(),
    )


def _statuses(snapshot: RequestSnapshot, store: Store, settings: Settings) -> Iterator[DatasetStatus]:
    desired = snapshot.desired()
    asked = {one.name: one for one in reversed(snapshot.adds)}
    landed = store.index()
    in_trash = {one.name for one in store.trash_entries() if one.why == "removed"}
    progress = {name: one for name, one in store.progress.all().items() if _at_work(one) or name in asked}
    failures = _failures(store)
    for name in sorted(asked.keys() | landed.keys() | in_trash | progress.keys()):
        if name in landed:
            yield _landed(landed[name], asked.get(name), name in desired, progress.get(name), store, settings)
        elif name in desired or (name not in asked and name in progress):
            yield _wanted(name, asked.get(name), progress.get(name), failures.get(name, ""), settings)
        else:
            yield _removed(name, asked.get(name), store.tombstone(name))


def _landed(
    row: IndexRow, asked: AddFile | None, desired: bool, progress: Progress | None, store: Store, settings: Settings
) -> DatasetStatus:
    state, note = _state_of_landed(row, asked, desired, settings)
    return DatasetStatus(
        name=row.name,
        state=state,
        note=note,
        hf_id=row.hf_id or None,
        revision=row.revision or None,
        commit=row.commit or None,
        owner=asked.request.owner if asked else row.owner,
        rows=row.rows,
        hours=row.hours,
        size_bytes=row.size_bytes,
        files=row.files,
        landed_at=row.landed_at or None,
        path=str(store.layout.dataset(row.name)),
        request=asked.path if asked else None,
        progress=progress if progress is not None and _is_fresh(progress, settings) else None,
    )


def _state_of_landed(row: IndexRow, asked: AddFile | None, desired: bool, settings: Settings) -> tuple[State, str]:
    if row.state != "landed":
        return State.DAMAGED, row.problem
    if asked is None:
        return State.ORPHANED, "no request asks for it; its data stay until a removal request names it"
    if not desired:
        return State.REMOVING, "a removal withdraws it"
    if row.fingerprint != Fingerprint.of(asked.request, row.commit, settings.checksums, settings.landing_views):
        return State.LANDED, "its request or the settings have changed since; the next sync brings it up to date"
    return State.LANDED, ""


def _wanted(
    name: str, asked: AddFile | None, progress: Progress | None, failure: str, settings: Settings
) -> DatasetStatus:
    state, note = State.REQUESTED, ""
    if progress is not None and _at_work(progress):
        state, note = State.LANDING if _is_fresh(progress, settings) else State.INTERRUPTED, progress.message
    elif failure:
        state, note = State.FAILED, failure
    return DatasetStatus(
        name=name,
        state=state,
        note=note,
        hf_id=asked.request.hf_id if asked else None,
        revision=asked.request.revision if asked else None,
        owner=asked.request.owner if asked else None,
        request=asked.path if asked else None,
        progress=progress if state in (State.LANDING, State.INTERRUPTED) else None,
    )


def _failures(store: Store) -> dict[str, str]:
    """Name -> why its last attempt failed, for those whose last attempt did."""
    told: dict[str, str] = {}
    for event in store.events.read(after=max(0, store.events.last_seq() - RECENT_EVENTS)):
        if event.kind in (EventKind.FAILED, EventKind.REJECTED):
            told[event.name] = _reason(event)
        else:
            told.pop(event.name, None)
    return told


def _reason(event: Event) -> str:
    """The code and message of a failure, or of the first verdict that blocked."""
    blocking = [one for one in event.data.get("verdicts", ()) if not one.get("passed")]
    facts = blocking[0] if blocking else event.data
    code = facts.get("code") or facts.get("error_code") or event.kind.value
    return f"[{code}] {facts.get('message', '')} {facts.get('remedy', '')}".strip()


def _removed(name: str, asked: AddFile | None, tombstone: Tombstone | None) -> DatasetStatus:
    note = "a removal withdraws it"
    if tombstone is not None:
        freed = "its space is free" if tombstone.freed_at else f"its space is freed after {tombstone.frees_at[:10]}"
        note = f"{tombstone.reason} (removed {tombstone.removed_at[:10]}, {freed})"
    return DatasetStatus(
        name=name,
        state=State.REMOVED,
        note=note,
        hf_id=tombstone.hf_id if tombstone else asked.request.hf_id if asked else None,
        owner=tombstone.owner if tombstone else asked.request.owner if asked else None,
        request=asked.path if asked else None,
    )


def _at_work(progress: Progress) -> bool:
    return progress.phase not in (Phase.LANDED, Phase.FAILED)


def _is_fresh(progress: Progress, settings: Settings) -> bool:
    silence = datetime.now(UTC) - datetime.fromisoformat(progress.updated_at)
    return _at_work(progress) and silence <= settings.lease_ttl
