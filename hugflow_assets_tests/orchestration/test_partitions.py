"""Keys that a request defines are partitions before anything has registered them; no other key is."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DynamicPartitionsDefinition, partition_loading_context

from hugflow_assets.orchestration.assets.partitions import DATASETS, RequestPartitions, register
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

HOSTILE = ["../../evil", "/etc/passwd", "", "a\nb", "a/b", "..", "x" * 5000, "name,with,commas", "[1]"]


def test_a_requested_key_is_valid_on_an_empty_instance(speech: Project, instance: DagsterInstance) -> None:
    with partition_loading_context(dynamic_partitions_store=instance):
        assert DATASETS.has_partition_key(SPEECH)
        assert DATASETS.filter_valid_partition_keys({SPEECH, "other"}) == {SPEECH}
    assert instance.get_dynamic_partitions(str(DATASETS.name)) == []


def test_a_registered_key_stays_valid_without_a_request(project: Project, instance: DagsterInstance) -> None:
    instance.add_dynamic_partitions(str(DATASETS.name), ["orphan"])
    with partition_loading_context(dynamic_partitions_store=instance):
        assert DATASETS.has_partition_key("orphan")
        assert DATASETS.filter_valid_partition_keys({"orphan", "other"}) == {"orphan"}


@pytest.mark.parametrize("key", HOSTILE)
def test_a_key_that_nobody_defines_is_refused(speech: Project, instance: DagsterInstance, key: str) -> None:
    with partition_loading_context(dynamic_partitions_store=instance):
        assert not DATASETS.has_partition_key(key)


def test_an_unreadable_source_defines_no_keys_and_raises_nothing(
    project: Project, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_DIR", "nowhere")
    with partition_loading_context(dynamic_partitions_store=instance):
        assert not DATASETS.has_partition_key(SPEECH)
    monkeypatch.setenv("STORAGE_QUOTA", "plenty")
    with partition_loading_context(dynamic_partitions_store=instance):
        assert not DATASETS.has_partition_key(SPEECH)


def test_it_is_the_dynamic_partitions_that_dagster_knows_by_name() -> None:
    plain = DynamicPartitionsDefinition(name="datasets")
    ours = RequestPartitions("datasets", frozenset)
    assert ours == plain
    assert isinstance(ours, DynamicPartitionsDefinition)


def _register(root: str, ready: Any) -> None:
    ready.wait()
    with project_instance(Path(root)) as instance:
        ready.wait()
        for number in range(20):
            register(instance, "datasets", [f"key-{number}"])


def test_several_processes_at_once_make_one_instance_and_register_each_key_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # Dagster is imported once
    ready = context.Barrier(4)
    processes = [context.Process(target=_register, args=(str(tmp_path), ready)) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert [one.exitcode for one in processes] == [0] * 4
    with project_instance(tmp_path) as instance:
        assert sorted(instance.get_dynamic_partitions("datasets")) == sorted(f"key-{number}" for number in range(20))
