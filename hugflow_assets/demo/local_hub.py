"""A Hub on this machine: real HTTP on the loopback, for the demo, the tests and the benchmarks.

``with LocalHub() as hub: hub.add_repo("acme/speech", {"data/train.parquet": Path("train.parquet")})``, and
``HF_ENDPOINT=hub.url`` serves huggingface_hub and datasets as https://huggingface.co does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from hugflow_assets.demo.protocol import CDN, HUB, XET, Answer, Protocol, Request
from hugflow_assets.demo.repos import LFS_ABOVE_BYTES, TAGS, Repo, full_ref, new_oid
from hugflow_assets.demo.serving import Connection, Delivery, Server, byte_range
from hugflow_assets.demo.xet_folder import XetFolder
from hugflow_assets.demo.xet_protocol import XetProtocol

_MAIN = "refs/heads/main"


@dataclass
class LocalHub:
    """A Hub that is started, filled and stopped by the program that needs it.

    Args:
        host: where it listens; with port 0 the system chooses, and every start keeps the port of the first.
        page_size: entries in one page of a repository's tree.
        lfs_above_bytes: files larger than this are stored by LFS, whatever their ending.
        latency_s: waited before every answer; the round trip of a far-away Hub.
        bytes_per_s: the speed of one connection's bodies; None is as fast as the machine.
        xet: Xet storage: what LFS holds is put there too, and told to be there. None: the Hub knows of none.
    """

    host: str = "127.0.0.1"
    port: int = 0
    page_size: int = 1000
    lfs_above_bytes: int = LFS_ABOVE_BYTES
    latency_s: float = 0.0
    bytes_per_s: float | None = None
    xet: XetFolder | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._repos: dict[str, Repo] = {}
        self._moved: dict[str, str] = {}
        self._lock = threading.RLock()
        self._life = threading.Lock()
        self._made = 0
        self._servers: dict[str, Server] = {}
        self._ports = {HUB: self.port, CDN: 0}
        self.protocol = Protocol(self._repos, self._moved, self.tokens, self.page_size)
        if self.xet is not None:
            self._ports[XET] = 0
            self.protocol.xet = XetProtocol(self.xet, self._repos)

    # ---- life

    def start(self) -> Self:
        """Listen on all origins. Stopped and started again, the Hub keeps its URL and its repositories."""
        with self._life:
            for origin in self._ports:
                if origin not in self._servers:
                    server = Server((self.host, self._ports[origin]), self, origin)
                    self._ports[origin] = server.server_address[1]
                    self._servers[origin] = server
                    server.run()
        self.protocol.hub_url, self.protocol.cdn_url = self.url, self.cdn_url
        if self.protocol.xet is not None:
            self.protocol.xet.url = self.xet_url
        return self

    def stop(self) -> None:
        """Listen no longer and end every connection; a client is refused from now on."""
        with self._life:
            while self._servers:
                self._servers.popitem()[1].end()

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

    @property
    def xet_url(self) -> str:
        """The origin of Xet storage, where only its own tokens are taken."""
        return f"http://{self.host}:{self._ports[XET]}"

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
            repo = Repo(repo_id, new_oid(repo_id, self._made), private, gated, disabled, license, xet=self.xet)
            commit = repo.commit(_MAIN, files, (), self.lfs_above_bytes)
            self._made += 1
            self._repos[repo_id.lower()] = repo
            self._moved.pop(repo_id.lower(), None)
            return commit.id

    def repo(self, repo_id: str) -> Repo:
        """The repository of that id, or that had it: its ``private``, ``gated`` and ``disabled`` may be set."""
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

    # ---- one request, in steps that a fault-injecting Hub overrides

    def serve(self, request: Request, connection: Connection) -> None:
        """Take note of a request, then respond, as late as a far-away Hub would."""
        self.requests.append(request)
        if self.latency_s:
            time.sleep(self.latency_s)
        self.respond(request, connection)

    def respond(self, request: Request, connection: Connection) -> None:
        """Answer and send."""
        connection.send(self.prepare(request, self.answer(request)), self.bytes_per_s)

    def answer(self, request: Request) -> Answer:
        """What the protocol says to a request."""
        if request.origin == CDN and "authorization" in request.headers:
            self.violations.append(f"{request.method} {request.path} carried Authorization to the CDN")
        with self._lock:
            return self.protocol.answer(request)

    def prepare(self, request: Request, answer: Answer) -> Delivery:
        """Status, headers and byte range of an answer, by the request's Range and If-Range."""
        status, headers = answer.status, dict(answer.headers)
        body: bytes | Path = answer.blob.data if answer.blob else answer.body
        size = answer.blob.size_bytes if answer.blob else len(answer.body)
        start, length = 0, size
        if answer.blob is not None:
            headers["Accept-Ranges"] = "bytes"
            if request.range and request.headers.get("if-range") in (None, headers.get("ETag")):
                status, start, length = byte_range(request.range, size)
                if status == 206:
                    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
                elif status == 416:
                    headers["Content-Range"], body = f"bytes */{size}", b""
        headers["Content-Length"] = str(length)
        return Delivery(request, status, headers, body, start, length, with_body=request.method != "HEAD")
