"""Events reach a channel at least once, in order, however often the channel or we fall over.

A channel is a reader of the audit log with a cursor of its own; the cursor moves after the channel has taken an event.
What a crash in between leads to, the same event once more, the channels find out by looking before they post. One that
cannot look (a webhook) is told when an event may have been taken before, and says so in the message: between losing it
and repeating it, it is repeated, marked. One channel knows nothing of another, and a landing nothing of any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import DeliveryError, LeaseHeldError
from hugflow_assets.notify.channel_errors import unexpected_error
from hugflow_assets.notify.delivery_state import (
    TRIES,
    Delivered,
    StateFile,
    delivery_folder,
    first_cursor,
    set_aside,
    wait_s,
)
from hugflow_assets.store import Event, Lease, Store

_LOG = logging.getLogger(__name__)


class Channel(Protocol):
    """Somewhere events are told, one after the other."""

    name: str  # of the cursor: one word
    blind: bool  # it cannot look up what it has sent

    def send(self, event: Event, *, again: bool = False) -> bool:
        """Tell one event; whether anything was sent (an event may be none of this channel's business).

        Must be safe to repeat. ``again``: a blind channel may have sent it before, and nobody can know.

        Raises:
            DeliveryError: it was not taken; ``details`` as ``channel_errors.delivery_error`` gives them.
        """
        ...


@runtime_checkable
class BatchChannel(Protocol):
    """Somewhere many events at once become few writes."""

    name: str

    def deliver_batch(self, store: Store, now: datetime, *, ends: float) -> Delivered:
        """Tell what is new, until ``ends`` (of ``time.monotonic``). Never raises for a fault of the channel."""
        ...


class Trouble(StateFile):
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


def deliver(
    store: Store,
    channel: Channel | BatchChannel,
    *,
    now: datetime | None = None,
    limit: int = 50,
    work_s: float = 25.0,
    clock: Callable[[], datetime] | None = None,
) -> Delivered:
    """Tell a channel what it has not heard yet, until it falters, at most ``limit`` events or for ``work_s`` seconds.

    A channel that is new starts a day back, not at the beginning of the log. Never raises for a channel's fault: the
    next round comes after ``retry_at``, doubling from five seconds to a quarter of an hour, or when the server says.
    What a channel refuses for good is set aside after three tries. Of several processes one delivers; the others
    return at once.
    """
    tick = clock or (lambda: now if now is not None else datetime.now(UTC))
    ends = time.monotonic() + work_s
    try:
        with alone_at(store, channel.name):
            if isinstance(channel, BatchChannel):
                return channel.deliver_batch(store, tick(), ends=ends)
            return _Round(store, channel, tick).deliver(limit, ends)
    except LeaseHeldError:
        return Delivered(channel=channel.name, cursor=store.events.cursor(channel.name), problem="another one is at it")


def alone_at(store: Store, channel: str, *, wait_s: float = 0.0) -> AbstractContextManager[Lease]:
    """Be the only one on this storage that writes to a channel: who looks and then posts must not be two.

    Raises:
        LeaseHeldError: another one is at it, for longer than ``wait_s``.
    """
    return store.slot(f"delivery-{channel}", limit=1, wait_s=wait_s, purpose="delivery")


@dataclass
class _Round:
    """One round of a channel that is told event after event."""

    store: Store
    channel: Channel
    tick: Callable[[], datetime]
    sent: int = 0
    passed_over: int = 0
    given_up: list[int] = field(default_factory=list)

    def deliver(self, limit: int, ends: float) -> Delivered:
        path = delivery_folder(self.store) / f"{self.channel.name}.json"
        trouble = Trouble.read(path)
        cursor = first_cursor(self.store, self.channel.name, self.tick())
        if trouble is not None and self.tick() < trouble.retry_at:
            return self._delivered(cursor, trouble)
        doubt = Doubt(path.with_suffix(".sending")) if self.channel.blind else None
        for event in self.store.events.read(after=cursor, limit=limit):
            if time.monotonic() > ends:
                break  # a slow channel goes on at the next round
            error = self._send(event, doubt)
            if error is not None:
                trouble = _worse(trouble, event.seq, error, self.tick())
                if not (error.details.get("permanent") and trouble.attempts >= TRIES):
                    trouble.write(path)
                    return self._delivered(cursor, trouble)
                self._give_up(event, trouble.problem)
            cursor = event.seq
            self.store.events.set_cursor(self.channel.name, cursor)
            if doubt is not None:
                doubt.end()
            if trouble is not None:
                path.unlink(missing_ok=True)
                trouble = None
        return self._delivered(cursor, None)

    def _send(self, event: Event, doubt: Doubt | None) -> DeliveryError | None:
        again = doubt.begin(event.seq) if doubt is not None else False
        try:
            taken = self.channel.send(event, again=again)
        except Exception as fault:  # noqa: BLE001  counted against this event; the others go on
            error = unexpected_error(self.channel.name, f"{event.kind.value} of {event.name}", fault)
            if doubt is not None and not again and error.details.get("taken") is False:
                doubt.end()
            return error
        self.sent += taken
        self.passed_over += not taken
        return None

    def _give_up(self, event: Event, problem: str) -> None:
        _LOG.warning("%s refuses the event %d for good, and it is set aside: %s", self.channel.name, event.seq, problem)
        set_aside(self.store, self.channel.name, [event], "message", problem, self.tick())
        self.given_up.append(event.seq)
        self.passed_over += 1

    def _delivered(self, cursor: int, trouble: Trouble | None) -> Delivered:
        return Delivered(
            channel=self.channel.name,
            sent=self.sent,
            passed_over=self.passed_over,
            given_up=tuple(self.given_up),
            cursor=cursor,
            problem=trouble.problem if trouble else "",
            retry_at=trouble.retry_at if trouble else None,
        )


def _worse(before: Trouble | None, seq: int, error: DeliveryError, now: datetime) -> Trouble:
    attempts = before.attempts + 1 if before is not None and before.seq == seq else 1
    retry_at = now + timedelta(seconds=wait_s(attempts, error))
    return Trouble(seq=seq, attempts=attempts, retry_at=retry_at, problem=error.message)
