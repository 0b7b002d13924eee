"""A landed dataset stays at its commit: plan, materialization, sync and the plan comment say and do the same."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dagster._cli.asset import asset_cli

from hugflow_assets.cli import main
from hugflow_assets.demo.protocol import CDN
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.plan_cache import PlanCache
from hugflow_assets.orchestration.github.plan_comment import Planner, plan_of
from hugflow_assets.orchestration.github.proposed_changes import Change, Proposed
from hugflow_assets.orchestration.sync.one_dataset import materialize
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.store import Manifest
from hugflow_assets.wording import human_size
from hugflow_assets_tests.datasets_made import clip_rows, speech_files, write_parquet
from hugflow_assets_tests.orchestration.conftest import SPEECH, Project

SCRIPTED = "org__scripted__rev_main"
CONVERSION = "refs/convert/parquet"


def by_dagster(name: str) -> None:
    """What `dagster asset materialize` does, in this process."""
    arguments = ["materialize", "-m", "hugflow_assets.definitions", "--select", "dataset", "--partition", name]
    done = CliRunner().invoke(asset_cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


def rows_of(project: Project, name: str) -> list[str]:
    """The texts of every row."""
    record = project.storage / name / "json/train.jsonl"
    return [json.loads(line)["text"] for line in record.read_text().splitlines()]


def landed(project: Project, name: str) -> Manifest:
    manifest = project.store.manifest(name)
    assert manifest is not None
    return manifest


def planned(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `hugflow plan --json` says of the only request."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["plan", "--json"])
    (told,) = json.loads(capsys.readouterr().out)["plans"]
    return dict(told)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What `hugflow plan` prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["plan"])
    return capsys.readouterr().out


def comment(project: Project) -> str:
    """What the pull request that edits the only request to what it is now is told."""
    platform = Platform()
    snapshot = platform.snapshot()
    (file,) = snapshot.adds
    before = file.model_copy(update={"request": landed(project, file.name).request})
    proposed = Proposed(
        head="a" * 40,
        snapshot=snapshot,
        changes=(Change(path=file.path, was=file.path, deleted=False, before=before, after=file),),
    )
    store, plans = platform.store(), PlanCache()
    planner = Planner(store, platform.hub(), platform.settings(), plans, ends=time.monotonic() + 60)
    return plan_of(proposed, planner).body.replace("\\", "")


@pytest.fixture
def scripted(project: Project, tmp_path: Path) -> Project:
    """A script repository, landed from what the Hub converted it to; then the conversion is made anew."""
    project.hub.add_repo("org/scripted", {"scripted.py": b"import datasets\n"})
    converted = write_parquet(tmp_path / "old.parquet", clip_rows(6))
    project.hub.commit("org/scripted", {"default/train/0000.parquet": converted}, branch=CONVERSION)
    project.add("scripted", "org/scripted")
    sync(instance=project.instance)
    anew = write_parquet(tmp_path / "new.parquet", clip_rows(9, first=100))
    project.hub.commit("org/scripted", {"default/train/0000.parquet": anew}, branch=CONVERSION)
    return project


def test_a_repair_brings_back_the_landed_rows_not_those_of_a_newer_conversion(scripted: Project) -> None:
    before, rows = landed(scripted, SCRIPTED), rows_of(scripted, SCRIPTED)
    clip = next(path for path in (scripted.storage / SCRIPTED / "audio").rglob("*") if path.is_file())
    audio = clip.read_bytes()
    clip.unlink()
    by_dagster(SCRIPTED)
    assert clip.read_bytes() == audio
    assert rows_of(scripted, SCRIPTED) == rows and len(rows) == 6
    assert landed(scripted, SCRIPTED).repo == before.repo


def test_an_update_moves_to_a_newer_conversion(scripted: Project) -> None:
    before = landed(scripted, SCRIPTED)
    (result,) = materialize([SCRIPTED], update=True, instance=scripted.instance)
    after = landed(scripted, SCRIPTED)
    assert (result.action, len(rows_of(scripted, SCRIPTED))) == ("update", 9)
    assert after.commit == before.commit and after.repo.files_commit != before.repo.files_commit


@pytest.fixture
def moved(speech: Project, tmp_path: Path) -> Project:
    """Landed; then the branch moves on."""
    sync(instance=speech.instance)
    files = speech_files(tmp_path / "newer", splits={"train": 3, "test": 1})
    speech.hub.commit("org/speech", files)
    return speech


def test_a_landed_dataset_is_planned_as_landed_with_nothing_to_fetch(
    moved: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, told = planned(capsys), said(capsys)
    assert (plan["commit"], plan["action"], plan["download_bytes"]) == (landed(moved, SPEECH).commit, "no-op", 0)
    assert re.search(r"Does +landed, nothing to do\s", told) and re.search(r"To fetch +nothing\s", told)
    (done,) = sync(instance=moved.instance)
    assert (done.action, done.state) == ("no-op", "landed")


def test_plan_comment_and_sync_of_an_edit_stay_at_the_landed_commit_and_fetch_nothing(
    moved: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = landed(moved, SPEECH)
    moved.add(description="Better words.")
    plan, told, commented = planned(capsys), said(capsys), comment(moved)
    assert (plan["commit"], plan["action"], plan["download_bytes"]) == (before.commit, "description", 0)
    for text in (told, commented):
        assert before.commit in text and "nothing is fetched" in text
        assert re.search(r"To fetch\W+nothing\W", text)
    requests = len(moved.hub.requests)
    (done,) = sync(instance=moved.instance)
    assert (done.action, landed(moved, SPEECH).commit) == ("description", before.commit)
    fetched = [one for one in moved.hub.requests[requests:] if one.origin == CDN and not one.range]
    assert fetched == []
    assert landed(moved, SPEECH).request.description == "Better words."
    by_dagster(SPEECH)
    assert landed(moved, SPEECH).commit == before.commit


def test_an_update_moves_to_the_newest_commit(moved: Project) -> None:
    before = landed(moved, SPEECH)
    (done,) = materialize([SPEECH], update=True, instance=moved.instance)
    assert done.action == "update" and landed(moved, SPEECH).commit != before.commit


def test_plan_and_landing_judge_the_quota_by_the_same_sum(
    speech: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    peak, stays = (planned(capsys)[key] for key in ("peak_bytes", "stays_bytes"))
    assert peak > stays > 0
    monkeypatch.setenv("STORAGE_QUOTA", str(peak - 1))
    refused = next(one for one in planned(capsys)["verdicts"] if one["name"] == "within_quota")
    assert not refused["passed"] and refused["details"]["need_bytes"] == peak
    (done,) = sync(instance=speech.instance)
    assert done.error_code == "quota-exceeded"
    monkeypatch.setenv("STORAGE_QUOTA", str(peak))
    assert planned(capsys)["lands"]
    assert f"{human_size(peak)} while it lands" in said(capsys)
    (done,) = sync(instance=speech.instance)
    assert (done.action, done.error_code) == ("land", "")
