"""Every request that was told to be queued has one event that ends it, whatever became of its run.

A run tells its own end where it can. What it cannot tell (its process was killed, Dagster could not start it, there was
nothing to do by the time it began) is told here: by the run at its end, or by the next tick of the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from dagster import DagsterError, DagsterInstance, DagsterRun, DagsterRunStatus, Failure, RunRecord

from hugflow_assets.errors import (
    HugflowError,
    LandingCancelledError,
    LeaseHeldError,
    NoLongerWantedError,
    RunDiedError,
    UnexpectedError,
)
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.orchestration.assets.planned_checks import forget_unjudged
from hugflow_assets.orchestration.reconcile.bulkhead import Problems
from hugflow_assets.orchestration.reconcile.retry_policy import Attempts, ended_at
from hugflow_assets.orchestration.sync.run_outcome import outcome_of
from hugflow_assets.store import Event, EventKind, Manifest, Store, landed_event

if TYPE_CHECKING:
    from hugflow_assets.orchestration.reconcile.plan_tick import World

# Between the event and the run that Dagster makes for it lies the rest of a tick.
GRACE_S = 120.0
ENDS = frozenset({EventKind.LANDED, EventKind.FAILED, EventKind.REJECTED, EventKind.REMOVED, EventKind.RESTORED})


def open_requests(store: Store) -> dict[str, Event]:
    """Name, or key of a removal -> the event that it was queued or begun, where none has ended it since."""
    found: dict[str, Event] = {}
    for event in store.events.recent():
        if event.kind is EventKind.REQUESTED:
            found[event.name] = event
        elif event.kind is EventKind.STARTED:
            found.setdefault(event.name, event)
        elif event.kind in ENDS:
            found.pop(event.name, None)
            if carried_out := event.data.get("removal_path"):
                found = {name: one for name, one in found.items() if one.data.get("path") != carried_out}
    return found


@contextmanager
def closing_failure(store: Store, name: str, run_id: str) -> Iterator[None]:
    """Tell an error that ends a run, where nothing else has told it; the error goes on."""
    try:
        yield
    except (DagsterError, Failure):
        raise
    except Exception as fault:
        with suppress(HugflowError):  # the next tick tells it
            close_failed(store, name, Ending.of(UnexpectedError.of(fault)), run_id)
        raise


class Ending(Frozen):
    """How a request ended that did not come to what it asked for: the data of its event."""

    code: str
    message: str
    remedy: str = ""
    transient: bool = False
    cancelled: bool = False

    @classmethod
    def of(cls, error: HugflowError) -> Ending:
        """The end that an error is."""
        return cls(
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            transient=error.transient,
            cancelled=isinstance(error, LandingCancelledError),
        )


def close_failed(store: Store, name: str, ending: Ending, run_id: str | None) -> None:
    """End an open request. What another run has taken over is ended by that one."""
    event = open_requests(store).get(name)
    if event is None or ending.code == LeaseHeldError.code:
        return
    path = str(event.data.get("path") or "")
    store.events.append(EventKind.FAILED, name, run_id=run_id, path=path, **ending.model_dump())


def close_landed(store: Store, manifest: Manifest, run_id: str | None, seconds: float = 0.0) -> None:
    """End a request for which there was nothing to do, if one is open: what lands tells that by itself."""
    if manifest.name in open_requests(store):
        store.events.append_planned(landed_event(store, manifest, "no-op", run_id, seconds))


def close_left_open(instance: DagsterInstance, store: Store, world: World, problems: Problems) -> None:
    """End what is open although nothing is at work on it any more, each request for itself.

    Raises:
        StorageError: the log cannot be read.
    """
    store.index.names()  # what a crash cut short is completed, and tells its own end
    quiet = {
        name: event
        for name, event in open_requests(store).items()
        if name not in world.at_work and (_is_removal(event) or store.leases.holder(name) is None)
    }
    attempts = Attempts.of(instance, quiet.keys()) if quiet else Attempts()
    for name, event in quiet.items():
        run = attempts.runs[name][0] if attempts.runs.get(name) else None
        with problems.apart(name):
            _close(instance, store, world, name, event, run)


def _close(
    instance: DagsterInstance, store: Store, world: World, name: str, event: Event, last: RunRecord | None
) -> None:
    asked_at = datetime.fromisoformat(event.time).timestamp()
    run = last.dagster_run if last is not None and ended_at(last) >= asked_at else None
    if run is not None:
        forget_unjudged(instance, run.run_id)
    elif world.now - asked_at < GRACE_S:
        return
    if not _is_done(store, world, name, event):
        close_failed(store, name, _ending(instance, world.snapshot, name, event, run), run.run_id if run else None)


def _is_removal(event: Event) -> bool:
    return str(event.data.get("path")).startswith("remove/")


def _is_done(store: Store, world: World, name: str, event: Event) -> bool:
    """Tell that it is as asked, if it is; whether it was."""
    if _is_removal(event):
        return close_removed(store, str(event.data["path"]))
    landed, asked = world.landed.get(name), world.snapshot.add(name)
    if landed is None or asked is None or landed.asked != asked.request:
        return False
    with suppress(HugflowError):
        if (manifest := store.manifest(name)) is not None:
            close_landed(store, manifest, None)
            return True
    return False


def close_removed(store: Store, path: str) -> bool:
    """Tell once more what a removal has taken away, where a kill kept that from being told; whether it took any."""
    buried = [one for one in store.trash.archived() if one.removal_path == path]
    if any(one.data.get("path") == path for one in open_requests(store).values()):
        for one in buried:
            store.events.append(EventKind.REMOVED, one.name, **one.model_dump(mode="json", exclude={"name"}))
    return bool(buried)


def _ending(
    instance: DagsterInstance, snapshot: RequestSnapshot, name: str, event: Event, run: DagsterRun | None
) -> Ending:
    """What ended it: what its run said, that nobody asks any more, or that nothing is known."""
    if run is not None and run.status is DagsterRunStatus.CANCELED:
        said = LandingCancelledError(f"The run for {name} was cancelled.")
        return Ending.of(said).model_copy(update={"remedy": f"`hugflow resume {name}` tries it again."})
    outcome = outcome_of(instance, run.run_id) if run is not None else None
    if outcome is not None and outcome.error_code not in ("", UnexpectedError.code):
        return Ending(
            code=outcome.error_code, message=outcome.message, remedy=outcome.remedy, transient=outcome.transient
        )
    path = str(event.data.get("path") or "")
    there = {one.path for one in snapshot.adds} | {one.path for one in snapshot.removals}
    if path and path not in there:
        return Ending.of(NoLongerWantedError(f"{path} is gone; nothing asks for {name} any more."))
    return Ending.of(
        RunDiedError(
            f"The run for {name} ended without a word: its process was killed, or Dagster could not start it.",
            remedy="It is tried again by itself; the run in the UI, and the daemon's log, say more.",
        )
    )
