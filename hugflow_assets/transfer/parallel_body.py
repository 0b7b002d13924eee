"""The body of a file's answer that several connections read: ranges into memory of their own, given out in order.

Any fault of a range ends the body where that range begins: all before it is given out. What nobody wants any more is
cut off, and a range that was cut writes nothing more.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import httpx2

from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.http import Body, client, deadline
from hugflow_assets.hub.rate_limit import RateBudget
from hugflow_assets.hub.requests import note_limits
from hugflow_assets.transfer.bandwidth_limit import Bandwidth
from hugflow_assets.transfer.connection_pool import POOL, RANGE_BYTES

_SHORT_BYTES = 16 << 20  # shorter, and the round trips between them count
_SHORT_ALONE_BYTES = 6 << 20  # of the only file: at its end all connections should be done at about the same time
_LONGEST_S, _LEAST_BYTES = (
    0.4,
    2 << 20,
)  # of a slow connection: bytes that came ahead of their turn are lost when the process is killed
_LEFT_BYTES, _LEFT_S = 1 << 20, 0.2  # the least that an answer is read on whose end is the file's; and for how long
_LARGEST_BYTES = 24 << 20  # where it takes no memory besides
_PROBE_BYTES, _PROBE_S = 16 << 20, 0.16  # so many, or so long, show how fast a connection is
_TICK_S = 0.05

Connections = Callable[[float | None], int]
"""How many connections there may be for all files together, told how fast one is (bytes a second) when that is seen."""

Place = Callable[[int, int], memoryview | None]
"""Where bytes from a position on may lie ahead of their turn, at most so many; empty: not now, None: nowhere."""


class RangeRefusedError(Exception):
    """The server does not give the next range as it was asked for. ``alone``: nor will it give others."""

    def __init__(self, alone: bool) -> None:
        super().__init__(alone)
        self.alone = alone


class _RangeRead:
    """Bytes of a file from ``start`` on and their memory: ``filled`` of them have come, ``taken`` were given out."""

    def __init__(self, start: int, memory: memoryview, pooled: bytearray | None) -> None:
        self.start, self.size, self.memory, self.pooled = start, len(memory), memory, pooled
        self.filled = self.taken = 0
        self.is_busy, self.is_cut = True, False  # its thread is not done with it; nobody wants it any more
        self.is_filling = False  # at this moment bytes are written to its memory
        self.error: Exception | None = None
        self.socket: socket.socket | None = None

    @property
    def range(self) -> str:
        return f"{self.start}-{self.start + self.size - 1}"


class ParallelBody(Body):
    """The body of a file's first answer, from the file's byte ``start`` on, and of the ranges behind it.

    Args:
        end: the file's size.
        stop_if_asked: called often while bytes are waited for; what it raises ends that.
    """

    def __init__(
        self,
        access: HubAccess,
        response: httpx2.Response,
        start: int,
        end: int,
        connections: Connections,
        place: Place,
        stop_if_asked: Callable[[], None],
    ) -> None:
        super().__init__(response, access.read_timeout_s)
        self._access, self._connections, self._place = access, connections, place
        self._stop_if_asked, self._limit = stop_if_asked, Bandwidth.of(access)
        self._at, self._end = start, end
        length = response.headers.get("content-length", "")
        self._first: httpx2.Response | None = response  # while its bytes are the next
        self._first_end = self._answered_to = min(end, start + int(length)) if length.isdigit() else end
        self._origin = response
        self._queue: deque[_RangeRead] = deque()  # what comes behind the first answer's part, without a gap
        self._begun = self._first_end if self._first_end < end else start  # up to here something is on its way
        self._is_over = self._closed = False  # no more are begun; nobody reads any more
        self._changed = threading.Condition()
        self._speed: float | None = None
        self._probed_bytes, self._probed_s, self.probe_s = 0, 0.0, _PROBE_S
        self._most_seen = 1
        self.open, self.wants = 1, False  # connections, counted by POOL; whether one more could be used
        self.wasted = 0

    def close(self) -> int:
        """End all requests; how many bytes have come that nobody has read."""
        with self._changed:
            self._is_over = self._closed = True
            self.wants = False
            self._cut()
        return self.wasted

    @property
    def ahead_bytes(self) -> int:
        """What is there of the ranges and was not given out."""
        with self._changed:
            return sum(part.filled - part.taken for part in self._queue)

    # ---- what a transfer reads

    def read_into(self, room: memoryview) -> int:
        """As of every body; raises ``RangeRefusedError`` too."""
        self._begin_more()
        if self._first is None:
            count = self._read_range(room)
        else:
            began = time.monotonic()
            count = super().read_into(room[: self._first_end - self._at])
            self._probe(count, time.monotonic() - began)
            self._draw(count)
        self._at += count
        if self._first is not None and self._at == self._first_end < self._end:
            self._leave_first(self._first)
        return count

    def has_more(self) -> bool:
        """Whether more than the file comes; of a range there is no more than was asked for."""
        return self._first is not None and super().has_more()

    def _read_range(self, room: memoryview) -> int:
        with self._changed:
            while not (self._queue and (self._queue[0].filled > self._queue[0].taken or self._queue[0].error)):
                self._changed.wait(_TICK_S)
                self._stop_if_asked()
                if self._is_over and not self._queue:
                    raise RangeRefusedError(alone=False)
                self._begin_more()
            head = self._queue[0]
            count = min(head.filled - head.taken, len(room))
            if not count and head.error is not None:
                raise head.error
        if head.pooled is not None:  # else it lies where it is to lie
            room[:count] = head.memory[head.taken : head.taken + count]
        with self._changed:
            head.taken += count
            if head.taken == head.size:
                self._queue.popleft()
                self._give_back(head)
        return count

    def _leave_first(self, first: httpx2.Response) -> None:
        """The first answer's part has been read; its connection is free where that was all of the answer."""
        with self._changed:
            if self._answered_to > self._at and self._queue and self._queue[0].error and not self._queue[0].filled:
                self._first_end = self._answered_to  # it is the only one, and goes on
                self._is_over = True
                self._cut()
                return
            self._first = None
        first.close()
        POOL.close(self)

    # ---- how many there are

    def _probe(self, count: int, seconds: float) -> None:
        if self._speed is None:
            self._probed_bytes += count
            self._probed_s += seconds
            if self._probed_bytes >= _PROBE_BYTES or self._probed_s >= self.probe_s:
                self._speed = POOL.bytes_per_s = self._probed_bytes / max(self._probed_s, 1e-9)

    def _most(self) -> int:
        if self._most_seen < 2:
            self._most_seen = self._connections(self._speed)
        return self._most_seen

    def _begin_more(self) -> None:
        """Open what connections there may be for what comes next; one that is needed now in any case."""
        with self._changed:
            while not self._is_over and (self._first is None or self._most() > 1):
                self.wants = self._next_range() is not None
                if not self.wants or not POOL.may_open(self, self._most()):
                    return
                part = self._reserve()
                if part is None:
                    POOL.close(self)
                    return
                thread = threading.Thread(target=self._work, args=(part,), name="part", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system gives no more threads: one connection needs none
                    part.is_busy, part.error, self._is_over = False, RangeRefusedError(alone=True), True
                    POOL.close(self)

    def _next_range(self) -> tuple[int, int, memoryview | None] | None:
        """Start and size of what is to be asked for next, and the sink's memory for it; None when there is neither."""
        start, most = self._begun, self._most()
        if self._first is not None and not self._queue and self._first_end == self._end:
            # The first answer would go on for ever; the slower it is, the less of the file is left to it.
            start = self._at + min(RANGE_BYTES, max(_LEFT_BYTES, int((self._speed or 0) * _LEFT_S)))
        left = self._end - start
        if left <= 0:
            return None
        short = _SHORT_ALONE_BYTES if POOL.is_alone(self) else _SHORT_BYTES
        size = left if left < short * 3 // 2 else max(short, left // most)
        size = min(size, max(_LEAST_BYTES, int(POOL.bytes_per_s * _LONGEST_S)))
        memory = self._place(start, min(size, _LARGEST_BYTES))
        if memory is None:
            return (start, min(size, RANGE_BYTES), None) if len(self._queue) < max(1, most - 1) else None
        is_needed_now = self._first is None and not self._queue
        return (start, len(memory), memory) if len(memory) >= min(size, 1 if is_needed_now else short) else None

    def _reserve(self) -> _RangeRead | None:
        """The next range, with memory for it; None when there is none of the one or the other."""
        if (found := self._next_range()) is None:
            return None
        start, size, memory = found
        pooled = None
        if memory is None:
            if (pooled := POOL.memory(self._most())) is None:
                return None
            memory = memoryview(pooled)[:size]
        part = _RangeRead(start, memory, pooled)
        if not self._queue and self._first is not None:
            self._first_end = start
        self._queue.append(part)
        self._begun = start + size
        return part

    # ---- a connection's thread

    def _work(self, part: _RangeRead | None) -> None:
        """Fetch one part after the other, as long as there is one to begin."""
        while part is not None:
            error: Exception | None = None
            try:
                self._fetch(part)
            except Exception as raised:  # noqa: BLE001  it is the reader's to raise
                error = raised
            with self._changed:
                part.is_busy = False
                if part.is_cut:
                    self._give_back(part)
                elif error is not None and part.filled < part.size:
                    part.error, self._is_over, self.wants = error, True, False
                    self._cut(behind=part)
                more = not self._is_over and POOL.may_stay(self, self._most())
                part = self._reserve() if more else None
                if part is None:
                    POOL.close(self)
                self._changed.notify_all()

    def _fetch(self, part: _RangeRead) -> None:
        origin = self._origin
        if part.is_cut:
            return
        if RateBudget.of(self._access).take(str(origin.url)):  # nothing where that is not the Hub itself
            raise RangeRefusedError(alone=False)
        # As they were sent there the first time: to another origin than the Hub's without its token.
        headers = {**origin.request.headers, "range": f"bytes={part.range}"}
        with (
            deadline(self._access.read_timeout_s * 2) as head,
            client(self._access).stream("GET", origin.url, headers=headers, follow_redirects=False) as response,
        ):
            head.lift()
            note_limits(self._access, response)
            self._judge(part, response)
            with self._changed:
                part.socket = _socket_of(response)
            began = time.monotonic()
            body = Body(response, self._access.read_timeout_s)
            while part.filled < part.size and (count := self._fill(part, body)):
                self._draw(count)
            POOL.bytes_per_s = part.filled / max(time.monotonic() - began, 1e-9)

    def _fill(self, part: _RangeRead, body: Body) -> int:
        """Read on; 0 when nobody wants it any more, which leaves its memory alone from then on."""
        with self._changed:
            if part.is_cut:
                return 0
            part.is_filling = True
        count = 0
        try:
            count = body.read_into(part.memory[part.filled :])
        finally:
            with self._changed:
                part.is_filling = False
                part.filled += count
                self._changed.notify_all()
        if not count:
            raise httpx2.ReadError("the connection ended early")
        return count

    def _judge(self, part: _RangeRead, response: httpx2.Response) -> None:
        """
        Raises:
            RangeRefusedError: it is not exactly this range of the same file.
        """
        headers = response.headers
        if response.status_code >= 400:
            raise RangeRefusedError(alone=False)
        etags = {headers.get("etag"), self._origin.headers.get("etag")} - {None}
        if (
            response.status_code != 206
            or headers.get("content-range", "").strip() not in (f"bytes {part.range}/{n}" for n in (self._end, "*"))
            or headers.get("content-length", str(part.size)) != str(part.size)
            or headers.get("content-encoding", "identity") != "identity"
            or len(etags) > 1
        ):
            raise RangeRefusedError(alone=True)

    def _draw(self, count: int) -> None:
        if self._limit is not None:
            self._limit.take(count, lambda: self._closed)

    # ---- what is not needed any more

    def _cut(self, behind: _RangeRead | None = None) -> None:
        """End the requests behind a part, or all of them. None writes any more to memory that is the sink's."""
        ended = []
        while self._queue and self._queue[-1] is not behind:
            part = self._queue.pop()
            ended.append(part)
            part.is_cut = True
            self.wasted += part.filled - part.taken
            if part.is_busy and part.socket is not None:
                with suppress(OSError):
                    part.socket.shutdown(socket.SHUT_RDWR)
            self._give_back(part)
        while any(part.is_filling and part.pooled is None for part in ended):
            self._changed.wait(_TICK_S)

    def _give_back(self, part: _RangeRead) -> None:
        if part.pooled is not None and (not part.is_busy or part.filled == part.size):
            POOL.give_back(part.pooled)
            part.pooled = None


def _socket_of(response: httpx2.Response) -> socket.socket | None:
    stream = response.extensions.get("network_stream")
    found: socket.socket | None = stream.get_extra_info("socket") if stream is not None else None
    return found
