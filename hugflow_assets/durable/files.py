"""Files that are either the old or the new one, and logs whose last line is whole."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import threading
from itertools import islice
from pathlib import Path
from typing import Self
from uuid import uuid4

TEMPORARY_SUFFIX = ".tmp"
TORN = b"\0"  # ends a line that was never wholly written; no JSON ends so
_BLOCK = 1 << 16
_EARLY_S = 0.2
_FEW = 100


def atomic_write(path: Path, data: bytes, *, mode: int | None = None, sync: bool = True) -> None:
    """Replace ``path`` by ``data`` such that a reader, or a crash, meets the old or the new content and nothing else.

    Args:
        path: its folder exists already; the temporary file lies beside it as ``.<16 hex>.tmp``.
        mode: permission bits whatever the umask; None leaves them to the umask.
        sync: whether it survives a power cut too; False for what is rebuilt anyway (progress).
    """
    temporary = path.parent / f".{uuid4().hex[:16]}{TEMPORARY_SUFFIX}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    try:
        try:
            write_all(handle, data)
            if mode is not None:
                os.fchmod(handle, mode)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def append_line(path: Path, line: bytes, *, mode: int = 0o660, sync: bool = True) -> bool:
    """Append one line (without its newline) in a single write. The caller holds the lock of this file.

    A torn tail (bytes after the last newline: a writer died inside its write) was never acknowledged to anyone. It is
    closed with ``TORN``, so that no reader takes it for a line. It is not cut off: a writer that was stopped for so
    long that it lost the lock would cut off what its successor has written.

    Returns:
        Whether the line stands where the file ended when it was opened: False tells that another wrote in between.
    """
    if b"\n" in line:
        raise ValueError("a line of a log holds no newline")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
    try:
        end = os.fstat(handle).st_size
        whole = _whole_size(handle, end)
        if end == 0:
            with contextlib.suppress(PermissionError):
                os.fchmod(handle, mode)
        data = (TORN + b"\n" if whole != end else b"") + line + b"\n"
        write_all(handle, data)
        if sync:
            os.fsync(handle)
        return os.pread(handle, len(data), end) == data
    finally:
        os.close(handle)


def read_tail_lines(path: Path) -> list[bytes]:
    """The last whole lines, at least one where there is one, without their newlines; none when the file is missing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        whole, size = _whole_size(handle, os.fstat(handle).st_size), _BLOCK
        while True:
            start = max(0, whole - size)
            lines = os.pread(handle, whole - start, start).split(b"\n")[:-1]
            if start == 0 or len(lines) > 1:
                return lines if start == 0 else lines[1:]
            size *= 2
    finally:
        os.close(handle)


def _whole_size(handle: int, end: int) -> int:
    """The size up to and with the last newline before ``end``."""
    while end > 0:
        start = max(0, end - _BLOCK)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write every byte: a single call may take fewer, and stops at 2 GiB."""
    written = os.write(handle, data) if data else 0
    while written < len(data):
        if not (more := os.write(handle, memoryview(data)[written:])):
            raise OSError(errno.EIO, "nothing was written")  # on no file system we know; better than a loop
        written += more


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in ``folder`` survive a power cut; a file system that cannot is left as it is."""
    _sync_one(folder)


def sync_tree(folder: Path) -> None:
    """Write everything below ``folder`` to the disk: ``syncfs`` of its file system, or ``sync`` where there is none.

    One call for a million files: fsync each would run at about a thousand files a second. A few files are synced one
    by one instead, since ``syncfs`` also waits for whatever everybody else is writing.
    """
    entries = list(islice(folder.rglob("*"), _FEW + 1))
    if len(entries) <= _FEW:
        _sync_one(folder)
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # somebody else is at work there too
                _sync_one(entry)
        return
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)


class EarlySync:
    """While its block runs, what comes below a folder is written to the disk soon, so that a sync in the end is short.

    It promises nothing: what has to survive a power cut is synced by whoever says that it does.

    Raises:
        OSError: at the end of the block, or by ``check``: something cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="early-sync", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        if kind is None:  # whoever fails, or was told to stop, does not wait for the disk
            self._thread.join()
            self.check()

    def check(self) -> None:
        """Raise what has gone wrong so far: the kernel tells of a lost write once only."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._ended.wait(_EARLY_S):
            try:
                sync_tree(self._folder)
            except FileNotFoundError:
                continue  # somebody is at work there
            except OSError as error:
                self._error = error
                return
