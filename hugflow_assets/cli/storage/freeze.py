"""``hugflow freeze``: what is landed, as a lock that another site can land."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.datasets.names import LANDED_NAMES, landed_names
from hugflow_assets.cli.storage.signature import signed
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def freeze(
    names: LANDED_NAMES = None,
    sign: Annotated[Path | None, typer.Option(metavar="KEY", help="Sign it with this SSH key.", dir_okay=False)] = None,
) -> None:
    """Print a lock of what is landed: commits, identities and hashes, for `hugflow land` elsewhere."""
    settings = settings_in_force()
    from hugflow_assets.landing.frozen import freeze as frozen
    from hugflow_assets.landing.frozen import lock_text
    from hugflow_assets.store import Store

    store = Store.of(settings)
    text = lock_text([frozen(store, name) for name in landed_names(store, names)])
    typer.echo(signed(text, sign) if sign is not None else text, nl=False)
