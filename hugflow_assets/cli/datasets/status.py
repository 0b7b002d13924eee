"""``hugflow status``: every dataset asked for or landed, and how full the storage is."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.text import Text

from hugflow_assets.cli.datasets.history import history_lines
from hugflow_assets.cli.datasets.names import known_names, unknown
from hugflow_assets.cli.terminal.console import (
    age,
    colored,
    console,
    count,
    duration,
    hours,
    lines_of,
    size,
    together,
    wrapped,
)
from hugflow_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from hugflow_assets.status.dataset_report import DatasetReport
    from hugflow_assets.status.report import DatasetStatus, StatusReport

WATCH_INTERVAL_S = 1.0
# The first ones first: a narrow terminal does without the last.
COLUMNS = ("dataset", "state", "size", "rows", "audio", "age", "owner", "inodes")
NUMBERS = ("rows", "audio", "size", "inodes", "age")
STRAYS_SHOWN = 20
OWNERS_SHOWN = 10
HISTORY_SHOWN = 20
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
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Everything of one dataset, its history too.", autocompletion=known_names),
    ] = None,
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
    if name is not None:
        _show_one(name, settings, as_json=as_json)
        return
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


def _show_one(name: str, settings: Settings, *, as_json: bool) -> None:
    from hugflow_assets.intake import source_of
    from hugflow_assets.status.dataset_report import dataset_reports
    from hugflow_assets.store import Store

    found = dataset_reports(name, source_of(settings).snapshot(), Store.of(settings), settings)
    if not found:
        raise unknown(name)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        return
    width = console().width
    typer.echo("\n\n".join("\n".join(_lines_of_one(one, width)) for one in found))


def _lines_of_one(report: DatasetReport, width: int) -> Iterator[str]:
    one, checks = report.dataset, report.checks
    yield f"{colored(one.name, bold=True)}  {colored(one.state.value, COLORS.get(one.state.value))}"
    if note := _note(one):
        yield from wrapped(note, width, indent="  ")
    facts = {
        "dataset": f"{one.hf_id} at {one.revision}" if one.hf_id else None,
        "commit": one.commit,
        "licence": report.license,
        "owner": one.owner,
        "request": f"requests/{one.request}" if one.request else None,
        "rows": count(one.rows) if one.rows is not None else None,
        "audio": hours(one.hours) if one.hours is not None else None,
        "size": f"{size(one.size_bytes)} in {count(one.files)} files" if one.size_bytes is not None else None,
        "landed": f"{one.landed_at[:16].replace('T', ' ')} UTC, {age(one.landed_at)} ago" if one.landed_at else None,
        "folder": one.path,
    }
    yield from (f"  {label:<8} {value}" for label, value in facts.items() if value)
    if checks is not None:
        failed, warned = len(checks.failed), len(checks.warnings)
        yield f"  {'checks':<8} {checks.passed} passed, {failed} failed, {warned} warned"
        for said in (*checks.failed, *checks.not_judged, *checks.warnings):
            yield from wrapped(said, width, indent="    ")
    if report.history:
        yield "  history"
        for line in history_lines(report.history[-HISTORY_SHOWN:], width - 4, named=False):
            yield f"    {line}"


def _watch(settings: Settings) -> None:
    shown, report = console(), reporter(settings)

    def now() -> Text:
        return Text.from_ansi(rendered(report(), shown.width))

    with Live(now(), console=shown, screen=sys.stdout.isatty(), auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_INTERVAL_S)
            live.update(now(), refresh=True)


def rendered(report: StatusReport, width: int) -> str:
    """The report for a terminal of this width. Plain strings: a rich table of 10,000 rows takes seven seconds."""
    if not report.datasets and not report.problems:
        return "nothing is asked for and nothing has landed: write a request into requests/add/"
    said = (line for text in [*_notes(report), "", *_totals(report)] for line in _within(text, width))
    return "\n".join([*_table(report, width), *said])


def _within(text: str, width: int) -> list[str]:
    """A text as it is where it has room, or where nobody watches; else in lines, no word broken."""
    return [text] if len(text) <= width else wrapped(text, width)


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
