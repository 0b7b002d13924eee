"""One file over several connections: consecutive ranges of it at once, given out in order, like one answer's body.

From far away one connection is slow, however much the network can carry. So the ranges that come next are asked for
while the first is on its way, each into memory of its own, and whoever reads has them one after the other. They are
asked of the address that answered the first request: the Hub is asked once a file, and gives a new link when one fails.

Any fault of a range ends the body where that range begins: all before it is given out, and the transfer goes on from
there by a request of its own, as after every fault. A server that answers a range in any other way than exactly as
asked has that file fetched over one connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.http import Body
from hugflow_assets.transfer.connection_pool import POOL, RANGE_BYTES
from hugflow_assets.transfer.parallel_body import Connections, ParallelBody, Place, RangeRefusedError

_FAR_S, _FAR_PROBE_S = 0.04, 0.06  # where the answer takes so long it is seen sooner: no connection is fast at once
_STRIKES, _STRIKE_BYTES = 3, 64 << 20  # so many refusals, each within so many bytes of the one before, are enough


class ParallelRanges:
    """What one file's transfer knows of fetching it in ranges, from request to request."""

    def __init__(self, access: HubAccess, size_bytes: int, connections: Connections | None, place: Place) -> None:
        self._access, self._size_bytes = access, size_bytes
        self._connections, self._place = connections, place
        self._strikes = self._struck_at = 0
        self._asked_at = 0.0
        self._body: ParallelBody | None = None

    @property
    def ahead_bytes(self) -> int:
        """What has come ahead of its turn, at this moment."""
        return 0 if self._body is None else self._body.ahead_bytes

    def end_of(self, start: int) -> str:
        """Where a request from ``start`` on is to end, as Range says it; empty: with the file.

        Where there will be several, the first is as short as they are: an answer that is not read to its end costs its
        connection.
        """
        self._asked_at = time.monotonic()
        if self._connections is None or not self._is_worth_it(start):
            return ""
        most = self._connections(None)
        return str(start + RANGE_BYTES - 1) if most > 1 and POOL.is_free(most) else ""

    @contextmanager
    def body(
        self, response: httpx2.Response, start: int, stop_if_asked: Callable[[], None], in_vain: Callable[[int], None]
    ) -> Iterator[Body]:
        """The bytes of the file from ``start`` on, of which an answer has the first.

        Args:
            stop_if_asked: called often while bytes are waited for; what it raises ends that.
            in_vain: told in the end how many bytes have come that nobody has read.
        """
        is_plain = response.headers.get("content-encoding", "identity") == "identity"
        if self._connections is None or not self._is_worth_it(start) or not is_plain:
            yield Body(response, self._access.read_timeout_s)
            return
        self._body = body = ParallelBody(
            self._access, response, start, self._size_bytes, self._connections, self._place, stop_if_asked
        )
        if time.monotonic() - self._asked_at > _FAR_S:
            body.probe_s = _FAR_PROBE_S
        POOL.join(body)
        try:
            yield body
        finally:
            self._body = None
            in_vain(body.close())
            POOL.leave(body)

    def ended(self, error: RangeRefusedError, at: int) -> None:
        """Take note of a refusal; where it is one of several, the rest comes over one connection."""
        self._strikes = self._strikes + 1 if at < self._struck_at + _STRIKE_BYTES else 1
        self._struck_at = at
        if error.alone or self._strikes >= _STRIKES:
            self._connections = None

    def _is_worth_it(self, start: int) -> bool:
        return self._size_bytes - start >= 2 * RANGE_BYTES
