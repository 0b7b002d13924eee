"""``requests_sensor``: keeps the storage as the request files say, whatever happened in between.

A tick compares desired with actual state; nothing depends on having seen a change happen. What it remembers, in its
cursor, is only what it saw last, so that a tick without change costs next to nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence

from dagster import (
    AddDynamicPartitionsRequest,
    AssetMaterialization,
    DagsterInstance,
    DefaultSensorStatus,
    DeleteDynamicPartitionsRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import ValidationError

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.orchestration import requests
from hugflow_assets.orchestration.agenda import Agenda, World, agenda, due
from hugflow_assets.orchestration.attempts import Attempts, at_work
from hugflow_assets.orchestration.metadata import manifest_metadata
from hugflow_assets.orchestration.partitions import DATASETS_NAME, REMOVALS_NAME
from hugflow_assets.orchestration.platform import Platform
from hugflow_assets.orchestration.stock import landed_now
from hugflow_assets.orchestration.upstream import upstream_tags
from hugflow_assets.orchestration.verdicts import DATASET
from hugflow_assets.store import Store, is_safe

SENSOR_NAME = "requests_sensor"


class Cursor(Frozen):
    """What a tick leaves for the next; every tick's row holds a copy, so it stays small.

    ``requests`` and ``seen`` are digests of the request files, and of them, the event log and the settings that decide.
    ``hurried_at`` and ``only`` are set by ``hugflow sync``: failures before that moment hold nothing back, and names
    outside of ``only`` are left alone.
    """

    requests: str = ""
    seen: str = ""
    look_at: float = 0.0
    hurried_at: float = 0.0
    only: tuple[str, ...] | None = None

    @classmethod
    def of(cls, text: str | None) -> Cursor:
        """Read a cursor; one that cannot be read (another version's) is a fresh start, which is always right."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()


def tick(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """Compare, and ask for what is missing. An unreadable source, storage or setting skips the tick and says so."""
    platform = Platform()
    try:
        return look(context.instance, Cursor.of(context.cursor), platform, time.time())
    except HugflowError as error:
        context.log.error("%s", error)
        return SkipReason(str(error))


def look(instance: DagsterInstance, cursor: Cursor, platform: Platform, now: float) -> SensorResult | SkipReason:
    """One tick at the time ``now``."""
    snapshot, store = platform.snapshot(), platform.store()
    seen = hashlib.sha256(f"{snapshot.digest} {store.events.last_seq()} {store.root}".encode()).hexdigest()[:16]
    if seen == cursor.seen and now < cursor.look_at:
        return SkipReason(f"Nothing has changed; {len(snapshot.adds):,} requests.")
    world = world_of(instance, snapshot, store, now)
    waiting = due(world, None if cursor.only is None else frozenset(cursor.only))
    attempts = Attempts.of(instance, waiting.keys())
    found = agenda(world, waiting, attempts, hurried_at=cursor.hurried_at)
    events = list(_caught_up(instance, store, found))
    told = requests.events_of(snapshot) if snapshot.digest != cursor.requests else []
    return SensorResult(
        run_requests=list(found.runs),
        dynamic_partitions_requests=_partition_requests(found),
        asset_events=[*told, *events],
        cursor=cursor.model_copy(
            update={"requests": snapshot.digest, "seen": seen, "look_at": found.look_at}
        ).model_dump_json(exclude_defaults=True),
        skip_reason=None if found.runs else SkipReason(_summary(world, waiting, found)),
    )


def world_of(instance: DagsterInstance, snapshot: RequestSnapshot, store: Store, now: float) -> World:
    """Everything a tick compares."""
    return World(
        snapshot=snapshot,
        landed=landed_now(store),
        registered=frozenset(instance.get_dynamic_partitions(DATASETS_NAME)),
        registered_removals=frozenset(instance.get_dynamic_partitions(REMOVALS_NAME)),
        materialized=frozenset(instance.get_materialized_partitions(DATASET)),
        at_work=at_work(instance, now=now, alive=lambda name: is_safe(name) and store.holder(name) is not None),
        now=now,
    )


def _caught_up(instance: DagsterInstance, store: Store, found: Agenda) -> Iterable[AssetMaterialization]:
    """Materializations without a run, for what is landed and this instance has not heard of."""
    for name in found.catch_up:
        if manifest := store.manifest(name):
            yield AssetMaterialization(
                DATASET,
                partition=name,
                metadata=manifest_metadata(manifest, store.layout.dataset(name)),
                tags=upstream_tags(instance, name, manifest.commit),
            )


def _partition_requests(found: Agenda) -> list[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest]:
    asked: list[tuple[type[AddDynamicPartitionsRequest | DeleteDynamicPartitionsRequest], str, tuple[str, ...]]] = [
        (AddDynamicPartitionsRequest, DATASETS_NAME, found.add),
        (DeleteDynamicPartitionsRequest, DATASETS_NAME, found.drop),
        (AddDynamicPartitionsRequest, REMOVALS_NAME, found.add_removals),
        (DeleteDynamicPartitionsRequest, REMOVALS_NAME, found.drop_removals),
    ]
    return [kind(name, list(keys)) for kind, name, keys in asked if keys]


def _summary(world: World, waiting: Mapping[str, object], found: Agenda) -> str:
    return (
        f"{len(world.landed):,} landed, {len(world.at_work):,} at work, "
        f"{len(waiting.keys() - world.at_work):,} waiting for an edit or for their next try, "
        f"{len(found.catch_up):,} caught up, {len(world.snapshot.problems):,} problems in request files."
    )


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
