"""One holder at a time over processes and hosts, on nothing but a shared folder.

A claim is a folder with numbered files. **The highest number holds**; its modification time is the heartbeat. To
take over, a contender that sees the highest, n, free or silent creates n+1, which only one of them can: there is no
moment at which a lock is removed and somebody else's removed with it. After creating, the winner looks again: where a
higher number stands, its own view was old and it steps back. The number is the fencing token; the highest file is
never removed, so tokens grow over releases and crashes.

- Heartbeats are compared with the file server's clock (the time it gives to the contender's own new file), never with
  the clock of a host. Free is a heartbeat at the epoch.
- ``flock`` is held on the file beside that. It alone would not do (not every NFS server has it, and it says nothing
  across hosts on some), but on the same host it tells a dead holder from a silent one at once. Where it is granted to
  everybody it tells nothing: that is tried each time before it is believed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from uuid import getnode, uuid4

from hugflow_assets.durable.heartbeat import HEART
from hugflow_assets.durable.host_lock import flock_is_free

_NUMBER = re.compile(r"\d{12}")
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)
FOLDER_MODE = 0o2770
FILE_MODE = 0o660


@lru_cache(maxsize=1)
def host_id() -> str:
    """This running kernel: hostname and boot id, so that a rebooted or cloned machine is another host."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = f"{getnode():012x}"
    return f"{socket.gethostname()}/{boot}"


@dataclass(frozen=True)
class Holder:
    """Who holds a claim. ``age_s`` is the age of the last heartbeat by the file server's clock."""

    token: int
    host: str
    pid: int
    purpose: str
    since: float
    age_s: float


@dataclass(frozen=True)
class _Seen:
    """The highest file of a claim as a contender finds it."""

    token: int
    free: bool
    holder: Holder


