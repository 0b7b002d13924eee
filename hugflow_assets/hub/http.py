"""The HTTP client under every call: time-outs that cannot be evaded, the proxy and the CA bundle of the settings.

The client library's own time-outs bound each single read, so a server that sends one byte now and then is waited for
without end. ``deadline`` bounds everything that is read in a block instead. ``stoppable`` has a block's reads asked
whether to go on while the server is silent.
"""

from __future__ import annotations

import atexit
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import httpcore2
import httpx2
from httpcore2 import NetworkStream, SyncBackend

from hugflow_assets.errors import HFError, HFUnreachableError
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.library_internals import before_hub_request, mark_body_as_read, use_backend

_LARGE_BYTES = 1 << 20
READ_BYTES = 1 << 20  # of one read: 64 KiB, the library's choice, costs a third of the speed on a fast network
_IDLE_S = 30.0  # a connection is kept for the next request; the library's own 5 s end before the next phase begins

_SLICE_S = 0.5  # of a wait for a silent server that can be told to stop

_Read = TypeVar("_Read", bytes, int)
_now = threading.local()
_making = threading.Lock()


class Deadline:
    """The moment by which a block's reads must be done; ``lift`` takes it away (the head of an answer has arrived)."""

    def __init__(self, seconds: float) -> None:
        self.until: float | None = time.monotonic() + seconds

    def lift(self) -> None:
        self.until = None


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Within this block the thread's reads end with a time-out ``seconds`` from now, however slowly bytes trickle."""
    before, _now.deadline = getattr(_now, "deadline", None), Deadline(seconds)
    try:
        yield _now.deadline
    finally:
        _now.deadline = before


@contextmanager
def stoppable(stop_if_asked: Callable[[], None]) -> Iterator[None]:
    """Within this block the thread's reads call this while the server is silent; what it raises ends them."""
    before, _now.stop_if_asked = getattr(_now, "stop_if_asked", None), stop_if_asked
    try:
        yield
    finally:
        _now.stop_if_asked = before


def _in_slices(read: Callable[[float | None], _Read], timeout: float | None) -> _Read:
    """Read with a time-out; where the block is stoppable, waiting a little at a time."""
    stop_if_asked: Callable[[], None] | None = getattr(_now, "stop_if_asked", None)
    left = _left(timeout)
    if stop_if_asked is None:
        return read(left)
    ends = None if left is None else time.monotonic() + left
    while True:
        try:
            return read(_SLICE_S if left is None else min(_SLICE_S, left))
        except (httpcore2.ReadTimeout, TimeoutError):
            stop_if_asked()
            left = None if ends is None else ends - time.monotonic()
            if left is not None and left <= 0:
                raise


def _left(timeout: float | None) -> float | None:
    current: Deadline | None = getattr(_now, "deadline", None)
    if current is None or current.until is None:
        return timeout
    left = current.until - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the answer took too long altogether")
    return left if timeout is None else min(timeout, left)


class _Stream(NetworkStream):
    """A connection whose reads are large, heed the deadline and can be stopped."""

    def __init__(self, stream: NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return _in_slices(lambda seconds: self._stream.read(max(max_bytes, READ_BYTES), seconds), timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def read_into(self, room: memoryview, timeout: float | None) -> int:
        """Read what there is to where it is to lie; 0 when the other side has hung up."""
        sock: socket.socket = self.get_extra_info("socket")

        def read(seconds: float | None) -> int:
            sock.settimeout(seconds)
            return sock.recv_into(room)

        try:
            return _in_slices(read, timeout)
        except TimeoutError:
            raise httpx2.ReadTimeout("The read operation timed out") from None
        except OSError as error:
            raise httpx2.ReadError(str(error)) from error


class Body:
    """The bytes of an answer's body, read to where they are to lie.

    A large body whose length is told is read from the connection itself: the client library copies each byte four
    times on its way, which takes as long as hashing it. Read to its end, the connection is good for the next request.
    """

    def __init__(self, response: httpx2.Response, timeout_s: float) -> None:
        self._response, self._timeout_s = response, timeout_s
        self._chunks = response.iter_raw()
        self._rest = memoryview(next(self._chunks, b""))  # what had come with the head is in it
        self._stream: _Stream | None = None
        self._left = 0
        length = response.headers.get("content-length", "")
        left = int(length) - len(self._rest) if length.isdigit() else 0
        stream = response.extensions.get("network_stream")
        if left >= _LARGE_BYTES and isinstance(stream, _Stream) and response.http_version == "HTTP/1.1":
            self._stream, self._left = stream, left

    def read_into(self, room: memoryview) -> int:
        """Fill the beginning of ``room``: how much of it; 0 when the body, or the connection, has come to its end.

        Raises:
            httpx2.HTTPError: the connection broke, or was silent for too long.
        """
        if not self._rest and self._stream is not None:
            count = self._stream.read_into(room[: self._left], self._timeout_s) if self._left else 0
            self._left -= count
            if count and not self._left and mark_body_as_read(self._response):
                next(self._chunks, None)
            return count
        count = min(len(self._rest), len(room)) if self.has_more() else 0
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def has_more(self) -> bool:
        """Whether the body goes on; waits for it."""
        while not self._rest and self._stream is None:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._rest = memoryview(chunk)
        return bool(self._rest) or self._left > 0


class _Backend(SyncBackend):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> NetworkStream:
        return _Stream(super().connect_tcp(*args, **kwargs))


def client(access: HubAccess) -> httpx2.Client:
    """The client for this access, one a process and kind of access, shared by its threads. It holds no token."""
    with _making:  # a second one would have connections of its own
        return _client(
            os.getpid(), access.connect_timeout_s, access.read_timeout_s, access.https_proxy, access.ssl_cert_file
        )


def _after_fork() -> None:
    global _making
    _making = threading.Lock()  # a thread that is not in this process may have held it


os.register_at_fork(after_in_child=_after_fork)


@lru_cache(maxsize=16)
def _client(
    _process: int, connect_s: float, read_s: float, https_proxy: str | None, ssl_cert_file: Path | None
) -> httpx2.Client:
    import huggingface_hub.utils._http  # noqa: F401  by one thread, before several ask for it

    verify = _trusted(ssl_cert_file)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=_IDLE_S)
    made = httpx2.Client(
        event_hooks={"request": [_before_request]},
        follow_redirects=True,
        timeout=httpx2.Timeout(read_s, connect=connect_s),
        verify=verify,
        limits=limits,
        mounts={"https://": httpx2.HTTPTransport(verify=verify, proxy=https_proxy, limits=limits)}
        if https_proxy
        else None,
    )
    use_backend(made, _Backend())
    atexit.register(made.close)
    return made


def _before_request(request: httpx2.Request) -> None:
    """What the Hub's own client does before each request: a request id, and none at all in offline mode."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        before_hub_request(request)
    except OfflineModeIsEnabled:
        raise HFUnreachableError(
            f"{request.url.netloc.decode()} was not asked: HF_HUB_OFFLINE is set.", remedy="Unset HF_HUB_OFFLINE."
        ) from None


def _trusted(ssl_cert_file: Path | None) -> ssl.SSLContext | bool:
    if ssl_cert_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ssl_cert_file))
    except OSError as error:
        raise HFError(
            f"The CA bundle {ssl_cert_file} cannot be read: {error.strerror or error}.",
            remedy="Point SSL_CERT_FILE at a readable PEM file, or unset it.",
        ) from None
