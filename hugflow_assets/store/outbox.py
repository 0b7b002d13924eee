"""Marks that are an event as well: the event waits in the outbox until the mark is written, and is told once.

Whoever is killed in between leaves the event where the next process that uses the storage finds it: with the mark in
place it is told, without it is forgotten.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write, make_folder
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.events import EventLog
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout
from hugflow_assets.store.models import PlannedEvent


class Waiting(Frozen):
    """``outbox/<event id>.json``: the event of a mark, and what the mark says; ``path`` is below ``.hugflow``."""

    schema_version: int = 1
    event: PlannedEvent
    path: str
    text: str


class Outbox:
    """Writes marks together with their events."""

    def __init__(self, layout: Layout, events: EventLog) -> None:
        self._layout, self._events = layout, events

    def write(self, path: Path, text: str, event: PlannedEvent) -> None:
        """Replace the mark at ``path`` by ``text`` and tell the event of it."""
        self.recover()  # what an earlier mark has to tell comes before
        waiting = Waiting(event=event, path=str(path.relative_to(self._layout.inner)), text=text)
        make_folder(self._layout.outbox)
        place = self._place(event)
        atomic_write(place, waiting.model_dump_json().encode(), mode=INNER_FILE_MODE)
        try:
            atomic_write(path, text.encode(), mode=INNER_FILE_MODE)
        except BaseException:
            if not self._is_done(waiting):
                place.unlink(missing_ok=True)
            raise
        self._tell(waiting)

    def pending(self) -> bool:
        return any(self._layout.outbox.glob("*.json"))

    def recover(self) -> None:
        """Tell what was done and not told. What is not done may be on its way; by age it is debris."""
        for place in sorted(self._layout.outbox.glob("*.json")):
            try:
                waiting = Waiting.model_validate_json(place.read_bytes())
            except (OSError, ValidationError):
                continue
            if self._is_done(waiting):
                self._tell(waiting)

    def _is_done(self, waiting: Waiting) -> bool:
        try:
            return (self._layout.inner / waiting.path).read_bytes() == waiting.text.encode()
        except OSError:
            return False

    def _tell(self, waiting: Waiting) -> None:
        self._events.append_planned(waiting.event)
        self._place(waiting.event).unlink(missing_ok=True)

    def _place(self, event: PlannedEvent) -> Path:
        return self._layout.outbox / f"{event.id}.json"