@dataclass(eq=False)
class Claim:
    """A claim held by this process until ``release`` or until it is silent for ``ttl_s``."""

    folder: Path
    token: int
    ttl_s: float
    _handle: int = field(repr=False)
    _inode: int = field(repr=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _pid: int = field(default_factory=os.getpid, repr=False)

    def beat(self) -> None:
        """Say that the holder lives; through the open file, so that a successor's file is never touched."""
        with self._guard:
            if self._handle >= 0:
                with contextlib.suppress(OSError):  # ESTALE, or the server is away: `held` tells
                    os.utime(self._handle)

    def held(self) -> bool:
        """Whether nobody has taken over: the highest number is still ours."""
        with self._guard:
            if self._handle < 0:
                return False
            try:
                ours = (self.folder / _name(self.token)).stat().st_ino == self._inode
                return ours and _highest(self.folder) == self.token
            except OSError:  # the folder is gone or cannot be read: nothing says that it is ours
                return False

    def server_time(self) -> float:
        """Now by the file server's clock, seconds since the epoch."""
        with self._guard:
            os.utime(self._handle)
            return os.fstat(self._handle).st_mtime

    def release(self) -> None:
        """Let go; again does nothing."""
        HEART.remove(self)
        with self._guard:
            handle, self._handle = self._handle, -1
            if handle < 0:
                return
            try:
                if self._pid == os.getpid():  # a forked child closes its copy and lets go of nothing
                    with contextlib.suppress(OSError):
                        os.utime(handle, (0, 0))
            finally:
                os.close(handle)


def try_claim(folder: Path, *, ttl_s: float, purpose: str = "", host: str | None = None) -> Claim | Holder:
    """Take the claim of ``folder`` if it is free or its holder is silent; else say who holds it.

    Raises:
        OSError: the folder cannot be written.
    """
    host = host or host_id()
    with _candidate(folder, purpose, host) as candidate:
        while True:
            now = candidate.server_time()
            seen = _look(folder, now)
            if seen is not None and not seen.free and not candidate.finds_dead(seen.holder, ttl_s):
                return seen.holder
            claim = candidate.stand((seen.token if seen else 0) + 1, ttl_s)
            if claim is not None:
                HEART.add(claim, every_s=ttl_s / 4)
                return claim


def current_holder(folder: Path, *, ttl_s: float, host: str | None = None) -> Holder | None:
    """Who holds the claim of ``folder`` now; None when it is free. Writes nothing but a probe of the clock."""
    if not folder.is_dir():
        return None
    host = host or host_id()
    with _candidate(folder, "", host) as candidate:
        seen = _look(folder, candidate.server_time())
        if seen is None or seen.free or candidate.finds_dead(seen.holder, ttl_s):
            return None
        return seen.holder


def _look(folder: Path, now: float) -> _Seen | None:
    """The highest file, opened so that NFS asks the server instead of its cache; None when the folder is empty."""
    while True:
        token = _highest(folder)
        if token == 0:
            return None
        try:
            handle = os.open(folder / _name(token), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # a successor has removed it: look again
        try:
            seen_at = os.fstat(handle).st_mtime
            data = os.read(handle, 4096)
        except OSError as error:
            if error.errno == errno.ESTALE:
                continue
            raise
        finally:
            os.close(handle)
        return _Seen(token, seen_at <= 0, _holder(token, data, now - seen_at))


def _holder(token: int, data: bytes, age_s: float) -> Holder:
    try:
        found = json.loads(data)
        return Holder(token, found["host"], found["pid"], found["purpose"], found["since"], age_s)
    except (ValueError, KeyError, TypeError):
        return Holder(token, "", 0, "", 0.0, age_s)  # dying while writing it, where there are no hard links


def _highest(folder: Path) -> int:
    return max(_numbers(folder), default=0)


def _numbers(folder: Path) -> list[int]:
    return [int(one.name) for one in folder.iterdir() if _NUMBER.fullmatch(one.name)]


def _name(token: int) -> str:
    return f"{token:012d}"


class _Candidate:
    """A file that is ready to become the next number: written, locked, with the server's time on it."""

    def __init__(self, folder: Path, handle: int, temporary: Path, content: bytes, host: str) -> None:
        self.folder, self.handle, self.temporary, self.content = folder, handle, temporary, content
        self.host = host

    def server_time(self) -> float:
        os.utime(self.handle)
        return os.fstat(self.handle).st_mtime

    def finds_dead(self, holder: Holder, ttl_s: float) -> bool:
        """Whether the holder is silent for too long, or its process on this host is gone."""
        # A heartbeat in the far future is one from before the server's clock was set back: waiting for it could take
        # years.
        if abs(holder.age_s) > ttl_s:
            return True
        if holder.host != self.host or not flock_is_free(self.folder / _name(holder.token)):
            return False
        return not flock_is_free(self.temporary)  # ours is locked, by us: free, it is granted to everybody

    def stand(self, token: int, ttl_s: float) -> Claim | None:
        """Become number ``token``; None when another was first or the view was old."""
        path = self.folder / _name(token)
        if not self._put(path):
            return None
        if _highest(self.folder) != token:
            # Our number was used and removed long ago. Nobody heeds a lower number: remove it, look again.
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return None
        claim = Claim(self.folder, token, ttl_s, self.handle, os.fstat(self.handle).st_ino)
        self.handle = -1
        for old in _numbers(self.folder):
            if old < token:
                with contextlib.suppress(OSError):
                    (self.folder / _name(old)).unlink()
        return claim

    def _put(self, path: Path) -> bool:
        try:
            os.link(self.temporary, path)
        except FileExistsError:
            return _same(self.temporary, path)  # NFS: the link was made and the answer lost
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._create(path)
        return True

    def _create(self, path: Path) -> bool:
        """Where there are no hard links: exclusive creation is as exclusive, only that its content comes later."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        except FileExistsError:
            return False
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, self.content)
        os.close(self.handle)
        self.handle = handle
        return True


def _same(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_ino == other.stat().st_ino
    except OSError:
        return False


@contextlib.contextmanager
def _candidate(folder: Path, purpose: str, host: str) -> Iterator[_Candidate]:
    """A candidate of ``folder``; its temporary name is gone at the end, won or not."""
    make_folder(folder)
    content = json.dumps({"host": host, "pid": os.getpid(), "purpose": purpose, "since": time.time()}).encode()
    temporary = folder / f".{uuid4().hex[:16]}.tmp"
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    candidate = _Candidate(folder, handle, temporary, content, host)
    try:
        os.fchmod(handle, FILE_MODE)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, content)
        yield candidate
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if candidate.handle >= 0:
            os.close(candidate.handle)


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Create a folder that a group shares (set-group-id, whatever the umask); an existing one is left as it is."""
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        make_folder(folder.parent, mode)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(mode)
