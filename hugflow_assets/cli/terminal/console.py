"""How things look on a terminal, in a pipe and in a CI log."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import IO

from rich.console import Console
from rich.table import Table

from hugflow_assets.wording import human_duration, human_size

UNWRAPPED = 10_000


def console(stream: IO[str] | None = None) -> Console:
    """A console for this stream (stdout by default). Where nobody watches, lines are never wrapped or cut."""
    target = sys.stdout if stream is None else stream
    return Console(file=target, width=None if target.isatty() else UNWRAPPED, highlight=False, soft_wrap=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; ``right`` names the columns of numbers. Text folds on a narrow terminal, numbers never do."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        numeric = name in right
        made.add_column(name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    return made


def size(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else human_size(size_bytes)


def count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def hours(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} h" if value >= 10 else f"{value:.2f} h" if value >= 0.1 else f"{value * 3600:.0f} s"


def duration(seconds: float | None) -> str:
    return "-" if seconds is None else human_duration(seconds)


def age(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 moment was."""
    if not moment:
        return "-"
    then = datetime.fromisoformat(moment)
    return duration(((now or datetime.now(UTC)) - then).total_seconds())
