"""The same data are not landed twice, whatever they are called."""

from __future__ import annotations

from hugflow_assets.landing.forecast import forecast
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.notify.plan_facts import plan_facts
from hugflow_assets.planning.models import Forecast
from hugflow_assets.rules import Severity
from hugflow_assets_tests.rules.world import LATER, World, plan_of


def test_two_files_of_one_name_are_both_shown_and_the_later_one_blocks(world: World) -> None:
    first, second = world.add("a.yaml"), world.add("b.yaml", description="again")
    one, other = (world.verdicts(file)["not_duplicate"] for file in (first, second))
    assert (one.passed, one.severity) == (False, Severity.WARNING)
    assert other.blocks
    assert all("add/a.yaml and add/b.yaml" in verdict.message for verdict in (one, other))


def test_names_that_differ_in_case_only_block_each_other(world: World) -> None:
    first, second = world.add("a.yaml", hf_id="org/name"), world.add("b.yaml", hf_id="Org/Name")
    assert world.verdicts(first)["not_duplicate"].blocks
    assert world.verdicts(second)["not_duplicate"].blocks


def test_what_is_landed_is_never_blocked_by_a_later_request(world: World) -> None:
    first = world.add("a.yaml")
    world.land(plan_of(first.request))
    second = world.add("b.yaml", hf_id="Org/Name")
    assert not world.verdicts(first)["not_duplicate"].blocks
    assert world.verdicts(second)["not_duplicate"].blocks


def test_a_name_on_the_storage_that_differs_in_case_only_blocks(world: World) -> None:
    orphan = world.add("a.yaml", hf_id="Org/Name")
    world.land(plan_of(orphan.request))
    (world.requests / "add/a.yaml").unlink()
    found = world.verdicts(world.add("b.yaml"))["not_duplicate"]
    assert found.blocks
    assert "Org__Name__rev_main is landed" in found.message


def test_an_old_name_of_the_same_repository_is_seen_by_the_hubs_own_id(world: World) -> None:
    old = world.add("a.yaml", hf_id="old/name")
    world.land(plan_of(old.request))
    new = world.add("b.yaml", hf_id="org/name")
    found = world.verdicts(new)["not_duplicate"]
    assert found.blocks
    assert "old__name__rev_main (landed under the name old/name) is the same data" in found.message
    assert world.verdicts(new, plan_of(new.request, repo_oid="another"))["not_duplicate"].passed


def test_two_revisions_at_one_commit_are_the_same_data(world: World) -> None:
    main, tag = world.add("a.yaml"), world.add("b.yaml", revision="v1.0")
    world.land(plan_of(main.request))
    assert world.verdicts(tag)["not_duplicate"].blocks
    assert world.verdicts(tag, plan_of(tag.request, commit=LATER))["not_duplicate"].passed
    assert world.verdicts(main)["not_duplicate"].passed


def test_two_requests_that_have_not_landed_are_compared_by_their_plans(world: World) -> None:
    main, tag = world.add("a.yaml"), world.add("b.yaml", revision="v1.0")
    plans = {main.name: plan_of(main.request), tag.name: plan_of(tag.request)}
    found = world.verdicts(tag, plans[tag.name], plans=plans)["not_duplicate"]
    assert found.blocks
    assert "asked for in add/a.yaml" in found.message


def test_a_subset_that_a_whole_landing_holds_is_not_landed_again(world: World) -> None:
    whole = world.add("a.yaml")
    both = {"en": ("train", "test"), "de": ("train",)}
    world.land(plan_of(whole.request, configs=both))
    (world.requests / "add/a.yaml").unlink()
    part = world.add("b.yaml", subset="en", split="train")
    found = world.verdicts(part)["not_duplicate"]
    assert found.blocks
    assert "already holds this selection" in found.message


def test_the_only_subset_by_name_is_the_same_data_as_the_whole(world: World) -> None:
    whole = world.add("a.yaml")
    world.land(plan_of(whole.request))
    (world.requests / "add/a.yaml").unlink()
    named = world.add("b.yaml", subset="default")
    assert "is the same data" in world.verdicts(named)["not_duplicate"].message


def test_the_whole_may_land_beside_a_part_of_it_that_has_landed(world: World) -> None:
    part = world.add("a.yaml", subset="en")
    world.land(plan_of(part.request))
    (world.requests / "add/a.yaml").unlink()
    whole = world.add("b.yaml")
    plan = plan_of(whole.request, configs={"en": ("train",), "de": ("train",)})
    assert world.verdicts(whole, plan)["not_duplicate"].passed


def test_of_a_whole_and_a_part_asked_for_together_the_part_is_refused(world: World) -> None:
    whole, part = world.add("a.yaml"), world.add("b.yaml", subset="en")
    assert world.verdicts(whole)["not_duplicate"].passed
    found = world.verdicts(part)["not_duplicate"]
    assert found.blocks
    assert "add/b.yaml asks for a part of what add/a.yaml asks for" in found.message


def test_a_request_that_is_withdrawn_duplicates_nothing(world: World) -> None:
    world.add("a.yaml", revision="v1.0")
    world.add("b.yaml", revision="v1.0")
    world.remove("r.yaml", revision="v1.0")
    assert world.verdicts(world.add("c.yaml"))["not_duplicate"].passed


def test_a_plan_says_which_landed_datasets_hold_some_of_its_files(world: World) -> None:
    landed = world.add("a.yaml", hf_id="org/part")
    world.land(plan_of(landed.request, repo_oid="oid2", configs={"default": ("train",)}))
    fork = world.add("b.yaml", hf_id="org/fork")
    plan = plan_of(fork.request, configs={"default": ("train", "test")})
    options = LandingOptions.of(world.settings)
    shown = forecast(plan, world.store, options)
    assert isinstance(shown, Forecast)
    said = "1 of 2 files (100 B) are also in org__part__rev_main"
    assert dict(plan_facts(plan, shown, None))["Known"] == said
    assert world.verdicts(fork, plan)["not_duplicate"].passed  # it may land all the same
    for unknown in (plan_of(fork.request, configs={"de": ("train",)}), plan_of(landed.request)):
        other = forecast(unknown, world.store, options)
        assert isinstance(other, Forecast) and other.known == ()
