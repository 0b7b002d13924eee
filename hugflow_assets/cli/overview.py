"""``hugflow status``: every dataset asked for or landed, and how full the storage is."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from hugflow_assets.cli.console import age, console, count, duration, hours, size, table
from hugflow_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from hugflow_assets.cli.report import DatasetStatus, StatusReport

WATCH_INTERVAL_S = 1.0
STYLES = {
    "landed": "green",
    "landing": "cyan",
    "interrupted": "yellow",
    "orphaned": "yellow",
    "removing": "yellow",
    "removed": "dim",
    "failed": "bold red",
    "damaged": "bold red",
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, stable over versions.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it, until Ctrl-C.")] = False,
) -> None:
    """Show every dataset asked for or landed: state, rows, hours, size, age, owner; totals and quota."""
    settings = load_settings()
    if watch and not as_json:
        _watch(settings)
        return
    report = read_report(settings)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        console().print(rendered(report))


def read_report(settings: Settings) -> StatusReport:
    """The report at this moment."""
    from hugflow_assets.cli.report import status_report
    from hugflow_assets.intake import source_of
    from hugflow_assets.store import Store

    return status_report(source_of(settings).snapshot(), Store.of(settings), settings)


def _watch(settings: Settings) -> None:
    with Live(rendered(read_report(settings)), console=console(), screen=sys.stdout.isatty()) as live:
        while True:
            time.sleep(WATCH_INTERVAL_S)
            live.update(rendered(read_report(settings)), refresh=True)


def rendered(report: StatusReport) -> RenderableType:
    """The report for a terminal."""
    if not report.datasets and not report.problems:
        return Text("nothing is asked for and nothing has landed: write a request into requests/add/")
    rows = table(
        "dataset",
        "state",
        "rows",
        "audio",
        "size",
        "files",
        "age",
        "owner",
        right=("rows", "audio", "size", "files", "age"),
    )
    for one in report.datasets:
        rows.add_row(
            one.name,
            Text(one.state.value, style=STYLES.get(one.state, "")),
            count(one.rows),
            hours(one.hours),
            size(one.size_bytes),
            count(one.files),
            age(one.landed_at),
            one.owner or "-",
        )
    return Group(rows, *_notes(report), Text(), *_totals(report))


def _notes(report: StatusReport) -> list[Text]:
    notes = [Text(f"{one.name}: {note}") for one in report.datasets if (note := _note(one))]
    notes += [Text(f"requests/{one}", style="red") for one in report.problems]
    return [Text(), *notes] if notes else []


def _note(one: DatasetStatus) -> str:
    progress = one.progress
    if progress is None:
        return one.note
    share = (
        f"{100 * progress.bytes_done / progress.bytes_total:.0f} %" if progress.bytes_total else "size not known yet"
    )
    told = f"{progress.phase.value} {share} of {size(progress.bytes_total)}, {size(int(progress.bytes_per_s))}/s"
    if progress.eta_s is not None:
        told += f", {duration(progress.eta_s)} left"
    return f"{told}. {one.note}" if one.note else told


def _totals(report: StatusReport) -> list[Text]:
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
    return [Text(landed), Text(f"{quota}, {size(usage.free_bytes)} free on the file system")]
