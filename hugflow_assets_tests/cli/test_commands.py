"""The table of commands: each is what its own module says, and none is imported before it is called."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.cli.commands import COMMANDS, command_of
from hugflow_assets.settings import PROJECT_DIR_VARIABLE
from hugflow_assets_tests.cli.conftest import Ran

HEAVY = ("dagster", "pydantic", "pyarrow", "rich", "yaml", "hugflow_assets.settings", "hugflow_assets.store")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_table_is_that_of_the_command(name: str) -> None:
    assert " ".join(str(command_of(name).help).split()).startswith(COMMANDS[name].about)


def test_the_list_of_commands_needs_nothing_that_they_need() -> None:
    code = (
        "import sys\nfrom hugflow_assets.cli import main\ntry:\n main(['--help'])\nexcept SystemExit:\n"
        f" print([one for one in {HEAVY!r} if one in sys.modules], file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Storage:" in told.stdout and COMMANDS["sync"].about in " ".join(told.stdout.split())
    assert told.stderr.strip() == "[]"


def test_a_slip_of_the_pen_is_answered_with_the_nearest_command(run: Callable[..., Ran]) -> None:
    told = run("plann")
    assert told.code == 2 and "Did you mean 'plan'" in told.err


def completed(line: str, folder: Path) -> str:
    words = len(line.split(" ")) - 1
    told = subprocess.run(
        [sys.executable, "-c", "from hugflow_assets.cli import main; main()"],
        env={
            "_HUGFLOW_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(words),
            PROJECT_DIR_VARIABLE: str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout


def test_a_shell_completes_commands_options_and_names(tmp_path: Path) -> None:
    add = tmp_path / "requests/add"
    add.mkdir(parents=True)
    (add / "x.yaml").write_text("hf_id: org/speech\ndescription: Speech.\n")
    assert completed("hugflow va", tmp_path).split() == ["validate"]
    assert "--base" in completed("hugflow plan --b", tmp_path)
    assert completed("hugflow pause org", tmp_path).split() == ["org__speech__rev_main"]
