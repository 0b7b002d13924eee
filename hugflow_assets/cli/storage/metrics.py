"""``hugflow metrics``: the state of the storage for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def metrics(
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Answer /metrics there until Ctrl-C.")
    ] = None,
    textfile: Annotated[
        Path | None, typer.Option("--textfile", metavar="PATH", help="Write them once, for node_exporter (….prom).")
    ] = None,
) -> None:
    """Give the state of the storage to Prometheus: as a page, as a file for node_exporter, or on stdout."""
    if listen is not None and textfile is not None:
        raise typer.BadParameter("say one of --listen and --textfile")
    settings = settings_in_force()
    from hugflow_assets import metrics as room
    from hugflow_assets.intake import source_of
    from hugflow_assets.store import Store

    collector = room.StorageCollector(source_of(settings).snapshot, Store.of(settings), settings)
    if textfile is not None:
        room.write_textfile(collector, textfile)
    elif listen is None:
        typer.echo(room.exposed(collector).decode(), nl=False)
    else:
        host, port = _address(listen)
        server, thread = room.serve(collector, host, port)
        typer.echo(f"http://{host}:{server.server_port}/metrics")
        thread.join()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(f"{listen!r} is no HOST:PORT such as 127.0.0.1:9850")
    return host.strip("[]") or "127.0.0.1", int(port)
