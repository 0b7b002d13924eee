"""One reconciliation of everything, in this process, through the sensor and the jobs that the daemon runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping

from dagster import (
    AddDynamicPartitionsRequest,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_sensor_context,
    partition_loading_context,
)

from hugflow_assets.errors import DuplicateRequestError, RemovalInForceError, RequestInvalidError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.orchestration.assembly import definitions
from hugflow_assets.orchestration.instance import project_instance
from hugflow_assets.orchestration.outcome import Outcome, outcome_of
from hugflow_assets.orchestration.platform import Platform
from hugflow_assets.orchestration.sensor import SENSOR_NAME, Cursor
from hugflow_assets.orchestration.stock import landed_now
from hugflow_assets.rules import Verdict


class SyncResult(Frozen):
    """What became of one request file.

    ``action``: what was done (``no-op``, ``land``, ``views``, ``description``, ``repair``, ``update``, ``remove``,
    ``none`` when nothing could be). ``state``: ``landed``, ``landing`` (by another run), ``removed``, ``withdrawn``,
    ``held`` (paused or cancelled by hand), ``failed`` or ``malformed``. ``bytes`` are those that lie on the storage. ``run_id`` finds it in the UI.
    """

    name: str
    path: str
    action: str
    state: str
    verdicts: tuple[Verdict, ...] = ()
    bytes: int = 0
    seconds: float = 0.0
    error_code: str = ""
    message: str = ""
    remedy: str = ""
    transient: bool = False
    run_id: str = ""


def sync(
    names: Collection[str] | None = None,
    *,
    instance: DagsterInstance | None = None,
    on_start: Callable[[str, str], None] | None = None,
    on_result: Callable[[SyncResult], None] | None = None,
) -> list[SyncResult]:
    """Bring the storage to what the request files say; continue when one fails.

    What failed before is tried again, whatever the sensor is waiting for. What another run is at work on is left to it.

    Args:
        names: storage names, removal keys or paths of request files (``add/x.yaml``); None is everything.
        instance: a Dagster instance; by default the project's.
        on_start: called with name and path before each run.
        on_result: called with each result as soon as it is known.
    Returns:
        One result a request file, in order of path.
    Raises:
        RequestSourceError, SettingsError, StorageError: nothing can be looked at.
    """
    if instance is None:
        with project_instance() as own:
            return sync(names, instance=own, on_start=on_start, on_result=on_result)
    snapshot = Platform().snapshot()
    chosen = chosen_of(snapshot, names)
    files = [file for file in files_of(snapshot) if chosen is None or key_of(file) in chosen]
    outcomes: dict[str, Outcome] = {}
    done: list[SyncResult] = []

    def tell(result: SyncResult) -> None:
        done.append(result)
        if on_result is not None:
            on_result(result)

    for file, run in _runs(instance, {key_of(file): file for file in reversed(files)}, chosen, on_start):
        outcomes[file.path] = run
        tell(result_of(file, run, snapshot))
    for file in files:
        if file.path not in outcomes:
            tell(result_of(file, None, snapshot))
    for result in malformed(snapshot, names):
        tell(result)
    return sorted(done, key=lambda one: one.path)


def _runs(
    instance: DagsterInstance,
    files: Mapping[str, AddFile | RemoveFile],
    only: frozenset[str] | None,
    on_start: Callable[[str, str], None] | None,
) -> Iterator[tuple[AddFile | RemoveFile, Outcome]]:
    """Execute what the sensor asks for, one after the other."""
    defs = definitions()
    for request in _run_requests(defs, instance, only):
        file = files.get(str(request.partition_key))
        if file is None:  # it appeared after the snapshot was taken; the sensor, or the next sync, sees to it
            continue
        if on_start is not None:
            on_start(key_of(file), file.path)
        started = time.monotonic()
        result = execute(defs, instance, request)
        yield file, outcome_of(result, time.monotonic() - started)


def _run_requests(defs: Definitions, instance: DagsterInstance, only: frozenset[str] | None) -> Iterator[RunRequest]:
    """Evaluate the sensor until it asks for nothing that has not been run here; carry out the rest of what it says."""
    repository = defs.get_repository_def()
    sensor = repository.get_sensor_def(SENSOR_NAME)
    cursor = Cursor(hurried_at=time.time(), only=None if only is None else tuple(sorted(only)))
    while True:
        with (
            partition_loading_context(dynamic_partitions_store=instance),
            build_sensor_context(
                instance=instance, repository_def=repository, cursor=cursor.model_dump_json(), sensor_name=SENSOR_NAME
            ) as context,
        ):
            data = sensor.evaluate_tick(context)
        for asked in data.dynamic_partitions_requests or ():
            if isinstance(asked, AddDynamicPartitionsRequest):
                instance.add_dynamic_partitions(asked.partitions_def_name, asked.partition_keys)
            else:
                for key in asked.partition_keys:
                    instance.delete_dynamic_partition(asked.partitions_def_name, key)
        for event in data.asset_events:
            instance.report_runless_asset_event(event)
        yield from data.run_requests or ()
        cursor = Cursor.of(data.cursor)
        if not (data.run_requests or data.dynamic_partitions_requests or data.asset_events):
            return


def execute(defs: Definitions, instance: DagsterInstance, request: RunRequest) -> ExecuteInProcessResult:
    """One run in this process; an error is in its result."""
    job = defs.resolve_job_def(str(request.job_name))
    # Dagster's own log of the run goes to its instance as ever; on the console it would bury what sync has to say.
    level = "DEBUG" if Platform().settings().log_level == "DEBUG" else "CRITICAL"
    return job.execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        run_config={**request.run_config, "loggers": {"console": {"config": {"log_level": level}}}},
        raise_on_error=False,
    )


def files_of(snapshot: RequestSnapshot) -> list[AddFile | RemoveFile]:
    return [*snapshot.adds, *snapshot.removals]


def key_of(file: AddFile | RemoveFile) -> str:
    return file.name if isinstance(file, AddFile) else file.key


def chosen_of(snapshot: RequestSnapshot, names: Collection[str] | None) -> frozenset[str] | None:
    """Names, keys and paths as names and keys. What is not among the files is left to ``malformed`` or unknown."""
    if names is None:
        return None
    wanted = set(names)
    return frozenset(key_of(file) for file in files_of(snapshot) if {key_of(file), file.path} & wanted)


def result_of(file: AddFile | RemoveFile, outcome: Outcome | None, snapshot: RequestSnapshot) -> SyncResult:
    """What a file's run did, or, where none was needed or possible, how things stand."""
    name, platform = key_of(file), Platform()
    landed = landed_now(platform.store()).get(name)
    result = SyncResult(
        name=name, path=file.path, action="none", state="failed", bytes=landed.size_bytes if landed else 0
    )
    if outcome is not None:
        state = "failed" if outcome.error_code else "landed" if isinstance(file, AddFile) else "removed"
        return result.model_copy(
            update={"state": state, **outcome.model_dump(exclude={"verdicts"}), "verdicts": outcome.verdicts}
        )
    if isinstance(file, RemoveFile):
        return result.model_copy(update={"action": "no-op", "state": "removed", "message": "nothing left to remove"})
    if withdrawn := snapshot.removals_of(file.request):
        return result.model_copy(
            update={"action": "no-op", "state": "withdrawn", "message": f"withdrawn by {withdrawn[0].path}"}
        )
    counts = snapshot.add(name)
    if counts is not None and counts.path != file.path:
        return result.model_copy(
            update={
                "error_code": DuplicateRequestError.code,
                "message": f"{counts.path} asks for the same dataset and is the one that counts.",
                "remedy": "Keep one of them.",
            }
        )
    hold = platform.store().holds.read(name)
    if hold is not None and hold.holds(file.request):
        told = f"{hold.held.value}{f' by {hold.by}' if hold.by else ''} on {hold.at[:16]}"
        return result.model_copy(
            update={"action": "no-op", "state": "held", "message": told, "remedy": f"`hugflow resume {name}` goes on."}
        )
    if landed is None and (unread := snapshot.might_withdraw(file.request)):
        paths = ", ".join(one.path for one in unread)
        return result.model_copy(
            update={
                "error_code": RemovalInForceError.code,
                "message": f"{paths} cannot be read and could withdraw it; nothing new lands against it.",
                "remedy": f"Correct or delete {paths}.",
            }
        )
    if landed is not None and landed.request == file.request:
        return result.model_copy(
            update={"action": "no-op", "state": "landed", "message": "as requested; nothing to do"}
        )
    return result.model_copy(update={"state": "landing", "message": "another run is at work on it", "transient": True})


def malformed(snapshot: RequestSnapshot, names: Collection[str] | None) -> list[SyncResult]:
    by_path: dict[str, list[str]] = {}
    for problem in snapshot.problems:
        if names is None or problem.path in names:
            by_path.setdefault(problem.path, []).append(str(problem))
    return [
        SyncResult(
            name="",
            path=path,
            action="none",
            state="malformed",
            error_code=RequestInvalidError.code,
            message="; ".join(problems),
            remedy="Correct the file.",
        )
        for path, problems in by_path.items()
    ]
