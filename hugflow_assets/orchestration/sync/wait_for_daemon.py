"""``hugflow sync --ci-mode`` beside a running daemon: ask for everything once more, and wait for what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from dagster import DagsterInstance

from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.plan_tick import due
from hugflow_assets.orchestration.reconcile.requests_sensor import world_of
from hugflow_assets.orchestration.reconcile.retry_now import ask_again
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
from hugflow_assets.orchestration.sync.run_outcome import outcome_of
from hugflow_assets.orchestration.sync.settled import settled

POLL_S = 2.0


def wait_for_daemon(
    names: Collection[str] | None = None,
    *,
    still_alive: Callable[[], bool],
    instance: DagsterInstance | None = None,
    on_result: Callable[[SyncResult], None] | None = None,
    by: str = "hugflow sync",
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> list[SyncResult] | None:
    """One result a request file, once its run by the daemon has ended; None when the daemon stopped in between.

    A run that fails ends the wait for its request, also where the daemon is going to try again by itself.

    Args:
        names: storage names, removal keys or paths of request files; None is everything.
        still_alive: whether the daemon is at work.
        instance: the daemon's; by default the project's.
        on_result: called with each result as soon as it is known.
        by: who asks, for the audit log.
    """
    if instance is None:
        with project_instance() as own:
            return wait_for_daemon(
                names, still_alive=still_alive, instance=own, on_result=on_result, by=by, clock=clock, pause=pause
            )
    platform = Platform()
    began = clock()
    asked = platform.snapshot()
    chosen = chosen_of(asked, names)
    files = {key_of(one): one for one in reversed(files_of(asked)) if chosen is None or key_of(one) in chosen}
    for name, file in due(world_of(instance, asked, platform.store(), began), frozenset(files)).items():
        ask_again(platform.store(), name, file, by=by)
    results = Results(on_result)
    while waiting := {key: file for key, file in files.items() if file.path not in results}:
        for file, record in settled(instance, waiting, began, clock()):
            outcome = outcome_of(instance, record.dagster_run.run_id) if record is not None else None
            results.add(result_of(file, outcome, asked))
        if len(results) < len(files):
            if not still_alive():
                return None
            pause(POLL_S)
    # Of two files for one name the second never runs; what cannot be read has no run either.
    for file in files_of(asked):
        if file.path not in results and (chosen is None or key_of(file) in chosen):
            results.add(result_of(file, None, asked))
    for result in malformed(asked, names):
        results.add(result)
    return results.all()
