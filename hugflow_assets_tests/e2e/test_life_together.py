"""Several at once, other users, older versions, and upstream's troubles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import FolderSource
from hugflow_assets.orchestration.reconcile.bulkhead import Problems
from hugflow_assets.orchestration.reconcile.schedules import warn_of_expiry
from hugflow_assets.orchestration.reconcile.upstream_drift import watch
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Scrub, Store, Trouble, Upstream
from hugflow_assets.store.publishing.trees import delete_tree
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran, hugflow
from hugflow_assets_tests.datasets_made import card, speech_files
from hugflow_assets_tests.polling import poll
from hugflow_assets_tests.store.making import put

NOBODY = 65534


def store() -> Store:
    return Store.of(load_settings())


def landed_commit() -> str:
    row = store().index.row(SPEECH)
    assert row is not None
    return row.commit


def look(hub: LocalHub) -> Any:
    settings = load_settings()
    access = HubAccess.of(settings)
    return watch(Hub(access), store(), FolderSource(settings.requests_dir).snapshot())


def drifts() -> list[str]:
    return [one.data["what"] for one in store().events.read() if one.kind is EventKind.DRIFTED]


def state_of(run: Callable[..., Ran], name: str = SPEECH) -> dict[str, Any]:
    return next(one for one in json.loads(run("status", "--json").out)["datasets"] if one["name"] == name)


def test_two_syncs_at_once_land_it_once(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech")
    speech_hub.latency_s = 0.05
    both = [hugflow("sync", "--json", cwd=project.root, HF_ENDPOINT=speech_hub.url) for _ in range(2)]
    outs = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], outs
    kinds = [one.kind for one in store().events.read() if one.name == SPEECH]
    assert kinds.count(EventKind.LANDED) == 1
    assert run("verify").code == 0


def test_a_removal_during_a_landing_ends_with_nothing_landed(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    speech_hub.bytes_per_s = 3_000
    landing = hugflow("sync", cwd=project.root, HF_ENDPOINT=speech_hub.url)
    try:
        poll(lambda: any(one.kind is EventKind.STARTED for one in store().events.read()), within_s=30)
        project.write("remove/speech.yaml", "hf_id: org/speech\nreason: Stop.\n")
        speech_hub.bytes_per_s = None
        run("sync")  # which also tells that the landing was cancelled
        landing.wait(timeout=60)
    finally:
        landing.kill()
        landing.communicate()
    assert store().index.names() == []
    assert not store().layout.dataset(SPEECH).exists()
    assert json.loads(run("sync", "--json").out)[0]["state"] in ("withdrawn", "removed")
    assert store().index.names() == []


def test_upstream_moves_and_troubles_are_events_once_and_states(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    run("sync")
    look(speech_hub)
    assert drifts() == []
    before = len(speech_hub.requests)
    speech_hub.commit("org/speech", {"notes.txt": b"new"})
    assert look(speech_hub).changed == (SPEECH,)
    assert len(speech_hub.requests) - before == 1
    look(speech_hub)
    assert drifts() == ["moved"]
    assert state_of(run)["state"] == "stale"
    run("update", SPEECH)
    assert state_of(run)["state"] == "landed"
    look(speech_hub)
    assert drifts() == ["moved"]
    states = []

    def look_and_see() -> None:
        look(speech_hub)
        one = state_of(run)
        assert one["state"] == f"upstream-{one['upstream']}" and f"upstream {one['upstream']}: " in one["note"]
        states.append(one["upstream"])

    speech_hub.commit("org/speech", {"README.md": card("cc-by-nc-4.0")})
    look_and_see()
    speech_hub.repo("org/speech").disabled = True
    look_and_see()
    speech_hub.repo("org/speech").disabled = False
    speech_hub.rename_repo("org/speech", "org/spoken")
    look_and_see()
    speech_hub.delete_repo("org/spoken")
    look_and_see()
    look(speech_hub)
    assert states == ["relicensed", "disabled", "renamed", "gone"]
    assert "upstream-gone" in run("status").out
    assert drifts() == ["moved", "relicensed", "disabled", "renamed", "gone"]
    assert run("verify").code == 0


def test_a_hub_that_is_down_changes_nothing(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech")
    run("sync")
    speech_hub.commit("org/speech", {"notes.txt": b"new"})
    look(speech_hub)
    known = store().upstream.all()
    speech_hub.stop()
    with pytest.raises(Exception, match="hub-unreachable"):
        look(speech_hub)
    assert store().upstream.all() == known
    assert state_of(run)["state"] == "stale"


def test_policy_update_follows_the_branch(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("speech", "org/speech")
    run("sync")
    commit = speech_hub.commit("org/speech", {"notes.txt": b"new"})
    look(speech_hub)
    assert json.loads(run("sync", "--json").out)[0]["action"] == "no-op"
    monkeypatch.setenv("UPSTREAM_POLICY", "update")
    assert json.loads(run("sync", "--json").out)[0]["action"] == "update"
    assert landed_commit() == commit
    assert json.loads(run("sync", "--json").out)[0]["action"] == "no-op"


def test_a_dataset_of_which_nothing_can_be_noted_keeps_no_other_from_its_turn(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, tmp_path: Path
) -> None:
    speech_hub.add_repo("org/words", speech_files(tmp_path / "words"))
    for name in ("speech", "words"):
        project.add(name, f"org/{name}", keep_until="2020-01-01")
    run("sync")
    for kind in ("expiries", "upstream"):
        mark = store().layout.inner / "marks" / kind / f"{SPEECH}.json"
        mark.unlink(missing_ok=True)
        mark.mkdir(parents=True)  # nothing can be written there
    problems = Problems()
    assert warn_of_expiry(store(), load_settings(), date(2026, 1, 1), problems) == ["org__words__rev_main"]
    for name in ("speech", "words"):
        speech_hub.commit(f"org/{name}", {"notes.txt": b"new"})
    seen = look(speech_hub)
    assert seen.changed == ("org__words__rev_main",)
    for said in (problems, seen.problems):
        assert len(said) == 1 and said[0].startswith(SPEECH)
    told = [one.name for one in store().events.read() if one.kind in (EventKind.EXPIRING, EventKind.DRIFTED)]
    assert told == ["org__words__rev_main"] * 2


def test_the_jobs_of_the_schedules_run(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    from hugflow_assets.orchestration import definitions

    project.add("speech", "org/speech", keep_until="2020-01-01")
    run("sync")
    next((store().layout.dataset(SPEECH) / "audio").rglob("*.wav")).unlink()
    defs = definitions()
    with DagsterInstance.ephemeral() as instance:
        for name in ("watch_upstream", "tidy", "find_edits", "scrub_storage"):
            assert defs.resolve_job_def(name).execute_in_process(instance=instance).success
    kinds = [one.kind for one in store().events.read()]
    assert kinds.count(EventKind.EXPIRING) == 1
    assert EventKind.SCRUBBED in kinds
    assert drifts() == ["edited"]
    assert state_of(run)["state"] == "damaged"
    assert warn_of_expiry(store(), load_settings(), date(2026, 1, 1), Problems()) == []
    assert "keep_until 2020-01-01 is past" in state_of(run)["note"]
    assert store().index.names() == [SPEECH]


def test_marks_of_this_version_stay_readable(tmp_path: Path) -> None:
    """What is written down here lies on storages: a change of the models must still read it."""
    told = Store(tmp_path / "root", tmp_path / "state")
    told.index.names()
    stored = {
        "holds": '{"schema_version":1,"name":"a","held":"paused","by":"ana","at":"2026-01-01T00:00:00Z","request":""}',
        "upstream": '{"schema_version":1,"name":"a","revision":"main","commit":"c","repo_id":"o/a","license":null,'
        '"trouble":"gone","told":"t","since":"2026-01-01T00:00:00Z"}',
        "scrubs": '{"schema_version":1,"name":"a","commit":"c","landed_at":"l","at":"2026-01-01T00:00:00Z",'
        '"hashed":true,"checked":1,"checked_bytes":2,"missing":[],"damaged":["x"],"extra":[],"problem":""}',
    }
    for kind, text in stored.items():
        path = told.layout.inner / "marks" / kind / "a.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    hold, upstream, scrub = told.holds.read("a"), told.upstream.read("a"), told.scrubs.read("a")
    assert hold is not None and hold.by == "ana"
    assert isinstance(upstream, Upstream) and upstream.trouble is Trouble.GONE
    assert isinstance(scrub, Scrub) and not scrub.whole
    for kind in stored:
        (told.layout.inner / "marks" / kind / "a.json").write_text("{ torn")
    assert told.holds.read("a") is None and told.scrubs.all() == {}


STORED_V1 = Path(__file__).with_name("stored_v1.json")


def test_a_stored_landing_of_schema_version_1_is_read(tmp_path: Path) -> None:
    told = Store(tmp_path / "root", tmp_path / "state")
    put(told, "org__name__rev_main")
    path = told.layout.manifest("org__name__rev_main")
    path.chmod(0o640)
    path.write_bytes(STORED_V1.read_bytes())
    manifest = told.manifest("org__name__rev_main")
    assert manifest is not None
    assert (manifest.schema_version, manifest.layout_version) == (1, 1)
    assert manifest.counts.rows == 3
    assert told.index.rows()["org__name__rev_main"].state == "landed"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="hugflow-life-"))
    path.chmod(0o777)
    yield path
    delete_tree(path)


def test_a_whole_life_as_an_unprivileged_user(open_folder: Path, hub: LocalHub, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        print("not root: the whole suite runs as an unprivileged user already")
    hub.add_repo("org/speech", speech_files(tmp_path / "speech"))
    (open_folder / "home").mkdir()
    (open_folder / "home").chmod(0o777)
    story = f"""
