"""What every command has in common: help, exit statuses, errors as lines, no traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets import __version__
from hugflow_assets_tests.cli.conftest import Project, Ran, hugflow
from hugflow_assets_tests.polling import poll

HEAVY = ("dagster", "datasets", "huggingface_hub", "pyarrow", "pandas", "github", "matplotlib", "httpx2")
PROBE = """
import json, sys
from hugflow_assets.cli import main
try:
    main({arguments!r})
except SystemExit as left:
    print(json.dumps([left.code, sorted(set(sys.modules) & set({heavy!r}))]), file=sys.stderr)
"""


def imported_by(arguments: list[str], heavy: tuple[str, ...], cwd: Path) -> tuple[int, list[str]]:
    code = PROBE.format(arguments=arguments, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=True)
    status, found = json.loads(done.stderr.splitlines()[-1])
    return status, found


@pytest.mark.parametrize("arguments", [["--help"], ["sync", "--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str], project: Project) -> None:
    assert imported_by(arguments, HEAVY, project.root) == (0, [])


def test_offline_validation_imports_neither_dagster_nor_the_hubs_clients(project: Project) -> None:
    project.add("speech", "org/speech")
    heavy = tuple(name for name in HEAVY if name != "httpx2")
    assert imported_by(["validate", "--offline"], heavy, project.root) == (0, [])


def test_version(run: Callable[..., Ran]) -> None:
    assert run("--version").out == f"hugflow {__version__}\n"


def test_every_command_has_a_help_text(run: Callable[..., Ran]) -> None:
    listed = run("--help").out
    for command in ("init", "demo", "doctor", "settings", "validate", "plan", "sync", "local-sync", "status"):
        assert command in listed
        assert run(command, "--help").code == 0


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["status", "--nonsense"], ["plan", "nowhere.yaml"], ["validate", "nowhere.yaml"]]
)
def test_wrong_usage_is_status_2(run: Callable[..., Ran], arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Usage: hugflow" in ran.err
    assert "Traceback" not in ran.err


def test_a_wrong_setting_is_named_with_what_is_allowed_and_status_3(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_CONCURRENT_DOWNLOADS", "none")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    ran = run("status")
    assert ran.code == 3
    assert ran.err.startswith("error[settings-invalid]: ")
    assert "MAX_CONCURRENT_DOWNLOADS" in ran.err
    assert "'DEBUG', 'INFO', 'WARNING' or 'ERROR'" in ran.err
    assert "  fix: " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", [["--debug", "status"], ["status", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(
    run: Callable[..., Ran], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    ran = run(*arguments)
    assert ran.code == 3
    assert "Traceback (most recent call last)" in ran.err


def test_a_storage_root_that_is_a_file_is_a_line_and_no_traceback(run: Callable[..., Ran], project: Project) -> None:
    (project.root / "datasets").write_text("a file where a folder belongs")
    (project.root / ".hugflow-state").write_text("and another")
    ran = run("status")
    assert ran.code == 3
    assert "Traceback" not in ran.err
    assert ran.err.startswith("error[")


def test_a_reader_that_goes_away_leaves_no_noise(project: Project) -> None:
    process = hugflow("settings", cwd=project.root)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.wait(timeout=30)
    assert process.stderr.read() == ""
    process.stderr.close()


def test_ctrl_c_ends_with_130_and_without_noise(project: Project) -> None:
    process = hugflow("status", "--watch", cwd=project.root)
    assert process.stdout is not None
    poll(lambda: (project.root / "datasets" / ".hugflow").is_dir(), within_s=30)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
