"""``hugflow demo``: everything offline, against a local Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND…", help="After --: run it, pointed at the demo's Hub, until it ends."),
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Only run the local Hub, until Ctrl-C.")] = False,
    folder: Annotated[Path | None, typer.Option(help="The demo's own project folder; .demo by default.")] = None,
) -> None:
    """Land a small speech dataset from a local Hub, through the real path; needs no internet."""
    from hugflow_assets.demo.run import run_demo, run_with_hub, serve_demo

    if command:
        raise typer.Exit(run_with_hub(command, folder))
    if serve:
        serve_demo(folder)
    else:
        run_demo(folder)
