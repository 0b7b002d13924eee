"""How things look on a terminal, in a pipe and in a CI log."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import IO

from rich.console import Console
from rich.table import Table

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
    """Bytes as people read them, decimal units: ``1.2 GB``."""
    if size_bytes is None:
        return "-"
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(amount) < 999.5 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable: the last unit takes everything")


def count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def hours(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} h" if value >= 10 else f"{value:.2f} h" if value >= 0.1 else f"{value * 3600:.0f} s"


def duration(seconds: float | None) -> str:
    """Seconds as ``42s``, ``3m 20s``, ``5h 10m`` or ``12d``."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 48 * 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d"


def age(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 moment was."""
    if not moment:
        return "-"
    then = datetime.fromisoformat(moment)
    return duration(((now or datetime.now(UTC)) - then).total_seconds())
