"""Another try asked for by a person or a workflow: failures so far hold the next one back no longer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from hugflow_assets.intake import AddFile, RemoveFile
from hugflow_assets.store import EventKind, Held, Hold, Store, now_text


def ask_again(store: Store, name: str, file: AddFile | RemoveFile, *, by: str, why: str = "") -> bool:
    """Have the sensor try ``name`` again at its next tick, whatever it is waiting for; False where a person holds it.

    The event makes the sensor look, and tells people that it is queued.
    """
    hold = store.holds.read(name)
    if hold is not None and isinstance(file, AddFile) and hold.holds(file.request):
        return False
    store.holds.write(Hold(name=name, held=Held.RESUMED, by=by, at=now_text()))
    owner = file.request.owner if isinstance(file, AddFile) else None
    store.events.append(EventKind.REQUESTED, name, path=file.path, owner=owner, by=by, why=why, again=True)
    return True


def resumed_at(store: Store, names: Collection[str]) -> dict[str, float]:
    """When another try of these names was asked for, as seconds since the epoch."""
    found = {name: store.holds.read(name) for name in names}
    return {
        name: datetime.fromisoformat(hold.at).timestamp()
        for name, hold in found.items()
        if hold is not None and hold.held is Held.RESUMED
    }
