"""A dataset is found in the UI by what people know of it: its id, its subset, its owner."""

from __future__ import annotations

from dagster import RunsFilter

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import HUB_DATASET
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets_tests.orchestration.conftest import Project


def test_the_search_finds_a_landed_dataset_by_its_id_and_runs_are_filtered_by_it(speech: Project) -> None:
    def tags() -> dict[str, str]:
        return dict(definitions().get_repository_def().asset_graph.get(HUB_DATASET).tags)

    assert "org/speech" not in tags()
    speech.add(owner="ada")
    sync(instance=speech.instance)
    assert tags()["org/speech"] == ""  # the search of the UI goes over the tags of assets
    filtered = {"hf_id": "org/speech", "owner": "ada"}
    assert len(speech.instance.get_runs(filters=RunsFilter(tags=filtered))) == 1
