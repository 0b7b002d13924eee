"""Which request files are settled: nothing more happens to them unless somebody acts. For every way to wait for it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dagster import DagsterInstance, RunRecord

from hugflow_assets.errors import LeaseHeldError
from hugflow_assets.intake import AddFile, RemoveFile
from hugflow_assets.orchestration.assets.failures import ERROR_TAG
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.dead_runs import was_killed
from hugflow_assets.orchestration.reconcile.plan_tick import due
from hugflow_assets.orchestration.reconcile.requests_sensor import world_of
from hugflow_assets.orchestration.reconcile.retry_policy import DIGEST_TAG, Attempts, ended_at
from hugflow_assets.store import Store

Files = Mapping[str, AddFile | RemoveFile]


def settled(
    instance: DagsterInstance, files: Files, began: float, now: float | None = None
) -> list[tuple[AddFile | RemoveFile, RunRecord | None]]:
    """The files that are settled, each with the run since ``began`` that saw to it, if there was one.

    A file is settled when no process is at work on it and either a run of it as it is now has ended since ``began``, or
    it asks for nothing that is not there, or a person or a removal is against it. Runs that were killed, or that found
    another at work, do not count: the file is tried again.
    """
    if not files:
        return []
    platform = Platform()
    store = platform.store()
    world = world_of(instance, platform.snapshot(), store, time.time() if now is None else now)
    busy = world.at_work | at_work_anywhere(store, files)
    unfinished = due(world, frozenset(files)).keys()
    attempts = Attempts.of(instance, files.keys())
    found: list[tuple[AddFile | RemoveFile, RunRecord | None]] = []
    for key, file in files.items():
        if key in busy:
            continue
        ended = (one for one in attempts.runs.get(key, ()) if _saw_to(one, file, began))
        if (run := next(ended, None)) is not None or key not in unfinished:
            found.append((file, run))
    return found


def at_work_anywhere(store: Store, files: Files) -> set[str]:
    """The names that some process is at work on, whether or not this instance knows of its run."""
    return {name for name, file in files.items() if isinstance(file, AddFile) and store.leases.holder(name) is not None}


def _saw_to(record: RunRecord, file: AddFile | RemoveFile, began: float) -> bool:
    run = record.dagster_run
    return (
        bool(record.end_time)
        and ended_at(record) >= began
        and run.tags.get(DIGEST_TAG) == file.digest
        and run.tags.get(ERROR_TAG) != LeaseHeldError.code
        and not was_killed(run)
    )
