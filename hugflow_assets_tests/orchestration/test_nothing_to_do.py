"""A materialization that finds nothing to do says so, and makes nothing stale that was made from the dataset."""

from __future__ import annotations

from dagster import AssetKey, AssetSelection, DagsterInstance
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.assets.shown.card import IN_PLACE
from hugflow_assets.orchestration.sync.one_dataset import restore
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project
from hugflow_assets_tests.orchestration.test_checks import run

PROFILE, CATALOGUE = AssetKey("dataset_profile"), AssetKey("storage_catalogue")


def statuses(instance: DagsterInstance) -> list[StaleStatus]:
    graph = definitions().get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return [
        resolver.get_status(PROFILE, SPEECH),
        resolver.get_status(CATALOGUE),
        resolver.get_status(DATASET, SPEECH),
    ]


def test_it_says_so_and_leaves_profile_and_catalogue_fresh(speech: Project) -> None:
    sync(instance=speech.instance)
    sync(instance=speech.instance)  # which finds the landing at rest, and tells the catalogue
    assert statuses(speech.instance) == [StaleStatus.FRESH] * 3
    done = run(speech, AssetSelection.assets(DATASET))
    (event,) = done.get_asset_materialization_events()
    facts = event.materialization.metadata
    speech.add("other", description="Another file: no landing is outdated by it.", owner="ana")
    assert facts["action"].value == "no-op" and "Nothing to do" in str(facts["outcome"].value)
    assert "speed_mb_s" not in facts
    logged = [entry.user_message for entry in speech.instance.all_logs(done.run_id)]
    assert any("nothing to do" in message for message in logged)
    assert statuses(speech.instance) == [StaleStatus.FRESH] * 3


def test_a_restored_dataset_shows_its_columns_and_first_rows_as_when_it_landed(speech: Project) -> None:
    sync(instance=speech.instance)
    removal = speech.remove()
    sync(instance=speech.instance)
    removal.unlink()
    restore(SPEECH, instance=speech.instance)
    records = speech.instance.fetch_materializations(DATASET, limit=3).records
    shown = [one.asset_materialization.metadata for one in records if one.asset_materialization is not None]
    restored, _, landed = shown
    first = ["summary", "figure", "dagster/column_schema", "sample", "path", "hugflow_uri"]
    assert list(landed)[: len(first)] == first, "people read from the top; numbers for plots are below"
    card = str(landed["summary"].value)
    assert len(card) < IN_PLACE
    for told in (
        "Speech.",
        "12 in 2 splits",
        "[cc0-1.0](https://creativecommons.org/",
        "requests/add/speech.yaml",
        "landed in",
    ):
        assert told in card
    for label in ("dagster/column_schema", "sample"):
        assert restored[label] == landed[label]


def test_runs_show_what_people_filter_by_and_hide_the_rest(speech: Project) -> None:
    speech.add(owner="ana")
    sync(instance=speech.instance)
    (done,) = speech.instance.get_runs()
    shown = {tag: value for tag, value in done.tags.items() if not tag.startswith((".dagster/", "dagster/"))}
    assert shown == {"hf_id": "org/speech", "owner": "ana"}
