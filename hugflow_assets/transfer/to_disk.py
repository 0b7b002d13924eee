"""One file of a repository on this disk, byte for byte what the Hub's hash promises, however often it takes.

The bytes arrive in ``<to>.part`` and that file outlives the process: the next fetch hashes what is kept and asks for
the rest only. A commit's file never changes, and the hash over the whole decides in the end, so no If-Range is needed.

Files that the Hub keeps in Xet storage it serves by plain HTTP too, with the same sha256. Where that is the faster way
the rest of a large one comes from the storage itself (``xet``), from any byte on, and back by plain HTTP at any other.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hugflow_assets.durable import write_all
from hugflow_assets.durable.disk_errors import disk_error
from hugflow_assets.errors import HFIntegrityError, LeaseHeldError
from hugflow_assets.formats.lfs_pointer import refuse_pointer
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.hashes import content_hash
from hugflow_assets.hub.http import READ_BYTES
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.refusals import Asked
from hugflow_assets.transfer.download import Transfer
from hugflow_assets.transfer.local_copies import copy_adopted
from hugflow_assets.transfer.parallel_body import Connections

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
    connections: Connections | None = None,
) -> FetchReceipt:
    """Fetch ``file`` at ``commit`` to ``to``, resuming what an earlier call left, and verify it whole.

    A file that is at ``to`` already is verified and, when it is the right one, not fetched again.

    Args:
        on_bytes: called with each increment of bytes on disk. Kept bytes are announced at the start, and bytes that
            have to be thrown away come as a negative number: the sum is the size on disk, at most ``file.size_bytes``.
        should_stop: asked often; when it says yes, the partial file is kept.
        connections: how many may fetch a large file at once; see ``parallel_ranges``.
    Raises:
        HFUnreachableError, HFRateLimitedError: no answer, or 429, after every retry.
        HFDownloadError: the Hub does not have the file, or storage refuses it.
        HFIntegrityError: the bytes differ from the Hub's hash, twice.
        HFGatedError, HFTokenError, HFGoneError: access was lost on the way.
        DiskFullError, StorageError: they cannot be written. LeaseHeldError: another run fetches to the same place.
        LandingCancelledError: ``should_stop`` said yes.
        BadSourceError: it is a git-lfs pointer, where the file itself ought to be.
    """
    asked = Asked(access, repo_id, commit, file.path, seen_before=True)
    receipt = _Fetch(asked, file, to, on_bytes, should_stop, connections).run()
    refuse_pointer(to, file.path, file.size_bytes)
    return receipt


class _Fetch:
    """The part file as the sink of a transfer."""

    def __init__(
        self,
        asked: Asked,
        file: SourceFile,
        to: Path,
        on_bytes: Callable[[int], None] | None,
        should_stop: Callable[[], bool] | None,
        connections: Connections | None,
    ) -> None:
        self.asked, self.file, self.to = asked, file, to
        self.promised = content_hash(file)
        self.transfer = Transfer(asked, file, self, on_bytes, should_stop, connections)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self.handle = -1
        self.resumed = 0

    def run(self) -> FetchReceipt:
        began = time.monotonic()
        try:
            self._run()
        except OSError as error:
            raise disk_error(error, self.to) from error
        return FetchReceipt(
            path=self.to,
            size_bytes=self.file.size_bytes,
            hash=self.promised,
            bytes_fetched=self.transfer.fetched,
            bytes_resumed=self.resumed,
            attempts=max(1, self.transfer.attempts),
            seconds=time.monotonic() - began,
        )

    def _run(self) -> None:
        self.to.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(self.to)
        if self.to.is_file() and not part.exists():
            self.to.chmod(_PART_MODE)  # whoever had it may have made it read-only
            self.to.rename(part)  # fetched before; what it is worth the hash will tell, without the network
        self.handle = self._open(part)
        try:
            if self.asked.access.adopted is not None:
                copy_adopted(self.asked.access.adopted, self.promised, self.handle, self.file.size_bytes)
            self._take_up()
            mismatches: list[str] = []
            while (wrong := self.transfer.complete()) is not None:
                mismatches.append(wrong)
                self.transfer.restart()
                if len(mismatches) > 1:
                    part.unlink()
                    raise self._integrity_error(mismatches)
            os.fchmod(self.handle, _PART_MODE)
            part.replace(self.to)
        finally:
            os.close(self.handle)

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

    def _take_up(self) -> None:
        """Hash what an earlier process left; more than the file can have is no part of it."""
        kept = os.fstat(self.handle).st_size
        if kept > self.file.size_bytes:
            os.ftruncate(self.handle, 0)
            kept = 0
        os.lseek(self.handle, 0, os.SEEK_SET)
        while self.transfer.size < kept and (chunk := os.read(self.handle, _HASH_READ)):
            self.transfer.keep(chunk)
        self.resumed = self.transfer.size
        self.transfer.announce(self.resumed)

    # ---- the sink

    def room(self) -> tuple[memoryview, float]:
        return self._buffer, 0.0

    def filled(self, count: int) -> None:
        write_all(self.handle, self._buffer[:count])

    def restart(self) -> None:
        os.ftruncate(self.handle, 0)
        os.lseek(self.handle, 0, os.SEEK_SET)
        self.resumed = 0

    def place(self, start: int, size: int) -> None:
        """There is none: a part file is the beginning of the file."""

    def _integrity_error(self, found: list[str]) -> HFIntegrityError:
        return HFIntegrityError(
            f"{self.file.path} of {self.asked.place} arrived twice with other bytes than promised: "
            f"expected {self.promised} ({self.file.size_bytes} bytes), found {' and '.join(dict.fromkeys(found))}.",
            remedy="Nothing of it was landed. A proxy or cache may damage it; run again, or tell the dataset's owners.",
            path=self.file.path,
            repo=self.asked.repo_id,
            revision=self.asked.revision,
            expected=self.promised,
            found=found,
        )


def part_of(to: Path) -> Path:
    """Where the bytes of a file are until they are whole and verified."""
    return to.with_name(to.name + ".part")
