"""A file of a repository in memory, readable from its beginning while the rest is still on its way.

Its bytes come in order, through the same transfer as those of a file on the disk, and are hashed on the way. They are
read where they lie; what has been read is given back to the system. What was made of them counts when ``verify`` has
returned, and not before.
"""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from hugflow_assets.durable import write_all
from hugflow_assets.errors import LandingCancelledError
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.http import READ_BYTES
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.refusals import Asked
from hugflow_assets.transfer.download import Transfer
from hugflow_assets.transfer.parallel_body import Connections

_NO_RESERVE = 0x4000  # Linux's MAP_NORESERVE: address space is taken for the whole file, memory for what is there
_POLL_S = 0.2


class StreamBrokenError(Exception):
    """What has come is not the file, or cannot be continued: what was made of it is void, it has to be fetched anew."""


def addresses(size_bytes: int) -> mmap.mmap:
    """Address space for so many bytes; it takes memory for what is written to it only.

    Raises:
        StreamBrokenError: this process may not have as much.
    """
    try:
        return mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE)
    except OSError as error:  # a limit, or a host that promises no more than it has
        raise StreamBrokenError(f"there is no address space for {size_bytes} bytes") from error


class Room(Protocol):
    """Memory that several streams share."""

    def more(self, size_bytes: int) -> int:
        """Take up to so much more of it, without waiting for any: how much there was."""
        ...

    def less(self, size_bytes: int) -> None:
        """Give so much of it back."""
        ...


class FileStream:
    """One file on its way into memory, from ``with`` on, by a thread of its own.

    Args:
        room_bytes: of the file in memory at once; it goes no further before something is released.
        room: where there is more of it, for what comes ahead of its turn, and where it is given back.
        on_bytes: called with each increment, in that thread.
        should_stop: asked often, in that thread.
        connections: how many may fetch it at once; see ``parallel_ranges``.
    Raises:
        StreamBrokenError: this process may not have as much address space as the file is long.
    """

    def __init__(
        self,
        access: HubAccess,
        repo_id: str,
        commit: str,
        file: SourceFile,
        room_bytes: int,
        *,
        on_bytes: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        connections: Connections | None = None,
        room: Room | None = None,
    ) -> None:
        self.memory = addresses(file.size_bytes)
        self._view = memoryview(self.memory)
        self._room_bytes, self._room, self._should_stop = room_bytes, room, should_stop
        self._changed = threading.Condition()
        self._size = self._released = 0
        self._ended = self._abandoned = False
        self._error: BaseException | None = None
        asked = Asked(access, repo_id, commit, file.path, seen_before=True)
        self._transfer = Transfer(asked, file, self, on_bytes, self._is_to_stop, connections)
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self.memory.madvise(mmap.MADV_DONTNEED)  # whoever still has a view of it keeps the addresses only

    @property
    def size_bytes(self) -> int:
        """How much of the file has come."""
        return self._size

    @property
    def reach_bytes(self) -> int:
        """How much can have come before something is released."""
        return self._released + self._room_bytes

    @property
    def seen_bytes(self) -> int:
        """The same with what has come ahead of its turn."""
        return self._size + self._transfer.parallel.ahead_bytes

    @property
    def bytes_fetched(self) -> int:
        """What came over the network so far."""
        return self._transfer.fetched

    def wait(self, end: int, patience_s: float | None = None) -> bool:
        """Wait until the bytes before ``end`` are there; False when they are not within ``patience_s``.

        Raises:
            StreamBrokenError: they will not come.
            HFError, LandingCancelledError: as ``fetch`` raises them.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._size >= end or self._ended, patience_s)
            if self._error is not None:
                raise self._error
            return self._size >= end

    def verify(self) -> None:
        """Wait for the end of the file, and for the judgement of its hash.

        Raises:
            StreamBrokenError: it is not the file that the Hub promises.
            HFError, LandingCancelledError: as ``wait`` raises them.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended)
            if self._error is not None:
                raise self._error

    def release(self, end: int) -> None:
        """Give back the memory of the bytes before ``end``: they have been read, and read as zeros from now on."""
        end -= end % mmap.PAGESIZE
        if end > self._released:
            self.memory.madvise(mmap.MADV_DONTNEED, self._released, end - self._released)
            with self._changed:
                self._released = end
                if self._room is not None and (spare := self._room_bytes - (len(self._view) - end)) > 0:
                    self._room_bytes -= spare
                    self._room.less(spare)
                self._changed.notify_all()

    def end(self) -> None:
        """Fetch no further."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()
        self._thread.join()

    def save(self, path: Path) -> None:
        """Write what has come to ``path``, so that a fetch takes it up there; to be called while all of it is there."""
        self.end()
        assert not self._released
        with path.open("wb", buffering=0) as file:
            write_all(file.fileno(), self._view[: self._size])

    # ---- the sink

    def room(self) -> tuple[memoryview, float]:
        """The memory behind what is there, when so much has been released that there is room in it."""
        began = time.monotonic()
        with self._changed:
            while self._size >= self.reach_bytes:
                self._changed.wait(_POLL_S)
                self._transfer.stop_if_asked()
        end = min(self._size + READ_BYTES, self.reach_bytes)
        return self._view[self._size : end], time.monotonic() - began

    def filled(self, count: int) -> None:
        """So much more of it is there."""
        with self._changed:
            self._size += count
            self._changed.notify_all()

    def restart(self) -> None:
        """What was read already cannot be taken back."""
        raise StreamBrokenError("the server has begun from the start")

    def place(self, start: int, size: int) -> memoryview:
        """Where they are to lie, as far as there is room for them."""
        end = min(start + size, len(self._view))
        with self._changed:
            if self._room is not None and end > self.reach_bytes:
                self._room_bytes += self._room.more(end - self.reach_bytes)
            return self._view[start : min(end, self.reach_bytes)]

    # ---- the thread

    def _is_to_stop(self) -> bool:
        return self._abandoned or (self._should_stop is not None and self._should_stop())

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            if (wrong := self._transfer.complete()) is not None:
                error = StreamBrokenError(f"it is {wrong}")
        except BaseException as raised:  # noqa: BLE001  it is the reader's to raise
            error = raised
        with self._changed:
            self._ended = True
            self._error = None if self._abandoned and isinstance(error, LandingCancelledError) else error
            self._changed.notify_all()
