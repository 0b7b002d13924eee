"""``hugflow local-sync``: ``hugflow sync`` of one request file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.datasets.sync import sync


def local_sync(path: Annotated[Path, typer.Argument(metavar="PATH", help="A file of the requests folder.")]) -> None:
    """Land one request file; the same as sync PATH."""
    sync([path])
