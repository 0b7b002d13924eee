"""A project folder of its own for each test, and the command line run in it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hugflow_assets.cli import main
from hugflow_assets.demo import LocalHub
from hugflow_assets.settings import Settings, variable_of
from hugflow_assets_tests.datasets_made import speech_files, two_config_files

SPEECH = "org__speech__rev_main"


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A project folder that `hugflow init` would make."""

    root: Path

    def write(self, path: str, text: str) -> Path:
        file = self.root / "requests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def add(self, stem: str, hf_id: str, **fields: str) -> Path:
        told = {"hf_id": hf_id, "description": "Made for a test.", **fields}
        return self.write(f"add/{stem}.yaml", "".join(f"{key}: {value}\n" for key, value in told.items()))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    before = dict(os.environ)
    for field in Settings.model_fields:
        monkeypatch.delenv(variable_of(field), raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("HUB_RETRIES", "0")
    monkeypatch.setenv("STORAGE_MIN_FREE", "1MB")
    for folder in ("add", "remove"):
        (tmp_path / "project" / "requests" / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    yield Project(tmp_path / "project")
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run(project: Project, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Run a command in this process, as the installed one would run."""
    from hugflow_assets_tests.migrations import read_once

    read_once()
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level

    def command(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    yield command
    logging.getLogger().handlers, logging.getLogger().level = handlers, level


@pytest.fixture
def speech_hub(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project) -> LocalHub:
    """A Hub with org/speech, org/two (configs clean and noisy) and org/gated, that the project is pointed at."""
    files = speech_files(tmp_path / "speech")
    hub.add_repo("org/speech", files)
    hub.add_repo("org/gated", files, gated="auto")
    hub.add_repo("org/two", two_config_files(tmp_path / "two"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return hub


def hugflow(*arguments: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from hugflow_assets.cli import main; main()", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
