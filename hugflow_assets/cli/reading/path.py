"""``hugflow path``: the folder of a landed dataset, for scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from hugflow_assets.cli.datasets.names import known_names

NAME = Annotated[
    str,
    typer.Argument(metavar="NAME", help="An id of the Hub, or a storage name.", autocompletion=known_names),
]
SUBSET = Annotated[str | None, typer.Option(help="The subset, where several are landed.")]
SPLIT = Annotated[str | None, typer.Option(help="The split, where several are landed.")]
REVISION = Annotated[str | None, typer.Option(help="The revision as requested, where several are landed.")]


def path(name: NAME, subset: SUBSET = None, split: SPLIT = None, revision: REVISION = None) -> None:
    """Print the folder of a landed dataset, and nothing else: cd "$(hugflow path org/name)"."""
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.settings import load_settings

    root = load_settings().storage_root
    typer.echo(open_dataset(name, subset=subset, split=split, revision=revision, root=root).path)
