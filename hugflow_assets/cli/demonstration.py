"""``hugflow demo``: the whole way of a dataset, offline, against a local Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        Path | None, typer.Option("--folder", help="The demo's project folder; .demo of this project by default.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Only run the local Hub, until Ctrl-C.")] = False,
) -> None:
    """Start a local Hub with a small speech dataset and land it through the real path; needs no internet."""
    from hugflow_assets.demo.run import run_demo, serve_demo

    if serve:
        serve_demo(folder)
    else:
        run_demo(folder)
