"""``hugflow withdraw``: rows and their clips out of a landed dataset, for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.datasets.names import whoami
from hugflow_assets.cli.reading.path import NAME, REVISION, SUBSET
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force

IDS = Annotated[Path, typer.Option(help="A file of values, one a line: ids of rows, or of a speaker.", exists=True)]
REASON = Annotated[str, typer.Option(help="Why; the manifest says it.")]
COLUMN = Annotated[str, typer.Option(help="The column that holds the values; dotted inside a struct.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def withdraw(
    name: NAME,
    ids: IDS,
    reason: REASON,
    column: COLUMN = "id",
    yes: YES = False,
    subset: SUBSET = None,
    revision: REVISION = None,
) -> None:
    """Take rows and their clips out of a landed dataset for good, by a column's values; no update brings them back.

    They go from audio, record, views and checksum list, and what the trash holds of the dataset is deleted.
    """
    settings = settings_in_force()
    from hugflow_assets.landing.withdraw import withdraw_values
    from hugflow_assets.reading import open_dataset
    from hugflow_assets.store import Store, WithdrawnValues, now_text

    found = open_dataset(name, subset=subset, revision=revision, root=settings.storage_root).info.name
    values = tuple(dict.fromkeys(one.strip() for one in ids.read_text(encoding="utf-8").splitlines() if one.strip()))
    if not values:
        raise typer.BadParameter(f"{ids} holds no value.", param_hint="--ids")
    if not yes:
        typer.confirm(
            f"delete the rows of {found} with one of {len(values):,} values in {column}, for good?", abort=True
        )
    asked = WithdrawnValues(column=column, ids=values, reason=reason, by=whoami(), at=now_text())
    manifest, rows = withdraw_values(Store.of(settings), found, asked)
    typer.echo(f"{found}: {rows:,} rows withdrawn, {manifest.counts.rows:,} left")
