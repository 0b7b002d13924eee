"""What a fresh clone promises: packages and their data, the command, make targets, versions, workflows."""

from __future__ import annotations

import configparser
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: nothing is tracked")
    return done.stdout.splitlines()


def test_the_command_is_installed() -> None:
    (found,) = entry_points(group="console_scripts", name="hugflow")
    assert callable(found.load())


def test_only_our_packages_are_packaged() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    patterns = setup["options.packages.find"]["include"].split()
    packages = [".".join(one.relative_to(ROOT).parent.parts) for one in ROOT.glob("hugflow_assets*/**/__init__.py")]
    found = {name for name in packages if any(fnmatch(name, pattern) for pattern in patterns)}
    assert found == {name for name in packages if name.partition(".")[0] == "hugflow_assets"}


def test_package_data_covers_every_file_that_is_no_module() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packaged: set[Path] = set()
    for package, patterns in setup["options.package_data"].items():
        folder = ROOT / package.replace(".", "/")
        packaged |= {file for pattern in patterns.split() for file in folder.glob(pattern)}
    plain = {ROOT / name for name in tracked() if name.startswith("hugflow_assets/") and not name.endswith(".py")}
    assert {file for file in plain if file.exists()} <= packaged
    assert ROOT / "hugflow_assets/py.typed" in packaged


@pytest.mark.parametrize("pattern", ["datasets", ".hugflow-state", ".env", ".dagster_home", ".demo", ".venv"])
def test_data_state_and_secrets_are_never_tracked(pattern: str) -> None:
    assert not [name for name in tracked() if name == pattern or name.startswith(f"{pattern}/")]
    assert re.search(rf"^/?{re.escape(pattern)}/?$", (ROOT / ".gitignore").read_text(), re.MULTILINE)


def test_constraints_name_every_direct_dependency_and_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "constraints.txt").read_text()
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=~\[; ]", one)[0].lower().replace("_", "-") for one in wanted}
    assert names <= pinned
    assert "://" not in text


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {"install", "demo", "up", "test", "check", "clean"}


def test_a_python_that_is_too_old_is_refused_by_name(tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 2.7.18" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        [str(ROOT / ".ci/venv"), str(tmp_path / "venv")],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "3.11, 3.12 or 3.13; found: Python 2.7.18" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda one: one.name)
def test_workflows_grant_nothing_by_default_and_pin_every_action(workflow: Path) -> None:
    text = workflow.read_text()
    told = yaml.safe_load(text)
    assert told["permissions"] == {}
    assert all("timeout-minutes" in job for job in told["jobs"].values())
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) or action.startswith("./")


def test_ci_runs_what_everybody_runs() -> None:
    assert "run: .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()
    assert [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make")] == [
        "make test",
        "make check",
    ]
