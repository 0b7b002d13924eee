"""What people see on a terminal of 80 columns: a pseudo-terminal, and the command in it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.cli.conftest import Project, Ran

LONG = "organisation-with-a-long-name/speech-corpus-with-a-longer-name"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def shown(project_root: Path, *arguments: str, columns: int = 80) -> str:
    """All that the command wrote to a terminal of so many columns, without colors."""
    return _ESCAPES.sub("", written(project_root, *arguments, columns=columns))


def written(project_root: Path, *arguments: str, columns: int = 80, **environment: str) -> str:
    """The same with colors."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(project_root)
        os.environ |= {"TERM": "xterm", **environment}
        os.execv(sys.executable, [sys.executable, "-c", "from hugflow_assets.cli import main; main()", *arguments])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    text = b""
    while True:
        try:
            text += (read := os.read(terminal, 65536))
        except OSError:
            break
        if not read:
            break
    os.waitpid(process, 0)
    os.close(terminal)
    return text.decode()


def test_keys_names_and_files_are_never_broken(project: Project) -> None:
    for number in range(3):
        project.add(f"speech-corpus-with-a-longer-name-{number}", f"{LONG}-{number}")
    settings = shown(project.root, "settings")
    assert "LANDING_VIEWS=" in settings and f"STORAGE_ROOT={project.root}/datasets" in settings
    synced = shown(project.root, "sync")
    assert all(f"add/speech-corpus-with-a-longer-name-{number}.yaml" in synced for number in range(3))
    assert synced.count("does not answer") == 1 and synced.count("as above") == 2
    status = shown(project.root, "status")
    assert f"{LONG.replace('/', '__')}-0__rev_main" in status
    assert "a wider terminal, and --json, show" in status and "3 failed" in status
    for columns in (80, 120, 200):
        told = shown(project.root, "status", columns=columns).splitlines()
        assert all(len(line) <= columns or " " not in line.strip() for line in told[4:]), told
        assert any("does not answer" in line for line in told)
    one = shown(project.root, "status", f"{LONG}-0")
    assert "failed  " in one.partition("history")[0] or "failed" in one.splitlines()[0]
    assert "hub-unreachable" in one.partition("history")[2]
    assert "\x1b[3" in written(project.root, "status") and "\x1b[3" not in written(project.root, "status", NO_COLOR="1")
    planned = shown(project.root, "plan")
    assert planned.count("does not answer") == 1 and planned.count("Not evaluated") <= 3


def test_a_sync_shows_how_far_it_is(project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech")
    told = shown(project.root, "sync")
    assert "landed: " in told and "3/3 shards" in told and "12 rows" in told


def test_keep_until_can_be_asked_for(project: Project, run: Callable[..., Ran]) -> None:
    assert run("add", "org/speech", "--keep-until", "2030-12-31").code == 0
    (file,) = (project.root / "requests/add").iterdir()
    assert "keep_until: 2030-12-31" in file.read_text().replace("'", "").replace('"', "")
