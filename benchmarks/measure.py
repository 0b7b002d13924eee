"""Run one contestant as a process of its own and see how long it worked and how much memory its tree held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

SAMPLE_EVERY_S = 0.05


@dataclass(frozen=True)
class Sample:
    """``seconds`` of work without imports; ``peak_bytes``: the greatest sum of the tree's proportional set sizes.

    ``peak_disk_bytes`` is the greatest size of a folder while it worked, where that was asked for: looking at it takes
    time from what is measured.
    """

    seconds: float
    peak_bytes: int
    peak_disk_bytes: int = 0


def run(
    contestant: str,
    arguments: dict[str, str],
    *,
    environment: dict[str, str],
    timeout_s: float,
    watch: Path | None = None,
) -> Sample:
    """Run ``python -m benchmarks.contestants`` and read the seconds that it reports on its last line.

    Args:
        watch: a folder whose size is watched.
    Raises:
        RuntimeError: the contestant failed; its standard error is in the message.
    """
    command = [sys.executable, "-m", "benchmarks.contestants", contestant, json.dumps(arguments)]
    os.sync()  # what the one before has left in memory is not this one's to write
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    peak = _Peak(process.pid, watch)
    peak.start()
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f"{contestant}: no end after {timeout_s:.0f} s") from None
    finally:
        peak.ended.set()
        peak.join()
    if process.returncode:
        raise RuntimeError(f"{contestant}: exit {process.returncode}\n{err[-2000:]}")
    return Sample(float(out.strip().splitlines()[-1]), peak.bytes, peak.disk_bytes)


class _Peak(threading.Thread):
    def __init__(self, pid: int, watch: Path | None) -> None:
        super().__init__(daemon=True)
        self.pid, self.watch, self.ended = pid, watch, threading.Event()
        self.bytes = self.disk_bytes = 0

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_EVERY_S):
            self.bytes = max(self.bytes, sum(map(_pss_bytes, _tree(self.pid))))
            if self.watch is not None:
                self.disk_bytes = max(self.disk_bytes, folder_bytes(self.watch))


def folder_bytes(folder: Path) -> int:
    """The sizes of all files below a folder; what vanishes while it is looked at is left out."""
    size = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                size += folder_bytes(Path(entry.path))
            else:
                size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size


def _tree(pid: int) -> list[int]:
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        try:
            children = Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text(encoding="ascii")
        except OSError:
            continue
        todo.extend(map(int, children.split()))
    return found


def _pss_bytes(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:  # ended meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
