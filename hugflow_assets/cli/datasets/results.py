"""What became of request files, as ``sync``, ``update`` and ``adopt`` show it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from hugflow_assets.cli.terminal.console import console, duration, lines_of, size
from hugflow_assets.cli.terminal.exit_status import exit_status_of

if TYPE_CHECKING:
    from hugflow_assets.orchestration.sync.run_here import SyncResult

_COLORS = {
    "landed": "green",
    "removed": "green",
    "landing": "cyan",
    "held": "yellow",
    "failed": "red",
    "malformed": "red",
}
AT_FAULT = ("failed", "malformed")


def show_results(results: Sequence[SyncResult], *, as_json: bool) -> None:
    """What became of each dataset: failures on stderr with what to do, then all of them as a table or as JSON."""
    failures = Failures()
    for one in results:
        failures.show(one)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in results], indent=2))
    else:
        typer.echo(results_table(results))


class Failures:
    """Failures on stderr, each with what to do; a cause that several have, the Hub is down, is said once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, result: SyncResult) -> None:
        """Say why a request failed, if it did."""
        if result.state not in AT_FAULT:
            return
        label = f"error[{result.error_code}]" if result.error_code else "error"
        cause = f"{result.error_code} {result.message}"
        if result.message and cause in self._said:
            typer.echo(f"{result.path}: {label}: as above", err=True)
            return
        self._said.add(cause)
        typer.echo(f"{result.path}: {label}: {result.message}", err=True)
        if result.remedy:
            typer.echo(f"  fix: {result.remedy}", err=True)


def results_table(results: Iterable[SyncResult]) -> str:
    """A line a request file; names come last, where a narrow terminal breaks none of them."""
    rows = [
        (
            one.state,
            one.action,
            size(one.bytes) if one.bytes else "-",
            duration(one.seconds) if one.seconds else "-",
            one.path,
            one.name or "-",
        )
        for one in results
    ]
    header = ("state", "action", "size", "time", "request", "dataset")
    shown = lines_of(
        header, rows, width=console().width, right=("size", "time"), always=5, styles=_COLORS, styled=0
    )  # fmt: skip
    return "\n".join(shown)


def exit_status(results: Iterable[SyncResult]) -> int:
    """0 when nothing failed, 3 when the environment is at fault for anything, else 1."""
    return max((exit_status_of(one.error_code) for one in results if one.state in AT_FAULT), default=0)
