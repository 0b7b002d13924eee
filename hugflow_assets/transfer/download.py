"""The bytes of one file on their way from the Hub, request after request, until they are all there and hashed.

Where they go is the sink's affair: a part file (``fetch``) or memory (``streaming``). What can go wrong on the way, and
what is done about it, is the same for both.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from hugflow_assets.errors import HFDownloadError, HFError, HFUnreachableError, LandingCancelledError
from hugflow_assets.hub.access import HubAccess, file_url
from hugflow_assets.hub.hashes import content_hash, new_hash
from hugflow_assets.hub.http import Body, client, deadline, stoppable
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.refusals import Asked, refusal
from hugflow_assets.hub.requests import (
    TRY_AGAIN,
    Answer,
    Backoff,
    asked_wait,
    note_limits,
    passing,
    request_headers,
    unreachable,
    why,
)
from hugflow_assets.transfer.bandwidth_limit import Bandwidth
from hugflow_assets.transfer.parallel_body import Connections, ParallelBody, RangeRefusedError
from hugflow_assets.transfer.parallel_ranges import ParallelRanges
from hugflow_assets.transfer.xet_client import XetAgainError, XetBody, XetFailedError
from hugflow_assets.transfer.xet_storage import STORAGE

LEAST_BYTES_PER_S = 1024  # a server that sends less over a whole time-out is as good as silent
PROGRESS_BYTES = 1 << 20  # so much more since the last fault makes the next fault the first again


class Sink(Protocol):
    """Takes a file's bytes in their order."""

    def room(self) -> tuple[memoryview, float]:
        """Where the next bytes are to be put, and the seconds that it took to have room; never empty."""
        ...

    def filled(self, count: int) -> None:
        """So many bytes are there now, from the beginning of the room."""
        ...

    def restart(self) -> None:
        """Forget all bytes; the file comes from its beginning."""
        ...

    def place(self, start: int, size: int) -> memoryview | None:
        """Where bytes of the file from ``start`` on may lie before their turn; see ``ranges.Place``."""
        ...


class _MismatchError(Exception):
    """The bytes are not the file's; said in words."""


