"""Events reach a channel at least once, in order, however often the channel or we fall over.

A channel is a reader of the audit log with a cursor of its own; the cursor moves after the channel has taken an event.
What a crash in between leads to, the same event once more, the channels find out by looking before they post. One that
cannot look (a webhook) is told when an event may have been taken before, and says so in the message: between losing it
and repeating it, it is repeated, marked. One channel knows nothing of another, and a landing nothing of any.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import DeliveryError, LeaseHeldError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store import Event, Lease, Store

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
GIVE_UP_AFTER = 3  # times that a message is refused for good, before the next one gets its turn
CATCH_UP = timedelta(days=1)


class Channel(Protocol):
    """Somewhere events are told."""

    name: str  # of the cursor: one word
    blind: bool  # it cannot look up what it has sent

    def send(self, event: Event, *, again: bool = False) -> bool:
        """Tell one event; whether anything was sent (an event may be none of this channel's business).

        Must be safe to repeat. ``again``: a blind channel may have sent it before, and nobody can know.

        Raises:
            DeliveryError: it was not taken; ``details`` as ``channel_errors.delivery_error`` gives them.
        """
        ...


class Trouble(Frozen):
    """Why a channel waits: ``state_dir/delivery/<channel>.json``. Lost, it is tried at once."""

    seq: int
    attempts: int
    retry_at: datetime
    problem: str


class Doubt:
    """The event that a blind channel is about to send, on the disk before it is sent and until that is known."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, seq: int) -> bool:
        """Note that an event is about to be sent; whether that had been noted before."""
        try:
            if int(self._path.read_text()) == seq:
                return True
        except (OSError, ValueError):
            pass
        self._path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._path, str(seq).encode())
        return False

    def end(self) -> None:
        """It was taken, or certainly was not."""
        self._path.unlink(missing_ok=True)


class Delivered(Frozen):
    """What one round did. ``given_up`` are events that the channel refuses for good; the log still has them."""

    channel: str
    sent: int = 0
    passed_over: int = 0
    given_up: tuple[int, ...] = ()
    cursor: int = 0
    problem: str = ""
    retry_at: datetime | None = None


def deliver(
    store: Store,
    channel: Channel,
    *,
    now: datetime | None = None,
    limit: int = 50,
    work_s: float = 25.0,
    clock: Callable[[], datetime] | None = None,
) -> Delivered:
    """Tell a channel what it has not heard yet, until it falters, at most ``limit`` events or for ``work_s`` seconds.

    A channel that is new starts a day back, not at the beginning of the log. Never raises for a channel's fault: the
    next round comes after ``retry_at``, doubling from five seconds to a quarter of an hour, or when the server says.
    Of several processes one delivers; the others return at once.
    """
    tick = clock or (lambda: now if now is not None else datetime.now(UTC))
    try:
        with alone_at(store, channel.name):
            return _round(store, channel, tick, limit, time.monotonic() + work_s)
    except LeaseHeldError:
        return Delivered(channel=channel.name, cursor=store.events.cursor(channel.name), problem="another one is at it")


def alone_at(store: Store, channel: str, *, wait_s: float = 0.0) -> AbstractContextManager[Lease]:
    """Be the only one on this storage that writes to a channel: who looks and then posts must not be two.

    Raises:
        LeaseHeldError: another one is at it, for longer than ``wait_s``.
    """
    return store.slot(f"delivery-{channel}", limit=1, wait_s=wait_s, purpose="delivery")


def _round(store: Store, channel: Channel, tick: Callable[[], datetime], limit: int, ends: float) -> Delivered:
    state = store.state_dir / "delivery" / f"{channel.name}.json"
    trouble = _read(state)
    cursor = _cursor(store, channel.name, tick())
    if trouble is not None and tick() < trouble.retry_at:
        return Delivered(channel=channel.name, cursor=cursor, problem=trouble.problem, retry_at=trouble.retry_at)
    sent = passed = 0
    given_up: list[int] = []
    doubt = Doubt(store.state_dir / "delivery" / f"{channel.name}.sending") if channel.blind else None
    for event in store.events.read(after=cursor, limit=limit):
        if time.monotonic() > ends:
            break  # a slow channel goes on at the next round
        again = doubt.begin(event.seq) if doubt is not None else False
        try:
            told = channel.send(event, again=again)
        except DeliveryError as error:
            if doubt is not None and not again and error.details.get("taken") is False:
                doubt.end()
            trouble = _worse(trouble, event.seq, error, tick())
            if not (error.details.get("permanent") and trouble.attempts >= GIVE_UP_AFTER):
                _write(state, trouble)
                return Delivered(
                    channel=channel.name, sent=sent, passed_over=passed, given_up=tuple(given_up), cursor=cursor,
                    problem=trouble.problem, retry_at=trouble.retry_at,
                )  # fmt: skip
            given_up.append(event.seq)
            told = False
        sent, passed = sent + told, passed + (not told)
        cursor = event.seq
        store.events.set_cursor(channel.name, cursor)
        if doubt is not None:
            doubt.end()
        if trouble is not None:
            state.unlink(missing_ok=True)
            trouble = None
    return Delivered(channel=channel.name, sent=sent, passed_over=passed, given_up=tuple(given_up), cursor=cursor)


def _cursor(store: Store, name: str, now: datetime) -> int:
    """Where the channel is; for a new one, just before the first event of the last day."""
    if name in store.events.readers():
        return store.events.cursor(name)
    start = 0
    for event in store.events.read():
        if datetime.fromisoformat(event.time) >= now - CATCH_UP:
            break
        start = event.seq
    store.events.set_cursor(name, start)
    return start


def _worse(before: Trouble | None, seq: int, error: DeliveryError, now: datetime) -> Trouble:
    attempts = before.attempts + 1 if before is not None and before.seq == seq else 1
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempts - 1, 20))
    asked = error.details.get("retry_after_s")
    if isinstance(asked, int | float):
        wait_s = max(wait_s, float(asked))
    return Trouble(seq=seq, attempts=attempts, retry_at=now + timedelta(seconds=wait_s), problem=error.message)


def _read(path: Path) -> Trouble | None:
    try:
        return Trouble.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _write(path: Path, trouble: Trouble) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, trouble.model_dump_json().encode(), sync=False)
