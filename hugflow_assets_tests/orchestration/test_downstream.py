"""An asset of a user's own, in a module and code location of its own, is given what landed by real Dagster runs."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import (
    AllPartitionMapping,
    AssetIn,
    Definitions,
    ExecuteInProcessResult,
    MaterializeResult,
    SpecificPartitionsPartitionMapping,
    asset,
)

import hugflow_assets
from hugflow_assets import DATASETS, Dataset, LandedFolder, LandingIOManager, landed_datasets, open_dataset
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.orchestration import definitions
from hugflow_assets.planning.pin import plan
from hugflow_assets_tests.datasets_made import speech_files
from hugflow_assets_tests.orchestration.conftest import Project

EXAMPLE = Path(hugflow_assets.__file__).parents[1] / "examples/short_clips.py"
FIRST, SECOND, MISSING = "org__speech__rev_main", "org__more__rev_main", "org__missing__rev_main"


@pytest.fixture
def landed(speech: Project, tmp_path: Path) -> Project:
    """Two datasets landed, and a third that is asked for and not on the Hub."""
    speech.hub.add_repo("org/more", speech_files(tmp_path / "more"))
    access = HubAccess(endpoint=speech.hub.url)
    for request in (speech.add(), speech.add("more", "org/more")):
        asked = DatasetRequest.model_validate(yaml.safe_load(request.read_text()))
        land(plan(Hub(access), asked, landed=None), speech.store, access, LandingOptions())
    speech.add("missing", "org/missing")
    speech.instance.add_dynamic_partitions("datasets", [FIRST, SECOND, MISSING])
    return speech


def run(defs: Definitions, project: Project, name: str, partition: str | None = None) -> ExecuteInProcessResult:
    job = defs.resolve_implicit_global_asset_job_def()
    key = next(one.key for one in defs.resolve_asset_graph().asset_nodes if one.key.path == [name])
    return job.execute_in_process(
        instance=project.instance, partition_key=partition, asset_selection=[key], raise_on_error=False
    )


def shown(result: ExecuteInProcessResult) -> dict[str, Any]:
    assert result.success
    (event,) = result.get_asset_materialization_events()
    return {name: one.value for name, one in event.materialization.metadata.items()}


def test_the_example_is_given_what_landed(landed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANIFESTS", str(tmp_path / "manifests"))
    defs = runpy.run_path(str(EXAMPLE))["defs"]
    told = shown(run(defs, landed, "short_clips", FIRST))
    lines = [json.loads(line) for line in Path(told["manifest"]).read_text().splitlines()]
    speech = open_dataset(FIRST, root=landed.storage)
    wanted = [row for row in speech if 1 <= row["audio"]["duration"] <= 20]
    assert [(one["text"], one["duration"]) for one in lines] == [(r["text"], r["audio"]["duration"]) for r in wanted]
    assert all(Path(one["audio_filepath"]).is_file() for one in lines)
    assert (told["clips"], told["of"]) == (len(wanted), len(speech))
    assert shown(run(defs, landed, "all_hours"))["by_dataset"].keys() == {FIRST, SECOND}


def test_an_input_is_what_its_annotation_says(landed: Project) -> None:
    two = SpecificPartitionsPartitionMapping([FIRST, SECOND])
    one = SpecificPartitionsPartitionMapping([FIRST])
    seen: dict[str, Any] = {}

    def into(name: str, kind: Any, mapping: Any) -> Any:
        def body(landed: Any) -> MaterializeResult[None]:
            seen[name] = landed
            return MaterializeResult()

        body.__annotations__["landed"] = kind
        return asset(name=name, ins={"landed": AssetIn("dataset", partition_mapping=mapping)})(body)

    cases = {
        "untyped": (Any, one), "several": (Any, two), "folder": (LandedFolder, one),
        "one_of_dict": (dict[str, Dataset], one), "folders": (dict[str, LandedFolder], two),
        "missing": (dict[str, Dataset], AllPartitionMapping()),
    }  # fmt: skip
    assets = [into(name, *case) for name, case in cases.items()]
    defs = Definitions(assets=[landed_datasets("mine"), *assets], resources={"mine": LandingIOManager()})
    results = {name: run(defs, landed, name).success for name in cases}
    assert results == dict.fromkeys(cases, True) | {"missing": False}
    assert isinstance(seen["untyped"], Dataset) and seen["untyped"].info.name == FIRST
    assert {name: len(one) > 0 for name, one in seen["several"].items()} == {FIRST: True, SECOND: True}
    assert isinstance(seen["folder"], LandedFolder) and seen["folder"].manifest.counts.rows == len(seen["untyped"])
    assert [one.info.name for one in seen["one_of_dict"].values()] == [FIRST]
    assert {name: type(one) for name, one in seen["folders"].items()} == {FIRST: LandedFolder, SECOND: LandedFolder}

    @asset(partitions_def=DATASETS, ins={"speech": AssetIn("dataset")})
    def rows(speech: Dataset) -> MaterializeResult[None]:
        return MaterializeResult(metadata={"rows": len(speech)})

    beside_hugflows = Definitions.merge(definitions(), Definitions(assets=[rows]))
    assert shown(run(beside_hugflows, landed, "rows", SECOND)) == {"rows": len(seen["several"][SECOND])}
