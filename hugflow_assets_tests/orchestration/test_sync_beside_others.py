"""``sync`` when it is not alone: another process lands the same, has died in the middle, or fails meanwhile."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from hugflow_assets.demo import Request
from hugflow_assets.orchestration.reconcile import retry_policy
from hugflow_assets.orchestration.reconcile.dead_runs import PROCESS_TAG, is_gone, this_process
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets.orchestration.sync.run_here import SyncResult, sync
from hugflow_assets_tests.faulty_hub import Fault
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project
from hugflow_assets_tests.polling import poll


class OfWholeFiles(Fault):
    """Not of the ranges that the pre-flight reads: what it hits is a landing."""

    def matches(self, request: Request) -> bool:
        return request.range is None and super().matches(request)


_SYNC = (
    "from hugflow_assets.orchestration.sync.run_here import sync; print(*[f'{o.state} {o.error_code}' for o in sync()])"
)
REPOSITORY_ROOT = Path(__file__).parents[2]


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The instance that processes share which are started in this project."""
    root = tmp_path / "project"
    root.mkdir()
    shutil.copy(REPOSITORY_ROOT / "dagster.yaml", root)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with project_instance(root) as instance:
        yield instance


def stall_landing(project: Project, hold_s: float = 30) -> None:
    fault = OfWholeFiles(re.compile("train-00001"), "stall", 1, origin="cdn", after_bytes=100, hold_s=hold_s)
    project.hub.faults.append(fault)


def other_sync() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _SYNC], stdout=subprocess.PIPE, text=True)


def lands_elsewhere(project: Project, other: subprocess.Popen[str]) -> bool:
    assert other.poll() is None, other.communicate()
    return project.store.leases.holder(SPEECH) is not None


def states(found: list[SyncResult]) -> list[tuple[str, str]]:
    return [(one.state, one.error_code) for one in found]


def test_two_at_once_land_once_and_both_say_that_it_is_landed(speech: Project) -> None:
    stall_landing(speech)
    other = other_sync()
    poll(lambda: lands_elsewhere(speech, other), within_s=60)
    found = sync(instance=speech.instance, pause=lambda _: speech.hub.release())
    assert states(found) == [("landed", "")]
    assert other.communicate(timeout=60)[0].split() == ["landed"]
    assert speech.instance.get_runs_count() == 1


def test_what_is_still_at_work_when_the_patience_ends_is_reported_as_landing(speech: Project) -> None:
    stall_landing(speech)
    other = other_sync()
    poll(lambda: lands_elsewhere(speech, other), within_s=60)
    assert states(sync(instance=speech.instance, wait_s=0)) == [("landing", "")]
    speech.hub.release()
    assert other.communicate(timeout=60)[0].split() == ["landed"]


def test_the_failure_of_another_run_is_reported_by_name_and_not_repeated(speech: Project) -> None:
    stalled = speech.hub.fault("/api/datasets/org/speech", "stall")
    other = other_sync()
    poll(lambda: stalled.hits, within_s=60)

    def fail_there(_: float) -> None:
        if speech.hub.repo("org/speech").disabled:
            return
        speech.hub.repo("org/speech").disabled = True
        speech.hub.release()
        other.wait(timeout=60)  # its failure is on record before anything is looked at again

    assert states(sync(instance=speech.instance, pause=fail_there)) == [("failed", "hub-disabled")]
    assert other.communicate()[0].split() == ["failed", "hub-disabled"]
    assert speech.instance.get_runs_count() == 1


def test_a_landing_that_another_instance_runs_is_waited_for(speech: Project, tmp_path: Path) -> None:
    lease = speech.store.leases.take(SPEECH, purpose="landing")
    found = sync(instance=speech.instance, pause=lambda _: lease.release())
    assert states(found) == [("landed", "")]
    assert [run.status for run in speech.instance.get_runs()] == [DagsterRunStatus.SUCCESS]


def test_a_sync_that_was_killed_is_not_waited_for(speech: Project) -> None:
    stall_landing(speech)
    other = other_sync()
    poll(lambda: speech.hub.faults[0].hits and lands_elsewhere(speech, other), within_s=60)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    (killed,) = speech.instance.get_runs()
    assert killed.status is DagsterRunStatus.STARTED
    speech.hub.heal()
    assert states(sync(instance=speech.instance)) == [("landed", "")]
    ended = speech.instance.get_run_by_id(killed.run_id)
    assert ended is not None and ended.status is DagsterRunStatus.FAILURE


def test_a_sync_that_is_killed_while_it_is_waited_for_is_taken_over(speech: Project) -> None:
    stall_landing(speech)
    other = other_sync()
    poll(lambda: speech.hub.faults[0].hits and lands_elsewhere(speech, other), within_s=60)

    def kill_it(_: float) -> None:
        if other.poll() is None:
            other.send_signal(signal.SIGKILL)
            other.communicate()
            speech.hub.heal()

    assert states(sync(instance=speech.instance, pause=kill_it)) == [("landed", "")]
    assert sorted(run.status.value for run in speech.instance.get_runs()) == ["FAILURE", "SUCCESS"]


def test_a_hub_that_is_down_gives_one_result_a_file_however_soon_the_next_try_is_due(
    speech: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "FIRST_WAIT_S", 0.0)  # as if every run took longer than the wait after a failure
    speech.add("other", "org/other")
    told: list[str] = []
    with speech.hub.down():
        found = sync(instance=speech.instance, on_result=lambda one: told.append(one.path))
    assert states(found) == [("failed", "hub-unreachable")] * 2
    assert sorted(told) == ["add/other.yaml", "add/speech.yaml"]
    assert speech.instance.get_runs_count() == 2


def test_a_file_that_appears_meanwhile_is_left_to_the_next_time(speech: Project) -> None:
    found = sync(instance=speech.instance, on_start=lambda *_: print(speech.add("late", "org/late")))
    assert [one.path for one in found] == ["add/speech.yaml"]


def test_only_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    assert not is_gone({PROCESS_TAG: this_process()})
    assert not is_gone({})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host, _, start = this_process().split()
    assert is_gone({PROCESS_TAG: f"{host} {ended.pid} {start}"})
    assert is_gone({PROCESS_TAG: f"{host} {os.getpid()} 1"})  # its id was given to a process that started later
    assert not is_gone({PROCESS_TAG: f"elsewhere {ended.pid} {start}"})


PATIENT_S = 600  # of READ_TIMEOUT: whoever waits for it is killed by the test's bound long before


@pytest.mark.parametrize("how", ["Ctrl-C", "hugflow cancel"])
def test_a_stop_is_heard_while_the_server_is_silent(speech: Project, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("READ_TIMEOUT", f"{PATIENT_S}s")
    stall_landing(speech, hold_s=PATIENT_S)
    command = [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "sync"]
    landing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        poll(lambda: speech.hub.faults[0].hits and lands_elsewhere(speech, landing), within_s=60)
        if how == "Ctrl-C":
            landing.send_signal(signal.SIGINT)
        else:
            assert speech.store.leases.cancel(SPEECH, by="ada")
        _, said = landing.communicate(timeout=PATIENT_S / 10)
    finally:
        landing.kill()
        speech.hub.release()
    assert landing.returncode == (130 if how == "Ctrl-C" else 1), said
    assert speech.store.leases.holder(SPEECH) is None
    assert speech.store.manifest(SPEECH) is None
