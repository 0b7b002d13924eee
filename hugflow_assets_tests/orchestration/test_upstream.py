"""Staleness as Dagster itself resolves it, in every order in which landings, observations and new commits can come."""

from __future__ import annotations

import pytest
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from hugflow_assets.intake import AddFile
from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET, HUB_DATASET
from hugflow_assets.orchestration.assets.hub_dataset import look_upstream
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.sync.one_dataset import materialize
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

FRESH, STALE, MISSING = StaleStatus.FRESH, StaleStatus.STALE, StaleStatus.MISSING


class Story:
    """The events of a dataset's life, by name, and what Dagster calls it after each."""

    def __init__(self, project: Project) -> None:
        self.project, self.instance = project, project.instance
        self.commits = 0

    def land(self) -> None:
        assert [one.state for one in sync(instance=self.instance)] == ["landed"]

    def repair(self) -> None:
        assert [one.error_code for one in materialize([SPEECH], instance=self.instance)] == [""]

    def update(self) -> None:
        assert [one.error_code for one in materialize([SPEECH], update=True, instance=self.instance)] == [""]

    def observe(self) -> None:
        """As the observation job of the UI does."""
        job = definitions().get_implicit_global_asset_job_def().get_subset(asset_selection={HUB_DATASET})
        self.instance.add_dynamic_partitions("datasets", [SPEECH])
        assert job.execute_in_process(instance=self.instance, tags={"dagster/partition": SPEECH}).success

    def look(self) -> None:
        """As the schedule does."""
        look_upstream(self.instance, Platform())

    def branch_moves(self) -> None:
        self.commits += 1
        self.project.hub.commit("org/speech", {"NEWS.md": str(self.commits).encode()})

    def status(self) -> StaleStatus:
        return status_of(self.instance)


def status_of(instance: DagsterInstance) -> StaleStatus:
    graph = definitions().get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(DATASET, SPEECH)


@pytest.mark.parametrize(
    "story",
    [
        ["land FRESH", "observe FRESH", "branch_moves FRESH", "observe STALE", "update FRESH"],
        ["observe MISSING", "land FRESH", "look FRESH", "branch_moves FRESH", "look STALE", "repair STALE"],
        ["observe MISSING", "branch_moves MISSING", "land FRESH", "observe FRESH", "repair FRESH"],
        ["land FRESH", "branch_moves FRESH", "repair FRESH", "look STALE", "update FRESH", "look FRESH"],
    ],
    ids=lambda story: "-".join(one.split()[0] for one in story),
)
def test_a_landing_is_stale_when_and_only_when_its_branch_is_known_to_have_moved(
    speech: Project, story: list[str]
) -> None:
    told = Story(speech)
    found = []
    for event, _ in (one.split() for one in story):
        getattr(told, event)()
        found.append(f"{event} {told.status().value}")
    assert found == story


def test_a_lost_instance_is_caught_up_without_a_run_or_a_byte(speech: Project) -> None:
    assert [one.state for one in sync(instance=speech.instance)] == ["landed"]
    manifest = speech.store.manifest(SPEECH)
    assert manifest is not None
    before = len(speech.hub.requests)
    with DagsterInstance.ephemeral() as fresh:
        assert [one.action for one in sync(instance=fresh)] == ["no-op"]
        assert fresh.get_runs_count() == 0
        assert speech.hub.requests[before:] == []
        assert status_of(fresh) is FRESH
        shown = fresh.fetch_materializations(AssetRecordsFilter(DATASET, asset_partitions=[SPEECH]), limit=5).records
        seen = fresh.fetch_observations(AssetRecordsFilter(HUB_DATASET, asset_partitions=[SPEECH]), limit=5).records
        assert len(shown) == len(seen) == 1
        assert shown[0].asset_materialization is not None
        assert shown[0].asset_materialization.metadata["rows"].value == 12
        assert shown[0].asset_materialization.metadata["commit"].value == manifest.commit
        assert fresh.get_materialized_partitions(AssetKey("requests")) == set()
        speech.hub.commit("org/speech", {"NEWS.md": b"1"})
        look_upstream(fresh, Platform())
        assert status_of(fresh) is STALE


def test_an_update_lands_the_newest_commit_and_a_repair_stays(speech: Project) -> None:
    told = Story(speech)
    told.land()
    first = commit_of(speech)
    told.branch_moves()
    told.repair()
    assert commit_of(speech) == first
    told.update()
    assert commit_of(speech) == speech.hub.repo("org/speech").refs["refs/heads/main"].id != first


def test_a_removal_of_a_part_of_what_is_landed_whole_is_refused_and_removes_nothing(speech: Project) -> None:
    assert [one.state for one in sync(instance=speech.instance)] == ["landed"]
    speech.remove(split="test")
    found = {one.path: one for one in sync(instance=speech.instance)}["remove/speech.yaml"]
    assert (found.state, found.error_code) == ("failed", "request-invalid")
    assert SPEECH in found.message and found.remedy
    assert speech.store.index.names() == [SPEECH]
    assert [one.path for one in Platform().snapshot().adds if isinstance(one, AddFile)] == ["add/speech.yaml"]


def commit_of(project: Project) -> str:
    manifest = project.store.manifest(SPEECH)
    assert manifest is not None
    return manifest.commit


def test_the_catalogue_is_told_when_landings_rest_and_is_not_outdated_by_a_request_that_fails(speech: Project) -> None:
    speech.add("missing", "org/missing")
    sync(instance=speech.instance)
    told = speech.instance.fetch_materializations(AssetKey("storage_catalogue"), limit=5).records
    assert told[0].asset_materialization is not None
    assert told[0].asset_materialization.metadata["datasets"].value == 1
    graph = definitions().get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(speech.instance, graph, LoadingContextForTest(speech.instance))
    assert resolver.get_status(AssetKey("storage_catalogue")) is FRESH
