"""`hugflow sync` where the disk is too small, or takes no large file: an error by name, then the whole dataset."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.settings import load_settings
from hugflow_assets.store import Store
from hugflow_assets_tests.cli.conftest import Project
from hugflow_assets_tests.datasets_made import card, wav_bytes
from hugflow_assets_tests.small_disk import small_disk_at

NAME = "org__long__rev_main"
MB = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    with small_disk_at(tmp_path / "disk", "16m") as folder:
        yield folder


@pytest.fixture
def long_clips(speech_hub: LocalHub, project: Project) -> None:
    """A request for two clips, one of them of 4 MB."""
    clips = {"train/a.wav": wav_bytes(0.1), "train/b.wav": wav_bytes(130.0)}
    speech_hub.add_repo("org/long", {"README.md": card("cc0-1.0"), **clips})
    project.add("long", "org/long")


def sync(project: Project, before: Callable[[], None] | None = None) -> tuple[int, dict[str, str], str]:
    """The command in a process of its own: its exit status, the one result, and what it said."""
    code = "from hugflow_assets.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "sync", "--json"], cwd=project.root, capture_output=True, text=True,
        preexec_fn=before, check=False, timeout=120,
    )  # fmt: skip
    [result] = json.loads(done.stdout)
    return done.returncode, result, done.stderr


def landed_whole() -> bool:
    return verify(Store.of(load_settings()), NAME).whole


def test_a_file_system_that_takes_no_file_of_that_size(project: Project, long_clips: None) -> None:
    most = (2 * MB, resource.RLIM_INFINITY)
    code, result, said = sync(project, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, most))
    assert code != 0 and result["error_code"] == "storage-unusable" and result["remedy"], (result, said)
    assert "File too large" in result["message"] and "Traceback" not in said
    assert not (project.root / "datasets" / NAME).exists()
    code, result, said = sync(project)
    assert (code, result["state"]) == (0, "landed"), (result, said)
    assert landed_whole()


def test_a_disk_that_is_full(
    project: Project, long_clips: None, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_ROOT", str(small_disk / "datasets"))
    thief, room = small_disk / "thief", os.statvfs(small_disk)
    for left, expected in ((2 * MB, {"quota-exceeded", "disk-full"}), (0, {"disk-full", "quota-exceeded"})):
        thief.write_bytes(bytes(room.f_bavail * room.f_frsize - left - 64_000))
        code, result, said = sync(project)
        assert code != 0 and result["error_code"] in expected and result["remedy"], (result, said)
        assert "Traceback" not in said
        assert not (small_disk / "datasets" / NAME).exists()
    thief.unlink()
    code, result, said = sync(project)
    assert (code, result["state"]) == (0, "landed"), (result, said)
    assert landed_whole()
