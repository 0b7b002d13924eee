"""A Hub on this machine: real HTTP on the loopback, for the demo, the tests and the benchmarks.

with LocalHub() as hub:
    hub.add_repo("acme/speech", {"data/train.parquet": Path("train.parquet")}, license="cc0-1.0")
    # HF_ENDPOINT=hub.url serves huggingface_hub and datasets as https://huggingface.co does
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from hugflow_assets.demo.protocol import CDN, HUB, Answer, Asked, Protocol
from hugflow_assets.demo.repos import LFS_ABOVE_BYTES, TAGS, Repo, full_ref, new_oid

_SEND_BYTES = 1 << 20
_IDLE_S = 300
_MAIN = "refs/heads/main"


@dataclass
class Request:
    """What was asked of the Hub and what became of it; ``status`` is 0 until the answer begins.

    ``bytes_sent`` counts body bytes, ``range`` is the Range header as given, ``origin`` is "hub" or "cdn".
    """

    origin: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    range: str | None
    status: int = 0
    bytes_sent: int = 0


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


@dataclass
class LocalHub:
    """A Hub that is started, filled and stopped by the program that needs it.

    Args:
        host: where it listens; with port 0 the system chooses, and every start keeps the port of the first.
        page_size: entries in one page of a repository's tree.
        lfs_above_bytes: files larger than this are stored by LFS, whatever their ending.
        latency_s: waited before every answer; the round trip of a far-away Hub.
        bytes_per_s: the speed of one connection's bodies; None is as fast as the machine.
    """

    host: str = "127.0.0.1"
    port: int = 0
    page_size: int = 1000
    lfs_above_bytes: int = LFS_ABOVE_BYTES
    latency_s: float = 0.0
    bytes_per_s: float | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._repos: dict[str, Repo] = {}
        self._moved: dict[str, str] = {}
        self._lock = threading.RLock()
        self._made = 0
        self._servers: dict[str, _Server] = {}
        self._ports = {HUB: self.port, CDN: 0}
        self.protocol = Protocol(self._repos, self._moved, self.tokens, self.page_size)

    # ---- life

    def start(self) -> Self:
        """Listen on both origins. Stopped and started again, the Hub keeps its URL and its repositories."""
        for origin in (HUB, CDN):
            if origin not in self._servers:
                server = _Server((self.host, self._ports[origin]), self, origin)
                self._ports[origin] = server.server_address[1]
                self._servers[origin] = server
                server.run()
        self.protocol.hub_url, self.protocol.cdn_url = self.url, self.cdn_url
        return self

    def stop(self) -> None:
        """Listen no longer and end every connection; a client is refused from now on."""
        for origin in tuple(self._servers):
            self._servers.pop(origin).end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What ``HF_ENDPOINT`` is set to."""
        return f"http://{self.host}:{self._ports[HUB]}"

    @property
    def cdn_url(self) -> str:
        """The second origin, where LFS files are; a client's token must never come here (see ``violations``)."""
        return f"http://{self.host}:{self._ports[CDN]}"

    # ---- what it holds

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes | Path],
        *,
        private: bool = False,
        gated: str | None = None,
        disabled: bool = False,
        license: str | None = None,  # noqa: A002 - the Hub's word
    ) -> str:
        """Make a dataset repository and give the commit (40 hex) of its first files.

        Args:
            repo_id: ``org/name``, or a legacy ``name``.
            files: path in the repository to bytes, or to a file on this disk that stays as it is.
            gated: None, "auto" or "manual": everyone sees the repository, those granted get files.
            license: shown as the card's when README.md names none; a README.md is made when there is none.
        """
        with self._lock:
            if repo_id.lower() in self._repos:
                raise ValueError(f"{repo_id} is there already")
            if license and "README.md" not in files:
                files = {**files, "README.md": f"---\nlicense: {license}\n---\n".encode()}
            repo = Repo(repo_id, new_oid(repo_id, self._made), private, gated, disabled, license)
            commit = repo.commit(_MAIN, files, (), self.lfs_above_bytes)
            self._made += 1
            self._repos[repo_id.lower()] = repo
            self._moved.pop(repo_id.lower(), None)
            return commit.id

    def repo(self, repo_id: str) -> Repo:
        """The repository of that id (or the id it had): its switches ``private``, ``gated``, ``disabled`` may be set."""
        key = repo_id.lower()
        return self._repos[self._moved.get(key, key).lower()]

    def commit(
        self, repo_id: str, files: Mapping[str, bytes | Path], *, delete: Iterable[str] = (), branch: str = "main"
    ) -> str:
        """Put files onto a branch and give the commit. A branch (or full ref) that is new begins empty."""
        with self._lock:
            return self.repo(repo_id).commit(full_ref(branch), files, delete, self.lfs_above_bytes).id

    def branch(self, repo_id: str, name: str, commit: str) -> None:
        """Point a branch (or a full ref such as ``refs/convert/parquet``) at a commit."""
        with self._lock:
            repo = self.repo(repo_id)
            repo.refs[full_ref(name)] = repo.commits[commit]

    def tag(self, repo_id: str, name: str, commit: str) -> None:
        """Point a tag at a commit."""
        with self._lock:
            repo = self.repo(repo_id)
            repo.refs[f"{TAGS}{name}"] = repo.commits[commit]

    def delete_repo(self, repo_id: str) -> None:
        """The repository is gone, and so are the redirects to it."""
        with self._lock:
            gone = self._repos.pop(self.repo(repo_id).repo_id.lower())
            for old in [old for old, new in self._moved.items() if new.lower() == gone.repo_id.lower()]:
                del self._moved[old]

    def rename_repo(self, old: str, new: str) -> None:
        """The repository has another name; the old one redirects to it, ``_id`` and commits stay."""
        with self._lock:
            if new.lower() in self._repos and new.lower() != old.lower():
                raise ValueError(f"{new} is there already")
            repo = self._repos.pop(self.repo(old).repo_id.lower())
            for name in [*(was for was, now in self._moved.items() if now == repo.repo_id), repo.repo_id.lower()]:
                self._moved[name] = new
            self._moved.pop(new.lower(), None)
            repo.repo_id = new
            self._repos[new.lower()] = repo

    def grant(self, repo_id: str, user: str) -> None:
        """Let a user in: to a private repository, or past a gate."""
        self.repo(repo_id).granted.add(user)

    def revoke(self, repo_id: str, user: str) -> None:
        """Let a user in no longer."""
        self.repo(repo_id).granted.discard(user)

    # ---- one request, in three steps that a fault-injecting Hub overrides

    def answer(self, asked: Asked, request: Request) -> Answer:
        """What the protocol says to a request."""
        if asked.origin == CDN and "authorization" in asked.headers:
            self.violations.append(f"{asked.method} {asked.path} carried Authorization to the CDN")
        return self.protocol.answer(asked)

    def prepare(self, asked: Asked, request: Request, answer: Answer) -> Delivery:
        """Status, headers and byte range of an answer, by the request's Range and If-Range."""
        status, headers = answer.status, dict(answer.headers)
        body: bytes | Path = answer.blob.data if answer.blob else answer.body
        size = answer.blob.size_bytes if answer.blob else len(answer.body)
        start, length = 0, size
        if answer.blob is not None:
            headers["Accept-Ranges"] = "bytes"
            if_range = asked.headers.get("if-range")
            if request.range and (if_range is None or if_range == headers.get("ETag")):
                status, start, length = _byte_range(request.range, size)
                if status == 206:
                    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
                elif status == 416:
                    headers["Content-Range"], body = f"bytes */{size}", b""
        headers["Content-Length"] = str(length)
        return Delivery(request, status, headers, body, start, length, with_body=asked.method != "HEAD")

    def deliver(self, delivery: Delivery, connection: Connection) -> None:
        """Send an answer."""
        connection.send_head(delivery.status, delivery.headers)
        if delivery.with_body and delivery.length:
            connection.send_body(delivery, self.bytes_per_s)


