"""The connections that this process has open for large files, and the memory for what they bring ahead of its turn.

There are never more of them than the callers allow, and so no more memory than a range's for each.
"""

from __future__ import annotations

import threading
from typing import Protocol

RANGE_BYTES = 12 << 20  # the longest that is kept in memory of its own: with eight of them no more than 96 MiB


class Fetched(Protocol):
    """A file under way, over ``open`` connections. ``wants``: it could use one more at once."""

    open: int
    wants: bool


class ConnectionPool:
    """What all files of this process share. The file that came first has as many connections as it can use.

    But for one, which the next file begins with: so each file is there as soon as it can be, one after the other.
    """

    def __init__(self) -> None:
        self.bytes_per_s = 10e6  # of one connection, as it was seen last
        self._guard = threading.Lock()
        self._files: list[Fetched] = []  # in the order in which they have begun
        self._free: list[bytearray] = []
        self._made = 0

    def join(self, file: Fetched) -> None:
        """A file is under way, over one connection."""
        with self._guard:
            self._files.append(file)

    def leave(self, file: Fetched) -> None:
        """It is not any more."""
        with self._guard:
            self._files.remove(file)
            if not self._files:
                self._made -= len(self._free)
                self._free.clear()

    def may_open(self, file: Fetched, most: int) -> bool:
        """Count one more connection for a file; one that has none may always have it."""
        with self._guard:
            if file.open and (file.open >= _most_of_one(most) or self._open >= most or self._is_behind(file, most)):
                return False
            file.open += 1
            return True

    def may_stay(self, file: Fetched, most: int) -> bool:
        """Whether a connection of a file may go on with the next range of it."""
        with self._guard:
            return self._open <= most and not self._is_behind(file, most)

    def is_alone(self, file: Fetched) -> bool:
        """Whether no other file is under way."""
        with self._guard:
            return self._files == [file]

    def is_free(self, most: int) -> bool:
        """Whether there is one for a file that begins."""
        with self._guard:
            return self._open < most

    @property
    def _open(self) -> int:
        return sum(one.open for one in self._files)

    def _is_behind(self, file: Fetched, most: int) -> bool:
        """A file that has begun before waits for a connection."""
        before = self._files[: self._files.index(file)] if file in self._files else []
        return any(one.wants and one.open < _most_of_one(most) for one in before)

    def close(self, file: Fetched) -> None:
        """One less."""
        with self._guard:
            file.open -= 1

    @property
    def held_bytes(self) -> int:
        """The memory that there is, in use or not; none when no file is under way."""
        with self._guard:
            return self._made * RANGE_BYTES

    def memory(self, most: int) -> bytearray | None:
        """A part's memory; None when all of it is in use."""
        with self._guard:
            if self._free:
                return self._free.pop()
            if self._made >= most:
                return None
            memory = bytearray(RANGE_BYTES)
            self._made += 1
            return memory

    def give_back(self, memory: bytearray) -> None:
        """Nobody writes to it or reads it any more."""
        with self._guard:
            if self._files:
                self._free.append(memory)
            else:
                self._made -= 1


def usable(missing_bytes: int, most: int) -> int:
    """How many of at most so many connections a file can use of which so much is still missing."""
    return max(1, min(_most_of_one(most), -(-missing_bytes // RANGE_BYTES)))


def _most_of_one(most: int) -> int:
    return most if most < 3 else most - 1


POOL = ConnectionPool()
