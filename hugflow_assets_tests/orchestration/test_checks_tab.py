"""The Checks tab of the UI: what its server answers after landings, refusals, damage and removals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetCheckKey, AssetSelection, DagsterInstance, instance_for_test

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.rules import POSTLANDING_RULES, PREFLIGHT_RULES
from hugflow_assets_tests.datasets_made import speech_files
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project
from hugflow_assets_tests.orchestration.test_checks import run
from hugflow_assets_tests.orchestration.ui import ui_of

BEFORE = [rule.name for rule in PREFLIGHT_RULES]
AFTER = [rule.name for rule in POSTLANDING_RULES]
WRONG = "org__other__subset_nosuch__rev_main"


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """With SQLite, since the UI's own process reads it."""
    with instance_for_test() as instance:
        yield instance


@pytest.fixture
def mixed(speech: Project, tmp_path: Path) -> Project:
    """One healthy dataset, one whose subset does not exist, one that the Hub does not have."""
    speech.hub.add_repo("org/other", speech_files(tmp_path / "other"))
    speech.add("wrong", "org/other", subset="nosuch")
    speech.add("missing", "org/missing")
    assert {one.state for one in sync(instance=speech.instance)} == {"landed", "failed"}
    return speech


def test_the_tab_shows_what_was_found_and_nothing_that_was_not_judged(mixed: Project) -> None:
    with ui_of(mixed.instance) as ui:
        assert ui.check_states(SPEECH) == dict.fromkeys([*BEFORE, *AFTER], "succeeded")
        wrong, missing = ui.check_states(WRONG), ui.check_states("org__missing__rev_main")
        rows = ui.checks()
    assert [name for name, state in wrong.items() if state == "failed"] == ["subset_exists"]
    assert {wrong[name] for name in AFTER} == {"missing"}
    assert wrong["repo_accessible"] == "succeeded" and wrong["columns_exist"] == "missing"
    assert [name for name, state in missing.items() if state == "failed"] == ["repo_accessible"]
    assert {*wrong.values(), *missing.values()} <= {"succeeded", "failed", "missing"}
    assert all("again" in row["description"] for row in rows)


def test_a_refusal_and_damage_of_what_is_landed_stand_out_and_go_with_it(mixed: Project) -> None:
    mixed.add(text_column="nosuch")
    assert not run(mixed, AssetSelection.assets(DATASET)).success  # with every check planned, as the UI does
    with ui_of(mixed.instance) as ui:
        refused = ui.check_states(SPEECH)
    assert refused.pop("columns_exist") == "failed"
    assert set(refused.values()) == {"succeeded"}

    clip = sorted((mixed.storage / SPEECH / "audio").rglob("*.wav"))[0]
    clip.chmod(0o600)
    clip.unlink()
    run(mixed, AssetSelection.checks(AssetCheckKey(DATASET, "hashes")))
    with ui_of(mixed.instance) as ui:
        assert ui.check_states(SPEECH)["hashes"] == "failed"

    mixed.remove()
    sync(["remove/speech.yaml"], instance=mixed.instance)
    mixed.instance.add_dynamic_partitions("datasets", [SPEECH])  # asked for again, say
    with ui_of(mixed.instance) as ui:
        assert set(ui.check_states(SPEECH).values()) == {"missing"}


def test_execute_all_judges_every_landed_dataset(mixed: Project) -> None:
    """Dagster launches it without a partition."""
    mixed.add("second", "org/other")
    sync(["add/second.yaml"], instance=mixed.instance)
    with instance_for_test() as fresh:  # which has heard of nothing
        fresh.add_dynamic_partitions("datasets", mixed.store.index.names())
        job = definitions().get_implicit_global_asset_job_def()
        graph = definitions().get_repository_def().asset_graph
        every = AssetSelection.checks_for_assets(DATASET).resolve_checks(graph)
        done = job.get_subset(asset_selection=set(), asset_check_selection=every).execute_in_process(
            instance=fresh, raise_on_error=False
        )
        assert done.success
        with ui_of(fresh) as ui:
            states = [ui.check_states(name) for name in mixed.store.index.names()]
        checked = AssetCheckKey(DATASET, "hashes")
        found = fresh.event_log_storage.get_latest_asset_check_execution_by_key([checked])[checked].evaluation
    assert found is not None and isinstance(found.metadata["checked"].value, int)  # a number, which the UI plots
    assert len(states) == 2
    for found_states in states:
        judged = (*AFTER, "repo_accessible", "licence_allowed")
        assert {found_states[name] for name in judged} == {"succeeded"}


def test_a_materialization_without_a_partition_fails_by_name(speech: Project) -> None:
    job = definitions().get_implicit_global_asset_job_def()
    done = job.get_subset(asset_selection={DATASET}).execute_in_process(instance=speech.instance, raise_on_error=False)
    (failed,) = done.filter_events(lambda event: event.is_step_failure)
    data = failed.step_failure_data.user_failure_data
    assert data is not None and data.metadata["code"].value == "unknown-dataset"
    assert "Choose a partition" in str(data.metadata["remedy"].value)
