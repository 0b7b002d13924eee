"""``hugflow land``: what another site has frozen, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.storage.signature import body_of
from hugflow_assets.cli.terminal.console import count, size
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import HugflowError, RemovalInForceError

if TYPE_CHECKING:
    from hugflow_assets.intake import RequestSnapshot
    from hugflow_assets.landing.frozen import FrozenDataset


def land(
    lock: Annotated[Path, typer.Argument(metavar="LOCK", help="As `hugflow freeze` prints it.", exists=True)],
    signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only a lock that one of these has signed; as of ssh-keygen.", exists=True),
    ] = None,
) -> None:
    """Land what a lock says, byte for byte: from PEER_STORES where one has it, else from the Hub."""
    settings = settings_in_force()
    body, who = body_of(lock.read_text(encoding="utf-8"), signers, shown=str(lock))
    from hugflow_assets.hub import HubAccess
    from hugflow_assets.intake import source_of
    from hugflow_assets.landing.frozen import read_lock
    from hugflow_assets.landing.land_frozen import FrozenLanding
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.store import Store

    datasets = read_lock(body, shown=str(lock)).datasets
    if who:
        typer.echo(f"signed by {who}")
    snapshot = source_of(settings).snapshot()
    peers = [Path(one).expanduser() for one in settings.peer_stores]
    landing = FrozenLanding(Store.of(settings), peers, HubAccess.of(settings), LandingOptions.of(settings))
    failed: HugflowError | None = None
    for one in datasets:
        try:
            _refuse_withdrawn(one, snapshot)
            typer.echo(f"{one.name}: {_told(landing.land(one))}, {count(one.rows)} rows, {size(one.size_bytes)}")
        except HugflowError as error:
            typer.echo(f"{one.name}: {error}", err=True)
            failed = failed or error
    unasked = [one.name for one in datasets if snapshot.add(one.name) is None]
    if unasked:
        typer.echo(f"no request here asks for {', '.join(unasked)}: write one, or it is an orphan", err=True)
    if failed is not None:
        raise typer.Exit(failed.exit_status)


def _refuse_withdrawn(one: FrozenDataset, snapshot: RequestSnapshot) -> None:
    in_force = [removal.path for removal in snapshot.removals_of(one.request)]
    in_force += [removal.path for removal in snapshot.might_withdraw(one.request)]
    if in_force:
        paths = ", ".join(in_force)
        raise RemovalInForceError(
            f"{one.name} is withdrawn by {paths}.", remedy=f"Delete {paths}, if it shall land.", name=one.name
        )


def _told(source: str) -> str:
    from hugflow_assets.landing.land_frozen import HERE

    return "is here already" if source == HERE else f"landed from {source}"
