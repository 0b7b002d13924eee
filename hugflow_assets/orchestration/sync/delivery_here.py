"""What a reconciliation without a daemon has to tell: told before it ends, or said to be told later."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from hugflow_assets.errors import UnexpectedError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import BatchChannel, Channel, deliver
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.delivery_sensor import channels_of
from hugflow_assets.store import Store

MOST_S = 60.0


class Undelivered(Frozen):
    """What one channel has not heard of: how many events, and why. They stay in the log, and are told later."""

    channel: str
    events: int
    problem: str


def deliver_here(most_s: float = MOST_S) -> list[Undelivered]:
    """Tell every channel that is set what it has not heard yet, side by side, for at most ``most_s`` seconds.

    Returns:
        What could not be told. A channel's fault is no fault of a landing, and never raised.
    Raises:
        SettingsError, StorageError: nothing can be looked at.
    """
    platform = Platform()
    store, ends = platform.store(), time.monotonic() + most_s
    channels: list[Channel | BatchChannel] = list(channels_of(platform.settings()).of(store))
    if not channels:
        return []
    with ThreadPoolExecutor(max_workers=len(channels), thread_name_prefix="delivery") as threads:
        left = threads.map(lambda channel: _deliver_all(store, channel, ends), channels)
        return [one for one in left if one is not None]


def _deliver_all(store: Store, channel: Channel | BatchChannel, ends: float) -> Undelivered | None:
    problem = ""
    while time.monotonic() < ends:
        try:
            done = deliver(store, channel, work_s=max(0.0, ends - time.monotonic()))
        except Exception as fault:  # noqa: BLE001  what one channel meets is told of that channel
            problem = UnexpectedError.of(fault).message
            break
        if done.cursor >= store.events.last_seq():
            return None
        problem = done.problem
        if problem or done.retry_at is not None or not done.sent:
            wait_s = (done.retry_at - datetime.now(UTC)).total_seconds() if done.retry_at is not None else 1.0
            if time.monotonic() + wait_s > ends:
                break
            time.sleep(max(0.1, wait_s))
    cursor = store.events.cursor(channel.name)
    events = sum(1 for _ in store.events.read(after=cursor))
    return (
        Undelivered(channel=channel.name, events=events, problem=problem or "there was no time left")
        if events
        else None
    )
