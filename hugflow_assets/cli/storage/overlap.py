"""``hugflow overlap``: clips and transcripts that occur more than once."""

from __future__ import annotations

from typing import Annotated

import typer

from hugflow_assets.cli.reading.path import NAME
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force

OTHER = Annotated[str | None, typer.Argument(metavar="OTHER", help="Another dataset; left out, NAME with itself.")]
AS_JSON = Annotated[bool, typer.Option("--json", help="As a JSON list.")]


def overlap(name: NAME, other: OTHER = None, as_json: AS_JSON = False) -> None:
    """Say which clips and transcripts occur twice: in a dataset, in two of its splits, or in two datasets."""
    settings = settings_in_force()
    import orjson

    from hugflow_assets import profile
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.store import Store

    store, root = Store.of(settings), settings.storage_root
    names = [open_dataset(one, root=root).info.name for one in (name, other) if one is not None]
    found = profile.overlap(store, *names) if other is not None else profile.duplicates(store, *names)
    if as_json:
        typer.echo(orjson.dumps([one.model_dump() for one in found], option=orjson.OPT_INDENT_2).decode())
        return
    for one in found:
        if one.first == one.second:
            typer.echo(
                f"{one.count:,} {one.what} of {one.first} are copies of others there (like {one.examples[0][0]})"
            )
            continue
        leak = "  LEAK: only one of them is held out for testing" if one.leaks else ""
        typer.echo(f"{one.count:,} {one.what} of {one.first} are in {one.second}{leak}")
        for first, second in one.examples:
            typer.echo(f"    {first} = {second}")
    if not found:
        typer.echo("nothing occurs twice" if other is None else "they have nothing in common")
