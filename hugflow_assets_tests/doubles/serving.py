"""What both doubles share: a server on the loopback, a record of every request, and faults to come."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Fault:
    """One fault for the next request whose ``METHOD path`` contains ``on``.

    ``after``: the request is carried out first, and the answer lost. ``hang_s``: no answer for so long. ``answer``:
    what comes instead of JSON. ``times``: how many requests it meets.
    """

    status: int = 502
    on: str = ""
    after: bool = False
    hang_s: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    times: int = 1


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What to answer with, where headers belong to it."""

    body: Any
    headers: dict[str, str]
    status: int = 200


class RefusalError(Exception):
    """The double refuses a request."""

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__(status, answer)
        self.status, self.answer = status, answer


class Double:
    """A server on 127.0.0.1 for the length of a ``with`` block. ``url`` is where it listens."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def release(self) -> None:
        """Answer what hangs, and hang no more."""
        self._released.set()

    def answer(self, request: Request) -> Any:
        """The JSON (or text) to answer with, or an ``Answer``.

        Raises:
            RefusalError: another status than 200.
        """
        raise NotImplementedError

    def respond(self, request: Request) -> tuple[int, dict[str, str], Any]:
        with self._lock:
            self.requests.append(request)
            line = f"{request.method} {request.path}"
            fault = next((one for one in self.faults if one.on in line), None)
            if fault is not None:
                self.faults.remove(fault)
                if fault.times > 1:
                    self.faults.appendleft(replace(fault, times=fault.times - 1))
        if fault is not None and fault.hang_s:
            self._released.wait(fault.hang_s)
        if fault is not None and not fault.after:
            answer = {"message": "a fault", "ok": False, "error": "fault"} if fault.answer is None else fault.answer
            return fault.status, fault.headers, answer
        with self._lock:
            try:
                status, told = 200, self.answer(request)
            except RefusalError as refusal:
                status, told = refusal.status, refusal.answer
        if fault is not None:
            return (
                fault.status,
                fault.headers,
                {"message": "a fault after it was stored", "ok": False, "error": "fault"},
            )
        return (told.status, told.headers, told.body) if isinstance(told, Answer) else (status, {}, told)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that die midway are what these tests are about; nothing is printed of them."""


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length).decode()
            parts = urlsplit(self.path)
            status, headers, told = double.respond(
                Request(
                    method=self.command,
                    path=parts.path,
                    query={key: values[0] for key, values in parse_qs(parts.query).items()},
                    headers={key.lower(): value for key, value in self.headers.items()},
                    body=_body(raw, self.headers.get("Content-Type") or ""),
                )
            )
            data = b"" if status == 304 else told.encode() if isinstance(told, str) else json.dumps(told).encode()
            try:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Type", "text/plain" if isinstance(told, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # the client did not wait

        do_GET = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    return Handler


def _body(raw: str, kind: str) -> dict[str, Any]:
    if not raw:
        return {}
    if "json" in kind:
        return dict(json.loads(raw))
    return {key: values[0] for key, values in parse_qs(raw).items()}
