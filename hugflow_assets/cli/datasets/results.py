"""What became of request files, as ``sync``, ``update`` and ``adopt`` show it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from hugflow_assets.cli.terminal.console import console, duration, size, table
from hugflow_assets.cli.terminal.exit_status import exit_status_of

if TYPE_CHECKING:
    from hugflow_assets.orchestration.sync.run_here import SyncResult

STYLES = {"landed": "green", "removed": "green", "landing": "cyan", "withdrawn": "dim", "held": "yellow"}
AT_FAULT = ("failed", "malformed")


def show_results(results: Sequence[SyncResult], *, as_json: bool) -> None:
    """What became of each dataset: failures on stderr with what to do, then all of them as a table or as JSON."""
    for one in results:
        show_failure(one)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in results], indent=2))
    else:
        console().print(results_table(results))


def show_failure(result: SyncResult) -> None:
    if result.state in AT_FAULT:
        label = f"error[{result.error_code}]" if result.error_code else "error"
        typer.echo(f"{result.path}: {label}: {result.message}", err=True)
        if result.remedy:
            typer.echo(f"  fix: {result.remedy}", err=True)


def results_table(results: Iterable[SyncResult]) -> object:
    rows = table("request", "dataset", "state", "action", "size", "time", right=("size", "time"))
    for one in results:
        style = "bold red" if one.state in AT_FAULT else STYLES.get(one.state, "")
        rows.add_row(
            one.path,
            one.name or "-",
            Text(one.state, style=style),
            one.action,
            size(one.bytes) if one.bytes else "-",
            duration(one.seconds) if one.seconds else "-",
        )
    return rows


def exit_status(results: Iterable[SyncResult]) -> int:
    """0 when nothing failed, 3 when the environment is at fault for anything, else 1."""
    return max((exit_status_of(one.error_code) for one in results if one.state in AT_FAULT), default=0)
