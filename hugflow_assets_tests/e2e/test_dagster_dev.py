"""What a person sees who starts ``dagster dev`` in a fresh project, over the GraphQL that the UI speaks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.store import Store
from hugflow_assets_tests.datasets_made import speech_files, text_files
from hugflow_assets_tests.e2e.browser import page_of, sees
from hugflow_assets_tests.e2e.dagster_dev import SENSOR, DagsterDev
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.polling import poll

REPOSITORY_ROOT = Path(__file__).parents[2]
SPEECH, TEXT, OTHER = "org__speech__rev_main", "org__text__rev_main", "org__other__rev_main"
SLOW = "org__slow__rev_main"
HOSTILE = ["../../evil", "/tmp/evil", "a,b[c]"]


@dataclass
class Live:
    """A project folder, the Hub it is pointed at, and its running services."""

    root: Path
    hub: FaultyHub
    environment: dict[str, str]
    dev: DagsterDev

    def request(self, stem: str, text: str) -> Path:
        path = self.root / "requests" / "add" / f"{stem}.yaml"
        path.write_text(text)
        return path

    def landed(self, name: str) -> bool:
        return (self.root / "datasets" / name / "hugflow.json").is_file()

    def tree(self) -> dict[str, bytes]:
        """Every file of the project and beside it but Dagster's own, with its content."""
        own = {".dagster_home", "__pycache__"}
        return {
            str(path.relative_to(self.root.parent)): path.read_bytes()
            for path in sorted(self.root.parent.rglob("*"))
            if path.is_file() and not own & set(path.parts) and path.suffix != ".log"
        }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A fresh project in which one dataset was materialized by the command line before the UI was started."""
    base = tmp_path_factory.mktemp("dev")
    root = base / "project"
    for folder in ("requests/add", "requests/remove"):
        (root / folder).mkdir(parents=True)
    for name in ("dagster.yaml", "workspace.yaml", "pyproject.toml"):
        shutil.copy(REPOSITORY_ROOT / name, root / name)
    made = tmp_path_factory.mktemp("made")
    with FaultyHub() as hub:
        hub.add_repo("org/speech", speech_files(made / "speech"))
        hub.add_repo("org/text", text_files(made / "text"))
        hub.add_repo("org/other", text_files(made / "other"))
        hub.add_repo("org/slow", speech_files(made / "slow", rows_per_shard=40))
        unset = {"DAGSTER_HOME", "STORAGE_ROOT", "HUGFLOW_STATE_DIR", "REQUESTS_DIR", "HUGFLOW_PROJECT_DIR"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"HF_ENDPOINT": hub.url, "HUB_RETRIES": "0", "SENSOR_INTERVAL": "5s"}
        (root / "requests/add/speech.yaml").write_text("hf_id: org/speech\ndescription: Spoken numbers\n")
        chosen = ["--select", "dataset", "--partition", SPEECH]
        subprocess.run(
            [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "hugflow_assets.definitions", *chosen],
            cwd=root,
            env=environment,
            check=True,
            capture_output=True,
        )
        live = Live(root, hub, environment, DagsterDev(root, environment))
        try:
            live.dev.wait()
            yield live
        finally:
            live.dev.stop()  # a test starts another one


def test_the_asset_graph_is_served_and_the_sensor_runs(live: Live) -> None:
    found = live.dev.ask(
        """query($sensor: SensorSelector!) {
          assetNodes { assetKey { path } dependencyKeys { path } isObservable
                       assetChecksOrError { ... on AssetChecks { checks { name blocking } } } }
          sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { status } } }
        }""",
        sensor=SENSOR,
    )
    nodes = {node["assetKey"]["path"][0]: node for node in found["assetNodes"]}
    assert nodes.keys() == {
        "requests", "hub_dataset", "dataset", "dataset_profile", "storage_catalogue", "removed_dataset",
    }  # fmt: skip
    edges = {name: {key["path"][0] for key in node["dependencyKeys"]} for name, node in nodes.items()}
    assert edges == {
        "requests": set(), "hub_dataset": set(), "dataset": {"requests", "hub_dataset"},
        "dataset_profile": {"dataset"}, "storage_catalogue": {"dataset"}, "removed_dataset": {"requests"},
    }  # fmt: skip
    assert nodes["hub_dataset"]["isObservable"]
    checks = {check["name"]: check["blocking"] for check in nodes["dataset"]["assetChecksOrError"]["checks"]}
    assert checks["repo_accessible"] and checks["within_quota"]
    assert not checks["hashes"]
    assert found["sensorOrError"]["sensorState"]["status"] == "RUNNING"


def test_what_the_command_line_landed_before_is_shown(live: Live) -> None:
    assert live.landed(SPEECH)
    found = live.dev.ask(
        """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
          assetMaterializations(limit: 5) { partition metadataEntries { label ... on IntMetadataEntry { intValue } } }
          partitionKeyConnection(limit: 10, ascending: true) { results }
        } } }""",
        key={"path": ["dataset"]},
    )["assetNodeOrError"]
    shown = found["assetMaterializations"][0]
    assert shown["partition"] == SPEECH
    assert {"label": "rows", "intValue": 12} in shown["metadataEntries"]
    assert SPEECH in found["partitionKeyConnection"]["results"]


def test_a_dropped_file_is_on_disk_within_a_minute_and_a_malformed_one_stops_nothing(live: Live) -> None:
    live.request("malformed", "hf_id: [")
    live.request("text", "hf_id: org/text\ndescription: Lines\n")
    poll(lambda: live.landed(TEXT), within_s=60)


def test_a_materialization_launched_over_graphql_lands(live: Live) -> None:
    state = live.dev.ask(
        "query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor { sensorState { id } } } }",
        s=SENSOR,
    )["sensorOrError"]["sensorState"]
    live.dev.ask(
        "mutation($id: String!) { stopSensor(id: $id) { __typename } }",
        id=state["id"],
    )
    live.request("other", "hf_id: org/other\ndescription: More lines\n")
    status, told = live.dev.ended(live.dev.launch(OTHER, checks=False))
    assert (status, told) == ("SUCCESS", {})
    assert live.landed(OTHER)


def test_a_hostile_key_fails_by_name_and_writes_nothing_anywhere(live: Live) -> None:
    before = live.tree()
    for key, run_id in [(key, live.dev.launch(key)) for key in HOSTILE]:
        status, told = live.dev.ended(run_id)
        assert status == "FAILURE"
        assert told["code"] == "unknown-dataset"
        assert key in told["message"]
    assert live.tree() == before
    assert not Path("/tmp/evil").exists()
    keys = live.dev.ask(
        """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
          partitionKeyConnection(limit: 50, ascending: true) { results } } } }""",
        key={"path": ["dataset"]},
    )["assetNodeOrError"]["partitionKeyConnection"]["results"]
    assert sorted(keys) == sorted([SPEECH, TEXT, OTHER])


def test_a_check_is_executed_alone_for_its_partition(live: Live) -> None:
    runs = [live.dev.launch(SPEECH, check=check) for check in ("hashes", "within_quota")]
    assert [live.dev.ended(run_id) for run_id in runs] == [("SUCCESS", {}), ("SUCCESS", {})]


def test_a_person_reads_in_the_browser_what_there_is_and_what_to_do(live: Live) -> None:
    run_id = live.dev.launch(HOSTILE[0])
    live.dev.ended(run_id)
    with page_of(f"http://127.0.0.1:{live.dev.port}") as page:
        card = ("Spoken numbers", "12 in 2 splits", "cc0-1.0", "How it went", "hugflow_uri", "The transcript:")
        sees(page, f"/assets/dataset?view=partitions&partition={SPEECH}", *card)
        page.get_by_text("[Show Markdown]").first.click()
        picture = page.get_by_alt_text("Rows and hours")
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") == 960
        sees(page, "/assets/dataset?view=overview", "the run's first red line says", "Source code")
        sees(page, "/assets/storage_catalogue?view=overview", "What wants attention")
        sees(page, f"/runs/{run_id}", "[unknown-dataset]", "Add a request file")


def test_a_cancelled_run_stops_cleanly_and_the_next_one_resumes(live: Live) -> None:
    last = live.hub.fault("train-00001", "trickle", times=None, origin="cdn", bytes_per_s=20_000)
    live.request("slow", "hf_id: org/slow\ndescription: Many clips\n")
    store = Store(live.root / "datasets", live.root / ".hugflow-state")
    run_id = live.dev.launch(SLOW)
    poll(lambda: store.leases.holder(SLOW) is not None and last.hits, within_s=150)
    live.dev.terminate(run_id)
    assert live.dev.ended(run_id)[0] == "CANCELED"
    assert store.leases.holder(SLOW) is None
    assert store.quota.headroom().reserved_bytes == 0
    assert not live.landed(SLOW)
    live.hub.heal()
    before = len(live.hub.requests)
    assert live.dev.ended(live.dev.launch(SLOW)) == ("SUCCESS", {})
    assert live.landed(SLOW)
    again = [one.path for one in live.hub.requests[before:] if one.origin == "cdn" and one.range is None]
    assert not [path for path in again if "train-00000" in path]


def test_stopped_and_started_again_everything_is_still_there_and_nothing_is_run_again(live: Live) -> None:
    asked = """query($key: AssetKeyInput!, $sensor: SensorSelector!) {
      assetNodeOrError(assetKey: $key) { ... on AssetNode {
        partitionKeyConnection(limit: 50, ascending: true) { results }
        assetMaterializations(limit: 50) { partition } } }
      runsOrError { ... on Runs { count } }
      sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { status ticks(limit: 1) { timestamp } } } }
    }"""

    def look() -> dict[str, Any]:
        return live.dev.ask(asked, key={"path": ["dataset"]}, sensor=SENSOR)

    before = look()
    live.dev.stop()
    live.dev = DagsterDev(live.root, live.environment).wait()
    after = look()
    assert SPEECH in after["assetNodeOrError"]["partitionKeyConnection"]["results"]
    assert after["assetNodeOrError"] == before["assetNodeOrError"]
    state = after["sensorOrError"]["sensorState"]
    assert state["status"] == before["sensorOrError"]["sensorState"]["status"]  # also if somebody stopped it
    if state["status"] == "STOPPED":
        live.dev.ask("mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename } }", s=SENSOR)

    def ticked() -> bool:
        ticks = look()["sensorOrError"]["sensorState"]["ticks"]
        return bool(ticks) and ticks != state["ticks"]

    poll(ticked, within_s=150)
    assert look()["runsOrError"]["count"] == before["runsOrError"]["count"]
