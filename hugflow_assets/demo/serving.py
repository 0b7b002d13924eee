"""How answers leave over sockets: keep-alive HTTP/1.1 on the loopback, file bodies by sendfile."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Protocol

from hugflow_assets.demo.protocol import Request

_SEND_BYTES = 1 << 20
_PACE_S = 0.01
_IDLE_S = 300


@dataclass
class Delivery:
    """An answer on its way out: the status line's number, the headers, and where the body's bytes come from."""

    request: Request
    status: int
    headers: dict[str, str]
    body: bytes | Path
    start: int
    length: int
    with_body: bool

    def chunks(self, size: int = _SEND_BYTES) -> Iterable[bytes]:
        """The body's bytes piece by piece, for whoever does not send by sendfile."""
        if isinstance(self.body, bytes):
            for at in range(self.start, self.start + self.length, size):
                yield self.body[at : min(at + size, self.start + self.length)]
            return
        with self.body.open("rb") as file:
            file.seek(self.start)
            left = self.length
            while left and (chunk := file.read(min(size, left))):
                left -= len(chunk)
                yield chunk


class Served(Protocol):
    """Whatever answers requests; called from many threads at once."""

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one request on its connection."""
        ...


class Connection(BaseHTTPRequestHandler):
    """One keep-alive connection of a client; reads requests and has the Hub answer them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    rbufsize = 1 << 16
    server: Server

    def handle_one_request(self) -> None:
        """Read one request, answer it; a client that goes away is none of the Hub's troubles."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        self.server.served.serve(Request(self.server.origin, self.command, path, query, headers, body), self)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that http.server looks for

    def send(self, delivery: Delivery, bytes_per_s: float | None = None) -> None:
        """Send an answer whole, its body at a given speed or as fast as the machine can."""
        self.send_head(delivery.request, delivery.status, delivery.headers)
        if delivery.with_body and delivery.length:
            self.send_body(delivery, bytes_per_s)

    def send_head(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        """Status line and headers, in one packet."""
        request.status = status
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, delivery: Delivery, bytes_per_s: float | None = None) -> None:
        """The body: by sendfile from a file, else from memory; paced when a speed is given."""
        request = delivery.request
        if isinstance(delivery.body, Path) and bytes_per_s is None:
            request.bytes_sent = delivery.length  # counted before the client can have it all, corrected afterwards
            with delivery.body.open("rb") as file:
                request.bytes_sent = self._sendfile(file, delivery.start, delivery.length)
            return
        began = time.monotonic()
        for chunk in delivery.chunks(_SEND_BYTES if bytes_per_s is None else max(1, int(bytes_per_s * _PACE_S))):
            request.bytes_sent += len(chunk)
            self.connection.sendall(chunk)
            if bytes_per_s is not None:
                time.sleep(max(0.0, began + request.bytes_sent / bytes_per_s - time.monotonic()))

    def _sendfile(self, file: BinaryIO, start: int, length: int) -> int:
        sent = 0
        while sent < length:
            n = self.connection.sendfile(file, start + sent, length - sent)
            if not n:
                self.close_connection = True  # the file on disk is shorter than it was when it was added
                break
            sent += n
        return sent

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden name
        """Say nothing on stderr: ``LocalHub.requests`` has it all."""


class Server(ThreadingHTTPServer):
    """One origin: a port, its connections, and who answers them."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], served: Served, origin: str) -> None:
        self.served = served
        self.origin = origin
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, Connection)

    def run(self) -> None:
        """Accept connections in a thread of its own until ``end``."""
        threading.Thread(target=self.serve_forever, args=(0.05,), name=f"local-{self.origin}", daemon=True).start()

    def end(self) -> None:
        """Listen no longer and hang up on every client."""
        self.shutdown()
        self.server_close()
        with self._guard:
            connections = tuple(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Show what is wrong with the Hub itself; a client that went away is nothing to show."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def byte_range(asked: str, size: int) -> tuple[int, int, int]:
    """Status, start and length: 206, 416 when nothing of the range exists, 200 when it is not a single range."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.strip())
    if not found or (not found[1] and not found[2]):
        return 200, 0, size
    if not found[1]:
        start, end = max(0, size - int(found[2])), size - 1
    else:
        start, end = int(found[1]), min(int(found[2] or size - 1), size - 1)
    if start >= size or end < start:
        return 416, 0, 0
    return 206, start, end - start + 1
