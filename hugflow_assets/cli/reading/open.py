"""``hugflow open``: how a landed dataset is opened in each toolkit, filled in with its paths and columns."""

from __future__ import annotations

import typer

from hugflow_assets.cli.reading.path import NAME, REVISION, SPLIT, SUBSET


def open(name: NAME, subset: SUBSET = None, split: SPLIT = None, revision: REVISION = None) -> None:  # noqa: A001
    """Show how to open a landed dataset in each toolkit, with its own paths and columns, ready to paste."""
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.reading.calls import calls_of
    from hugflow_assets.settings import load_settings

    found = open_dataset(name, subset=subset, split=split, revision=revision, root=load_settings().storage_root)
    typer.echo("\n\n".join(f"# {title}\n{code}" for title, code in calls_of(found)))
