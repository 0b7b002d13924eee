"""Requests judged against each other, and removals against what is asked for and landed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hugflow_assets.rules import Severity, lands_again, offline, removal_preview
from hugflow_assets_tests.rules.world import World, plan_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_folder_without_conflicts_passes_each_offline_rule_once(world: World) -> None:
    world.add("a.yaml")
    world.add("b.yaml", hf_id="org/other")
    world.remove("r.yaml", hf_id="org/other")
    assert [(one.name, one.passed) for one in offline(world.snapshot())] == [
        ("names_unique", True),
        ("removals_match", True),
    ]


@pytest.mark.parametrize(
    ("second", "kind"),
    [({}, "same-name"), ({"hf_id": "ORG/name"}, "same-folder"), ({"subset": "en"}, "held-by-whole")],
)
def test_a_conflict_is_a_problem_of_every_file_in_it(world: World, second: dict[str, str], kind: str) -> None:
    world.add("a.yaml")
    world.add("b.yaml", **second)
    [found] = [one for one in offline(world.snapshot()) if one.blocks]
    assert found.details["kind"] == kind
    assert found.details["paths"] == ["add/a.yaml", "add/b.yaml"]


def test_two_parts_that_do_not_overlap_are_no_conflict(world: World) -> None:
    world.add("a.yaml", subset="en")
    world.add("b.yaml", subset="de")
    world.add("c.yaml", subset="fr", split="train")
    world.add("d.yaml", revision="v2")
    assert not [one for one in offline(world.snapshot()) if one.blocks]


def test_a_removal_that_cuts_a_wider_request_blocks_offline(world: World) -> None:
    world.add("a.yaml")
    world.remove("r.yaml", subset="en")
    [found] = [one for one in offline(world.snapshot()) if one.blocks]
    assert (found.code, found.details["paths"]) == ("removal-too-narrow", ["remove/r.yaml"])
    assert "org__name__rev_main" in found.message


@pytest.mark.parametrize(
    ("removal", "hint"),
    [
        ({"hf_id": "org/nmae"}, "did you mean hf_id: org/name?"),
        ({"revision": "v9"}, "did you mean subset: en, revision: main?"),
    ],
)
def test_a_removal_that_matches_no_request_warns_offline(world: World, removal: dict[str, str], hint: str) -> None:
    world.add("a.yaml", subset="en")
    world.remove("r.yaml", **removal)
    [found] = [one for one in offline(world.snapshot()) if not one.passed]
    assert (found.severity, found.code) == (Severity.WARNING, "removal-matches-nothing")
    assert hint in found.message


def _preview(world: World, **fields: str) -> Any:
    return removal_preview(world.remove("r.yaml", **fields), world.snapshot(), world.store, world.settings, now=NOW)


def test_a_removal_lists_every_hit_with_its_owner_and_what_is_freed_when(world: World) -> None:
    landed = world.add("a.yaml", owner="ada")
    manifest = world.land(plan_of(landed.request))
    world.add("b.yaml", revision="v2", owner="ben")
    orphan = world.add("c.yaml", subset="de", owner="eve")
    world.land(plan_of(orphan.request))
    (world.requests / "add/c.yaml").unlink()
    found = _preview(world)
    assert [(one.owner, one.landed, one.path) for one in found.hits] == [
        ("ada", True, "add/a.yaml"),
        ("ben", False, "add/b.yaml"),
        ("eve", True, None),
    ]
    assert found.frees_bytes == world.store.quota.usage().size_bytes > 2 * manifest.size_bytes, (
        "each with its hugflow.json"
    )
    assert found.frees_at.startswith("2030-01-08")
    assert found.verdict.passed


def test_a_removal_is_as_narrow_as_its_fields(world: World) -> None:
    world.add("a.yaml", subset="en")
    world.add("b.yaml", subset="de")
    found = _preview(world, subset="de")
    assert [one.path for one in found.hits] == ["add/b.yaml"]


def test_a_narrower_removal_never_cuts_a_landing_and_names_it(world: World) -> None:
    whole = world.add("a.yaml")
    world.land(plan_of(whole.request, configs={"en": ("train",), "de": ("train",)}))
    found = _preview(world, subset="de")
    assert [one.name for one in found.cut] == [whole.name]
    assert (found.verdict.blocks, found.verdict.code) == (True, "removal-too-narrow")
    assert whole.name in found.verdict.message


def test_a_part_that_the_landing_never_had_matches_nothing(world: World) -> None:
    whole = world.add("a.yaml")
    world.land(plan_of(whole.request, configs={"en": ("train",)}))
    found = _preview(world, subset="zz")
    assert (found.cut, found.verdict.code) == ((), "removal-matches-nothing")


def test_a_removal_that_was_carried_out_is_not_an_error_once_its_request_is_gone(world: World) -> None:
    file = world.add("a.yaml")
    world.land(plan_of(file.request))
    (world.requests / "add/a.yaml").unlink()
    assert _preview(world).hits
    world.store.remove(file.name, reason="consent withdrawn", by="ada", removal_path="remove/r.yaml")
    found = _preview(world)
    assert (found.hits, found.done) == ((), (file.name,))
    assert found.verdict.passed


def test_deleting_a_removal_file_lands_again_what_it_withdrew_and_nothing_else(world: World) -> None:
    file = world.add("a.yaml", owner="ada")
    manifest = world.land(plan_of(file.request))
    world.add("b.yaml", hf_id="org/other")
    world.add("c.yaml", revision="v2")
    world.store.remove(file.name, reason="r", by="ada", removal_path="remove/r.yaml")
    removal = world.remove("r.yaml")
    world.remove("s.yaml", revision="v2")
    again = lands_again(removal, world.snapshot(), world.store)
    assert [(one.path, one.owner, one.in_trash) for one in again] == [("add/a.yaml", "ada", True)]
    assert again[0].size_bytes is not None
    assert again[0].size_bytes >= manifest.size_bytes


def test_a_removal_that_is_edited_lands_again_only_what_it_lets_go(world: World) -> None:
    world.add("a.yaml")
    world.add("c.yaml", revision="v2")
    before = world.remove("r.yaml")
    world.remove("r.yaml", revision="main")
    assert [one.path for one in lands_again(before, world.snapshot(), world.store)] == ["add/c.yaml"]
