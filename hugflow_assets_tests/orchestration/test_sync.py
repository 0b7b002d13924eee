"""One reconciliation through sensor, jobs, checks and IO manager, on a real instance and a real storage."""

from __future__ import annotations

from dagster import AssetKey, AssetRecordsFilter, DagsterInstance

from hugflow_assets.orchestration.sync.run_here import SyncResult, sync
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

DATASET = AssetKey("dataset")


def once(project: Project, *names: str) -> dict[str, SyncResult]:
    return {one.path: one for one in sync(names or None, instance=project.instance)}


def test_a_request_lands_and_the_second_time_there_is_nothing_to_do(speech: Project) -> None:
    first = once(speech)["add/speech.yaml"]
    assert (first.action, first.state, first.error_code) == ("land", "landed", "")
    assert {one.name for one in first.verdicts} >= {"repo_accessible", "within_quota", "complete", "hashes"}
    assert all(one.passed for one in first.verdicts)
    runs = speech.instance.get_runs_count()
    again = once(speech)["add/speech.yaml"]
    assert (again.action, again.state) == ("no-op", "landed")
    assert speech.instance.get_runs_count() == runs
    assert speech.instance.get_materialized_partitions(DATASET) == {SPEECH}


def test_what_fails_stops_nothing_else_and_is_told_by_name(speech: Project) -> None:
    speech.add("missing", "org/missing")
    speech.write("add/malformed.yaml", "hf_id: [")
    found = once(speech)
    assert found["add/speech.yaml"].state == "landed"
    assert (found["add/missing.yaml"].state, found["add/missing.yaml"].error_code) == ("failed", "hub-not-found")
    assert found["add/missing.yaml"].remedy
    assert (found["add/malformed.yaml"].state, found["add/malformed.yaml"].error_code) == (
        "malformed",
        "request-invalid",
    )
    assert speech.store.index.names() == [SPEECH]


def test_only_the_named_requests_are_touched(speech: Project) -> None:
    speech.add("missing", "org/missing")
    assert once(speech, "add/speech.yaml").keys() == {"add/speech.yaml"}
    assert speech.instance.get_runs_count() == 1


def test_an_edited_description_is_taken_over_without_fetching(speech: Project) -> None:
    once(speech)
    speech.add(description="Better words.")
    before = len(speech.hub.requests)
    edited = once(speech)["add/speech.yaml"]
    assert (edited.action, edited.state) == ("description", "landed")
    fetched = [one for one in speech.hub.requests[before:] if one.method == "GET" and one.path.endswith(".parquet")]
    assert all("range" in {name.lower() for name in one.headers} for one in fetched)
    manifest = speech.store.manifest(SPEECH)
    assert manifest is not None and manifest.request.description == "Better words."


def test_a_lost_instance_is_caught_up_by_events_without_runs(speech: Project) -> None:
    once(speech)
    with DagsterInstance.ephemeral() as fresh:
        found = sync(instance=fresh)
        assert [one.action for one in found] == ["no-op"]
        assert fresh.get_runs_count() == 0
        assert fresh.get_materialized_partitions(DATASET) == {SPEECH}
        assert fresh.get_dynamic_partitions("datasets") == [SPEECH]


def test_a_removal_is_carried_out_and_landing_again_is_possible(speech: Project) -> None:
    once(speech)
    removal = speech.remove(reason="Licence withdrawn.")
    found = once(speech)
    assert (found["remove/speech.yaml"].action, found["remove/speech.yaml"].state) == ("remove", "removed")
    assert found["add/speech.yaml"].state == "withdrawn"
    assert speech.store.index.names() == []
    assert speech.instance.get_dynamic_partitions("datasets") == []
    tombstone = speech.instance.fetch_materializations(
        AssetRecordsFilter(DATASET, asset_partitions=[SPEECH]), limit=1
    ).records[0]
    assert tombstone.asset_materialization is not None
    assert tombstone.asset_materialization.metadata["reason"].value == "Licence withdrawn."
    removal.unlink()
    assert once(speech)["add/speech.yaml"].state == "landed"
    assert speech.store.index.names() == [SPEECH]


def test_a_deleted_request_deletes_no_data(speech: Project) -> None:
    once(speech)
    (speech.root / "requests/add/speech.yaml").unlink()
    assert once(speech) == {}
    assert speech.store.index.names() == [SPEECH]
    assert speech.instance.get_dynamic_partitions("datasets") == [SPEECH]
