"""``hugflow restore``: a removed dataset brought back from the trash."""

from __future__ import annotations

from typing import Annotated

import typer

from hugflow_assets.cli.terminal.console import count, size
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def restore(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset's storage name.")],
    version: Annotated[
        str | None, typer.Option("--version", help="Which one, as `hugflow trash list` shows; the newest by default.")
    ] = None,
) -> None:
    """Bring a removed dataset back from the trash; refused while a removal request withdraws it."""
    settings_in_force()
    from hugflow_assets.orchestration.sync.one_dataset import restore as bring_back

    entry = bring_back(name, entry_id=f"{name}@{version}" if version else None)
    typer.echo(
        f"{entry.name}: restored, {count(entry.rows)} rows, {size(entry.size_bytes)}, commit {entry.commit[:12]}"
    )
