"""Another Dagster project takes Hugflow's assets into its own by a few lines of YAML."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from hugflow_assets.component import HugflowComponent
from hugflow_assets.settings import PROJECT_DIR_VARIABLE, load_settings


def test_a_project_of_ones_own_has_our_assets_beside_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ours/requests/add").mkdir(parents=True)
    (tmp_path / "ours/.env").write_text("STORAGE_ROOT=landed\nSENSOR_INTERVAL=40s\n")
    monkeypatch.setenv(PROJECT_DIR_VARIABLE, "/another")  # put back after the test
    with create_defs_folder_sandbox() as sandbox:
        told = {
            "type": "hugflow_assets.component.HugflowComponent",
            "attributes": {"project_dir": str(tmp_path / "ours")},
        }
        path = sandbox.scaffold_component(component_cls=HugflowComponent, defs_path="data", defs_yaml_contents=told)
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, defs):
            assert isinstance(component, HugflowComponent)

            @dg.asset(deps=["dataset"])
            def short_clips() -> None:
                """An asset of theirs."""

            merged = dg.Definitions.merge(defs, dg.Definitions(assets=[short_clips]))
            dg.Definitions.validate_loadable(merged)
            keys = {key.to_user_string() for key in merged.resolve_asset_graph().get_all_asset_keys()}
            assert keys >= {"dataset", "dataset_profile", "requests", "short_clips"}
            assert merged.get_sensor_def("requests_sensor").minimum_interval_seconds == 40
    assert load_settings().storage_root == tmp_path / "ours/landed"
