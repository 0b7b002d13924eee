"""``hugflow sync``: bring the storage to what the requests say, now and in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hugflow_assets.cli.console import console, duration, size, table
from hugflow_assets.cli.judging import exit_status_of
from hugflow_assets.cli.selection import select
from hugflow_assets.cli.startup import settings_in_force
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from hugflow_assets.orchestration.sync.run_here import SyncResult

STYLES = {"landed": "green", "removed": "green", "landing": "cyan", "withdrawn": "dim", "held": "yellow"}
AT_FAULT = ("failed", "malformed")


def sync(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files of the requests folder; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The results as a JSON list, stable over versions.")] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for other runs that are at work.")
    ] = 3600,
    ci_mode: Annotated[
        bool, typer.Option("--ci-mode", help="For a workflow: results.json, step outputs, job summary.")
    ] = False,
    results_path: Annotated[Path, typer.Option("--results", metavar="FILE", help="Where --ci-mode writes.")] = Path(
        "results.json"
    ),
) -> None:
    """Land what is asked for and not there yet, carry out removals; every file that is fine already is left alone."""
    settings = settings_in_force()
    files = _files(paths or [], settings)
    if ci_mode:
        if results_path.is_dir() or not os.access(results_path.absolute().parent, os.W_OK):
            raise typer.BadParameter(f"{results_path} cannot be written", param_hint="--results")
        from hugflow_assets.cli.continuous import run_in_ci

        if status := run_in_ci(files, settings, results_path):
            raise typer.Exit(status)
        return
    # The first import of Dagster takes a second: only who syncs pays for it.
    from hugflow_assets.orchestration.sync.run_here import sync as reconcile

    results = reconcile(files, wait_s=wait, on_start=None if as_json else _starts, on_result=_ends)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in results], indent=2))
    elif not results:
        typer.echo("nothing is asked for: write a request into requests/add/")
    else:
        console().print(_table(results))
    if status := worst_of(results):
        raise typer.Exit(status)


def local_sync(path: Annotated[Path, typer.Argument(metavar="PATH", help="A file of the requests folder.")]) -> None:
    """Land one request file; the same as sync PATH."""
    sync([path])


def _files(paths: Sequence[Path], settings: Settings) -> list[str] | None:
    """The files that are meant, relative to the requests folder; None for all.

    Raises:
        typer.BadParameter: a file outside the requests folder. What lands is what the requests folder asks for: a file
            from elsewhere would be an orphan as soon as it had landed.
    """
    if not paths:
        return None
    if settings.requests_git_url is not None:
        raise typer.BadParameter(
            "requests are read from REQUESTS_GIT_URL, not from files here; merge them, then run `hugflow sync`.",
            param_hint="PATH",
        )
    files: list[str] = []
    for selection in select(paths):
        if selection.root.resolve() != settings.requests_dir:
            raise typer.BadParameter(
                f"{selection.shown(selection.paths()[0] if selection.paths() else '')} lies outside the requests "
                f"folder {settings.requests_dir}: copy it to {settings.requests_dir / 'add'}/, or set REQUESTS_DIR.",
                param_hint="PATH",
            )
        files += selection.paths()
    return files


def _starts(name: str, path: str) -> None:
    console().print(Text(f"{path}: {name} …", style="dim"))


def _ends(result: SyncResult) -> None:
    if result.state in AT_FAULT:
        label = f"error[{result.error_code}]" if result.error_code else "error"
        typer.echo(f"{result.path}: {label}: {result.message}", err=True)
        if result.remedy:
            typer.echo(f"  fix: {result.remedy}", err=True)


def show_results(results: Sequence[SyncResult], *, as_json: bool) -> None:
    """What became of each dataset: failures on stderr with what to do, then all of them as a table or as JSON."""
    for one in results:
        _ends(one)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in results], indent=2))
    else:
        console().print(_table(results))


def _table(results: Iterable[SyncResult]) -> object:
    rows = table("request", "dataset", "state", "action", "size", "time", right=("size", "time"))
    for one in results:
        style = "bold red" if one.state in AT_FAULT else STYLES.get(one.state, "")
        rows.add_row(
            one.path,
            one.name or "-",
            Text(one.state, style=style),
            one.action,
            size(one.bytes) if one.bytes else "-",
            duration(one.seconds) if one.seconds >= 1 else f"{one.seconds:.1f}s" if one.seconds else "-",
        )
    return rows


def worst_of(results: Iterable[SyncResult]) -> int:
    """0 when nothing failed, 3 when the environment is at fault for anything, else 1."""
    return max((exit_status_of(one.error_code) for one in results if one.state in AT_FAULT), default=0)
