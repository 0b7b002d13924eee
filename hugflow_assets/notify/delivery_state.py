"""What a channel has taken, what it waits for and what it refused for good: kept beside its cursor.

``state_dir/delivery/<channel>.json`` says why a channel waits; ``<channel>.refused.json`` holds what was set aside.
Lost, a channel is tried at once, and nobody hears again of what it refused; the audit log has all of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write, make_folder
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import DeliveryError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store import Event, Store
from hugflow_assets.store.layout import INNER_FILE_MODE

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
TRIES = 3  # of what is refused for good, before it is set aside and the rest goes on
CATCH_UP = timedelta(days=1)
_REFUSED_KEPT = 200


class Delivered(Frozen):
    """What one round did. ``given_up`` are events that the channel refuses for good; the log still has them.

    ``retry_at``: when there is something to do again: the channel is at fault (``problem``), or takes only so much.
    """

    channel: str
    sent: int = 0
    passed_over: int = 0
    given_up: tuple[int, ...] = ()
    cursor: int = 0
    problem: str = ""
    retry_at: datetime | None = None


class StateFile(Frozen):
    """A model that is one JSON file; one that is missing, or another version's, reads as the default."""

    @classmethod
    def read(cls, path: Path) -> Self | None:
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, self.model_dump_json().encode(), sync=False)

    def write_shared(self, path: Path) -> None:
        """Write a file of the storage, which other machines and users read too."""
        with disk_errors(path):
            make_folder(path.parent)
            atomic_write(path, self.model_dump_json().encode(), mode=INNER_FILE_MODE)


class Refusal(Frozen):
    """One message that a channel did not take and was set aside: an event, or a part of what it says."""

    seq: int
    name: str
    kind: str
    about: str
    problem: str
    at: datetime


class Refusals(StateFile):
    """The newest refusals of one channel, oldest first."""

    refused: tuple[Refusal, ...] = ()


def delivery_folder(store: Store) -> Path:
    return store.state_dir / "delivery"


def set_aside(store: Store, channel: str, events: list[Event], about: str, problem: str, now: datetime) -> None:
    """Keep what a channel refuses for good, for ``hugflow doctor`` and whoever counts it."""
    path = _refusals_path(store, channel)
    before = (Refusals.read(path) or Refusals()).refused
    new = [
        Refusal(seq=one.seq, name=one.name, kind=one.kind.value, about=about, problem=problem, at=now) for one in events
    ]
    Refusals(refused=(*before, *new)[-_REFUSED_KEPT:]).write(path)


def refusals(store: Store, channel: str, *, since: datetime | None = None) -> tuple[Refusal, ...]:
    """What a channel has refused for good, oldest first."""
    found = (Refusals.read(_refusals_path(store, channel)) or Refusals()).refused
    return tuple(one for one in found if since is None or one.at >= since)


def _refusals_path(store: Store, channel: str) -> Path:
    return delivery_folder(store) / f"{channel}.refused.json"


def wait_s(attempts: int, error: DeliveryError) -> float:
    """How long to wait after so many failures: doubling, or as long as the server asks."""
    own: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempts - 1, 20))
    asked = error.details.get("retry_after_s")
    return max(own, float(asked)) if isinstance(asked, int | float) else own


def first_cursor(store: Store, name: str, now: datetime) -> int:
    """Where a channel is; for a new one, just before the first event of the last day."""
    if name in store.events.readers():
        return store.events.cursor(name)
    start = 0
    for event in store.events.read():
        if datetime.fromisoformat(event.time) >= now - CATCH_UP:
            break
        start = event.seq
    store.events.set_cursor(name, start)
    return start
