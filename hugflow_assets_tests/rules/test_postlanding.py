"""Is what lies on the storage what was asked for, and is it still what the Hub has?"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hugflow_assets import errors
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules import POSTLANDING_RULES, PREFLIGHT_RULES, Leak, Severity, TextFacts, Verdict, judge_landed
from hugflow_assets.store import Counts
from hugflow_assets_tests.rules.world import LATER, World, plan_of

SOUND = SimpleNamespace(missing=[], damaged=[], extra=[], checked=12)


def _landed(world: World, **changes: Any) -> LandingPlan:
    plan = plan_of(world.add("a.yaml").request)
    world.land(plan, **changes)
    return plan


def _judge(world: World, landed: LandingPlan, **facts: Any) -> dict[str, Verdict]:
    found = [judge_landed(rule, landed.name, world.store, world.settings, **facts) for rule in POSTLANDING_RULES]
    return {one.name: one for one in found}


def test_no_two_rules_share_a_name() -> None:
    names = [*(rule.name for rule in PREFLIGHT_RULES), *(rule.name for rule in POSTLANDING_RULES)]
    assert len(set(names)) == len(names)


def test_a_sound_landing_passes_every_rule(world: World) -> None:
    plan = _landed(world)
    texts = TextFacts(column="text", rows=10, with_text=10)
    found = _judge(world, plan, plan=plan, verification=SOUND, texts=texts, leaks=[], upstream=plan.state)
    assert [one.name for one in found.values() if not one.passed] == []
    assert list(found) == [rule.name for rule in POSTLANDING_RULES]


def test_what_was_not_looked_at_is_not_evaluated_and_not_passed(world: World) -> None:
    found = _judge(world, _landed(world))
    unjudged = {name for name, one in found.items() if not one.evaluated}
    assert unjudged == {"hashes", "transcripts_present", "no_leakage", "upstream_unchanged"}
    assert not any(found[name].passed or found[name].blocks for name in unjudged)


def test_clips_for_testing_that_are_trained_on_are_warned_of(world: World) -> None:
    leaked = [Leak(first="train", second="a__b__rev_main: test", count=3)]
    verdict = _judge(world, _landed(world), leaks=leaked)["no_leakage"]
    assert not verdict.passed and not verdict.blocks and verdict.severity is Severity.WARNING
    assert "3 clips of train are in a__b__rev_main: test" in verdict.message and "hugflow overlap" in verdict.remedy


def test_a_dataset_that_is_not_landed_is_not_complete(world: World) -> None:
    found = _judge(world, plan_of(world.add("a.yaml").request))
    assert (found["complete"].blocks, found["complete"].code) == (True, "unknown-dataset")
    assert not found["hashes"].evaluated


def test_a_manifest_that_cannot_be_read_fails_complete(world: World) -> None:
    plan = _landed(world)
    path = world.store.layout.dataset(plan.name) / "hugflow.json"
    path.chmod(0o640)
    path.write_text("{")
    assert _judge(world, plan)["complete"].code == "manifest-unreadable"


def _lose_media(folder: Path) -> None:
    (folder / "audio/default/train/00000/3.wav").unlink()


def _cut_record(folder: Path) -> None:
    record = folder / "json/default/train.jsonl"
    record.chmod(0o640)
    record.write_bytes(record.read_bytes()[:-1])


def _lose_record(folder: Path) -> None:
    (folder / "json/default/train.jsonl").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_lose_media, "11 files lie on disk, 12 were landed."),
        (_cut_record, "json/default/train.jsonl has 139 bytes, not 140."),
        (_lose_record, "json/default/train.jsonl is missing."),
    ],
)
def test_what_is_missing_on_disk_is_named(world: World, damage: Any, message: str) -> None:
    plan = _landed(world)
    damage(world.store.layout.dataset(plan.name))
    found = _judge(world, plan)["complete"]
    assert (found.blocks, found.code) == (True, "landing-incomplete")
    assert message in found.message


def test_rows_without_clip_and_clips_without_row_are_told(world: World) -> None:
    counts = Counts(rows=10, extra={"rows_without_clip": 3, "clips_without_row": 1, "table_rows": 13})
    found = _judge(world, _landed(world, counts=counts))["complete"]
    assert found.passed
    assert "Of note: rows without their clip (3), clips without a row (1)." in found.message


JOINED = {"table_rows": 10, "rows_joined": 10, "clips_in_source": 12, "clips_named": 10, "clips_unnamed": 2}
FILES = {"files_in_repository": 5, "files_read": 3, "files_left": 2}


def test_what_a_landing_accounts_for_is_told(world: World) -> None:
    found = _judge(world, _landed(world, counts=Counts(rows=10, extra={**JOINED, **FILES})))["complete"]
    assert found.passed and found.details["files_left"] == 2
    assert (
        "all there. 10 rows in the tables (10 joined); 12 clips in the source (10 named, 2 unnamed); "
        "5 files in the repository (3 read, 2 left). Of note" in found.message
    )


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"rows_joined": 8}, "Of 10 rows in the tables the landing accounts for 8 (8 joined, 0 ambiguous, 0 absent)."),
        ({"clips_named": 9}, "Of 12 clips in the source the landing accounts for 11 (9 named, 2 unnamed, 0 left"),
        ({"files_left": 1}, "Of 5 files in the repository the landing accounts for 4 (3 read, 1 left)."),
        ({"table_rows": 11, "rows_absent": 1}, "The tables have 11 rows, 10 were landed."),
    ],
)
def test_a_row_a_clip_or_a_file_that_is_not_accounted_for_fails(
    world: World, extra: dict[str, int], message: str
) -> None:
    counts = Counts(rows=10, extra={**JOINED, **FILES, **extra})
    found = _judge(world, _landed(world, counts=counts, shape="clip-archives"))["complete"]
    assert (found.blocks, found.code) == (True, "landing-incomplete")
    assert message in found.message


@pytest.mark.parametrize(("absent", "is_worth_a_warning"), [(1, False), (2, True)])
def test_more_than_one_row_in_a_hundred_without_its_clip_warns(
    world: World, absent: int, is_worth_a_warning: bool
) -> None:
    extra = {"table_rows": 100, "rows_joined": 100 - absent, "rows_absent": absent}
    found = _judge(world, _landed(world, counts=Counts(rows=10, extra=extra)))["complete"]
    assert (not found.passed, found.blocks) == (is_worth_a_warning, False)
    assert not is_worth_a_warning or "2 of 100 rows (2.0%) have no clip" in found.message.replace("2.0 %", "2.0%")


def test_rows_that_upstream_promised_and_did_not_land_are_told(world: World) -> None:
    plan = _landed(world)
    promised = plan_of(plan.request, rows=11, configs={"default": ("train", "test")})
    message = _judge(world, plan, plan=promised)["complete"].message
    assert "default/train: 11 rows upstream, 10 landed." in message
    assert "default/test is upstream and not landed." in message


def test_a_number_of_rows_that_only_the_card_tells_is_no_promise(world: World) -> None:
    plan = _landed(world)
    config = plan.configs[0]
    split = config.splits[0]
    unread = tuple(shard.model_copy(update={"num_rows": None}) for shard in split.shards)
    stale = config.model_copy(update={"splits": (split.model_copy(update={"num_rows": 999, "shards": unread}),)})
    assert _judge(world, plan, plan=plan.model_copy(update={"configs": (stale,)}))["complete"].passed


def test_damaged_and_missing_files_are_named_and_extra_ones_warn(world: World) -> None:
    plan = _landed(world)
    broken = SimpleNamespace(missing=["audio/b.wav"], damaged=["audio/a.wav"], extra=[], checked=12)
    found = _judge(world, plan, verification=broken)["hashes"]
    assert found.blocks
    assert found.message == "Of 12 files 1 damaged (audio/a.wav) and 1 missing (audio/b.wav)."
    extra = SimpleNamespace(missing=[], damaged=[], extra=["mine.txt"], checked=12)
    assert _judge(world, plan, verification=extra)["hashes"].severity is Severity.WARNING


@pytest.mark.parametrize(("share", "passed"), [("0.1", False), ("0.2", True)])
def test_unreadable_audio_is_named_and_fails_above_the_share_allowed(tmp_path: Path, share: str, passed: bool) -> None:
    world = World(tmp_path, max_unreadable_share=share)
    counts = Counts(rows=10, media_files=10, unreadable_audio=2, null_audio=1)
    plan = _landed(world, counts=counts, unreadable_names=("audio/x.wav",))
    found = _judge(world, plan)["audio_readable"]
    assert found.passed is passed
    assert found.message.startswith("2 of 10 files (20.0 %) have no readable header: audio/x.wav.")
    assert "1 rows have no audio upstream" in found.message


@pytest.mark.parametrize(
    ("column", "with_text", "code"),
    [("text", 10, ""), ("text", 9, ""), ("text", 8, "text-missing"), (None, 0, "text-column-missing")],
)
def test_transcripts(world: World, column: str | None, with_text: int, code: str) -> None:
    texts = TextFacts(column=column, rows=10, with_text=with_text)
    found = _judge(world, _landed(world), texts=texts)["transcripts_present"]
    assert (found.passed, found.code, found.blocks) == (not code, code, False)


def test_a_branch_that_moved_is_stale_and_says_how_to_update(world: World) -> None:
    plan = _landed(world)
    found = _judge(world, plan, upstream=plan.state.model_copy(update={"commit": LATER}))["upstream_unchanged"]
    assert (found.code, found.severity, found.remedy) == (
        "upstream-moved",
        Severity.WARNING,
        f"Run: hugflow update {plan.name}",
    )


@pytest.mark.parametrize(
    ("now", "code", "evaluated"),
    [
        ({"license": "cc-by-nc-4.0"}, "upstream-changed", True),
        ({"repo_id": "org/renamed"}, "upstream-changed", True),
        ({"disabled": True}, "upstream-changed", True),
        (errors.HFNotFoundError("No."), "hub-gone", True),
        (errors.HFDisabledError("No."), "hub-disabled", True),
        (errors.HFUnreachableError("No."), "hub-unreachable", False),
    ],
)
def test_a_repository_that_changed_or_went_is_told_and_the_data_stay(
    world: World, now: Any, code: str, evaluated: bool
) -> None:
    plan = _landed(world)
    upstream = plan.state.model_copy(update=now) if isinstance(now, dict) else now
    found = _judge(world, plan, upstream=upstream)["upstream_unchanged"]
    assert (found.passed, found.blocks, found.code, found.evaluated) == (False, False, code, evaluated)


def test_a_server_that_lists_no_card_is_not_taken_for_a_changed_licence(world: World) -> None:
    plan = _landed(world)
    found = _judge(world, plan, upstream=plan.state.model_copy(update={"license": None}))["upstream_unchanged"]
    assert (found.passed, found.evaluated) == (True, True)


def test_a_storage_above_its_limits_is_told(tmp_path: Path) -> None:
    plan = _landed(World(tmp_path / "free"))
    for number, (limit, code) in enumerate(
        [({"storage_soft_limit": "100"}, "quota-soft-limit"), ({"storage_quota": "100"}, "quota-exceeded")]
    ):
        world = World(tmp_path / str(number), **limit)
        _landed(world)
        found = _judge(world, plan)["storage_within_quota"]
        assert (found.passed, found.code) == (False, code)


def test_one_rule_alone_says_the_same(world: World) -> None:
    plan = _landed(world)
    every = _judge(world, plan)
    for rule in POSTLANDING_RULES:
        alone, among = judge_landed(rule, plan.name, world.store, world.settings), every[rule.name]
        # The free space of the disk, which the details tell, is not ours alone.
        assert (alone.name, alone.passed, alone.code, alone.severity, alone.evaluated) == (
            among.name,
            among.passed,
            among.code,
            among.severity,
            among.evaluated,
        )
