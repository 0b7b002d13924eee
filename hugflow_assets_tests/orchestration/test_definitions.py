"""What Dagster loads: quickly, without heavy libraries, and also when a setting is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from dagster import DefaultSensorStatus

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.reconcile.requests_sensor import SENSOR_NAME
from hugflow_assets.rules import POSTLANDING_RULES, PREFLIGHT_RULES


def test_loading_imports_no_heavy_library() -> None:
    heavy = ("datasets", "github", "matplotlib", "soundfile", "huggingface_hub", "slack_sdk")
    code = f"import sys, hugflow_assets.definitions; print([one for one in {heavy!r} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_every_rule_is_a_check_of_its_partition() -> None:
    graph = definitions().get_repository_def().asset_graph
    checks = {key.name: graph.get(key) for key in graph.asset_check_keys if key.asset_key == DATASET}
    assert checks.keys() == {rule.name for rule in PREFLIGHT_RULES} | {rule.name for rule in POSTLANDING_RULES}
    assert all(check.partitions_def == graph.get(DATASET).partitions_def for check in checks.values())


def test_the_sensor_runs_from_the_start_at_the_interval_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSOR_INTERVAL", "42s")
    sensor = definitions().get_repository_def().get_sensor_def(SENSOR_NAME)
    assert sensor.default_status is DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 42


def test_sensors_of_channels_that_are_not_set_look_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL"):
        monkeypatch.delenv(variable, raising=False)

    def intervals() -> list[int | None]:
        repository = definitions().get_repository_def()
        names = ("pull_requests_sensor", "delivery_sensor")
        return [repository.get_sensor_def(name).minimum_interval_seconds for name in names]

    assert intervals() == [600, 600]
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
    assert intervals() == [600, 15]


def test_a_wrong_setting_does_not_keep_the_ui_from_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_QUOTA", "plenty")
    sensor = definitions().get_repository_def().get_sensor_def(SENSOR_NAME)
    assert sensor.minimum_interval_seconds == 15


def test_a_process_of_dagster_logs_without_secrets_and_leaves_dagsters_own_log_alone() -> None:
    code = """if True:
        import logging, hugflow_assets.definitions
        logging.getLogger("hugflow_assets.hub").info("ours hf_canary")
        logging.getLogger("httpx").warning("theirs hf_canary")
        logging.getLogger("dagster.daemon").warning("doubled")
    """
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_TOKEN": "hf_canary", "LOG_FORMAT": "text"},
    ).stderr
    assert "ours ***" in told and "theirs ***" in told
    assert "hf_canary" not in told and "doubled" not in told


def test_no_resource_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    assert "hf_canary" not in repr(definitions().resources)
