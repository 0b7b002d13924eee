"""How things look on a terminal, in a pipe and in a CI log."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from hugflow_assets.wording import human_duration, human_size

UNWRAPPED = 10_000
_GAP = 2
_NAMED = 3


def console(stream: IO[str] | None = None) -> Console:
    """A console for this stream (stdout by default). Where nobody watches, lines are never wrapped or cut."""
    target = sys.stdout if stream is None else stream
    return Console(file=target, width=None if target.isatty() else UNWRAPPED, highlight=False, soft_wrap=False)


def colored(text: str, color: str | None = None, *, bold: bool = False) -> str:
    """A text in a color, where colors are wanted (https://no-color.org); what a color says, the text says too."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=color, bold=bold or None)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The lines of a text for a terminal of this width: words, names and paths stay whole, also longer ones."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent or "  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]


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


def lines_of(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    width: int,
    right: Collection[str] = (),
    always: int = 2,
    styles: Mapping[str, str] | None = None,
    styled: int = 1,
) -> Iterator[str]:
    """A line a row, with as many columns as the width has room for, so that names stay whole; a last line names the
    columns that it has no room for. Plain strings: a rich table of 10,000 rows takes seven seconds.

    Args:
        always: so many columns are shown however narrow it is; the last of them comes last in its line.
        styles: value of the column ``styled`` -> color.
    """
    cells = [tuple(header), *map(tuple, rows)]
    widths = [max(cell_len(row[at]) for row in cells) for at in range(len(header))]
    shown = [at for at in range(len(header)) if at < always or sum(widths[: at + 1]) + _GAP * at <= width]
    for number, row in enumerate(cells):
        line = [_padded(row[at], widths[at], right=header[at] in right) for at in shown]
        if number == 0:
            line = [colored(cell, bold=True) for cell in line]
        elif color := (styles or {}).get(row[styled]):
            line[shown.index(styled)] = colored(line[shown.index(styled)], color)
        yield (" " * _GAP).join(line).rstrip()
    if left_out := [name for at, name in enumerate(header) if at not in shown]:
        yield f"(a wider terminal, and --json, show {', '.join(left_out)} too)"


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def together(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """``name: note`` lines; a note that several names have is said once, with the first of them."""
    names: dict[str, list[str]] = {}
    for name, note in said:
        names.setdefault(note, []).append(name)
    for note, found in names.items():
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        yield f"{', '.join(found[:_NAMED])}{more}: {note}"
