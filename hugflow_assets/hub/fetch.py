"""One file of a repository on this disk, byte for byte what the Hub's hash promises, however often it takes.

The bytes arrive in ``<to>.part`` and that file outlives the process: the next fetch hashes what is kept and asks for
the rest only. A commit's file never changes, and the hash over the whole decides in the end, so no If-Range is needed.

Files that the Hub keeps in Xet storage are fetched like all others: it serves them by plain HTTP too, with the same
sha256, and by ranges, so that they resume inside the file. The Xet client is not used: it resumes per file only, and
there is no Xet server that can be run locally to prove what it does when storage fails.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from hugflow_assets.errors import (
    DiskFullError,
    HFDownloadError,
    HFError,
    HFIntegrityError,
    HFUnreachableError,
    LandingCancelledError,
    LeaseHeldError,
    StorageError,
)
from hugflow_assets.hub.access import HubAccess, file_url
from hugflow_assets.hub.adopted import copy_adopted
from hugflow_assets.hub.bandwidth import Bandwidth
from hugflow_assets.hub.calls import (
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
from hugflow_assets.hub.faults import Asked, refusal
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.transport import client, deadline

LEAST_BYTES_PER_S = 1024  # a server that sends less over a whole time-out is as good as silent
PROGRESS_BYTES = 1 << 20  # so much more on disk since the last fault makes the next fault the first again
_HASH_READ = 1 << 20
_PART_MODE = 0o640


@dataclass(frozen=True)
class FetchReceipt:
    """Proof of a verified file. ``hash`` is ``sha256:…`` or ``git-sha1:…``; ``bytes_fetched`` counts all that came over
    the network, ``bytes_resumed`` what an earlier process had left; ``attempts`` is 1 when nothing went wrong."""

    path: Path
    size_bytes: int
    hash: str
    bytes_fetched: int
    bytes_resumed: int
    attempts: int
    seconds: float


def fetch(
    access: HubAccess,
    repo_id: str,
    commit: str,
    file: SourceFile,
    to: Path,
    *,
    on_bytes: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FetchReceipt:
    """Fetch ``file`` at ``commit`` to ``to``, resuming what an earlier call left, and verify it whole.

    A file that is at ``to`` already is verified and, when it is the right one, not fetched again.

    Args:
        on_bytes: called with each increment of bytes on disk. Kept bytes are announced at the start, and bytes that
            have to be thrown away come as a negative number: the sum is the size on disk, at most ``file.size_bytes``.
        should_stop: asked often; when it says yes, the partial file is kept.
    Raises:
        HFUnreachableError, HFRateLimitedError: no answer, or 429, after every retry.
        HFDownloadError: the Hub does not have the file, or storage refuses it.
        HFIntegrityError: the bytes differ from the Hub's hash, twice.
        HFGatedError, HFTokenError, HFGoneError: access was lost on the way.
        DiskFullError, StorageError: they cannot be written. LeaseHeldError: another run fetches to the same place.
        LandingCancelledError: ``should_stop`` said yes.
    """
    asked = Asked(access, repo_id, commit, file.path, seen_before=True)
    return _Fetch(access, asked, file, to, on_bytes, should_stop).run()


def content_hash(file: SourceFile) -> str:
    """The hash that the Hub promises for a file's content, as ``kind:hex``."""
    if file.sha256:
        return f"sha256:{file.sha256}"
    if file.git_sha1:
        return f"git-sha1:{file.git_sha1}"
    raise HFIntegrityError(
        f"The Hub promises no hash for {file.path}, so it cannot be verified.",
        remedy="Nothing unverified is landed; tell the operators of this Hub.",
        path=file.path,
    )


def new_hash(file: SourceFile) -> hashlib._Hash:
    """A running hash of the kind that ``content_hash`` names; git's begins with the size."""
    if file.sha256:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)


class _MismatchError(Exception):
    """The bytes are not the file's; said in words."""


