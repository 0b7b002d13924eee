"""Requests from a plain folder with ``add/`` and ``remove/``."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.intake.models import AddFile, FileCommit, RemoveFile, RequestSnapshot
from hugflow_assets.intake.parsed import Parsed
from hugflow_assets.intake.request_file import invalid, read_request_file
from hugflow_assets.intake.snapshot import (
    FOLDERS,
    Found,
    is_ignored,
    is_misplaced,
    misplaced,
    printable_path,
    refused,
    refused_by_name,
    snapshot_of,
    too_big,
)
from hugflow_assets.intake.yaml_document import MAX_BYTES

# O_NONBLOCK: opening a fifo must not wait for a writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

# A file changed twice within one tick of the file system's clock (up to 2 s on some) can look unchanged, so what was
# read so soon after a change is read again the next time.
_SETTLED_NS = 3_000_000_000

_KINDS = {
    stat.S_IFLNK: ("a symbolic link", "put the file itself here"),
    stat.S_IFDIR: ("a folder", "put request files directly into add/ or remove/"),
    stat.S_IFIFO: ("a named pipe", "put a regular file here"),
}

# A requests folder holds little beside add/ and remove/; should it be a whole disk, it is not searched through.
_MISPLACED_LOOKED_AT = 10_000

Stamp = tuple[int, int, int, int]


def read_file(root: Path, path: str) -> AddFile | RemoveFile:
    """Read one request file below a requests' root, following no symbolic link.

    Args:
        path: relative to the root, ``add/x.yaml`` or ``remove/x.yaml``.
    Raises:
        RequestInvalidError: it is not a readable request file; ``details["problems"]`` says why.
        RequestSourceError: the root or the folder cannot be read.
    """
    folder, _, name = path.partition("/")
    if folder not in FOLDERS or not name or "/" in name or name in (".", ".."):
        found = refused(path, "request files lie directly in add/ or remove/", "move the file")
        raise invalid(path, list(found.problems))
    with _Folder(root, folder) as opened:
        read = None if opened is None else _read(opened, name.encode("utf-8", "surrogateescape"), path)
    if read is None:
        raise invalid(path, list(refused(path, "there is no such file", "check the path").problems))
    if isinstance(read, Found):
        raise invalid(path, list(read.problems))
    return read_request_file(read.data, path=path)


class FolderSource:
    """A ``RequestSource`` over a folder. Unchanged files are neither opened nor read again.

    ``add/`` or ``remove/`` may be missing, which is the same as empty; the root may not.

    Args:
        root: the folder that holds ``add/`` and ``remove/``.
        kept_in: a folder of this machine where a process leaves what it parsed to the next; None: nowhere.
    """

    def __init__(self, root: Path, *, kept_in: Path | None = None) -> None:
        self.root = root
        self._kept_in = kept_in
        self._known: dict[tuple[str, bytes], tuple[Stamp, Found]] = {}
        self._last: tuple[tuple[Found, ...], RequestSnapshot] | None = None

    def snapshot(self) -> RequestSnapshot:
        """Everything asked for now; the same object as before when no file changed.

        Raises:
            RequestSourceError: the root is missing, or a folder cannot be listed. A folder of removals that cannot be
                read must not look like one without removals.
        """
        known: dict[tuple[str, bytes], tuple[Stamp, Found]] = {}
        parsed = Parsed(None if self._known else self._kept_in)
        found = list(_misplaced(self.root))
        for folder in FOLDERS:
            found += self._look_into(folder, known, parsed)
        parsed.keep()
        self._known = known
        last = self._last
        if last is not None and last[0] == tuple(found):
            return last[1]
        snapshot = snapshot_of(found)
        self._last = (tuple(found), snapshot)
        return snapshot

    def at(self, commit: str | None) -> RequestSnapshot:
        """Everything asked for now: a plain folder has no commits."""
        return self.snapshot()

    def commit_of(self, path: str) -> FileCommit | None:
        """None: a plain folder has no commits."""
        return None

    def _look_into(
        self, folder: str, known: dict[tuple[str, bytes], tuple[Stamp, Found]], parsed: Parsed
    ) -> Iterator[Found]:
        with _Folder(self.root, folder) as opened:
            if opened is None:
                return
            settled_before = time.time_ns() - _SETTLED_NS
            for name, status in opened.listing():
                if is_ignored(os.fsdecode(name)):
                    continue
                key = (folder, name)
                before = self._known.get(key)
                if before is not None and before[0] == _stamp(status):
                    found: Found | None = before[1]
                    stamp = before[0]
                else:
                    stamp, found = self._look_at(opened, name, status, parsed)
                if found is None:
                    continue
                if stamp[3] < settled_before:
                    known[key] = (stamp, found)
                yield found

    def _look_at(
        self, opened: _OpenFolder, name: bytes, status: os.stat_result, parsed: Parsed
    ) -> tuple[Stamp, Found | None]:
        path = printable_path(opened.folder, name)
        by_kind = _refused_by_kind(path, status.st_mode)
        by_name = by_kind or _refused_bytes(path, name) or refused_by_name(path)
        if by_name is not None:
            return _stamp(status), by_name
        read = _read(opened, name, path)
        if isinstance(read, _Read):
            return read.stamp, parsed.judged(path, read.data)
        return _stamp(status), read


@dataclass(frozen=True)
class _Read:
    data: bytes
    stamp: Stamp


@dataclass(frozen=True)
class _OpenFolder:
    descriptor: int
    folder: str

    def listing(self) -> list[tuple[bytes, os.stat_result]]:
        """The names in the folder, in order, each with its status; files that vanish meanwhile are left out."""
        found = []
        for name in sorted(os.fsencode(one) for one in os.listdir(self.descriptor)):  # noqa: PTH208
            try:
                found.append((name, os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)))
            except FileNotFoundError:
                continue
        return found


class _Folder:
    """Opens ``add/`` or ``remove/`` without following a link; None where it is missing."""

    def __init__(self, root: Path, folder: str) -> None:
        self.root, self.folder = root, folder
        self._descriptor = -1

    def __enter__(self) -> _OpenFolder | None:
        try:
            root = os.open(self.root, _OPEN_FOLDER)
        except OSError as error:
            raise _unreadable(self.root, error) from None
        try:
            self._descriptor = os.open(self.folder, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=root)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.root / self.folder, error) from None
        finally:
            os.close(root)
        return _OpenFolder(self._descriptor, self.folder)

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _read(opened: _OpenFolder, name: bytes, path: str) -> _Read | Found | None:
    """The bytes of one file, its refusal, or None where it is gone. ``path`` is what messages call it."""
    try:
        descriptor = os.open(name, _OPEN_FILE, dir_fd=opened.descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _refused_by_kind(path, stat.S_IFLNK)
        return refused(path, f"the file cannot be read: {os.strerror(error.errno or 0)}", "check its permissions")
    try:
        status = os.fstat(descriptor)
        if by_kind := _refused_by_kind(path, status.st_mode):
            return by_kind
        if status.st_size > MAX_BYTES:
            return too_big(path, status.st_size)
        return _Read(_read_all(descriptor), _stamp(status))
    except OSError as error:
        return refused(path, f"the file cannot be read: {os.strerror(error.errno or 0)}", "check the disk")
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    """Everything up to one byte over the limit; plain reads, since a buffered file takes as long to make as to read."""
    parts, left = [], MAX_BYTES + 1
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _refused_by_kind(path: str, mode: int) -> Found | None:
    if stat.S_ISREG(mode):
        return None
    what, suggestion = _KINDS.get(stat.S_IFMT(mode), ("a device or socket", "put a regular file here"))
    return refused(path, f"this is {what}; expected a regular file", suggestion)


def _refused_bytes(path: str, name: bytes) -> Found | None:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return refused(path, "the file name is not UTF-8", "rename the file")
    return None


def _stamp(status: os.stat_result) -> Stamp:
    """What changes when a file does. The change time cannot be set back by hand, unlike the modification time."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _misplaced(root: Path) -> Iterator[Found]:
    """Request files beside ``add/`` and ``remove/``, which would else go unheard; a folder in those is refused."""

    def refuse(error: OSError) -> None:
        if Path(error.filename or root) == root:
            raise _unreadable(root, error) from None

    looked_at = 0
    for folder, folders, names in os.walk(root, onerror=refuse):  # follows no link
        inside = Path(folder).relative_to(root).as_posix()
        passed = FOLDERS if inside == "." else ()  # their files are looked at one by one
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in passed)
        for name in sorted(names):
            path = printable_path("" if inside == "." else inside, os.fsencode(name))
            if is_misplaced(path):
                yield misplaced(path)
        looked_at += len(names)
        if looked_at > _MISPLACED_LOOKED_AT:
            return


def _unreadable(path: Path, error: OSError) -> RequestSourceError:
    missing = isinstance(error, FileNotFoundError)
    why = "there is no such folder" if missing else os.strerror(error.errno or 0)
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        why = "it is not a folder (a file or a symbolic link)"
    remedy = "Run `hugflow init`, or set REQUESTS_DIR." if missing else "Check the folder and its permissions."
    return RequestSourceError(f"Requests cannot be read from {path}: {why}.", remedy=remedy, path=str(path))
