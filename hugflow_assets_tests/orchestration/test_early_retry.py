"""What waits for its next try goes on when the cause of its failure is gone."""

from __future__ import annotations

import time
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import HubAccess
from hugflow_assets.orchestration.assets.failures import ERROR_TAG, TRANSIENT_TAG
from hugflow_assets.orchestration.reconcile.early_retry import causes_gone
from hugflow_assets.orchestration.reconcile.retry_policy import DIGEST_TAG, NAME_TAG, PARTITION_TAG, Attempts
from hugflow_assets.store import EventKind, Store


def failed(instance: DagsterInstance, name: str, code: str) -> None:
    tags = {NAME_TAG: name, DIGEST_TAG: "a", PARTITION_TAG: name, ERROR_TAG: code, TRANSIENT_TAG: "true"}
    create_run_for_test(instance, job_name="land_dataset", status=DagsterRunStatus.FAILURE, tags=tags)


def refused(store: Store, name: str, need_bytes: int) -> None:
    verdict = {"passed": False, "code": "quota-exceeded", "details": {"need_bytes": need_bytes, "need_inodes": 1}}
    store.events.append(EventKind.REJECTED, name, verdicts=[verdict])


def test_room_for_what_was_needed_relieves_those_who_fit(instance: DagsterInstance, tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state", quota_bytes=1000)
    for name, need in (("small", 500), ("big", 5000)):
        failed(instance, name, "quota-exceeded")
        refused(store, name, need)
    found = causes_gone(store, HubAccess("http://127.0.0.1:9"), Attempts.of(instance, ["small", "big"]), time.time())
    assert found == {"small"}


def test_freed_space_relieves_those_whose_need_nobody_knows(instance: DagsterInstance, tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state")
    failed(instance, "full", "disk-full")
    attempts, access = Attempts.of(instance, ["full"]), HubAccess("http://127.0.0.1:9")
    assert causes_gone(store, access, attempts, time.time()) == frozenset()
    store.events.append(EventKind.FREED, "other", size_bytes=1)
    assert causes_gone(store, access, attempts, time.time()) == {"full"}


def test_a_hub_that_answers_again_relieves_after_a_while_that_grows(
    instance: DagsterInstance, hub: LocalHub, tmp_path: Path
) -> None:
    store = Store(tmp_path / "root", tmp_path / "state")
    failed(instance, "x", "hub-unreachable")
    one = Attempts.of(instance, ["x"])
    down, up, later = HubAccess("http://127.0.0.1:9"), HubAccess(hub.url), time.time() + 400
    assert causes_gone(store, down, one, later) == frozenset()
    assert causes_gone(store, up, one, time.time()) == frozenset()
    assert causes_gone(store, up, one, later) == {"x"}
    failed(instance, "x", "hub-unreachable")
    assert causes_gone(store, up, Attempts.of(instance, ["x"]), later) == frozenset()


def test_what_no_look_can_tell_is_left_to_its_backoff(instance: DagsterInstance, tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state")
    failed(instance, "x", "hub-gated")
    failed(instance, "y", "hub-not-found")
    attempts = Attempts.of(instance, ["x", "y"])
    assert causes_gone(store, HubAccess("http://127.0.0.1:9"), attempts, time.time() + 9e5) == frozenset()
