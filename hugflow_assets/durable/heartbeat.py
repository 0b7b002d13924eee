"""One thread of the process that beats for everything it holds."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Protocol

_LOG = logging.getLogger(__name__)


class Beating(Protocol):
    def beat(self) -> None:
        """Say that the holder lives; must not raise."""
        ...


class Heart:
    """Calls ``beat`` of everything added, each at its own interval, from one daemon thread.

    A thread for each would cost a thread start for every short lock. The thread dies with the process, which is what
    heartbeats are for; a forked child has none and holds nothing.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Beating, tuple[float, float]] = {}
        self._pid = 0
        os.register_at_fork(after_in_child=self._forget)

    def add(self, one: Beating, *, every_s: float) -> None:
        with self._changed:
            self._due[one] = (time.monotonic() + every_s, every_s)
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="hugflow-heartbeat", daemon=True).start()
            elif every_s < 1:
                self._changed.notify()

    def remove(self, one: Beating) -> None:
        with self._changed:
            self._due.pop(one, None)

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._due = {}
        self._pid = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                due = [one for one, (at, _) in self._due.items() if at <= now]
                for one in due:
                    self._due[one] = (now + self._due[one][1], self._due[one][1])
            for one in due:
                try:  # one that fails must not silence all the others
                    one.beat()
                except Exception:  # noqa: BLE001
                    _LOG.exception("A heartbeat failed: %r", one)
            with self._changed:
                nearest = min((at for at, _ in self._due.values()), default=now + 1)
                self._changed.wait(min(1.0, max(0.01, nearest - time.monotonic())))


HEART = Heart()
