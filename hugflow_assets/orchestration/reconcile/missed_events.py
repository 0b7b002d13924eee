"""Landings whose process was killed after they were published and before that was told: they are told here."""

from __future__ import annotations

from collections.abc import Collection

from hugflow_assets.errors import HugflowError
from hugflow_assets.store import Event, EventKind, Store

_ENDS = frozenset(
    {EventKind.LANDED, EventKind.CHECKED, EventKind.FAILED, EventKind.REJECTED, EventKind.REMOVED, EventKind.RESTORED}
)


def tell_missed(store: Store, at_work: Collection[str]) -> list[str]:
    """Append the event that is missing of each landing that began, is over and lies there; the names.

    Args:
        at_work: names that a run is at work on.
    Raises:
        StorageError: the log or the storage cannot be read or written.
    """
    begun: dict[str, Event] = {}
    for event in store.events.recent():
        if event.kind is EventKind.STARTED:
            begun[event.name] = event
        elif event.kind in _ENDS:
            begun.pop(event.name, None)
    return [
        name
        for name, started in begun.items()
        if name not in at_work and name in store.index.names() and _tell(store, started)
    ]


def _tell(store: Store, started: Event) -> bool:
    """The manifest says which run made it: with another one, this run did not get so far."""
    name = started.name
    if store.leases.holder(name) is not None:
        return False
    try:
        manifest = store.manifest(name)
    except HugflowError:
        return False  # unreadable: that is told elsewhere
    made = manifest.volatile if manifest is not None else None
    if manifest is None or made is None or made.run_id != started.data.get("run_id") or made.landed_at < started.time:
        return False
    store.events.append(
        EventKind.LANDED,
        name,
        run_id=made.run_id,
        action=started.data.get("action"),
        folder=str(store.layout.dataset(name)),
        **manifest.landed_facts(),
    )
    return True