import os, sys
from hugflow_assets.cli import main
def run(*words):
    try:
        main(words)
    except SystemExit as done:
        assert not done.code, (words, done.code)
def live(folder):
    os.makedirs(folder + "/requests/add"); os.makedirs(folder + "/requests/remove"); os.chdir(folder)
    os.environ["HUGFLOW_PROJECT_DIR"] = os.getcwd()
    open("requests/add/a.yaml", "w").write("hf_id: org/speech\\ndescription: d\\n")
    run("sync"); run("verify"); run("update", "{SPEECH}"); run("pause", "{SPEECH}"); run("resume", "{SPEECH}")
    open("requests/remove/a.yaml", "w").write("hf_id: org/speech\\nreason: r\\n")
    run("sync"); os.unlink("requests/remove/a.yaml"); run("restore", "{SPEECH}"); run("status"); run("verify")
    os.chdir("..")
if os.geteuid() == 0:
    live("first")  # loads every module: Python itself may lie where only root can read
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
live("p")
print("uid", os.geteuid(), os.stat("p/datasets/{SPEECH}").st_uid)
"""
    environment = {
        **{key: value for key, value in os.environ.items() if key not in ("STORAGE_ROOT", "DAGSTER_HOME")},
        "HF_ENDPOINT": hub.url,
        "HOME": str(open_folder / "home"),
        "STORAGE_MIN_FREE": "1MB",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", story], cwd=open_folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    assert f"uid {uid} {uid}" in done.stdout