class _BrokenError(Exception):
    """The transfer broke off with a fault that can pass; what the sink has stays."""

    def __init__(self, error: HFError, asked_s: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.asked_s = asked_s


@dataclass
class Transfer:
    """``size`` bytes are in the sink and in the hash; ``fetched`` of them, and all that came in vain, by this object.

    Args:
        on_bytes: called with each increment of bytes in the sink; bytes that have to be thrown away come as a negative
            number: the sum is at most ``file.size_bytes``.
        should_stop: asked often.
        connections: how many may fetch it at once; None: one. See ``ranges``.
    """

    asked: Asked
    file: SourceFile
    sink: Sink
    on_bytes: Callable[[int], None] | None = None
    should_stop: Callable[[], bool] | None = None
    connections: Connections | None = None
    size: int = 0
    fetched: int = 0
    attempts: int = 0
    honours_ranges: bool = True  # whether the server is trusted to honour Range
    from_xet: int = 0  # bytes of those in the sink
    hash: hashlib._Hash = field(init=False)
    parallel: ParallelRanges = field(init=False)

    def __post_init__(self) -> None:
        self.hash = new_hash(self.file)
        self.parallel = ParallelRanges(self.access, self.file.size_bytes, self.connections, self.sink.place)

    @property
    def access(self) -> HubAccess:
        return self.asked.access

    def keep(self, chunk: bytes) -> None:
        """Count what the sink has from an earlier process."""
        self.stop_if_asked()
        self.hash.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Begin anew, with nothing in the sink."""
        self.sink.restart()
        self.announce(-self.size)
        self.size = self.from_xet = 0
        self.hash = new_hash(self.file)

    def announce(self, count: int) -> None:
        """Tell of an increment."""
        if self.on_bytes and count:
            self.on_bytes(count)

    def stop_if_asked(self) -> None:
        """
        Raises:
            LandingCancelledError: ``should_stop`` says so.
        """
        if self.should_stop and self.should_stop():
            raise LandingCancelledError(
                f"Stopped while fetching {self.file.path}.", remedy="What is fetched is kept; run it again to resume."
            )

    def complete(self) -> str | None:
        """Fetch what is missing; None when size and hash agree, else what was found instead.

        Raises:
            HFUnreachableError, HFRateLimitedError: no answer, or 429, after every retry.
            HFDownloadError: the Hub does not have the file, or storage refuses it.
            HFGatedError, HFTokenError, HFGoneError: access was lost on the way.
            LandingCancelledError: ``should_stop`` said yes.
        """
        promised = content_hash(self.file)
        while True:
            try:
                self._fill()
            except _MismatchError as error:
                return str(error)
            found = f"{promised.partition(':')[0]}:{self.hash.hexdigest()}"
            if found == promised or not self.from_xet:
                return None if found == promised else found
            STORAGE.refuse(self.asked, f"of {self.file.path} it gave other bytes than promised")
            self.restart()

    def _fill(self) -> None:
        """Take requests, and waits between them, until all bytes are there."""
        backoff = Backoff(self.access, self.should_stop)
        mark = self.size
        while self.size < self.file.size_bytes or (self.file.size_bytes == 0 and not self.attempts):
            self.attempts += 1
            try:
                if not self._by_xet():
                    self._request(backoff)
            except RangeRefusedError as end:
                self.parallel.ended(end, self.size)
            except _BrokenError as broken:
                if self.size >= mark + PROGRESS_BYTES:
                    backoff.progress()
                    mark = self.size
                backoff.wait(broken.error, broken.asked_s)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                if self.size >= mark + PROGRESS_BYTES:
                    backoff.progress()
                    mark = self.size
                backoff.wait(self._unreachable(why(error)))
            mark = min(mark, self.size)

    def _by_xet(self) -> bool:
        """Take what is missing from Xet storage, where that is the way and as long as it goes well."""
        if not STORAGE.is_wanted(self.asked, self.file, self.size):
            return False
        before = self.size
        try:
            with STORAGE.open(self.asked, self.file, self.size, self.stop_if_asked) as body:
                self._receive(body, self.file.size_bytes)
        except XetFailedError as error:
            if self.size == before or not isinstance(error, XetAgainError):
                STORAGE.refuse(self.asked, str(error))
        except _BrokenError as broken:
            STORAGE.refuse(self.asked, broken.error.message)
        finally:
            self.from_xet += self.size - before
        return True

    def _request(self, backoff: Backoff) -> None:
        """One request, its bytes appended to the sink."""
        self.stop_if_asked()
        resume = self.size if self.honours_ranges else 0
        headers = {**request_headers(self.access), "Accept-Encoding": "identity"}
        end = self.parallel.end_of(resume) if self.honours_ranges else ""
        if not end and self.honours_ranges and self.file.size_bytes - resume > self.access.largest_plain_bytes:
            end = str(resume + self.access.largest_plain_bytes - 1)  # what no server gives in one answer
        if resume or end:
            headers["Range"] = f"bytes={resume}-{end}"
        url = file_url(self.access.endpoint, self.asked.repo_id, self.asked.revision, self.file.path)
        backoff.ask_leave(url)
        with stoppable(self.stop_if_asked), deadline(self.access.read_timeout_s * 2) as head:
            stream = client(self.access).stream("GET", url, headers=headers)
            with stream as response:
                head.lift()
                note_limits(self.access, response)
                self._judge(response)
                self._place(response)
                with self.parallel.body(response, self.size, self.stop_if_asked, self._came_in_vain) as body:
                    is_cut = end and not isinstance(body, ParallelBody)
                    self._receive(body, int(end) + 1 if is_cut else self.file.size_bytes)

    def _judge(self, response: httpx2.Response) -> None:
        """Raise unless the answer carries bytes of the file."""
        if response.status_code in (200, 206):
            return
        with deadline(self.access.read_timeout_s):
            body = response.read()[:4096]
        answer = Answer(response.status_code, dict(response.headers), body, str(response.url))
        if answer.status in TRY_AGAIN:
            raise _BrokenError(self._passing(answer), asked_wait(answer.headers))
        if answer.status == 416:
            self.honours_ranges = False  # the server's file is shorter than ours: judge it by a whole transfer
            raise _BrokenError(self._refused(answer))
        if self._is_storage(response):
            # A signed link that expired or went astray: the next try asks the Hub for a new one.
            raise _BrokenError(self._refused(answer))
        raise refusal(answer, self.asked)

    def _passing(self, answer: Answer) -> HFError:
        error = passing(self.access, answer)
        if isinstance(error, HFUnreachableError):
            said = error.message.rstrip(".")
            error = HFUnreachableError(f"{said}, asked for {self.file.path}.", remedy=error.remedy, **error.details)
        error.details["path"] = self.file.path
        return error

    def _is_storage(self, response: httpx2.Response) -> bool:
        return response.url.netloc.decode() != urlsplit(self.access.endpoint).netloc

    def _refused(self, answer: Answer) -> HFDownloadError:
        return HFDownloadError(
            f"The storage at {urlsplit(answer.url).netloc} answers status {answer.status} for {self.file.path} "
            f"of {self.asked.place}, after every retry.",
            remedy="It is tried again later; if it stays so, check that the storage's host is reachable from here.",
            path=self.file.path,
            repo=self.asked.repo_id,
            status=answer.status,
        )

    def _unreachable(self, reason: str) -> HFUnreachableError:
        error = unreachable(self.access, self.access.endpoint, f"fetching {self.file.path}: {reason}")
        error.details["path"] = self.file.path
        return error

    def _place(self, response: httpx2.Response) -> None:
        """Continue behind what is there where the server does so too; otherwise begin anew."""
        start, total = 0, _length(response)
        if response.status_code == 206:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("content-range", "").strip())
            if not found or int(found[1]) != self.size:
                self.honours_ranges = False
                raise _BrokenError(self._unreachable("it sends another range than was asked for"))
            start, total = self.size, None if found[3] == "*" else int(found[3])
        if response.headers.get("content-encoding", "identity") != "identity":
            total = None
        if total is not None and total != self.file.size_bytes:
            raise _MismatchError(f"{total} bytes")
        if start == 0 and self.size:
            self.restart()

    def _receive(self, body: Body | XetBody, until: int) -> None:
        """Take bytes in until there are ``until`` of the file."""
        window_ends, window_bytes = time.monotonic() + self.access.read_timeout_s, 0
        limit = None if isinstance(body, ParallelBody) else Bandwidth.of(self.access)  # that keeps to it by itself
        while self.size < until:
            room, waited_s = self.sink.room()
            window_ends += waited_s
            room = room[: until - self.size]
            count = body.read_into(room)
            if not count and isinstance(body, XetBody):  # its client tells no reason then; the Hub has not hung up
                raise XetFailedError("it gave fewer bytes than the file has")
            if not count:
                raise _BrokenError(self._unreachable("the connection ended early"))
            self._have(room[:count])
            window_bytes += count
            if limit is not None:
                began = time.monotonic()
                limit.take(count, self.should_stop)
                window_ends += time.monotonic() - began  # our own patience is no silence of the server
            if (now := time.monotonic()) > window_ends:
                if window_bytes < LEAST_BYTES_PER_S * self.access.read_timeout_s:
                    raise _BrokenError(self._unreachable("it sends next to nothing"))
                window_ends, window_bytes = now + self.access.read_timeout_s, 0
            self.stop_if_asked()
        if body.has_more():
            raise _MismatchError(f"more than {self.file.size_bytes} bytes")

    def _have(self, piece: memoryview) -> None:
        """A piece is in the sink's room: hash and count it. Who reads it there may give its memory back at once."""
        self.hash.update(piece)
        self.sink.filled(len(piece))
        self.size += len(piece)
        self.fetched += len(piece)
        self.announce(len(piece))

    def _came_in_vain(self, count: int) -> None:
        self.fetched += count


def _length(response: httpx2.Response) -> int | None:
    said = response.headers.get("content-length", "")
    return int(said) if said.isdigit() else None