class Connection(BaseHTTPRequestHandler):
    """One keep-alive connection of a client; reads requests and has the Hub answer them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    rbufsize = 1 << 16
    server: _Server

    def handle_one_request(self) -> None:
        """Read one request, answer it; a client that goes away is none of the Hub's troubles."""
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, OSError, ValueError):
            self.close_connection = True

    def _serve(self) -> None:
        hub = self.server.hub
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        asked = Asked(self.server.origin, self.command, path, query, headers, body)
        request = Request(asked.origin, asked.method, path, query, headers, headers.get("range"))
        hub.requests.append(request)
        if hub.latency_s:
            time.sleep(hub.latency_s)
        delivery = hub.prepare(asked, request, hub.answer(asked, request))
        request.status = delivery.status
        hub.deliver(delivery, self)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that http.server looks for

    def send_head(self, status: int, headers: Mapping[str, str]) -> None:
        """Status line and headers, in one packet."""
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, delivery: Delivery, bytes_per_s: float | None = None) -> None:
        """The body: by sendfile from a file, else from memory; paced when a speed is given."""
        request = delivery.request
        if isinstance(delivery.body, Path) and bytes_per_s is None:
            request.bytes_sent = delivery.length  # before the client can have it all, corrected below
            with delivery.body.open("rb") as file:
                request.bytes_sent = self._sendfile(file, delivery.start, delivery.length)
            return
        began = time.monotonic()
        for chunk in delivery.chunks(_SEND_BYTES if bytes_per_s is None else 1 << 16):
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], hub: LocalHub, origin: str) -> None:
        self.hub = hub
        self.origin = origin
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, Connection)

    def run(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), name=f"local-{self.origin}", daemon=True).start()

    def end(self) -> None:
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
        """A broken connection is recorded by what its client saw, not by a trace on stderr."""


def _byte_range(asked: str, size: int) -> tuple[int, int, int]:
    """Status, start and length for a Range header: 206, 416 when nothing of it exists, 200 when it is no single range."""
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
