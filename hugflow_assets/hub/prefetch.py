"""Asking ahead: what does not wait for an answer is asked while that answer is on its way.

A far Hub answers as fast as a near one, only later: what counts is how many questions wait for one another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

_AT_ONCE = 8

T = TypeVar("T")
Told = TypeVar("Told")


def ahead(ask: Callable[[], T]) -> Future[T]:
    """Begin at once, in a thread of its own; who needs the answer no longer just leaves it."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001  it is raised where the answer is wanted
            answer.set_exception(error)

    threading.Thread(target=run, name="ahead", daemon=True).start()
    return answer


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Work that is done while the block waits for answers. The block ends when both are done, however it ends."""
    done = ahead(work)
    try:
        yield
    finally:
        done.exception()  # what failed fails again, and better, where it is needed


def in_order(ask: Callable[[T], Told], several: Iterable[T], most: int = 4) -> Iterator[Told]:
    """The answers in the order of the questions, as they come; a few questions are asked before they are wanted."""
    waiting: deque[Future[Told]] = deque()
    for one in several:
        waiting.append(ahead(partial(ask, one)))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class Once(Generic[T, Told]):
    """Questions of one kind, each asked once, however many want its answer."""

    def __init__(self, ask: Callable[[T], Told]) -> None:
        self._ask = ask
        self._answers: dict[T, Future[Told]] = {}
        self._lock = threading.Lock()

    def begin(self, about: T) -> Future[Told]:
        """Ask, unless it was asked."""
        with self._lock:
            if about not in self._answers:
                self._answers[about] = ahead(lambda: self._ask(about))
            return self._answers[about]

    def __call__(self, about: T) -> Told:
        return self.begin(about).result()


def at_once(ask: Callable[[T], Told], several: Iterable[T]) -> list[Told]:
    """The answers to several questions of one kind, in their order, a few of them asked at a time."""
    return list(in_order(ask, several, _AT_ONCE))
