"""``requests_sensor``: keeps the storage as the request files say, whatever happened in between.

A tick compares desired with actual state; nothing depends on having seen a change happen. What it remembers, in its
cursor, is only what it saw last, so that a tick without change costs next to nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dagster import (
    AddDynamicPartitionsRequest,
    AssetMaterialization,
    DagsterInstance,
    DefaultSensorStatus,
    DeleteDynamicPartitionsRequest,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.orchestration.assets import requests
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.assets.hub_dataset import runless_tags
from hugflow_assets.orchestration.assets.metadata import found_metadata
from hugflow_assets.orchestration.assets.partitions import DATASETS_NAME, REMOVALS_NAME
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.storage_catalogue import catalogue_digest, catalogue_event
from hugflow_assets.orchestration.reconcile.bulkhead import Problems
from hugflow_assets.orchestration.reconcile.closing_events import close_left_open
from hugflow_assets.orchestration.reconcile.dead_runs import end_dead_runs
from hugflow_assets.orchestration.reconcile.early_retry import LOOK_S, causes_gone, waiting_for_a_cause
from hugflow_assets.orchestration.reconcile.files_without_run import tell_files_without_run
from hugflow_assets.orchestration.reconcile.known_changes import damaged_now, moved_now
from hugflow_assets.orchestration.reconcile.plan_tick import TickPlan, World, due, plan_tick
from hugflow_assets.orchestration.reconcile.retry_now import Queue, announced
from hugflow_assets.orchestration.reconcile.retry_policy import Attempts, at_work
from hugflow_assets.orchestration.sensor_cursor import SensorCursor
from hugflow_assets.status.report import landed_states
from hugflow_assets.store import Store, is_safe

SENSOR_NAME = "requests_sensor"
CATALOGUE_S = 600.0


class Cursor(SensorCursor):
    """What a tick leaves for the next; every tick's row holds a copy, so it stays small.

    ``requests`` and ``seen`` are digests of the request files, and of them, the event log and the settings that decide.
    ``catalogue`` is the digest of what the catalogue last told; ``catalogue_due`` when it is told also amid landings.
    ``ignore_before`` and ``only`` are set by ``hugflow sync``: failures before that moment hold nothing back, and names
    outside of ``only`` are left alone; ``announce`` is whether runs are told of as they are asked for, and not, as by
    a command that does one after the other, when each begins.
    """

    requests: str = ""
    seen: str = ""
    look_at: float = 0.0
    catalogue: str = ""
    catalogue_due: float = 0.0
    ignore_before: float = 0.0
    only: tuple[str, ...] | None = None
    announce: bool = True


def tick(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """Compare, and ask for what is missing. An unreadable source, storage or setting skips the tick and says so."""
    platform = Platform()
    try:
        end_dead_runs(context.instance)
        return look(context.instance, Cursor.of(context.cursor), platform, time.time())
    except HugflowError as error:
        context.log.error("%s", error)
        return SkipReason(str(error))


def look(instance: DagsterInstance, cursor: Cursor, platform: Platform, now: float) -> SensorResult | SkipReason:
    """One tick at the time ``now``."""
    snapshot, store, problems = platform.snapshot(), platform.store(), Problems()
    seen = hashlib.sha256(f"{snapshot.digest} {store.events.last_seq()} {store.root}".encode()).hexdigest()[:16]
    if seen == cursor.seen and now < cursor.look_at:
        return SkipReason(f"Nothing has changed; {len(snapshot.adds):,} requests.")
    world = world_of(instance, snapshot, store, now, follow=platform.settings().upstream_policy == "update")
    waiting = due(world, None if cursor.only is None else frozenset(cursor.only))
    attempts = Attempts.of(instance, waiting.keys())
    world = replace(world, ignore_before_of={**world.ignore_before_of, **_removed_since(store, world, attempts)})
    caused = waiting_for_a_cause(attempts)
    if caused:
        with problems.apart("causes of failures"):
            gone = causes_gone(store, platform.access(), attempts, now)
            world = replace(world, ignore_before_of={**world.ignore_before_of, **dict.fromkeys(gone, now)})
    found = plan_tick(world, waiting, attempts, ignore_before=cursor.ignore_before)
    if caused:
        found = replace(found, look_at=min(found.look_at, now + LOOK_S))
    _append_events(instance, platform, world, cursor, problems)
    events = list(_caught_up(instance, store, found, problems))
    request_events = requests.events_of(snapshot) if snapshot.digest != cursor.requests else []
    catalogue: dict[str, str | float] = {}
    with problems.apart("storage_catalogue"):
        catalogue, catalogue_events = _catalogue(instance, cursor, world, platform, found)
        events += catalogue_events
    left = cursor.model_copy(update={"requests": snapshot.digest, "seen": seen, "look_at": found.look_at, **catalogue})
    return SensorResult(
        run_requests=_begun(found.runs, cursor, platform, problems),
        dynamic_partitions_requests=_partition_requests(found),
        asset_events=[*request_events, *events],
        cursor=left.model_dump_json(exclude_defaults=True),
        skip_reason=None if found.runs else SkipReason(_summary(world, waiting, found, problems)),
    )


def _begun(runs: Sequence[RunRequest], cursor: Cursor, platform: Platform, problems: Problems) -> list[RunRequest]:
    """The runs to ask for, each told of. One that cannot be told of waits for the next tick."""
    if not cursor.announce:
        return list(runs)
    begun, queue = [], Queue.of(platform.store()) if runs else Queue()
    for run in runs:
        with problems.apart(str(run.partition_key)):
            begun.append(announced(run, platform.source(), platform.store(), queue))
    return begun


def _append_events(
    instance: DagsterInstance, platform: Platform, world: World, cursor: Cursor, problems: Problems
) -> None:
    """The events that nobody else could append: of requests left open, and of files that ask for nothing."""
    store, snapshot = platform.store(), world.snapshot
    with problems.apart("requests left open"):
        close_left_open(instance, store, world, problems)
    if snapshot.digest != cursor.requests:
        with problems.apart("files without a run"):
            tell_files_without_run(store, platform.source(), snapshot, world.at_work)


def world_of(
    instance: DagsterInstance, snapshot: RequestSnapshot, store: Store, now: float, *, follow: bool = False
) -> World:
    """Everything a tick compares. ``follow``: branches that have moved on are followed (UPSTREAM_POLICY=update)."""
    landed, holds = store.index.landed(), store.holds.all()
    scrubs = damaged_now(store, landed)
    upstream = moved_now(store, landed) if follow else {}
    marks = [(one.name, one.at) for one in holds.values()] + [(one.name, one.at) for one in scrubs.values()]
    marks += [(one.name, one.since) for one in upstream.values()]
    ignore_before_of: dict[str, float] = {}
    for name, moment in marks:
        ignore_before_of[name] = max(ignore_before_of.get(name, 0.0), datetime.fromisoformat(moment).timestamp())
    return World(
        snapshot=snapshot,
        landed=landed,
        registered=frozenset(instance.get_dynamic_partitions(DATASETS_NAME)),
        registered_removals=frozenset(instance.get_dynamic_partitions(REMOVALS_NAME)),
        materialized=frozenset(instance.get_materialized_partitions(DATASET)),
        at_work=at_work(instance, now=now, alive=lambda name: is_safe(name) and store.leases.holder(name) is not None),
        now=now,
        holds=holds,
        moved=frozenset(upstream),
        damaged=frozenset(scrubs),
        ignore_before_of=ignore_before_of,
    )


def _removed_since(store: Store, world: World, attempts: Attempts) -> dict[str, float]:
    """When those were removed that are wanted again: what landed before that is gone for a reason, not by accident."""
    known = (attempts.runs.keys() & world.snapshot.desired().keys()) - world.landed.keys()
    gone = {name: store.trash.tombstone(name) for name in known}
    found = {name: datetime.fromisoformat(one.removed_at).timestamp() for name, one in gone.items() if one is not None}
    return {name: max(moment, world.ignore_before_of.get(name, 0.0)) for name, moment in found.items()}


def _caught_up(
    instance: DagsterInstance, store: Store, found: TickPlan, problems: Problems
) -> Iterator[AssetMaterialization]:
    """Materializations without a run, for what is landed and this instance has not heard of."""

    for name in found.catch_up:
        with problems.apart(name):
            if manifest := store.manifest(name):
                metadata, tags = found_metadata(manifest, store), runless_tags(instance, manifest)
                yield AssetMaterialization(DATASET, partition=name, metadata=metadata, tags=tags)


def _catalogue(
    instance: DagsterInstance, cursor: Cursor, world: World, platform: Platform, found: TickPlan
) -> tuple[dict[str, str | float], list[AssetMaterialization]]:
    """Tell the catalogue anew when landings have come to rest, or every ten minutes of them: it is a long table."""
    store, states = platform.store(), landed_states(world.snapshot, platform.store(), platform.settings())
    digest = catalogue_digest(store, states)
    if digest == cursor.catalogue:
        return {}, []
    due_at = cursor.catalogue_due or world.now + CATALOGUE_S
    if (world.at_work or found.runs) and world.now < due_at:
        return {"catalogue_due": due_at, "look_at": world.now}, []
    return {"catalogue": digest, "catalogue_due": 0.0}, [catalogue_event(instance, store, states)]


def _partition_requests(found: TickPlan) -> list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest]:
    asked: list[tuple[type[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest], str, tuple[str, ...]]] = [
        (AddDynamicPartitionsRequest, DATASETS_NAME, found.add),
        (DeleteDynamicPartitionsRequest, DATASETS_NAME, found.drop),
        (AddDynamicPartitionsRequest, REMOVALS_NAME, found.add_removals),
        (DeleteDynamicPartitionsRequest, REMOVALS_NAME, found.drop_removals),
    ]
    return [kind(name, list(keys)) for kind, name, keys in asked if keys]


def _summary(world: World, waiting: Mapping[str, object], found: TickPlan, problems: Sequence[str]) -> str:
    said = f" Problems: {'; '.join(problems)[:1000]}." if problems else ""
    return (
        f"{len(world.landed):,} landed, {len(world.at_work):,} at work, "
        f"{len(waiting.keys() - world.at_work):,} waiting for an edit or for their next try, "
        f"{len(found.catch_up):,} caught up, {len(world.snapshot.problems):,} problems in request files."
        f"{_withheld(world)}{said}"
    )


def _withheld(world: World) -> str:
    """What is held back, said so that nobody wonders why nothing lands."""
    unread = world.snapshot.unread_removals
    held = sum(one.held.value != "resumed" for one in world.holds.values())
    held_back = f" {held:,} paused or cancelled." if held else ""
    if unread:
        paths = ", ".join(one.path for one in unread[:5])
        scope = "everything new" if any(one.hf_id is None for one in unread) else "what they could withdraw"
        held_back += f" Removals that cannot be read hold back {scope}: {paths}."
    return held_back


def requests_sensor(interval_s: int, jobs: Sequence[UnresolvedAssetJobDefinition]) -> SensorDefinition:
    """The sensor, running from the start; a dropped file is on its way after at most ``interval_s`` seconds."""
    return SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        jobs=jobs,
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
        description="Keeps the storage as the request files say: partitions, runs, and what a new instance must know.",
    )
