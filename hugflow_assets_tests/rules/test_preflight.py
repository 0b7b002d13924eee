"""May this request land? Every rule, what passes it and what fails it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets import errors
from hugflow_assets.planning.models import Action, Forecast
from hugflow_assets.rules import PREFLIGHT_RULES, Severity, blocking
from hugflow_assets.shapes.models import Shape
from hugflow_assets.wording import human_size
from hugflow_assets_tests.rules.world import FEATURES, LATER, World, plan_of

NAMES = [rule.name for rule in PREFLIGHT_RULES]


def test_a_good_request_passes_every_rule_in_the_order_of_the_rules(world: World) -> None:
    found = world.verdicts(world.add("a.yaml", text_column="text"))
    assert list(found) == NAMES
    assert [one.name for one in found.values() if not one.passed] == []


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (errors.HFNotFoundError, "repo_accessible"),
        (errors.HFGoneError, "repo_accessible"),
        (errors.HFDisabledError, "repo_accessible"),
        (errors.HFTokenError, "repo_accessible"),
        (errors.HFUnreachableError, "repo_accessible"),
        (errors.HFRateLimitedError, "repo_accessible"),
        (errors.BadSourceError, "repo_accessible"),
        (errors.HFIdSpellingError, "canonical_id"),
        (errors.HFRevisionNotFoundError, "revision_exists"),
        (errors.HFGatedError, "gated_terms_accepted"),
        (errors.HFSubsetNotFoundError, "subset_exists"),
        (errors.HFSplitNotFoundError, "split_exists"),
        (errors.UnsupportedShapeError, "shape_supported"),
    ],
)
def test_a_failed_resolution_fails_the_rule_it_is_about_and_no_other(
    world: World, error: type[errors.HugflowError], rule: str
) -> None:
    found = world.verdicts(world.add("a.yaml", text_column="text"), error("It is so.", remedy="Do this."))
    assert [one.name for one in blocking(found.values())] == [rule]
    failed = found[rule]
    assert (failed.code, failed.remedy, failed.transient) == (error.code, "Do this.", error.transient)


def test_rules_that_need_a_plan_say_not_evaluated_without_one(world: World) -> None:
    found = world.verdicts(world.add("a.yaml"), errors.HFUnreachableError("No answer."))
    unjudged = {one.name for one in found.values() if not one.evaluated}
    assert unjudged == set(NAMES) - {"repo_accessible", "no_removal_in_force"}
    assert all(not found[name].passed and found[name].severity is Severity.WARNING for name in unjudged)


def test_a_missing_split_shows_that_repository_revision_and_subset_exist(world: World) -> None:
    found = world.verdicts(world.add("a.yaml"), errors.HFSplitNotFoundError("No such split."))
    assert all(found[name].passed for name in ("repo_accessible", "revision_exists", "subset_exists"))


def test_a_renamed_repository_is_told_with_its_right_spelling(world: World) -> None:
    file = world.add("a.yaml", hf_id="Org/Name")
    found = world.verdicts(file, plan_of(file.request, repo_id="org/name"))["canonical_id"]
    assert found.blocks
    assert found.remedy == "Write hf_id: org/name in add/a.yaml."


def test_a_disabled_repository_is_not_accessible(world: World) -> None:
    file = world.add("a.yaml")
    found = world.verdicts(file, plan_of(file.request, disabled=True))["repo_accessible"]
    assert (found.blocks, found.code) == (True, "hub-disabled")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text_column": "txt"}, "did you mean text?"),
        ({"text_column": "Text"}, "did you mean text?"),
        ({"audio_column": "turns.clap"}, "did you mean turns.clip?"),
        ({"audio_column": "text"}, "text holds string, not audio; audio is in audio, turns.clip."),
        ({"text_column": "audio"}, "audio holds Audio, not text."),
        ({"text_column": "turns"}, "turns holds struct, not text."),
    ],
)
def test_a_wrong_column_blocks_and_the_nearest_is_suggested(world: World, fields: dict[str, str], message: str) -> None:
    found = world.verdicts(world.add("a.yaml", **fields))["columns_exist"]
    assert (found.blocks, found.code) == (True, "column-not-found")
    assert message in found.message


@pytest.mark.parametrize(
    "fields",
    [{"audio_column": "audio", "text_column": "text"}, {"audio_column": "turns.clip", "text_column": "turns.words"}],
)
def test_columns_are_found_at_top_level_and_nested(world: World, fields: dict[str, str]) -> None:
    assert world.verdicts(world.add("a.yaml", **fields))["columns_exist"].passed


def test_a_column_that_only_some_subsets_have_warns(world: World) -> None:
    file = world.add("a.yaml", text_column="text")
    plan = plan_of(file.request, configs={"en": ("train",), "de": ("train",)})
    bare = plan.configs[1].model_copy(update={"features": {"audio": FEATURES["audio"]}})
    found = world.verdicts(file, plan.model_copy(update={"configs": (plan.configs[0], bare)}))["columns_exist"]
    assert (found.passed, found.severity) == (False, Severity.WARNING)
    assert "no column text in subset de" in found.message


def test_columns_that_upstream_does_not_tell_are_not_evaluated(world: World) -> None:
    file = world.add("a.yaml", text_column="text")
    found = world.verdicts(file, plan_of(file.request, features=None))["columns_exist"]
    assert (found.evaluated, found.blocks) == (False, False)


def test_a_shape_that_is_not_known_or_has_no_reader_is_refused(world: World) -> None:
    file = world.add("a.yaml")
    unknown = plan_of(file.request, shape=Shape.UNSUPPORTED, shape_reason="Saw only x.bin.")
    assert world.verdicts(file, unknown)["shape_supported"].message == "Saw only x.bin."
    tar = plan_of(file.request, shape=Shape.WEBDATASET)
    assert world.verdicts(file, tar)["shape_supported"].passed
    refused = world.verdicts(file, tar, landable=[Shape.PARQUET])["shape_supported"]
    assert (refused.blocks, refused.code) == (True, "shape-unsupported")
    empty = tar.model_copy(update={"configs": ()})
    assert "nothing would land" in world.verdicts(file, empty)["shape_supported"].message


@pytest.mark.parametrize(
    ("settings", "state", "severity"),
    [
        ({}, {"license": "cc-by-nc-4.0"}, None),
        ({"allowed_licenses": "MIT, Apache-2.0"}, {"license": "apache-2.0"}, None),
        ({"allowed_licenses": "MIT"}, {"card_data": {"license": ["mit", "cc-by-4.0"]}}, Severity.ERROR),
        ({"allowed_licenses": "MIT,CC-BY-4.0"}, {"card_data": {"license": ["mit", "cc-by-4.0"]}}, None),
        ({"allowed_licenses": "MIT"}, {"license": "mit, gpl-3.0"}, Severity.ERROR),
        ({"allowed_licenses": "MIT"}, {"license": None}, Severity.WARNING),
        ({}, {"license": "unknown"}, Severity.WARNING),
        ({}, {"license": "other"}, Severity.WARNING),
        ({"unknown_license": "block"}, {"license": None}, Severity.ERROR),
        ({"unknown_license": "block", "allowed_licenses": "other"}, {"license": "other"}, None),
        ({"allowed_licenses": "coqui"}, {"card_data": {"license": "other", "license_name": "Coqui"}}, None),
        ({"allowed_licenses": "mit"}, {"card_data": {"license": "other", "license_name": "Coqui"}}, Severity.ERROR),
    ],
)
def test_licences(tmp_path: Path, settings: dict[str, Any], state: dict[str, Any], severity: Severity | None) -> None:
    world = World(tmp_path, **settings)
    file = world.add("a.yaml")
    found = world.verdicts(file, plan_of(file.request, **state))["licence_allowed"]
    assert (None if found.passed else found.severity) == severity, found.message


def test_a_removal_in_force_is_named_with_its_reason(world: World) -> None:
    file = world.add("a.yaml")
    world.remove("gone.yaml")
    found = world.verdicts(file)["no_removal_in_force"]
    assert (found.blocks, found.code) == (True, "removal-in-force")
    assert found.message == "Withdrawn by remove/gone.yaml (consent withdrawn)."
    assert "Delete remove/gone.yaml" in found.remedy


@pytest.mark.parametrize(
    ("settings", "need", "severity", "message"),
    [
        ({}, 1_000, None, "no quota"),
        ({"storage_quota": "10kB"}, 10_000, None, "quota 10.0 kB"),
        ({"storage_quota": "10kB"}, 10_001, Severity.ERROR, "Does not fit: 1 B too much."),
        ({"storage_min_free": "1000000TB"}, 1, Severity.ERROR, "Does not fit"),
        ({"max_dataset_size": "1kB"}, 1_001, Severity.ERROR, "MAX_DATASET_SIZE=1.0 kB"),
        ({"storage_max_inodes": 20}, 1_000, Severity.ERROR, "Needs 30 inodes; 2"),
        ({"storage_soft_limit": "900"}, 1_000, Severity.WARNING, "soft limit of 900 B"),
    ],
)
def test_quota(tmp_path: Path, settings: dict[str, Any], need: int, severity: Severity | None, message: str) -> None:
    world = World(tmp_path, **settings)
    file = world.add("a.yaml")
    takes = Forecast(action=Action.LAND, stays_bytes=need // 2, peak_bytes=need, peak_inodes=30)
    found = world.verdicts(file, plan_of(file.request, landed_bytes=need), forecast=takes)["within_quota"]
    assert (None if found.passed else found.severity) == severity, found.message
    assert message in found.message
    assert found.details["need_bytes"] == need
    assert f"{human_size(need)} while it lands, of which {human_size(need // 2)} stay" in found.message


@pytest.mark.parametrize(("form", "is_named"), [(None, True), ("files", True), ("packed", False)])
def test_where_files_are_too_many_the_packed_form_is_named(tmp_path: Path, form: Any, is_named: bool) -> None:
    world = World(tmp_path, storage_max_inodes=1_000)
    file = world.add("a.yaml")
    plan = plan_of(file.request.model_copy(update={"form": form}))
    takes = Forecast(action=Action.LAND, peak_bytes=1, peak_inodes=30_000, files_inodes=30_000, packed_inodes=120)
    found = world.verdicts(file, plan, forecast=takes)["within_quota"]
    assert found.blocks and ("Write `form: packed`" in found.remedy) is is_named
    assert not is_named or "it takes 120 inodes instead of 30,000" in found.remedy


def test_what_is_landed_already_is_not_counted_twice(tmp_path: Path) -> None:
    world = World(tmp_path, max_dataset_size="100")
    file = world.add("a.yaml")
    landed = world.land(plan_of(file.request))
    assert world.verdicts(file, plan_of(file.request, landed_bytes=1_900))["within_quota"].passed
    moved = plan_of(file.request, commit=LATER, landed_bytes=150, features=None)
    found = world.verdicts(file, moved)["within_quota"]
    assert found.details["stays_bytes"] == 150 - landed.counts.media_bytes  # of the one shard, whose source is the same


def test_what_comes_back_from_the_trash_needs_no_space_again(tmp_path: Path) -> None:
    world = World(tmp_path, storage_quota="2000")
    file = world.add("a.yaml")
    world.land(plan_of(file.request))
    world.store.remove(file.name, reason="r", by="ada")
    assert world.verdicts(file)["within_quota"].passed
    world.store.empty_trash(0)
    assert world.verdicts(file)["within_quota"].blocks


def test_what_another_landing_was_promised_is_not_promised_again(tmp_path: Path) -> None:
    world = World(tmp_path, storage_quota="10MB")
    file = world.add("a.yaml")
    with world.store.quota.reserve("another", 9_500_000):
        found = world.verdicts(file)["within_quota"]
        assert found.blocks
        assert "reserved 9.5 MB" in found.message
    assert world.verdicts(file)["within_quota"].passed


def test_a_storage_that_cannot_be_used_fails_the_rules_that_need_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    file = world.add("a.yaml")
    world.settings.storage_root.write_text("a file where the storage should be")
    found = world.verdicts(file)
    assert found["within_quota"].blocks
    assert found["not_duplicate"].blocks
    assert found["repo_accessible"].passed


@pytest.mark.parametrize("upstream", [{"gated": "manual"}, {"private": True}])
def test_data_that_the_hub_gives_to_some_only_are_not_shown_to_everyone(tmp_path: Path, upstream: Any) -> None:
    world = World(tmp_path / "open", folder_mode="0755")
    file = world.add("a.yaml")
    found = world.verdicts(file, plan_of(file.request, **upstream))["readers_known"]
    assert (found.blocks, found.code) == (True, "gated-unguarded")
    assert "0755" in found.message and "GATED_GROUP" in found.remedy
    assert world.verdicts(file)["readers_known"].passed  # nobody is kept from it on the Hub

    here = str(os.getegid() or 4302)  # a group that whoever runs the tests may give files to
    world = World(tmp_path / "guarded", folder_mode="0755", gated_group=here)
    file = world.add("a.yaml", group="asr")
    found = world.verdicts(file, plan_of(file.request, **upstream))["readers_known"]
    assert (found.passed, found.severity, found.blocks) == (False, Severity.WARNING, False)
    assert f"the group {here} (GATED_GROUP), not to asr" in found.message
    file = world.add("b.yaml", group="no-such-team", subset="b")
    found = world.verdicts(file)["readers_known"]
    assert (found.blocks, found.code) == (True, "group-unusable") and "no-such-team" in found.message
