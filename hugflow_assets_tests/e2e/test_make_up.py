"""The README's shortest way from a clone to a dataset in the UI: its two commands, pasted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hugflow_assets.settings import Settings, variable_of
from hugflow_assets_tests.polling import poll

ROOT = Path(__file__).parents[2]
NAME = "hugflow__demo-speech__subset_clean__rev_main"


def pasted() -> list[str]:
    section = (ROOT / "README.md").read_text().split("**`make up`**")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)\n```", section, re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of the repository in a folder of their own, with the environment that `make install` would make."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        if not name.startswith(("hugflow_assets_tests/", "benchmarks/")) and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / ".venv/.installed").touch()  # newer than what it is made from: there is nothing to install
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """What a shell has that was never told anything of Hugflow, and a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ours = {variable_of(field) for field in Settings.model_fields} | {"DAGSTER_HOME", "HUGFLOW_PROJECT_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PORT": str(port)}


@pytest.fixture
def up(clone: Path, environment: dict[str, str]) -> Iterator[Path]:
    """The first command, running; the file that it writes to."""
    log = clone / "up.log"
    process = subprocess.Popen(
        ["sh", "-c", pasted()[0]], cwd=clone, env=environment, stdout=log.open("wb"), stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    yield log
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_two_commands_land_a_dataset(clone: Path, environment: dict[str, str], up: Path) -> None:
    first, second = pasted()
    assert first == "make up DEMO=1"
    poll(lambda: second in up.read_text() or None, within_s=120)  # the screen says what to do next
    subprocess.run(["sh", "-c", second], cwd=clone, env=environment, check=True)
    poll(lambda: (clone / "datasets" / NAME / "hugflow.json").is_file() or None, within_s=240)
    assert "elemetry" not in up.read_text() and "installing" not in up.read_text()
