"""What is asked for beside what is there: the state of every dataset, as one model that text and JSON are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum

from hugflow_assets.intake import AddFile, Problem, RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.settings import Settings
from hugflow_assets.status.remarks import Known, hold_story
from hugflow_assets.store import (
    Fingerprint,
    Held,
    IndexRow,
    Phase,
    Progress,
    Store,
    Tombstone,
    Trouble,
    Usage,
    request_digest,
)


class State(StrEnum):
    """Where a dataset is in its life."""

    REQUESTED = "requested"  # asked for, nothing landed yet
    LANDING = "landing"  # a run is at work
    INTERRUPTED = "interrupted"  # a run fell silent; the next one resumes
    FAILED = "failed"  # the last attempt was refused or failed, and nothing is there
    PAUSED = "paused"  # a person holds it back, and nothing is there
    CANCELLED = "cancelled"  # likewise, for this request as it is now
    LANDED = "landed"
    STALE = "stale"  # landed, and its branch has moved on upstream
    UPSTREAM_GONE = "upstream-gone"  # landed, and the Hub has the repository no longer; the data stay
    UPSTREAM_DISABLED = "upstream-disabled"  # landed, and the Hub gives it out no longer
    UPSTREAM_RENAMED = "upstream-renamed"  # landed, and the repository has another id now
    UPSTREAM_RELICENSED = "upstream-relicensed"  # landed under another licence than it has now
    UPSTREAM_REVISION_GONE = "upstream-revision-gone"  # landed, and the branch or tag is there no longer
    UPSTREAM_NO_ACCESS = "upstream-no-access"  # landed, and the token may not read the repository any more
    DAMAGED = "damaged"  # files are missing or differ from their hashes, or its manifest cannot be read
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
    inodes: int | None = None
    landed_at: str | None = None
    path: str | None = None
    request: str | None = None  # its file, relative to the requests folder
    upstream: Trouble | None = None  # what the repository came to at the last look, whatever else is the state
    progress: Progress | None = None


class Totals(Frozen):
    """Sums over what is landed."""

    datasets: int = 0
    rows: int = 0
    hours: float = 0.0
    size_bytes: int = 0
    files: int = 0


class OwnerTotals(Totals):
    """Sums over what one owner asked for; ``owner`` None: nobody is named."""

    owner: str | None = None


class StatusReport(Frozen):
    """``hugflow status --json``. ``problems`` are request files that cannot be read and so have no name."""

    schema_version: int = 1
    datasets: tuple[DatasetStatus, ...] = ()
    problems: tuple[Problem, ...] = ()
    totals: Totals = Totals()
    owners: tuple[OwnerTotals, ...] = ()
    strays: tuple[str, ...] = ()
    held_back: str = ""  # what removals that cannot be read keep from landing
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
        totals=Totals.model_validate(_sums(landed)),
        owners=_by_owner(landed),
        strays=store.index.strays(),
        held_back=_held_back(snapshot),
        usage=store.quota.usage(),
    )


def landed_states(snapshot: RequestSnapshot, store: Store, settings: Settings) -> dict[str, State]:
    """Name -> state of everything that is landed, as ``hugflow status`` says it.

    Raises:
        StorageError: the storage root cannot be read.
    """
    desired = snapshot.desired()
    asked = {one.name: one for one in reversed(snapshot.adds)}
    known = Known.of(snapshot, store, settings)
    return {
        name: _state_of_landed(row, asked.get(name), name in desired, known)[0]
        for name, row in store.index.rows().items()
    }


def _held_back(snapshot: RequestSnapshot) -> str:
    unread = snapshot.unread_removals
    if not unread:
        return ""
    paths = ", ".join(f"requests/{one.path}" for one in unread)
    if any(one.hf_id is None for one in unread):
        return f"NOTHING NEW LANDS: {paths} cannot be read and could withdraw any dataset; correct or delete it"
    names = ", ".join(sorted({one.hf_id for one in unread if one.hf_id}))
    return f"nothing new of {names} lands: {paths} cannot be read; correct or delete it"


def _sums(landed: Iterable[DatasetStatus]) -> dict[str, float]:
    rows = list(landed)
    return {
        "datasets": len(rows),
        "rows": sum(one.rows or 0 for one in rows),
        "hours": sum(one.hours or 0 for one in rows),
        "size_bytes": sum(one.size_bytes or 0 for one in rows),
        "files": sum(one.files or 0 for one in rows),
    }


def _by_owner(landed: Iterable[DatasetStatus]) -> tuple[OwnerTotals, ...]:
    """Totals by owner, largest first."""
    groups: dict[str | None, list[DatasetStatus]] = defaultdict(list)
    for one in landed:
        groups[one.owner].append(one)
    totals = [OwnerTotals.model_validate({"owner": owner, **_sums(rows)}) for owner, rows in groups.items()]
    return tuple(sorted(totals, key=lambda one: (-one.size_bytes, one.owner or "")))


def _statuses(snapshot: RequestSnapshot, store: Store, settings: Settings) -> Iterator[DatasetStatus]:
    desired = snapshot.desired()
    asked = {one.name: one for one in reversed(snapshot.adds)}
    landed = store.index.rows()
    in_trash = {one.name for one in store.trash.entries() if one.why == "removed"}
    progress = {name: one for name, one in store.progress.all().items() if _at_work(one) or name in asked}
    known = Known.of(snapshot, store, settings)
    for name in sorted(asked.keys() | landed.keys() | in_trash | progress.keys()):
        if name in landed:
            yield _landed(landed[name], asked.get(name), name in desired, progress.get(name), store, known)
        elif name in desired or (name not in asked and name in progress):
            yield _wanted(name, asked.get(name), progress.get(name), known)
        else:
            yield _removed(name, asked.get(name), store.trash.tombstone(name))


def _landed(
    row: IndexRow, asked: AddFile | None, desired: bool, progress: Progress | None, store: Store, known: Known
) -> DatasetStatus:
    state, note = _state_of_landed(row, asked, desired, known)
    notes = [note, *known.notes(row, asked.request if asked else None)] if row.state == "landed" else [note]
    return DatasetStatus(
        name=row.name,
        state=state,
        note="; ".join(one for one in notes if one),
        hf_id=row.hf_id or None,
        revision=row.revision or None,
        commit=row.commit or None,
        owner=asked.request.owner if asked else row.owner,
        rows=row.rows,
        hours=row.hours,
        size_bytes=row.size_bytes,
        files=row.files,
        inodes=row.inodes,
        landed_at=row.landed_at or None,
        path=str(store.layout.dataset(row.name)),
        request=asked.path if asked else None,
        upstream=known.trouble(row),
        progress=progress if progress is not None and _is_fresh(progress, known.settings) else None,
    )


def _state_of_landed(row: IndexRow, asked: AddFile | None, desired: bool, known: Known) -> tuple[State, str]:
    if row.state != "landed":
        return State.DAMAGED, row.problem
    if damage := known.damage(row):
        return State.DAMAGED, f"{damage}; a materialization, or `hugflow sync`, repairs it"
    if asked is None:
        return State.ORPHANED, "no request asks for it; its data stay until a removal request names it"
    if not desired:
        return State.REMOVING, "a removal withdraws it"
    settings = known.settings
    if (trouble := known.trouble(row)) is not None:
        return State(f"upstream-{trouble.value}"), ""
    if known.is_stale(row):
        return State.STALE, ""
    if row.request not in ("", request_digest(asked.request)):
        return State.LANDED, "its request has changed since; the next sync brings it up to date"
    form = asked.request.form or settings.landing_form
    wanted = Fingerprint.of(asked.request, row.commit, settings.checksums, settings.landing_views, form)
    if row.fingerprint != wanted:
        if row.fingerprint is not None and row.fingerprint.data == wanted.data:
            return State.LANDED, (
                "its views are of an earlier version of Hugflow, or of other LANDING_VIEWS than are set now; a "
                "materialization makes them anew from the record and fetches nothing"
            )
        return State.LANDED, (
            "it landed with other CHECKSUMS or another LANDING_FORM than are set now; a materialization in the UI "
            f"makes it anew, `hugflow update {row.name}` too, at the newest commit"
        )
    if row.left_out:
        clips = "1 clip is" if row.left_out == 1 else f"{row.left_out:,} clips are"
        return (
            State.LANDED,
            f"{clips} in no manifest for NeMo and Lhotse, since nothing says how long",
        )
    return State.LANDED, ""


def _wanted(name: str, asked: AddFile | None, progress: Progress | None, known: Known) -> DatasetStatus:
    state, note = _state_of_wanted(name, asked, progress, known)
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


def _state_of_wanted(name: str, asked: AddFile | None, progress: Progress | None, known: Known) -> tuple[State, str]:
    if progress is not None and _is_fresh(progress, known.settings):
        return State.LANDING, progress.message
    hold = known.held(name, asked.request if asked else None)
    if hold is not None:
        return State.PAUSED if hold.held is Held.PAUSED else State.CANCELLED, hold_story(hold)
    if asked is not None and (withheld := known.withheld(asked.request)):
        return State.REQUESTED, withheld
    if progress is not None and _at_work(progress):
        return State.INTERRUPTED, progress.message
    if failure := known.failures.get(name):
        return State.FAILED, failure
    if when := known.was_there.get(name):
        return State.REQUESTED, f"it landed on {when[:10]} and its folder was deleted by hand; it lands again"
    return State.REQUESTED, ""


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
