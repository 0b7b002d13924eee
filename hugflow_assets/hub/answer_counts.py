"""How many answers of the Hub this machine's processes have had, and how many of them were 429: for the metrics.

A small file that every process adds to. It is a count and no more: where it cannot be written, nothing waits or fails.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import NamedTuple

_NAME = "answers.count"


class AnswerCounts(NamedTuple):
    """Since the file was begun."""

    answers: int = 0
    rate_limited: int = 0


def count_answer(folder: Path | None, status: int) -> None:
    """Add one answer, a redirect on the way being one too."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        known = _counts(os.read(handle, 256))
        told = json.dumps([known.answers + 1, known.rate_limited + (status == 429)]).encode()
        os.pwrite(handle, told, 0)  # numbers only grow, and so does the text
    except OSError:
        return
    finally:
        os.close(handle)


def answer_counts(folder: Path) -> AnswerCounts:
    """The counts; zero where none are kept."""
    try:
        return _counts((folder / _NAME).read_bytes())
    except OSError:
        return AnswerCounts()


def _counts(data: bytes) -> AnswerCounts:
    try:
        answers, rate_limited = json.loads(data or b"[0, 0]")
        return AnswerCounts(int(answers), int(rate_limited))
    except (ValueError, TypeError):
        return AnswerCounts()
