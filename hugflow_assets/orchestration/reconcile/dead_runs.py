"""Which process executes a run, so that a run whose process was killed does not count as at work for ever.

Dagster monitors the runs that its daemon launches. Nobody monitors one that a command executes in itself
(``hugflow sync``, ``dagster asset materialize``): killed, it stays STARTED.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from hugflow_assets.durable import host_id
from hugflow_assets.orchestration.assets.failures import ERROR_TAG

PROCESS_TAG = ".dagster/hugflow_process"
_EXECUTED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def this_process() -> str:
    """Host, process id and start of this process, as the value of a run's tag."""
    return f"{_host()} {os.getpid()} {_start_of(os.getpid())}"


def is_gone(tags: Mapping[str, str]) -> bool:
    """Whether the process that a run's tags name is known to have ended. Of another host nothing is known."""
    host, _, process = tags.get(PROCESS_TAG, "").partition(" ")
    pid, _, start = process.partition(" ")
    return bool(pid) and host == _host() and _start_of(int(pid)) != start


def was_killed(run: DagsterRun) -> bool:
    """Whether a run ended with its process instead of with an error of its own."""
    return run.status is DagsterRunStatus.FAILURE and ERROR_TAG not in run.tags and is_gone(run.tags)


def end_dead_runs(instance: DagsterInstance) -> bool:
    """Mark runs as failed whose process is gone. Returns whether there were any."""
    dead = [run for run in instance.get_runs(RunsFilter(statuses=_EXECUTED)) if is_gone(run.tags)]
    for run in dead:
        instance.report_run_failed(run, "The process that executed this run was killed, or its machine went down.")
    return bool(dead)


def _host() -> str:
    """The kernel, and the namespace in which a process id means anything."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = "pid"
    return f"{host_id()}/{namespace}".replace(" ", "_")


def _start_of(pid: int) -> str:
    """When a process started, in ticks since boot; empty when there is none. Process ids are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:  # no /proc: that a process of this id exists is all there is to know
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"