class _BrokenError(Exception):
    """The transfer broke off with a fault that can pass; what is on disk stays."""

    def __init__(self, error: HFError, asked_s: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.asked_s = asked_s


@dataclass
class _Fetch:
    access: HubAccess
    asked: Asked
    file: SourceFile
    to: Path
    on_bytes: Callable[[int], None] | None
    should_stop: Callable[[], bool] | None
    size: int = 0  # bytes in the part file
    fetched: int = 0
    resumed: int = 0
    attempts: int = 0
    ranges: bool = True  # whether the server is trusted to honour Range
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def run(self) -> FetchReceipt:
        began = time.monotonic()
        promised = content_hash(self.file)
        try:
            self._run(promised)
        except OSError as error:
            raise _disk_error(error, self.to) from error
        return FetchReceipt(
            path=self.to,
            size_bytes=self.file.size_bytes,
            hash=promised,
            bytes_fetched=self.fetched,
            bytes_resumed=self.resumed,
            attempts=max(1, self.attempts),
            seconds=time.monotonic() - began,
        )

    def _run(self, promised: str) -> None:
        self.to.parent.mkdir(parents=True, exist_ok=True)
        part = self.to.with_name(self.to.name + ".part")
        if self.to.is_file() and not part.exists():
            self.to.chmod(_PART_MODE)  # whoever had it may have made it read-only
            self.to.rename(part)  # fetched before; what it is worth the hash will tell, without the network
        handle = self._open(part)
        try:
            if self.access.adopted is not None:
                copy_adopted(self.access.adopted, promised, handle, self.file.size_bytes)
            self._take_up(handle)
            mismatches: list[str] = []
            while (wrong := self._complete(handle, promised)) is not None:
                mismatches.append(wrong)
                self._restart(handle)
                if len(mismatches) > 1:
                    part.unlink()
                    raise self._integrity_error(promised, mismatches)
            os.fchmod(handle, _PART_MODE)
            part.replace(self.to)
        finally:
            os.close(handle)

    # ---- the part file

    def _open(self, part: Path) -> int:
        """Open the part file for us alone: two that write into one file would each verify what the other cut off."""
        while True:
            handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PART_MODE)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                raise LeaseHeldError(
                    f"Another run is fetching {self.file.path} to {self.to}.", remedy="Wait for it, or stop it."
                ) from None
            except OSError:
                return handle  # a file system without locks; the lease of the dataset's name has to do
            with suppress(FileNotFoundError):
                if part.stat().st_ino == os.fstat(handle).st_ino:
                    return handle
            os.close(handle)  # whoever held it has just finished

    def _take_up(self, handle: int) -> None:
        """Hash what an earlier process left; more than the file can have is no part of it."""
        self.hash = new_hash(self.file)
        kept = os.fstat(handle).st_size
        if kept > self.file.size_bytes:
            os.ftruncate(handle, 0)
            kept = 0
        os.lseek(handle, 0, os.SEEK_SET)
        while self.size < kept and (chunk := os.read(handle, _HASH_READ)):
            self._stop_if_asked()
            self.hash.update(chunk)
            self.size += len(chunk)
        self.resumed = self.size
        self._announce(self.size)

    def _restart(self, handle: int) -> None:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        self._announce(-self.size)
        self.size = self.resumed = 0
        self.hash = new_hash(self.file)

    def _announce(self, count: int) -> None:
        if self.on_bytes and count:
            self.on_bytes(count)

    def _stop_if_asked(self) -> None:
        if self.should_stop and self.should_stop():
            raise LandingCancelledError(
                f"Stopped while fetching {self.file.path}.", remedy="What is fetched is kept; run it again to resume."
            )

    # ---- until it is whole

    def _complete(self, handle: int, promised: str) -> str | None:
        """Fetch what is missing; None when size and hash agree, else what was found instead."""
        backoff = Backoff(self.access, self.should_stop)
        mark = self.size
        while self.size < self.file.size_bytes or (self.file.size_bytes == 0 and not self.attempts):
            self.attempts += 1
            try:
                self._transfer(handle, backoff)
            except _MismatchError as error:
                return str(error)
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
        found = f"{promised.partition(':')[0]}:{self.hash.hexdigest()}"
        return None if found == promised else found

    def _transfer(self, handle: int, backoff: Backoff) -> None:
        """One request, its bytes appended to the part file."""
        self._stop_if_asked()
        resume = self.size if self.ranges else 0
        headers = {**request_headers(self.access), "Accept-Encoding": "identity"}
        if resume:
            headers["Range"] = f"bytes={resume}-"
        url = file_url(self.access.endpoint, self.asked.repo_id, self.asked.revision, self.file.path)
        backoff.ask_leave(url)
        with deadline(self.access.read_timeout_s * 2) as head:
            stream = client(self.access).stream("GET", url, headers=headers)
            with stream as response:
                head.lift()
                note_limits(self.access, response)
                self._judge(response)
                self._place(handle, response)
                self._receive(handle, response)

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
            self.ranges = False  # the server's file is shorter than ours: judge it by a whole transfer
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

    def _place(self, handle: int, response: httpx2.Response) -> None:
        """Continue behind the kept bytes where the server does so too; otherwise begin anew."""
        start, total = 0, _length(response)
        if response.status_code == 206:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("content-range", "").strip())
            if not found or int(found[1]) != self.size:
                self.ranges = False
                raise _BrokenError(self._unreachable("it sends another range than was asked for"))
            start, total = self.size, None if found[3] == "*" else int(found[3])
        if response.headers.get("content-encoding", "identity") != "identity":
            total = None
        if total is not None and total != self.file.size_bytes:
            raise _MismatchError(f"{total} bytes")
        if start == 0 and self.size:
            self._restart(handle)

    def _receive(self, handle: int, response: httpx2.Response) -> None:
        window_ends, window_bytes = time.monotonic() + self.access.read_timeout_s, 0
        limit = Bandwidth.of(self.access)
        for chunk in response.iter_raw():
            if self.size + len(chunk) > self.file.size_bytes:
                raise _MismatchError(f"more than {self.file.size_bytes} bytes")
            self._append(handle, chunk)
            window_bytes += len(chunk)
            if limit is not None:
                began = time.monotonic()
                limit.take(len(chunk), self.should_stop)
                window_ends += time.monotonic() - began  # our own patience is no silence of the server
            if (now := time.monotonic()) > window_ends:
                if window_bytes < LEAST_BYTES_PER_S * self.access.read_timeout_s:
                    raise _BrokenError(self._unreachable("it sends next to nothing"))
                window_ends, window_bytes = now + self.access.read_timeout_s, 0
            self._stop_if_asked()
        if self.size < self.file.size_bytes:
            raise _BrokenError(self._unreachable("the connection ended early"))

    def _append(self, handle: int, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            written = os.write(handle, rest)
            self.hash.update(rest[:written])
            rest = rest[written:]
            self.size += written
            self.fetched += written
            self._announce(written)

    def _integrity_error(self, promised: str, found: list[str]) -> HFIntegrityError:
        return HFIntegrityError(
            f"{self.file.path} of {self.asked.place} arrived twice with other bytes than promised: "
            f"expected {promised} ({self.file.size_bytes} bytes), found {' and '.join(dict.fromkeys(found))}.",
            remedy="Nothing of it was landed. A proxy or cache may damage it; run again, or tell the dataset's owners.",
            path=self.file.path,
            repo=self.asked.repo_id,
            revision=self.asked.revision,
            expected=promised,
            found=found,
        )


def _length(response: httpx2.Response) -> int | None:
    said = response.headers.get("content-length", "")
    return int(said) if said.isdigit() else None


def _disk_error(error: OSError, to: Path) -> DiskFullError | StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(
            f"No space left while fetching to {to}.",
            remedy="Free space or raise the quota, then run again: what is fetched is kept.",
            path=str(to),
        )
    return StorageError(
        f"Cannot write {to}: {error.strerror or error}.",
        remedy="Check that the storage is mounted and that this user may write there.",
        path=str(to),
    )
