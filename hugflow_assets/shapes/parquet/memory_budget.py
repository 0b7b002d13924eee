"""The memory for all files that are streamed in one process: never more than so much, whoever has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hugflow_assets.errors import LandingCancelledError

_POLL_S = 0.2


class Room:
    """``size_bytes`` for all, ``most_bytes`` for one; ``kept_bytes`` are kept for the next one that begins."""

    def __init__(self, size_bytes: int, most_bytes: int, kept_bytes: int) -> None:
        self.most_bytes, self.kept_bytes = most_bytes, kept_bytes
        self.left_bytes = size_bytes
        self.changed = threading.Condition()

    @contextmanager
    def taken(self, size_bytes: int, should_stop: Callable[[], bool]) -> Iterator[Share]:
        """Wait for so much of it, and have it, and what is taken besides, while the block runs."""
        with self.changed:
            while self.left_bytes < size_bytes:
                self.changed.wait(_POLL_S)
                if should_stop():
                    raise LandingCancelledError("The landing was stopped on request.", remedy="A later run resumes.")
            self.left_bytes -= size_bytes
        share = Share(self, size_bytes)
        try:
            yield share
        finally:
            share.less(share.size_bytes)


class Share:
    """What one stream has of it."""

    def __init__(self, room: Room, size_bytes: int) -> None:
        self._room = room
        self.size_bytes = size_bytes

    def more(self, size_bytes: int) -> int:
        """Take up to so much more, without waiting for any: how much there was."""
        with self._room.changed:
            left = self._room.left_bytes - self._room.kept_bytes
            granted = max(0, min(size_bytes, left, self._room.most_bytes - self.size_bytes))
            self._room.left_bytes -= granted
            self.size_bytes += granted
        return granted

    def less(self, size_bytes: int) -> None:
        """Give so much of it back."""
        with self._room.changed:
            self.size_bytes -= size_bytes
            self._room.left_bytes += size_bytes
            self._room.changed.notify_all()
