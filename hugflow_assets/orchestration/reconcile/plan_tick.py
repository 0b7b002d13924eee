"""What is to be done, found by comparing what is asked for with what is there. Level-triggered: no history decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagster import RunRequest

from hugflow_assets.intake import AddFile, DatasetRequest, RemovalRequest, RemoveFile, RequestSnapshot, matches
from hugflow_assets.orchestration.reconcile.retry_policy import (
    COMMIT_TAG,
    DIGEST_TAG,
    HF_ID_TAG,
    NAME_TAG,
    OWNER_TAG,
    REQUEST_TAG,
    SUBSET_TAG,
    Attempts,
)
from hugflow_assets.rules import cuts
from hugflow_assets.store import Hold, Landed

LAND_JOB = "land_dataset"
REMOVE_JOB = "remove_dataset"
UPDATE = {"ops": {"dataset": {"config": {"update": True}}}}
A_TICK = 100
LOOK_AGAIN_S = 600.0


@dataclass(frozen=True)
class World:
    """Desired and actual state at one moment, and what the instance has of both.

    ``moved`` are the datasets whose branch has moved on and is followed; ``damaged`` are to be repaired.
    ``ignore_before_of``: by name, the moment before which failures hold nothing back.
    """

    snapshot: RequestSnapshot
    landed: Mapping[str, Landed]
    registered: frozenset[str]
    registered_removals: frozenset[str]
    materialized: frozenset[str]
    at_work: frozenset[str]
    now: float
    holds: Mapping[str, Hold] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    damaged: frozenset[str] = frozenset()
    ignore_before_of: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TickPlan:
    """What one tick does. ``look_at``: when to look again although nothing has changed."""

    add: tuple[str, ...]
    drop: tuple[str, ...]
    add_removals: tuple[str, ...]
    drop_removals: tuple[str, ...]
    catch_up: tuple[str, ...]
    runs: tuple[RunRequest, ...]
    look_at: float


def due(world: World, only: frozenset[str] | None = None) -> dict[str, AddFile | RemoveFile]:
    """Name or removal key -> file, for every file that the storage does not agree with yet."""
    found: dict[str, AddFile | RemoveFile] = {
        name: add for name, add in world.snapshot.desired().items() if _is_due(world, name, add)
    }
    if world.snapshot.removals:
        present = [(landed.asked, landed.selection) for landed in world.landed.values()]
        present += [(add.request, frozenset()) for add in world.snapshot.adds if add.name in world.at_work]
        found |= {removal.key: removal for removal in world.snapshot.removals if _acts(removal.request, present)}
    return found if only is None else {name: file for name, file in found.items() if name in only}


def _is_due(world: World, name: str, add: AddFile) -> bool:
    """Whether a request wants something that is not there, and neither a person nor a removal may be against it."""
    landed, hold = world.landed.get(name), world.holds.get(name)
    if landed is not None and landed.asked == add.request and name not in world.damaged | world.moved:
        return False
    if hold is not None and hold.holds(add.request):
        return False
    brings_data = landed is None or name in world.moved
    return not (brings_data and world.snapshot.might_withdraw(add.request))


def _acts(removal: RemovalRequest, present: list[tuple[DatasetRequest, frozenset[tuple[str, str]]]]) -> bool:
    """Whether a removal has something to remove, or to be refused for: a part of a landing is never cut out."""
    return any(matches(removal, request) or cuts(removal, request, selection) for request, selection in present)


def plan_tick(
    world: World,
    waiting: Mapping[str, AddFile | RemoveFile],
    attempts: Attempts,
    *,
    ignore_before: float = 0.0,
) -> TickPlan:
    """Decide what to do now, at most ``A_TICK`` of each kind.

    Failures before ``ignore_before``, and before a name's own moment in ``world.ignore_before_of``, hold nothing back.
    """
    wanted = world.snapshot.desired().keys() | world.landed.keys()
    removals = {removal.key for removal in world.snapshot.removals}
    runs, look_at = _runs(world, waiting, attempts, ignore_before)
    requested = [str(run.partition_key) for run in runs if run.job_name == LAND_JOB]
    add = list(dict.fromkeys([*requested, *sorted(wanted)]))
    add = [name for name in add if name not in world.registered]
    drop = sorted(world.registered - wanted - world.at_work)
    catch_up = sorted(world.landed.keys() - world.materialized - waiting.keys() - world.at_work)
    unfinished = max(map(len, (add, drop, catch_up))) > A_TICK
    return TickPlan(
        add=_cut(add),
        drop=_cut(drop),
        add_removals=tuple(sorted(removals - world.registered_removals)),
        drop_removals=_cut(sorted(world.registered_removals - removals - world.at_work)),
        catch_up=_cut(catch_up),
        runs=tuple(runs),
        look_at=world.now if unfinished else look_at,
    )


def _cut(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[:A_TICK])


def _runs(
    world: World,
    waiting: Mapping[str, AddFile | RemoveFile],
    attempts: Attempts,
    ignore_before: float,
) -> tuple[list[RunRequest], float]:
    runs: list[RunRequest] = []
    look_at = world.now + LOOK_AGAIN_S
    for name, file in waiting.items():
        if name in world.at_work:
            look_at = world.now
            continue
        ignore_before_of = max(ignore_before, world.ignore_before_of.get(name, 0.0))
        upcoming = attempts.next_try(name, file.digest, now=world.now, ignore_before=ignore_before_of)
        if upcoming.at is None:
            continue
        if upcoming.at > world.now:
            look_at = min(look_at, upcoming.at)
            continue
        look_at = world.now
        if len(runs) == A_TICK:
            break
        runs.append(run_request(name, file, upcoming.generation, world.snapshot.commit, update=name in world.moved))
    return runs, look_at


def run_request(
    name: str, file: AddFile | RemoveFile, generation: str, commit: str | None, *, update: bool = False
) -> RunRequest:
    """The run that lands a dataset, or carries out a removal; its tags say for which file, at which commit."""
    tags = {NAME_TAG: name, DIGEST_TAG: file.digest, REQUEST_TAG: file.path, **shown_tags(file.request)}
    return RunRequest(
        run_key=f"{name}@{file.digest[:16]}#{generation}",
        job_name=LAND_JOB if isinstance(file, AddFile) else REMOVE_JOB,
        partition_key=name,
        run_config=UPDATE if update else {},
        tags=tags | ({COMMIT_TAG: commit} if commit else {}),
    )


def shown_tags(request: DatasetRequest | RemovalRequest) -> dict[str, str]:
    """The tags by which people find the runs of a dataset."""
    owner = request.owner if isinstance(request, DatasetRequest) else None
    found = {HF_ID_TAG: request.hf_id, SUBSET_TAG: request.subset, OWNER_TAG: owner}
    return {tag: value for tag, value in found.items() if value}
