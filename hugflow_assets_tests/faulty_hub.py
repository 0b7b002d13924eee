"""A Hub that misbehaves on demand: the faults that networks, proxies, storages and rate limiters really show.

    hub.fault("train-00000", "reset", origin="cdn", after_bytes=1000)      # once, after 1,000 bytes of the body
    hub.fault("/api/datasets/", 503, times=2, headers={"Retry-After": "0"})
    hub.fault("parquet", "stall", origin="cdn", after_bytes=0)             # until hub.release()

A rule is for the next ``times`` requests that it matches (None: for all), and ``rule.hits`` counts them.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import unquote

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import CDN, Answer, Request
from hugflow_assets.demo.serving import Connection, Delivery

Kind = Literal[
    "reset",  # TCP RST; before any answer, or after_bytes into the body
    "close",  # the connection ends cleanly, too early
    "stall",  # silence until hub.release() or hold_s, then on as if nothing had been
    "trickle",  # the body at bytes_per_s
    "status",  # an error status with headers
    "flip",  # one byte of the body differs, the size does not
    "wrong-length",  # Content-Length off by length_off
    "no-range",  # Range is ignored: 200 and the whole file
    "html",  # 200 and a login page, as captive portals and proxies give
    "broken-json",  # the right answer, cut in half
    "refuse",  # reset, and from then on nobody listens until hub.start()
    "expired",  # this CDN link is dead from now on (403); a new one works
    "redirect-loop",
]
LOGIN_PAGE = b"<!doctype html><html><body>Please log in to the guest network.</body></html>"


@dataclass
class Fault:
    """One rule: which requests, what happens to them, how often still (None: always)."""

    path: re.Pattern[str]
    kind: Kind
    times: int | None
    method: str | None = None
    origin: str | None = None
    after_bytes: int | None = None
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"error":"Internal Error"}'
    bytes_per_s: float = 1000.0
    length_off: int = 10
    flip_at: int | None = None
    asked: str = ""  # how the request's Range begins
    whole: bool = False  # only requests without a Range
    hold_s: float = 30.0
    hits: int = 0

    def matches(self, request: Request) -> bool:
        """Whether it is for this request. The path is searched with its query, decoded: that names CDN files too."""
        if self.method not in (None, request.method) or self.origin not in (None, request.origin):
            return False
        if not (request.range or "").startswith(self.asked) or (self.whole and request.range):
            return False
        return self.path.search(f"{unquote(request.path)}?{unquote(unquote(request.query))}") is not None


@dataclass
class FaultyHub(LocalHub):
    """A ``LocalHub`` with rules of misbehaviour. ``most_at_once``: so many answers of the storage were under way."""

    faults: list[Fault] = field(default_factory=list)
    most_at_once: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._released = threading.Event()
        self._dead_links: set[str] = set()
        self._due_lock = threading.Lock()
        self._at_once = 0

    def fault(self, path: str, kind: Kind | int, *, times: int | None = 1, **options: object) -> Fault:
        """Add a rule and give it, so that a test can look at its ``hits``.

        Args:
            path: a regular expression, searched in the decoded path and query.
            kind: one of ``Kind``, or a status code for "status".
            options: further fields of ``Fault``: ``method``, ``origin`` ("hub", "cdn"), ``after_bytes`` …
        """
        if isinstance(kind, int):
            options, kind = {"status": kind, **options}, "status"
        rule = Fault(re.compile(path), kind, times, **options)  # type: ignore[arg-type]
        self.faults.append(rule)
        return rule

    def heal(self) -> None:
        """Drop every rule and release whoever is stalled."""
        self.faults.clear()
        self.release()

    def release(self) -> None:
        """Let every stalled answer go on, those to come included."""
        self._released.set()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens inside this block; afterwards the same Hub is there again, at the same URL."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        super().__exit__(kind, error, trace)

    # ---- one request

    def respond(self, request: Request, connection: Connection) -> None:
        of_storage = request.origin == CDN
        with self._due_lock:
            self._at_once += of_storage
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._respond(request, connection)
        finally:
            with self._due_lock:
                self._at_once -= of_storage

    def _respond(self, request: Request, connection: Connection) -> None:
        if request.query in self._dead_links:
            connection.send(self._plain(request, 403, b"<Error><Code>AccessDenied</Code></Error>"))
        elif (rule := self._due(request)) is None:
            super().respond(request, connection)
        else:
            self._misbehave(rule, request, connection)

    def _due(self, request: Request) -> Fault | None:
        with self._due_lock:
            for rule in self.faults:
                if rule.times != 0 and rule.matches(request):
                    rule.hits += 1
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule
        return None

    def _misbehave(self, rule: Fault, request: Request, connection: Connection) -> None:
        match rule.kind:
            case "reset" | "close" | "stall":
                self._break_off(rule, request, connection)
            case "refuse":
                _reset(connection)
                request.status = 0
                self.stop()
            case "trickle":
                connection.send(self.prepare(request, self.answer(request)), rule.bytes_per_s)
            case "flip":
                connection.send(_flipped(self.prepare(request, self.answer(request)), rule.flip_at))
            case "wrong-length":
                delivery = self.prepare(request, self.answer(request))
                delivery.headers["Content-Length"] = str(max(0, delivery.length + rule.length_off))
                connection.send(delivery)
                connection.close_connection = True
            case "expired":
                self._dead_links.add(request.query)
                connection.send(self._plain(request, 403, b"<Error><Code>AccessDenied</Code></Error>"))
            case _:
                connection.send(self._wrong_answer(rule, request))

    def _wrong_answer(self, rule: Fault, request: Request) -> Delivery:
        match rule.kind:
            case "no-range":
                headers = {name: value for name, value in request.headers.items() if name != "range"}
                delivery = self.prepare(replace(request, headers=headers), self.answer(request))
                return replace(delivery, request=request)
            case "html":
                return self._plain(request, 200, LOGIN_PAGE, {"Content-Type": "text/html"})
            case "broken-json":
                answer = self.answer(request)
                return self.prepare(request, replace(answer, body=answer.body[: len(answer.body) // 2]))
            case "redirect-loop":
                here = f"{self.url if request.origin == 'hub' else self.cdn_url}{request.path}?{request.query}"
                return self._plain(request, 302, b"", {"Location": here})
        return self._plain(request, rule.status, rule.body, {"Content-Type": "application/json", **rule.headers})

    def _plain(self, request: Request, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Delivery:
        return self.prepare(request, Answer(status, dict(headers or {}), body))

    def _break_off(self, rule: Fault, request: Request, connection: Connection) -> None:
        """Answer up to ``after_bytes`` of the body (None: nothing at all), then break off or hold."""
        delivery = self.prepare(request, self.answer(request))
        sent = 0
        if rule.after_bytes is not None:
            connection.send_head(request, delivery.status, delivery.headers)
            if delivery.with_body:
                sent = min(rule.after_bytes, delivery.length)
                connection.send_body(replace(delivery, length=sent))
        if rule.kind == "reset":
            _reset(connection)
        elif rule.kind == "close":
            connection.close_connection = True
        else:
            self._released.wait(rule.hold_s)
            rest = replace(delivery, start=delivery.start + sent, length=delivery.length - sent)
            if rule.after_bytes is None:
                connection.send(delivery)
            elif rest.with_body and rest.length:
                connection.send_body(rest)


def _reset(connection: Connection) -> None:
    """End the connection with RST: with a linger of zero, close drops what is unsent."""
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close_connection = True
    connection.connection.close()


def _flipped(delivery: Delivery, at: int | None) -> Delivery:
    data = bytearray(delivery.body.read_bytes() if isinstance(delivery.body, Path) else delivery.body)
    if data:
        data[len(data) // 2 if at is None else at] ^= 0x01
    return replace(delivery, body=bytes(data))
