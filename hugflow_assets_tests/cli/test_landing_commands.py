"""`plan`, `sync` and `status`: what would land, landing it, and what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Phase, Progress, Store
from hugflow_assets.wording import human_size
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran


def datasets_of(root: Path) -> set[str]:
    return {path.name for path in (root / "datasets").iterdir() if not path.name.startswith(".")}


def test_plan_shows_what_would_land_and_fetches_nothing(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    file = project.add("speech", "org/speech")
    told = run("plan", file)
    (plan,) = json.loads(run("plan", file, "--json").out)["plans"]
    assert told.code == 0
    assert SPEECH in told.out
    assert plan["name"] == SPEECH
    assert (plan["rows"], plan["license"], plan["lands"]) == (12, "cc0-1.0", True)
    assert len(plan["commit"]) == 40
    assert all(one["passed"] for one in plan["verdicts"])
    assert datasets_of(project.root) == set()


def test_plan_says_what_blocks(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    ran = run("plan", project.add("two", "org/two", split="validaton"))
    assert ran.code == 1
    assert "NO" in ran.out
    assert "split_exists" in ran.out


def test_plan_shows_what_a_removal_takes(run: Callable[..., Ran], project: Project) -> None:
    project.add("speech", "org/speech", owner="ana")
    file = project.write("remove/speech.yaml", "hf_id: org/speech\nreason: Done with it.\n")
    told = run("plan", file)
    (preview,) = json.loads(run("plan", file, "--json").out)["removals"]
    assert told.code == 0
    assert f"{SPEECH}: not landed, owner ana" in told.out
    assert [hit["name"] for hit in preview["hits"]] == [SPEECH]


def test_plan_says_what_lands_again_and_from_where(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, tmp_path: Path
) -> None:
    file = project.add("speech", "org/speech", owner="ana")
    assert run("sync").code == 0
    store = Store.of(load_settings())
    landed = store.index.row(SPEECH)
    assert landed is not None
    size = landed.size_bytes
    removal = project.write("remove/speech.yaml", "hf_id: org/speech\nreason: Done with it.\n")
    store.remove(SPEECH, reason="Done with it.", by="ana", removal_path="remove/speech.yaml")
    base = shutil.copytree(project.root / "requests", tmp_path / "before")
    assert run("plan", "requests", "--base", base).out.count("lands again") == 0, "the removal is in force"
    removal.unlink()
    ran = run("plan", "requests", "--base", base)
    assert ran.code == 0
    assert f"lands again: {SPEECH}: {human_size(size)}, out of the trash, nothing is fetched, owner ana" in ran.out
    assert "the trash holds the same data until" in ran.out
    told = json.loads(run("plan", "requests", "--base", base, "--json").out)
    (again,) = told["withdrawn"][0]["lands_again"]
    assert (again["size_bytes"], told["plans"][0]["again"]["reason"]) == (size, "Done with it.")
    store.empty_trash(0)
    assert "the trash holds it no longer" in run("plan", file).out


def test_plan_of_nothing_says_so(run: Callable[..., Ran], project: Project) -> None:
    ran = run("plan", "requests")
    assert (ran.code, ran.out) == (0, "nothing to plan: there is no request file in requests\n")
    assert run("plan").out.startswith("nothing to plan: there is no request file in ")


def test_sync_lands_and_status_shows_it(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech", owner="ana")
    project.add("gone", "org/gone")
    project.write("add/bad.yaml", "nonsense: 1\n")
    ran = run("sync")
    assert ran.code == 1
    assert "error[hub-not-found]" in ran.err
    assert "Traceback" not in ran.err
    assert "DEBUG" not in ran.err
    assert datasets_of(project.root) == {SPEECH}

    report = json.loads(run("status", "--json").out)
    found = {one["name"]: one for one in report["datasets"]}
    assert report["schema_version"] == 1
    assert (found[SPEECH]["state"], found[SPEECH]["rows"], found[SPEECH]["owner"]) == ("landed", 12, "ana")
    assert found["org__gone__rev_main"]["state"] == "failed"
    assert "[hub-not-found]" in found["org__gone__rev_main"]["note"]
    assert [one["path"] for one in report["problems"]] == ["add/bad.yaml"] * len(report["problems"])
    assert report["totals"]["rows"] == 12
    shown = run("status").out
    assert SPEECH in shown
    assert "1 landed: 12 rows" in shown

    again = run("local-sync", "requests/add/speech.yaml")
    assert again.code == 0
    assert "no-op" in again.out

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDING_VIEWS", "nemo")
        assert "other LANDING_VIEWS than are set now" in run("status").out
    project.add("speech", "org/speech", owner="eve")
    assert "its request has changed since; the next sync" in run("status").out

    (project.root / "requests/add/speech.yaml").unlink()
    (orphan,) = (one for one in json.loads(run("status", "--json").out)["datasets"] if one["name"] == SPEECH)
    assert orphan["state"] == "orphaned"
    assert datasets_of(project.root) == {SPEECH}


def test_sync_as_json_tells_each_request(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("two", "org/two", subset="clean")
    (result,) = json.loads(run("sync", "--json").out)
    assert (result["path"], result["state"]) == ("add/two.yaml", "landed")


def test_sync_refuses_a_file_from_outside_the_requests_folder(
    run: Callable[..., Ran], project: Project, tmp_path: Path
) -> None:
    foreign = tmp_path / "other" / "add" / "x.yaml"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("hf_id: org/x\ndescription: x\n")
    ran = run("local-sync", foreign)
    assert ran.code == 2
    assert "REQUESTS_DIR" in ran.err


def test_an_empty_project_says_where_to_begin(run: Callable[..., Ran]) -> None:
    ran = run("status")
    assert ran.code == 0
    assert "requests/add/" in ran.out


@pytest.mark.parametrize(("silent_s", "state"), [(0, "landing"), (3600, "interrupted")])
def test_a_landing_shows_its_progress_until_it_falls_silent(
    run: Callable[..., Ran], project: Project, silent_s: int, state: str
) -> None:
    project.add("speech", "org/speech")
    moment = (datetime.now(UTC) - timedelta(seconds=silent_s)).isoformat()
    Store.of(load_settings()).progress.write(
        Progress(
            name=SPEECH,
            phase=Phase.DOWNLOADING,
            started_at=moment,
            updated_at=moment,
            bytes_done=500_000,
            bytes_total=1_000_000,
            bytes_per_s=250_000,
            eta_s=2,
        )
    )
    (one,) = json.loads(run("status", "--json").out)["datasets"]
    assert one["state"] == state
    assert "downloading 50 % of 1.0 MB, 250.0 kB/s, 2 s left" in run("status").out


def test_a_failure_is_forgotten_once_it_is_tried_again(run: Callable[..., Ran], project: Project) -> None:
    project.add("speech", "org/speech")
    events = Store.of(load_settings()).events
    events.append(EventKind.FAILED, SPEECH, code="disk-full", message="No space.", remedy="Free some.")
    (failed,) = json.loads(run("status", "--json").out)["datasets"]
    events.append(EventKind.STARTED, SPEECH)
    (asked,) = json.loads(run("status", "--json").out)["datasets"]
    assert (failed["state"], failed["note"]) == ("failed", "[disk-full] No space. Free some.")
    assert asked["state"] == "requested"


def test_a_damaged_manifest_is_a_state_and_no_crash(run: Callable[..., Ran], project: Project) -> None:
    folder = project.root / "datasets" / SPEECH
    folder.mkdir(parents=True)
    (folder / "hugflow.json").write_text("{")
    ran = run("status")
    assert ran.code == 0
    assert "damaged" in ran.out
