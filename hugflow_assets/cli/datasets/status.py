"""``hugflow status``: every dataset asked for or landed, and how full the storage is."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.text import Text

from hugflow_assets.cli.terminal.console import age, console, count, duration, hours, lines_of, size, together
from hugflow_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from hugflow_assets.status.report import DatasetStatus, StatusReport

WATCH_INTERVAL_S = 1.0
# The first ones first: a narrow terminal does without the last.
COLUMNS = ("dataset", "state", "size", "rows", "audio", "age", "owner", "inodes")
NUMBERS = ("rows", "audio", "size", "inodes", "age")
STRAYS_SHOWN = 20
OWNERS_SHOWN = 10
COLORS = {
    "landed": "green",
    "landing": "cyan",
    "interrupted": "yellow",
    "orphaned": "yellow",
    "removing": "yellow",
    "stale": "yellow",
    "upstream-gone": "yellow",
    "upstream-disabled": "yellow",
    "upstream-renamed": "yellow",
    "upstream-relicensed": "yellow",
    "upstream-revision-gone": "yellow",
    "upstream-no-access": "yellow",
    "paused": "yellow",
    "cancelled": "yellow",
    "failed": "red",
    "damaged": "red",
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, stable over versions.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it, until Ctrl-C.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="First make active.json and archived.json anew from what is on the disk.")
    ] = False,
) -> None:
    """Show every dataset asked for or landed: state, rows, hours, size, age, owner; totals and quota."""
    settings = load_settings()
    if rebuild:
        from hugflow_assets.store import Store

        Store.of(settings).rebuild_index()
    if watch and not as_json:
        _watch(settings)
        return
    gc.disable()  # ten thousand small models that all stay: looking for garbage among them only takes time
    report = reporter(settings)()
    typer.echo(report.model_dump_json(indent=2) if as_json else rendered(report, console().width))


def reporter(settings: Settings) -> Callable[[], StatusReport]:
    """Gives the report at each moment it is called; what has not changed since the last one is not read again."""
    from hugflow_assets.intake import source_of
    from hugflow_assets.status.report import status_report
    from hugflow_assets.store import Store

    source, store = source_of(settings), Store.of(settings)
    return lambda: status_report(source.snapshot(), store, settings)


def _watch(settings: Settings) -> None:
    shown, report = console(), reporter(settings)

    def now() -> Text:
        return Text.from_ansi(rendered(report(), shown.width))

    with Live(now(), console=shown, screen=sys.stdout.isatty()) as live:
        while True:
            time.sleep(WATCH_INTERVAL_S)
            live.update(now(), refresh=True)


def rendered(report: StatusReport, width: int) -> str:
    """The report for a terminal of this width. Plain strings: a rich table of 10,000 rows takes seven seconds."""
    if not report.datasets and not report.problems:
        return "nothing is asked for and nothing has landed: write a request into requests/add/"
    return "\n".join([*_table(report, width), *_notes(report), "", *_totals(report)])


def _table(report: StatusReport, width: int) -> Iterator[str]:
    yield from lines_of(COLUMNS, map(_cells, report.datasets), width=width, right=NUMBERS, styles=COLORS)


def _cells(one: DatasetStatus) -> tuple[str, ...]:
    return (
        one.name,
        one.state.value,
        size(one.size_bytes),
        count(one.rows),
        hours(one.hours),
        age(one.landed_at),
        one.owner or "-",
        count(one.inodes),
    )


def _notes(report: StatusReport) -> list[str]:
    notes = list(together((one.name, note) for one in report.datasets if (note := _note(one))))
    notes += [f"requests/{one}" for one in report.problems]
    notes += [f"{one}: lies in the storage root and is no dataset" for one in report.strays[:STRAYS_SHOWN]]
    if report.held_back:
        notes.append(report.held_back)
    return ["", *notes] if notes else []


def _note(one: DatasetStatus) -> str:
    progress = one.progress
    if progress is None:
        return one.note
    share = (
        f"{100 * progress.bytes_done / progress.bytes_total:.0f} %" if progress.bytes_total else "size not known yet"
    )
    progress_text = (
        f"{progress.phase.value} {share} of {size(progress.bytes_total)}, {size(int(progress.bytes_per_s))}/s"
    )
    if progress.eta_s is not None:
        progress_text += f", {duration(progress.eta_s)} left"
    return f"{progress_text}. {one.note}" if one.note else progress_text


def _totals(report: StatusReport) -> list[str]:
    totals, usage = report.totals, report.usage
    landed = (
        f"{count(totals.datasets)} landed: {count(totals.rows)} rows, {hours(totals.hours)} of audio, "
        f"{size(totals.size_bytes)}, {count(totals.files)} files"
    )
    quota = f"storage: {size(usage.size_bytes)} used"
    if usage.reserved_bytes:
        quota += f", {size(usage.reserved_bytes)} reserved"
    if usage.trash_bytes:
        quota += f", {size(usage.trash_bytes)} of it in the trash"
    if usage.quota_bytes:
        quota += f", quota {size(usage.quota_bytes)} ({100 * usage.size_bytes / usage.quota_bytes:.1f} %)"
    states = Counter(one.state.value for one in report.datasets if one.state.value not in ("landed", "removed"))
    others = ", ".join(f"{count(number)} {state}" for state, number in sorted(states.items()))
    return [
        landed,
        *([others] if others else []),
        *_owners(report),
        f"{quota}, {size(usage.free_bytes)} free on the file system",
    ]


def _owners(report: StatusReport) -> list[str]:
    """A line an owner, where there are several."""
    if len(report.owners) < 2:
        return []
    lines = []
    for one in report.owners[:OWNERS_SHOWN]:
        datasets = "1 dataset" if one.datasets == 1 else f"{count(one.datasets)} datasets"
        text = f"{datasets}, {count(one.rows)} rows, {hours(one.hours)}, {size(one.size_bytes)}"
        lines.append(f"  {one.owner or 'no owner'}: {text}")
    more = len(report.owners) - OWNERS_SHOWN
    return [*lines, f"  and {count(more)} more owners (--json shows all)"] if more > 0 else lines
