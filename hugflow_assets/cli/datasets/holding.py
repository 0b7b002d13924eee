"""A hold on a dataset written, and its landing stopped: what ``pause``, ``cancel`` and ``resume`` share."""

from __future__ import annotations

import typer

from hugflow_assets.cli.datasets.names import unknown, whoami
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def hold(names: list[str], held: str) -> None:
    settings = settings_in_force()
    from hugflow_assets.intake import source_of
    from hugflow_assets.store import EventKind, Held, Hold, Store, now_text, request_digest

    store, snapshot = Store.of(settings), source_of(settings).snapshot()
    landed, wanted = set(store.index.names()), Held(held)
    asked = {one.name: one for one in reversed(snapshot.adds)}
    for name in names:
        if name not in asked and name not in landed:
            raise unknown(name)
    by = whoami()
    for name in dict.fromkeys(names):
        request = asked[name].request if name in asked else None
        digest = request_digest(request) if request is not None and wanted is Held.CANCELLED else ""
        hold = Hold(name=name, held=wanted, by=by, at=now_text(), request=digest)
        stops = wanted is not Held.RESUMED and store.leases.holder(name) is not None
        store.holds.write(hold, store.events.plan(EventKind(held), name, by=by, stopped_a_landing=stops))
        # First the mark, then the lease: a landing that begins in between finds the mark under its lease.
        stopped = wanted is not Held.RESUMED and store.leases.cancel(name, by=by)
        typer.echo(f"{name}: {held}{'; the landing in flight stops and keeps what it has' if stopped else ''}")
