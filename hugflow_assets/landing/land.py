"""A plan becomes a landed dataset: decide, reserve, land the shards, assemble, verify, publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hugflow_assets.durable.disk_errors import disk_error
from hugflow_assets.errors import (
    HeldBackError,
    HugflowError,
    LandingCancelledError,
    LeaseHeldError,
    LeaseLostError,
    ManifestError,
    NoLongerWantedError,
    UnexpectedError,
    UnsupportedShapeError,
)
from hugflow_assets.hub import HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.build import Build, Hooks
from hugflow_assets.landing.decide import decide, restorable
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.landing.update_in_place import Edit, describe, rebuild
from hugflow_assets.landing.views.columns import choose_columns
from hugflow_assets.planning.models import Action, LandingPlan, Version
from hugflow_assets.shapes.registry import LANDABLE
from hugflow_assets.store import (
    EventKind,
    Lease,
    Manifest,
    Phase,
    PlannedEvent,
    Progress,
    Store,
    landed_event,
    now_text,
)

_DONE = {
    Action.NOOP: "Nothing to do: it is landed as asked.",
    Action.VIEWS: "The views were rebuilt; nothing was fetched.",
    Action.DESCRIPTION: "The description was updated; nothing was fetched.",
}


def _yes() -> bool:
    return True


def _no() -> bool:
    return False


def land(
    plan: LandingPlan,
    store: Store,
    access: HubAccess,
    options: LandingOptions,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    still_wanted: Callable[[], bool] = _yes,
    should_stop: Callable[[], bool] = _no,
    run_id: str | None = None,
    requested_by: str | None = None,
    request_commit: str | None = None,
) -> LandedDataset:
    """Make the storage hold what ``plan`` says, with as little work as that takes; see ``Action``.

    Which commit that is was decided by ``planning.pin``; a plan that was made for another version than the one that
    is landed by now is refused. A landing that was killed, or stopped by any error, is resumed at the first shard that
    is missing.

    Args:
        on_progress: told how far it is, at most every ``options.progress_interval_s``, and at each new phase.
        still_wanted: asked just before publishing.
        should_stop: asked about every second; what is staged is kept.
        run_id: for the events, the progress and the manifest.
        requested_by, request_commit: who asked, and in which commit of the requests; for the manifest.
    Raises:
        UnsupportedShapeError, ColumnNotFoundError: refused before anything is fetched.
        LeaseHeldError: another run is at work on this name, or has landed another version since this was planned.
        QuotaExceededError, DiskFullError, StorageError: the storage cannot take it.
        HFError: the Hub does not give it. BadSourceError: what it gives is not readable.
        LandingCancelledError, NoLongerWantedError: stopped, nothing was published.
        GroupUnusableError, UnguardedDataError: it cannot be kept from those who may not read it.
        HeldBackError: somebody paused the dataset, or cancelled this request.
        IncompleteLandingError: counts or hashes do not agree, nothing was published.
    """
    _refuse(plan)
    hooks = Hooks(on_progress, still_wanted, should_stop, run_id, requested_by, request_commit)
    began = time.monotonic()
    with store.leases.take(plan.name, purpose="landing", wait_s=0) as lease:
        _refuse_outrun(plan, store)
        try:
            refuse_held(plan.name, plan.request, store)
            store.readers.of(plan.request, is_guarded=plan.state.is_guarded)
            return _Landing(plan, store, options, hooks, lease, began).run(access)
        except Exception as error:
            failure = _meaning(error, lease, store.layout.dataset(plan.name))
            _failed(plan, store, hooks, failure)
            if failure is error:
                raise
            raise failure from error


def _meaning(error: Exception, lease: Lease, place: Path) -> HugflowError:
    """Whatever a run meets that has lost its lease, it is that: its successor has taken the files away."""
    try:
        lease.check()
    except LeaseLostError as lost:
        return lost
    return disk_error(error, place) if isinstance(error, OSError) else UnexpectedError.of(error)


def _refuse(plan: LandingPlan) -> None:
    """Refuse what cannot be landed, before anything is written anywhere."""
    if plan.shape not in LANDABLE:
        raise UnsupportedShapeError(
            f"{plan.state.repo_id} cannot be landed: {plan.shape_reason or f'its shape is {plan.shape.value}'}",
            remedy=plan.remedy
            or "Ask for a revision or a subset whose files are of a known shape; the README lists them.",
            repo=plan.state.repo_id,
            commit=plan.commit,
        )
    features = [config.features or config.seen for config in plan.configs]
    choose_columns(features, plan.request.audio_column, plan.request.text_column)


def _refuse_outrun(plan: LandingPlan, store: Store) -> None:
    """Refuse a plan that would move a version it was not made for: another run landed that one in between."""
    try:
        manifest = store.manifest(plan.name)
    except ManifestError:
        return  # the landing says what is wrong with it
    landed = Version.of(manifest) if manifest is not None else None
    if landed is not None and landed not in (plan.version, plan.over):
        raise LeaseHeldError(
            f"Another run landed {plan.name} at commit {landed.commit[:12]} while this one was planned for "
            f"{plan.commit[:12]}.",
            remedy="Run it again: it is planned anew.",
            name=plan.name,
        )


def refuse_held(name: str, request: DatasetRequest, store: Store) -> None:
    """Refuse what a person holds back. Asked under the lease: whoever holds it back later cancels that lease.

    Raises:
        HeldBackError: somebody paused it, or cancelled this request.
    """
    hold = store.holds.read(name)
    if hold is not None and hold.holds(request):
        by = f" by {hold.by}" if hold.by else ""
        raise HeldBackError(
            f"{name} was {hold.held.value}{by} on {hold.at[:16]}; it does not land.",
            remedy=f"`hugflow resume {name}` lets it land.",
            name=name,
        )


@dataclass(frozen=True)
class _Landing:
    """One landing under its lease."""

    plan: LandingPlan
    store: Store
    options: LandingOptions
    hooks: Hooks
    lease: Lease
    began: float

    def run(self, access: HubAccess) -> LandedDataset:
        plan, store = self.plan, self.store
        action = decide(plan, store, self.options)
        restored = action is Action.RESTORE and self._restore()
        if restored:
            action = decide(plan, store, self.options)
        manifest = store.manifest(plan.name)
        if manifest is None or action.fetches:
            return Build(plan, store, access, self.options, self.hooks, self.lease, action).run(self.began)
        manifest = self._edited(action, manifest, is_told=restored)
        self._say(action, manifest)
        done = Action.RESTORE if restored else action
        return LandedDataset(manifest, store.layout.dataset(plan.name), done, time.monotonic() - self.began, 0)

    def _restore(self) -> bool:
        """Bring back from the trash what has the same data as the plan; whether there is such a version."""
        entry = restorable(self.plan, self.store, self.options)
        if entry is None:
            return False
        if not self.hooks.still_wanted():
            raise NoLongerWantedError(f"{self.plan.name} was withdrawn; it stays in the trash.")
        self.store.restore(self.plan.name, entry_id=entry.id, lease=self.lease, request=self.plan.request)
        return True

    def _edited(self, action: Action, manifest: Manifest, *, is_told: bool) -> Manifest:
        """What is landed, with views or description made anew where the action says so.

        Args:
            is_told: an event tells already how this landing ends.
        """

        def event_of(published: Manifest) -> PlannedEvent | None:
            seconds = time.monotonic() - self.began
            if is_told:
                return None
            return landed_event(self.store, published, action.value, self.hooks.run_id, seconds)

        edit = Edit(self.store, manifest, self.plan.request, self.lease, event_of)
        if action is Action.VIEWS:
            return rebuild(edit, self.options)
        return describe(edit) if action is Action.DESCRIPTION else manifest

    def _say(self, action: Action, manifest: Manifest) -> None:
        """Say in the progress what was done without fetching."""
        now = now_text()
        progress = Progress(
            name=self.plan.name,
            phase=Phase.LANDED,
            started_at=now,
            updated_at=now,
            run_id=self.hooks.run_id,
            rows=manifest.counts.rows,
            message=_DONE[action],
        )
        self.store.progress.write(progress)
        if self.hooks.on_progress is not None:
            self.hooks.on_progress(progress)


def _failed(plan: LandingPlan, store: Store, hooks: Hooks, error: HugflowError) -> None:
    """Say so in the log and the progress, as far as the storage still takes it.

    Of a lost lease nothing is said: how the dataset's landing ends is the successor's to tell.
    """
    if isinstance(error, LeaseLostError):
        return
    before = store.progress.read(plan.name)
    now = now_text()
    base = before or Progress(name=plan.name, phase=Phase.FAILED, started_at=now, updated_at=now)
    progress = base.model_copy(
        update={
            "phase": Phase.FAILED, "updated_at": now, "run_id": hooks.run_id, "message": str(error), "eta_s": None,
            "bytes_per_s": 0.0,
        }
    )  # fmt: skip
    try:
        store.events.append(
            EventKind.FAILED,
            plan.name,
            run_id=hooks.run_id,
            commit=plan.commit,
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            transient=error.transient,
            cancelled=isinstance(error, LandingCancelledError),
        )
        store.progress.write(progress)
    except HugflowError:
        return  # a full disk is told by the error itself
    if hooks.on_progress is not None:
        hooks.on_progress(progress)
