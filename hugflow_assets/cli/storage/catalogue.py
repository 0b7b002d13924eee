"""``hugflow catalogue``: everything asked for or landed, for scripts and as a static site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def catalogue(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, stable over versions.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line a dataset, with a header.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="DIR", help="Write a static site there; replaced as a whole.")
    ] = None,
) -> None:
    """Write what is asked for and landed as JSON, as CSV, or as a site of static pages, one a dataset."""
    if as_json + as_csv + (html is not None) != 1:
        raise typer.BadParameter("say one of --json, --csv and --html DIR")
    settings = settings_in_force()
    from hugflow_assets import catalogue as room
    from hugflow_assets.intake import source_of
    from hugflow_assets.store import Store

    snapshot, store = source_of(settings).snapshot(), Store.of(settings)
    if html is None:
        found = room.catalogue_of(snapshot, store, settings)
        typer.echo(found.model_dump_json(indent=2) if as_json else room.as_csv(found).rstrip("\n"))
        return
    written = room.write_site(html, snapshot, store, settings)
    for problem in written.problems:
        typer.echo(problem, err=True)
    typer.echo(f"{written.folder}/index.html: {len(written.made)} pages made, {written.kept} kept")
