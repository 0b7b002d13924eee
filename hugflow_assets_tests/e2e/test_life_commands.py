"""The life of a dataset by the command line: update, pause, cancel, verify, remove, restore, trash, adopt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hugflow_assets.demo import LocalHub
from hugflow_assets.demo.protocol import CDN
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet


def store() -> Store:
    return Store.of(load_settings())


def landed_commit() -> str:
    row = store().index.row(SPEECH)
    assert row is not None
    return row.commit


def state_of(run: Callable[..., Ran], name: str = SPEECH) -> dict[str, Any]:
    return next(one for one in json.loads(run("status", "--json").out)["datasets"] if one["name"] == name)


def kinds(name: str = SPEECH) -> list[str]:
    return [event.kind.value for event in store().events.read() if event.name == name]


def fetched(hub: LocalHub) -> int:
    return sum(one.origin == CDN and not one.range for one in hub.requests)


def move_upstream(hub: LocalHub, folder: Path, first: int = 700) -> str:
    changed = write_parquet(folder / f"{first}.parquet", clip_rows(4, first=first))
    return hub.commit("org/speech", {"data/test-00000-of-00001.parquet": changed})


def test_update_lands_the_newest_commit_and_fetches_what_changed(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, tmp_path: Path
) -> None:
    project.add("speech", "org/speech")
    assert run("sync").code == 0
    old = landed_commit()
    commit, before = move_upstream(speech_hub, tmp_path), fetched(speech_hub)
    assert "no-op" in run("sync").out, "a landed dataset is pinned"
    assert landed_commit() == old
    ran = run("update", SPEECH, "--json")
    (result,) = json.loads(ran.out)
    assert (ran.code, result["action"], result["state"]) == (0, "update", "landed")
    assert landed_commit() == commit
    assert fetched(speech_hub) - before == 1
    assert run("verify", SPEECH).code == 0
    assert json.loads(run("update", SPEECH, "--json").out)[0]["action"] == "no-op"
    assert run("update", "no__such").code == 1


def test_update_of_a_repository_that_is_gone_keeps_the_data(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    run("sync")
    speech_hub.delete_repo("org/speech")
    ran = run("update", SPEECH)
    assert ran.code == 1
    assert "error[hub-gone]" in ran.err
    assert run("verify").code == 0


def test_pause_cancel_and_resume_are_heeded_by_sync(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    file = project.add("speech", "org/speech")
    assert run("pause", SPEECH).code == 0
    ran = run("sync", "--json")
    assert (ran.code, json.loads(ran.out)[0]["state"]) == (0, "held")
    assert state_of(run)["state"] == "paused"
    assert store().index.names() == []
    assert run("cancel", SPEECH).code == 0
    assert json.loads(run("sync", "--json").out)[0]["state"] == "held"
    file.write_text(file.read_text() + "owner: ana\n")
    assert json.loads(run("sync", "--json").out)[0]["state"] == "landed", "an edit is a new request"
    assert run("pause", SPEECH).code == 0
    assert run("update", SPEECH).code == 1
    assert run("resume", SPEECH).code == 0
    assert run("update", SPEECH).code == 0
    assert run("pause", "no__such").code == 1
    assert [kind for kind in kinds() if kind in ("paused", "cancelled", "resumed")] == [
        "paused",
        "cancelled",
        "paused",
        "resumed",
    ]


def test_verify_names_damaged_files_and_sync_repairs_them(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    run("sync")
    root = store().layout.dataset(SPEECH)
    victim = sorted((root / "audio/train").rglob("*.wav"))[0]
    content, inode = victim.read_bytes(), victim.stat().st_ino
    victim.chmod(0o640)
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 255]))
    ran = run("verify")
    assert ran.code == 1
    assert victim.relative_to(root).as_posix() in ran.err
    assert "fix:" in ran.err
    status = state_of(run)
    assert status["state"] == "damaged"
    assert victim.name in status["note"]
    (result,) = json.loads(run("sync", "--json").out)
    assert result["action"] == "repair"
    assert (victim.read_bytes(), victim.stat().st_ino == inode) == (content, False)
    assert run("verify", "--json").code == 0
    assert state_of(run)["state"] == "landed"
    assert "scrubbed" in kinds()


def test_a_folder_deleted_by_hand_is_found_and_lands_again(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    import shutil

    project.add("speech", "org/speech")
    run("sync")
    shutil.rmtree(store().layout.dataset(SPEECH))
    assert "deleted by hand" in state_of(run)["note"]
    assert json.loads(run("sync", "--json").out)[0]["state"] == "landed"


def test_remove_restore_and_the_trash(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech", owner="ana")
    run("sync")
    removal = project.write("remove/speech.yaml", "hf_id: org/speech\nreason: Consent withdrawn.\n")
    assert run("sync").code == 0
    assert store().index.names() == []
    entries = json.loads(run("trash", "list", "--json").out)
    assert [one["name"] for one in entries] == [SPEECH]
    refused = run("restore", SPEECH)
    assert refused.code == 1
    assert "remove/speech.yaml" in refused.err
    assert state_of(run)["state"] == "removed"
    removal.unlink()
    before = fetched(speech_hub)
    assert run("restore", SPEECH).code == 0
    assert run("restore", SPEECH).code == 1
    assert json.loads(run("sync", "--json").out)[0]["action"] == "no-op"
    assert fetched(speech_hub) == before
    assert run("verify").code == 0
    project.write("remove/again.yaml", "hf_id: org/speech\nreason: Really.\n")
    run("sync")
    assert "0 B freed" in run("trash", "empty").out, "within the grace nothing goes by itself"
    assert run("trash", "empty", "--all", "--yes").code == 0
    assert json.loads(run("trash", "list", "--json").out) == []
    assert run("restore", SPEECH).code == 1
    assert run("trash", "empty", "no__such", "--yes").code == 1
    assert kinds()[-1] == "freed"


def test_deleting_the_removal_lands_it_from_the_trash(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    run("sync")
    removal = project.write("remove/speech.yaml", "hf_id: org/speech\nreason: By mistake.\n")
    run("sync")
    removal.unlink()
    before = fetched(speech_hub)
    (result,) = json.loads(run("sync", "--json").out)
    assert (result["action"], fetched(speech_hub) - before) == ("restore", 0)


def test_a_narrower_removal_cuts_nothing_and_names_what_it_would_cut(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("two", "org/two")
    run("sync")
    project.write("remove/noisy.yaml", "hf_id: org/two\nsubset: noisy\nreason: Not needed.\n")
    ran = run("sync")
    assert ran.code == 1
    assert "org__two__rev_main" in ran.err
    assert store().index.names() == ["org__two__rev_main"]


def test_a_removal_that_cannot_be_read_holds_back_what_it_could_mean(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    project.add("two", "org/two")
    bad = project.write("remove/two.yaml", "hf_id: org/two\nreson: a typo\n")
    ran = run("sync")
    assert ran.code == 1
    assert "remove/two.yaml" in ran.err
    assert store().index.names() == [SPEECH]
    assert "remove/two.yaml" in run("status").out
    bad.write_text("what is this\n")
    project.add("clean", "org/two", subset="clean")
    assert run("sync").code == 1
    assert store().index.names() == [SPEECH], "nothing new lands while nobody knows what is withdrawn"
    bad.unlink()
    run("sync")
    assert "org__two__rev_main" in store().index.names()


def test_adopt_lands_from_local_files_and_leaves_them_alone(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    (mine / "data").mkdir(parents=True)
    source = tmp_path / "speech/data/train-00000-of-00002.parquet"
    (mine / "data/some name.parquet").write_bytes(source.read_bytes())
    (mine / "other.txt").write_text("not of it")
    before = {path: (path.read_bytes(), path.stat()) for path in mine.rglob("*") if path.is_file()}
    file, asked = project.add("speech", "org/speech"), fetched(speech_hub)
    ran = run("adopt", mine, "--request", file)
    assert ran.code == 0, ran.err
    assert "1 of 3 files" in ran.out
    assert fetched(speech_hub) - asked == 2
    assert run("verify").code == 0
    for path, (content, stat) in before.items():
        now = path.stat()
        assert path.read_bytes() == content
        assert (now.st_ino, now.st_mode, now.st_mtime_ns, now.st_nlink) == (
            stat.st_ino,
            stat.st_mode,
            stat.st_mtime_ns,
            stat.st_nlink,
        )
    assert run("adopt", tmp_path / "nowhere", "--request", file).code == 2
    assert run("adopt", mine, "--request", tmp_path / "no.yaml").code == 2


def test_losing_the_state_and_the_instance_loses_nothing_and_fetches_nothing(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    import shutil

    project.add("speech", "org/speech")
    project.add("two", "org/two")
    run("sync")
    project.write("remove/two.yaml", "hf_id: org/two\nreason: Done.\n")
    run("sync")
    before, asked = state_of(run), fetched(speech_hub)
    for folder in (".hugflow-state", ".dagster_home"):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    events = store().events.last_seq()
    results = {one["path"]: one for one in json.loads(run("sync", "--json").out)}
    assert {path: one["action"] for path, one in results.items()} == {
        "add/speech.yaml": "no-op",
        "add/two.yaml": "no-op",
        "remove/two.yaml": "no-op",
    }
    assert fetched(speech_hub) == asked
    assert not any(one.kind in (EventKind.STARTED, EventKind.LANDED) for one in store().events.read(events))
    assert run("status", "--rebuild").code == 0
    assert state_of(run) == before
    assert (project.root / ".hugflow-state/active.json").is_file()
    assert (project.root / ".hugflow-state/archived.json").is_file()
