"""``hugflow sync``: bring the storage to what the requests say, now and in this process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hugflow_assets.cli.datasets.results import Failures, exit_status, results_table
from hugflow_assets.cli.requests.selection import select
from hugflow_assets.cli.terminal.console import console
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.settings import Settings


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
        from hugflow_assets.cli.datasets.ci_mode import run_in_ci

        if status := run_in_ci(files, settings, results_path, wait_s=wait, as_json=as_json):
            raise typer.Exit(status)
        return
    # The first import of Dagster takes a second: only who syncs pays for it.
    from hugflow_assets.orchestration.sync.run_here import sync as reconcile

    with _progress(settings, shown=not as_json):
        results = reconcile(files, wait_s=wait, on_start=None if as_json else _starts, on_result=Failures().show)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in results], indent=2))
    elif not results:
        typer.echo("nothing is asked for: write a request into requests/add/")
    else:
        typer.echo(results_table(results))
    if status := exit_status(results):
        raise typer.Exit(status)


def _progress(settings: Settings, *, shown: bool) -> AbstractContextManager[object]:
    """How far each landing is, where somebody watches."""
    if not shown or not sys.stdout.isatty():
        return nullcontext()
    from hugflow_assets.status.progress_bars import shown_progress
    from hugflow_assets.store import Store

    return shown_progress(console(), Store.of(settings).progress)


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
