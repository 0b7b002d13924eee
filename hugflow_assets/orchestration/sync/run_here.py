"""One reconciliation of everything, in this process, through the sensor and the jobs that the daemon runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from dagster import (
    AddDynamicPartitionsRequest,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_sensor_context,
    partition_loading_context,
)
from dagster._core.definitions.sensor_definition import SensorExecutionData

from hugflow_assets.errors import LeaseHeldError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot
from hugflow_assets.orchestration.assembly import definitions
from hugflow_assets.orchestration.assets.partitions import register
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.dead_runs import PROCESS_TAG, end_dead_runs, this_process
from hugflow_assets.orchestration.reconcile.requests_sensor import SENSOR_NAME, Cursor
from hugflow_assets.orchestration.reconcile.retry_now import Queue, announced
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets.orchestration.sync.results import (
    Results,
    SyncResult,
    chosen_of,
    files_of,
    key_of,
    malformed,
    result_of,
)
from hugflow_assets.orchestration.sync.run_outcome import Outcome, outcome_of
from hugflow_assets.orchestration.sync.settled import at_work_anywhere, settled

__all__ = ["SyncResult", "sync"]

WAIT_S = 3600.0
POLL_S = 1.0

Files = dict[str, AddFile | RemoveFile]


def sync(
    names: Collection[str] | None = None,
    *,
    instance: DagsterInstance | None = None,
    wait_s: float = WAIT_S,
    on_start: Callable[[str, str], None] | None = None,
    on_result: Callable[[SyncResult], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> list[SyncResult]:
    """Bring the storage to what the request files say; continue when one fails.

    What failed before is tried again, once, whatever the sensor is waiting for. What another run is at work on (the
    daemon's, another ``sync``) is left to it and waited for; its end is reported.

    Args:
        names: storage names, removal keys or paths of request files (``add/x.yaml``); None is everything.
        instance: a Dagster instance; by default the project's.
        wait_s: how long to wait for other runs, seconds; what is still at work then is reported as ``landing``.
        on_start: called with name and path before each run.
        on_result: called with each result as soon as it is known.
        pause: waits that many seconds before other runs are looked at again.
    Returns:
        One result a request file, in order of path.
    Raises:
        RequestSourceError, SettingsError, StorageError: nothing can be looked at.
    """
    if instance is None:
        with project_instance() as own:
            return sync(names, instance=own, wait_s=wait_s, on_start=on_start, on_result=on_result, pause=pause)
    snapshot = Platform().snapshot()
    chosen = chosen_of(snapshot, names)
    files = [file for file in files_of(snapshot) if chosen is None or key_of(file) in chosen]
    work = _Work(instance, snapshot, files, Results(on_result))
    work.settle(wait_s, on_start, pause)
    for file in files:
        if file.path not in work.results:
            work.results.add(result_of(file, None, snapshot))
    for result in malformed(snapshot, names):
        work.results.add(result)
    return work.results.all()


class _Work:
    """The request files that are still to be settled, and the results of those that are."""

    def __init__(
        self, instance: DagsterInstance, snapshot: RequestSnapshot, files: list[AddFile | RemoveFile], results: Results
    ) -> None:
        self.results = results
        self._instance, self._snapshot = instance, snapshot
        self._waiting: Files = {key_of(file): file for file in reversed(files)}
        end_dead_runs(instance)  # before the moment from which failures count
        self._ignore_before = self._began = time.time()
        self._sensor = _Sensor(definitions(), instance)

    def settle(
        self, wait_s: float, on_start: Callable[[str, str], None] | None, pause: Callable[[float], None]
    ) -> None:
        """Run what is to be run here, and wait for what is at work elsewhere, ``wait_s`` at most."""
        while True:
            self._run(on_start)
            self._take_settled()
            if not self._waiting or time.time() - self._began > wait_s:
                return
            pause(POLL_S)
            if end_dead_runs(self._instance):  # what was waited for was killed: it is taken over
                self._ignore_before = time.time()

    def _run(self, on_start: Callable[[str, str], None] | None) -> None:
        for file, outcome in _runs(self._sensor, self._waiting, self._ignore_before, on_start):
            if outcome.error_code == LeaseHeldError.code:  # another process was faster: its end is waited for
                self._ignore_before = time.time()
            else:
                self._add(file, outcome)

    def _take_settled(self) -> None:
        """What other runs have ended."""
        for file, run in settled(self._instance, self._waiting, self._began):
            self._add(file, outcome_of(self._instance, run.dagster_run.run_id) if run is not None else None)

    def _add(self, file: AddFile | RemoveFile, outcome: Outcome | None) -> None:
        self.results.add(result_of(self._waiting.pop(key_of(file)), outcome, self._snapshot))


class _Sensor:
    """The sensor as the daemon evaluates it, its cursor kept from tick to tick."""

    def __init__(self, defs: Definitions, instance: DagsterInstance) -> None:
        self.defs, self.instance = defs, instance
        self._cursor = Cursor()

    def tick(self, only: Iterable[str], ignore_before: float) -> SensorExecutionData:
        """Evaluate it for some names; partitions and events as it says."""
        cursor = self._cursor.model_copy(
            update={"only": tuple(sorted(only)), "ignore_before": ignore_before, "seen": "", "announce": False}
        )
        data = _evaluate(self.defs, self.instance, cursor)
        self._cursor = Cursor.of(data.cursor)
        return data


def _runs(
    sensor: _Sensor,
    files: Mapping[str, AddFile | RemoveFile],
    ignore_before: float,
    on_start: Callable[[str, str], None] | None,
) -> Iterator[tuple[AddFile | RemoveFile, Outcome]]:
    """Execute what the sensor asks for, one after the other and each file once; carry out the rest of what it says.

    Failures before ``ignore_before`` hold nothing back; a later one is another process's, reported and not repeated.
    """
    left = dict(files)
    while True:
        data = sensor.tick(left.keys() - at_work_anywhere(Platform().store(), left), ignore_before)
        for request in data.run_requests or ():
            file = left.pop(str(request.partition_key))
            if on_start is not None:
                on_start(key_of(file), file.path)
            started = time.monotonic()
            source, store = Platform().source(), Platform().store()
            queued = announced(request, source, store, Queue.of(store))
            result = execute(sensor.defs, sensor.instance, queued)
            yield file, outcome_of(sensor.instance, result.run_id, time.monotonic() - started)
        if not (data.run_requests or data.dynamic_partitions_requests or data.asset_events):
            return


def _evaluate(defs: Definitions, instance: DagsterInstance, cursor: Cursor) -> SensorExecutionData:
    repository = defs.get_repository_def()
    sensor = repository.get_sensor_def(SENSOR_NAME)
    with (
        partition_loading_context(dynamic_partitions_store=instance),
        build_sensor_context(
            instance=instance, repository_def=repository, cursor=cursor.model_dump_json(), sensor_name=SENSOR_NAME
        ) as context,
    ):
        data = sensor.evaluate_tick(context)
    for asked in data.dynamic_partitions_requests or ():
        if isinstance(asked, AddDynamicPartitionsRequest):
            register(instance, asked.partitions_def_name, asked.partition_keys)
        else:
            for key in asked.partition_keys:
                instance.delete_dynamic_partition(asked.partitions_def_name, key)
    for event in data.asset_events:
        instance.report_runless_asset_event(event)
    return data


def execute(defs: Definitions, instance: DagsterInstance, request: RunRequest) -> ExecuteInProcessResult:
    """Run what the sensor would ask for, in this process."""
    job = defs.resolve_job_def(str(request.job_name))
    # Dagster's own log of the run goes to its instance as ever; on the console it would bury what sync has to say.
    level = "DEBUG" if Platform().settings().log_level == "DEBUG" else "CRITICAL"
    result = job.execute_in_process(
        instance=instance,
        partition_key=request.partition_key,
        tags={**request.tags, PROCESS_TAG: this_process()},
        run_config={**request.run_config, "loggers": {"console": {"config": {"log_level": level}}}},
        raise_on_error=False,
    )
    if _was_interrupted(result):
        raise KeyboardInterrupt
    return result


def _was_interrupted(result: ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C ended a run: for Dagster that is a failed run like others, and the next request would be begun."""
    errors = [getattr(event.event_specific_data, "error", None) for event in result.all_events]
    return any(error is not None and error.cls_name == DagsterExecutionInterruptedError.__name__ for error in errors)
