"""What is frozen at one site lands at another, byte for byte, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hugflow_assets.demo import LocalHub
from hugflow_assets.settings import load_settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran

TWO = "org__two__rev_main"


def tree(folder: Path) -> dict[str, str]:
    """Every file by its hash; of the manifest, what does not say when and where it landed."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            if path.name == "hugflow.json":
                text = json.dumps({**json.loads(text), "volatile": None}, sort_keys=True).encode()
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(text).hexdigest()
    return found


@pytest.fixture
def origin(run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The storage of a first site, with two datasets, one of them packed; the settings are those of a second one."""
    project.add("speech", "org/speech")
    project.add("two", "org/two", form="packed")
    assert run("sync").code == 0
    (project.root / "data.lock").write_text(run("freeze").out)
    elsewhere(project, monkeypatch, "second")
    return project.root / "datasets"


def elsewhere(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    monkeypatch.setenv("STORAGE_ROOT", str(project.root / name))
    monkeypatch.setenv("HUGFLOW_STATE_DIR", str(project.root / f"{name}-state"))
    return project.root / name


def test_a_lock_lands_the_same_bytes_from_a_peer_and_from_the_hub_last(
    run: Callable[..., Ran], project: Project, origin: Path, monkeypatch: pytest.MonkeyPatch, speech_hub: LocalHub
) -> None:
    lock = yaml.safe_load((project.root / "data.lock").read_text())
    assert [one["name"] for one in lock["datasets"]] == [SPEECH, TWO]
    assert lock["datasets"][1]["form"] == "packed" and len(lock["datasets"][0]["commit"]) == 40

    speech_hub.commit("org/speech", {"data/train-00001.parquet": b"newer"})  # no word of it is in the lock
    monkeypatch.setenv("PEER_STORES", f"{project.root / 'nowhere'}, {origin}")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    ran = run("land", project.root / "data.lock")
    assert ran.code == 0, ran.err
    assert f"{SPEECH}: landed from {origin}, 12 rows" in ran.out
    for name in (SPEECH, TWO):
        assert tree(project.root / "second" / name) == tree(origin / name)
        assert not any(path.stat().st_nlink > 1 for path in (project.root / "second" / name).rglob("*.wav"))
    assert run("verify").code == 0
    assert [one.kind for one in Store.of(load_settings()).events.read()].count(EventKind.LANDED) == 2
    assert f"{SPEECH}: is here already" in run("land", project.root / "data.lock").out

    third = elsewhere(project, monkeypatch, "third")
    damaged = next((origin / SPEECH / "audio").rglob("*.wav"))
    damaged.chmod(0o640)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")  # of the same size: by its hash alone
    monkeypatch.setenv("HF_ENDPOINT", speech_hub.url)
    ran = run("land", project.root / "data.lock")
    assert ran.code == 0, ran.err
    assert f"{SPEECH}: landed from the Hub" in ran.out and f"{TWO}: landed from {origin}" in ran.out
    for name in (SPEECH, TWO):
        ours, theirs = tree(third / name), tree(project.root / "second" / name)
        assert {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)} <= {"hugflow.json"}
    row = json.loads((third / SPEECH / "json/train.jsonl").read_text().splitlines()[0])
    (project.root / "ids.txt").write_text(f"{row['id']}\n")
    assert run("withdraw", SPEECH, "--ids", project.root / "ids.txt", "--reason", "Consent.", "--yes").code == 0
    ran = run("land", project.root / "data.lock")
    assert ran.code == 1 and f"Rows of {SPEECH} were withdrawn here" in ran.err
    assert f'"id":{row["id"]},' not in (third / SPEECH / "json/train.jsonl").read_text()

    shutil.rmtree(origin)
    fourth = elsewhere(project, monkeypatch, "fourth")
    assert f"{TWO}: landed from the Hub" in run("land", project.root / "data.lock").out
    assert {path: digest for path, digest in tree(fourth / TWO).items() if path != "hugflow.json"} == {
        path: digest for path, digest in tree(third / TWO).items() if path != "hugflow.json"
    }


def test_what_is_not_the_frozen_bytes_is_not_published(
    run: Callable[..., Ran], project: Project, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = project.root / "data.lock"
    document = yaml.safe_load(lock.read_text())
    document["datasets"][0]["tree_sha256"] = "0" * 64
    other = project.root / "other.lock"
    other.write_text(yaml.safe_dump(document))
    for peers in (str(origin), ""):
        monkeypatch.setenv("PEER_STORES", peers)
        ran = run("land", other)
        assert ran.code == 1 and "[lock-refused]" in ran.err and "nothing was published" in ran.err, ran.err
        assert not (project.root / "second" / SPEECH).exists()

    document["datasets"][0]["name"] = "../outside"
    other.write_text(yaml.safe_dump(document))
    assert "calls ../outside what its request calls" in run("land", other).err
    other.write_text("a: [")
    assert "is not YAML" in run("land", other).err

    project.write("remove/speech.yaml", "hf_id: org/speech\nreason: Consent was withdrawn.\n")
    ran = run("land", lock)
    assert ran.code == 1 and f"{SPEECH} is withdrawn by remove/speech.yaml" in ran.err
    assert not (project.root / "second" / SPEECH).exists() and (project.root / "second" / TWO).is_dir()


def test_a_signed_lock_is_told_from_a_changed_one(
    run: Callable[..., Ran], project: Project, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not on this machine")
    monkeypatch.setenv("STORAGE_ROOT", str(origin))
    for who in ("ana", "mallory"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", who], cwd=project.root, check=True)
    signers = project.root / "signers"
    signers.write_text(f"ana@lab {(project.root / 'ana.pub').read_text()}")
    lock = project.root / "signed.lock"
    lock.write_text(run("freeze", SPEECH, "--sign", project.root / "ana").out)
    assert yaml.safe_load(lock.read_text())["datasets"][0]["name"] == SPEECH  # the signature is a comment
    ran = run("land", lock, "--signers", signers)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "signed by ana@lab"), ran.err

    text = lock.read_text()
    lock.write_text(text.replace("rows: 12", "rows: 13"))
    for refused, why in ((lock, "not signed by any"), (project.root / "data.lock", "is not signed")):
        ran = run("land", refused, "--signers", signers)
        assert ran.code == 1 and "[lock-refused]" in ran.err and why in ran.err, ran.err
    lock.write_text(run("freeze", SPEECH, "--sign", project.root / "mallory").out)
    assert "not signed by any" in run("land", lock, "--signers", signers).err
