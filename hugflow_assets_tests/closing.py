"""How requests end, by the log of a storage."""

from __future__ import annotations

from hugflow_assets.store import Event, EventKind, Store

ENDS = {EventKind.LANDED, EventKind.FAILED, EventKind.REJECTED, EventKind.REMOVED, EventKind.RESTORED}


def ends_of(store: Store) -> list[tuple[str, list[Event]]]:
    """Each ``requested`` in order, with the events that ended it: its name's, up to the next ``requested`` of it."""
    found: list[tuple[Event, list[Event]]] = []
    for event in store.events.read():
        if event.kind is EventKind.REQUESTED:
            found.append((event, []))
        elif event.kind in ENDS:
            of = {event.name, event.data.get("removal_path")}
            mine = [one for one in found if of & {one[0].name, one[0].data.get("path")}]
            mine[-1][1].append(event)
    return [(one.name, closing) for one, closing in found]
