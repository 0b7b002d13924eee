"""Post-landing checks, each executed alone as the UI does, and what assets downstream of ``dataset`` are given."""

from __future__ import annotations

import shutil

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    ExecuteInProcessResult,
    SkipReason,
    build_sensor_context,
)

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.reconcile.requests_sensor import tick
from hugflow_assets.orchestration.reconcile.retry_policy import PARTITION_TAG
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.rules import POSTLANDING_RULES, PREFLIGHT_RULES
from hugflow_assets.store import EventKind
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

AFTER = [rule.name for rule in POSTLANDING_RULES]


@pytest.fixture
def landed(speech: Project) -> Project:
    assert [one.state for one in sync(instance=speech.instance)] == ["landed"]
    return speech


def run(project: Project, selection: AssetSelection, name: str = SPEECH) -> ExecuteInProcessResult:
    """What the UI does with a selection: the job of all assets, in part."""
    job = definitions().get_implicit_global_asset_job_def()
    return job.get_subset(
        asset_selection=selection.resolve(definitions().get_repository_def().asset_graph),
        asset_check_selection=selection.resolve_checks(definitions().get_repository_def().asset_graph),
    ).execute_in_process(instance=project.instance, tags={PARTITION_TAG: name}, raise_on_error=False)


def check(project: Project, rule: str, name: str = SPEECH) -> AssetCheckEvaluation:
    result = run(project, AssetSelection.checks(AssetCheckKey(DATASET, rule)), name)
    assert result.success
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.check_name, evaluation.partition) == (rule, name)
    return evaluation


def text(evaluation: AssetCheckEvaluation, label: str) -> str:
    return str(evaluation.metadata[label].value)


def test_each_check_passes_alone_and_fetches_nothing(landed: Project) -> None:
    before = len(landed.hub.requests)
    assert {rule: check(landed, rule).passed for rule in AFTER} == dict.fromkeys(AFTER, True)
    assert not [one for one in landed.hub.requests[before:] if one.origin == "cdn"]
    told = [one.data["checks"]["passed"] for one in landed.store.events.read() if one.kind is EventKind.CHECKED]
    assert told == [len(PREFLIGHT_RULES) + len(AFTER)]  # by the run that landed it alone


def test_a_changed_file_fails_the_hashes_and_a_missing_one_is_named(landed: Project) -> None:
    clips = sorted((landed.storage / SPEECH / "audio").rglob("*.wav"))
    clips[0].chmod(0o600)
    clips[0].write_bytes(clips[0].read_bytes()[:-1] + b"x")
    clips[1].unlink()
    found = check(landed, "hashes")
    assert not found.passed
    told = f"{found.metadata['message'].value} {found.metadata}"
    assert clips[0].name in told and clips[1].name in told
    assert text(found, "remedy")


def test_a_missing_record_fails_its_checks_and_keeps_no_other_from_passing(landed: Project) -> None:
    shutil.rmtree(landed.storage / SPEECH / "json")
    result = run(landed, AssetSelection.checks(*(AssetCheckKey(DATASET, rule) for rule in AFTER)))
    passed = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert result.success and passed.keys() == set(AFTER)
    assert not passed["hashes"] and not passed["transcripts_present"]
    assert passed["upstream_unchanged"]


def test_a_branch_that_moved_is_told_with_what_to_do(landed: Project) -> None:
    newest = landed.hub.commit("org/speech", {"NEWS.md": b"more"})
    found = check(landed, "upstream_unchanged")
    assert newest[:7] in text(found, "message")
    assert text(found, "remedy")


def test_a_hub_that_is_down_is_no_verdict_on_the_data(landed: Project) -> None:
    with landed.hub.down():
        result = run(landed, AssetSelection.checks(AssetCheckKey(DATASET, "upstream_unchanged")))
        assert result.success and not result.get_asset_check_evaluations()
        assert check(landed, "hashes").passed


def test_checks_of_what_is_not_landed_fail_by_name(speech: Project) -> None:
    found = check(speech, "complete")
    assert not found.passed
    assert "not landed" in text(found, "message")


def test_an_asset_downstream_is_given_the_folder(landed: Project) -> None:
    result = run(landed, AssetSelection.assets(AssetKey("dataset_profile")))
    assert result.success
    (event,) = result.get_asset_materialization_events()
    shown = event.materialization.metadata
    assert shown["rows"].value == 12
    assert list(shown)[:3] == ["summary", "figure", "worth_a_look"], "a person reads before a plot does"
    assert "12 rows" in str(shown["summary"].value)
    assert str(shown["figure"].value).startswith("![Profile](data:image/png;base64,iVBOR")
    assert "longest clips" in str(shown["worth_a_look"].value)


@pytest.mark.parametrize("name", [SPEECH, "../../evil"])
def test_what_is_not_landed_fails_an_asset_downstream_by_name(speech: Project, name: str) -> None:
    result = run(speech, AssetSelection.assets(AssetKey("dataset_profile")), name)
    assert not result.success
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    assert data.metadata["code"].value == "unknown-dataset"
    assert name in str(data.metadata["message"].value)


def test_the_catalogue_lists_what_is_landed_and_how_full_the_storage_is(
    landed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_QUOTA", "1GB")
    job = definitions().get_implicit_global_asset_job_def().get_subset(asset_selection={AssetKey("storage_catalogue")})
    result = job.execute_in_process(instance=landed.instance)
    (event,) = result.get_asset_materialization_events()
    facts = event.materialization.metadata
    assert list(facts)[:4] == ["summary", "wants_attention", "figure", "largest"]
    assert "1 datasets" in str(facts["summary"].value) and "of the quota" in str(facts["summary"].value)
    assert "Nothing wants attention" in str(facts["summary"].value)
    assert str(facts["figure"].value).startswith("![Storage](data:image/png;base64,iVBOR")
    assert f"partition={SPEECH}" in str(facts["largest"].value)
    assert facts["datasets"].value == 1
    assert facts["size_bytes"].value == landed.store.index.rows()[SPEECH].size_bytes
    assert facts["quota_bytes"].value == 10**9
    (row,) = facts["catalogue"].value.records  # type: ignore[union-attr]
    assert (row.data["dataset"], row.data["rows"], row.data["licence"]) == (SPEECH, 12, "cc0-1.0")


def test_a_wrong_setting_fails_runs_and_skips_ticks_by_name(speech: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_QUOTA", "plenty")
    result = run(speech, AssetSelection.assets(DATASET))
    (failed,) = result.filter_events(lambda event: event.is_step_failure)
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    assert data.metadata["code"].value == "settings-invalid"
    assert "STORAGE_QUOTA: expected a size such as 10TB" in str(data.metadata["message"].value)
    with build_sensor_context(instance=speech.instance, definitions=definitions()) as context:
        skipped = tick(context)
    assert isinstance(skipped, SkipReason) and "STORAGE_QUOTA" in str(skipped.skip_message)


def test_the_catalogue_calls_what_nobody_asks_for_an_orphan(landed: Project) -> None:
    (landed.root / "requests/add/speech.yaml").unlink()
    sync(instance=landed.instance)  # through the sensor, whose event needs no run
    told = landed.instance.fetch_materializations(AssetKey("storage_catalogue"), limit=1).records[0]
    assert told.asset_materialization is not None
    facts = told.asset_materialization.metadata
    assert facts["orphaned"].value == 1
    assert "Nobody asks for it: request its removal" in str(facts["wants_attention"].value)
    assert [row.data["state"] for row in facts["catalogue"].value.records] == ["orphaned"]  # type: ignore[union-attr]
