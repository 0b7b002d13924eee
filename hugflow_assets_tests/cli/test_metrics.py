"""`hugflow metrics`: what Prometheus is told, and that dashboard and alert rules ask for nothing else."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.cli.conftest import Project, Ran, hugflow

MONITORING = Path(__file__).parents[2] / "deploy/monitoring"


def read(text: str) -> dict[str, dict[str, float]]:
    """Metric -> value by the value of its label."""
    suffix = {"counter": "_total"}
    return {
        family.name + suffix.get(family.type, ""): {"".join(one.labels.values()): one.value for one in family.samples}
        for family in text_string_to_metric_families(text)
    }


@pytest.fixture
def told(project: Project, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    """The metrics of a storage where one request failed, one waits, and every limit is set."""
    for variable, value in (("QUOTA", "10GB"), ("SOFT_LIMIT", "8GB"), ("MAX_INODES", "1000")):
        monkeypatch.setenv(f"STORAGE_{variable}", value)
    project.add("speech", "org/speech")
    project.add("other", "org/other")
    store = Store.of(load_settings())
    store.events.append(EventKind.REQUESTED, "org__other__rev_main", path="add/other.yaml", by="ana")
    facts = {"code": "hub-unreachable", "message": "No answer."}
    store.events.append(EventKind.FAILED, "org__speech__rev_main", **facts)
    store.events.append(EventKind.LANDED, "org__older__rev_main", rows=3)
    file = project.root / "hugflow.prom"
    assert run("metrics", "--textfile", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o644
    return read(file.read_text())


def test_a_storage_is_told_in_numbers(told: dict[str, dict[str, float]], run: Callable[..., Ran]) -> None:
    assert told["hugflow_datasets"]["failed"] == 1 and told["hugflow_datasets"]["requested"] == 1
    assert told["hugflow_datasets"]["damaged"] == 0, "a rule must see a zero"
    assert told["hugflow_failures_last_day"] == {"hub-unreachable": 1}
    assert told["hugflow_storage_quota_bytes"] == {"": 10e9} and told["hugflow_storage_max_inodes"] == {"": 1000}
    assert told["hugflow_hub_requests_total"] == {"": 0} == told["hugflow_hub_rate_limited_total"]
    assert told["hugflow_queue_length"] == {"": 1} and told["hugflow_queue_age_seconds"][""] >= 0
    assert run("metrics", "--listen", "here", "--textfile", "there").code == 2
    assert run("metrics", "--listen", "9850x").code == 2


def test_a_scrape_sees_the_storage_as_it_is_then(told: dict[str, dict[str, float]], project: Project) -> None:
    process = hugflow("metrics", "--listen", "127.0.0.1:0", cwd=project.root)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        project.add("third", "org/third")
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert read(answer.read().decode())["hugflow_datasets"]["requested"] == 2
    finally:
        process.terminate()
        process.communicate(timeout=30)


def expressions(node: Any) -> Iterator[str]:
    """Every ``expr`` of a dashboard or of rules."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "expr")
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from expressions(one)


def test_dashboard_and_rules_ask_for_metrics_that_exist(told: dict[str, dict[str, float]]) -> None:
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    asked = [*expressions(dashboard), *expressions(rules)]
    assert len(asked) > 15
    assert {name for one in asked for name in re.findall(r"hugflow_\w+", one)} <= set(told)
    states = {state for one in asked for state in re.findall(r'state=~?"([^"]+)"', one)}
    assert {one for state in states for one in state.split("|")} <= set(told["hugflow_datasets"])
    for rule in rules["groups"][0]["rules"]:
        assert rule["for"] and rule["labels"]["severity"] and rule["annotations"]["description"]
