"""Plans of pull requests are made here, beside the sensor's ticks: a slow repository keeps no other one waiting.

A plan is a job of a daemon thread, at most a few at a time; what it found stays here until a tick takes it. A process
that ends takes its jobs with it: what they had listed is kept by the Hub's client, and the next process plans anew.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

WORKERS = 4

T = TypeVar("T")


class PlanPool(Generic[T]):
    """Jobs by number, at most ``workers`` at a time, in the order in which they were asked for."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._workers = workers
        self._waiting: OrderedDict[int, Callable[[], T]] = OrderedDict()
        self._at_work: set[int] = set()
        self._done: dict[int, T] = {}
        self._changed = threading.Condition()

    def submit(self, number: int, job: Callable[[], T]) -> bool:
        """Have a job done, which must not raise; False where one of this number is waiting, at work or not taken."""
        with self._changed:
            if number in self._waiting or number in self._at_work or number in self._done:
                return False
            self._waiting[number] = job
            self._start()
            return True

    def take(self) -> dict[int, T]:
        """What is done, each once."""
        with self._changed:
            done, self._done = self._done, {}
            return done

    def wait(self, seconds: float) -> None:
        """Until everything that was asked for is done, or so long."""
        ends = time.monotonic() + seconds
        with self._changed:
            while (self._waiting or self._at_work) and (left := ends - time.monotonic()) > 0:
                self._changed.wait(left)

    def unfinished(self) -> frozenset[int]:
        """The numbers of the jobs that wait or are at work."""
        with self._changed:
            return frozenset(self._waiting) | frozenset(self._at_work)

    def forget_waiting(self) -> None:
        """Begin none of the jobs that wait."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _start(self) -> None:
        while self._waiting and len(self._at_work) < self._workers:
            number, job = self._waiting.popitem(last=False)
            self._at_work.add(number)
            threading.Thread(target=self._run, args=(number, job), name=f"plan-{number}", daemon=True).start()

    def _run(self, number: int, job: Callable[[], T]) -> None:
        found = None
        try:
            found = job()
        finally:
            with self._changed:
                self._at_work.discard(number)
                if found is not None:
                    self._done[number] = found
                self._start()
                self._changed.notify_all()


@lru_cache(maxsize=4)
def pool_of(key: object) -> PlanPool[object]:
    """One a process and key."""
    return PlanPool()
