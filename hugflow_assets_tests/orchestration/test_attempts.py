"""When a failed name is tried again, decided from the runs that a real instance remembers."""

from __future__ import annotations

import time

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from hugflow_assets.orchestration.assets.failures import ERROR_TAG, TRANSIENT_TAG
from hugflow_assets.orchestration.reconcile.retry_policy import (
    DIGEST_TAG,
    FIRST_WAIT_S,
    GIVE_UP_AFTER_S,
    LONGEST_WAIT_S,
    NAME_TAG,
    PARTITION_TAG,
    SILENT_RUN_S,
    Attempts,
    Next,
    at_work,
)

FAILED, DONE, CANCELED = DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS, DagsterRunStatus.CANCELED
PERMANENT = {ERROR_TAG: "hub-not-found", TRANSIENT_TAG: "false"}
TRANSIENT = {ERROR_TAG: "quota-exceeded", TRANSIENT_TAG: "true"}


def record(instance: DagsterInstance, status: DagsterRunStatus, digest: str = "a", name: str = "x", **tags: str) -> str:
    told = {NAME_TAG: name, DIGEST_TAG: digest, PARTITION_TAG: name, **tags}
    return create_run_for_test(instance, job_name="land_dataset", status=status, tags=told).run_id


def next_try(
    instance: DagsterInstance, digest: str = "a", *, now: float | None = None, ignore_before: float = 0
) -> Next:
    now = time.time() if now is None else now
    return Attempts.of(instance, ["x"]).next_try("x", digest, now=now, ignore_before=ignore_before)


def test_what_was_never_tried_is_tried_now(instance: DagsterInstance) -> None:
    now = time.time()
    assert next_try(instance, now=now) == Next(now, "first")


def test_a_permanent_failure_waits_for_an_edit(instance: DagsterInstance) -> None:
    record(instance, FAILED, **PERMANENT)
    assert next_try(instance).at is None
    edited = next_try(instance, "b")
    assert edited.at is not None and edited.at <= time.time()


def test_a_cancelled_run_waits_for_a_person(instance: DagsterInstance) -> None:
    record(instance, CANCELED)
    assert next_try(instance).at is None


def test_an_edit_back_to_what_failed_before_is_tried_again(instance: DagsterInstance) -> None:
    record(instance, FAILED, "a", **PERMANENT)
    record(instance, DONE, "b")
    again = next_try(instance, "a")
    assert again.at is not None and again.at <= time.time()
    assert again.generation != "first"


@pytest.mark.parametrize("tags", [TRANSIENT, {}], ids=["transient error", "died without a word"])
def test_what_may_pass_by_itself_backs_off(instance: DagsterInstance, tags: dict[str, str]) -> None:
    waits = []
    for _ in range(9):
        record(instance, FAILED, **tags)
        at = next_try(instance).at
        assert at is not None
        waits.append(at - time.time())
    expected = [min(FIRST_WAIT_S * 2**tries, LONGEST_WAIT_S) for tries in range(9)]
    assert waits == pytest.approx(expected, abs=2)


def test_after_a_day_it_gives_up(instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        record(instance, FAILED, **TRANSIENT)
    runs = Attempts.of(instance, ["x"]).runs["x"]
    newest = runs[0]._replace(end_time=runs[-1].update_timestamp.timestamp() + GIVE_UP_AFTER_S)
    aged = Attempts({"x": [newest, *runs[1:]]})
    assert aged.next_try("x", "a", now=time.time()).at is None


def test_a_hurried_try_disregards_failures_before_it_and_honours_those_after(instance: DagsterInstance) -> None:
    record(instance, FAILED, **PERMANENT)
    ignore_before = time.time() + 1e-3
    at = next_try(instance, ignore_before=ignore_before).at
    assert at is not None and at <= time.time()
    assert next_try(instance, ignore_before=ignore_before - 60).at is None


def test_each_try_has_a_generation_of_its_own(instance: DagsterInstance) -> None:
    seen = set()
    for digest in ("a", "b", "a"):
        seen.add((digest, next_try(instance, digest).generation))
        record(instance, DONE, digest)
    assert len(seen) == 3


def test_what_landed_and_is_gone_again_is_not_landed_by_the_minute(instance: DagsterInstance) -> None:
    record(instance, DONE)
    at = next_try(instance).at
    assert at is not None
    assert at - time.time() == pytest.approx(SILENT_RUN_S, abs=2)


def test_a_run_in_flight_counts_and_a_silent_one_only_while_its_landing_is_alive(instance: DagsterInstance) -> None:
    record(instance, DagsterRunStatus.STARTED, name="started")
    record(instance, DONE, name="done")
    now = time.time()
    assert at_work(instance, now=now, alive=lambda _: False) == {"started"}
    later = now + SILENT_RUN_S + 5
    assert at_work(instance, now=later, alive=lambda _: False) == frozenset()
    assert at_work(instance, now=later, alive=lambda _: True) == {"started"}
