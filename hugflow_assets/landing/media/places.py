"""Where the media of a shard are put: each in a file of its own, or one behind the other in tars."""

from __future__ import annotations

import os
from array import array
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hugflow_assets.durable import write_all
from hugflow_assets.formats.archives.ustar import BLOCK_BYTES, END, member_header, padding
from hugflow_assets.formats.checksums import Checksum
from hugflow_assets.landing.tree.indexes import ENDING as INDEX_ENDING
from hugflow_assets.landing.tree.indexes import offsets_bytes
from hugflow_assets.landing.tree.paths import tar_name
from hugflow_assets.store.models import Pack, TarRecord

_PENDING_BYTES = 1 << 20
_PENDING_PARTS = 900  # the system takes 1,024 at once


class Position(NamedTuple):
    """Where in a tar a media value lies; ``tar`` is relative to the dataset's folder."""

    tar: str
    offset: int
    size_bytes: int


class Place(Protocol):
    """A shard's place for media of one kind."""

    def put(self, name: str, data: memoryview) -> Position | None:
        """Write bytes under a name that is new here; their position, where they are in a tar."""

    def take(self, name: str, local: Path, data: memoryview) -> Position | None:
        """Likewise of a file of this file system, which may be linked instead of written; ``data`` are its bytes."""

    def flush(self) -> None:
        """Write what is held back; until then the bytes must stay as they are."""

    def finish(self) -> list[tuple[TarRecord, str]]:
        """End the tars; each with its hex digest."""

    def close(self) -> None:
        """Let go of everything, whatever happened."""


class Files:
    """A folder, with a file a value."""

    def __init__(self, folder: Path, file_mode: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._mode = file_mode
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def put(self, name: str, data: memoryview) -> None:
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode, dir_fd=self._handle)
        try:
            write_all(file, data)
        finally:
            os.close(file)

    def take(self, name: str, local: Path, data: memoryview) -> None:
        """The file keeps its first name too, where there are links: until the receipt a crash would cost it."""
        local.chmod(self._mode)
        try:
            os.link(local, name, dst_dir_fd=self._handle)
        except OSError:
            os.rename(local, name, dst_dir_fd=self._handle)

    def flush(self) -> None:
        return

    def finish(self) -> list[tuple[TarRecord, str]]:
        return []

    def close(self) -> None:
        os.close(self._handle)


class Tars:
    """The tars of a shard, written from front to back, with their indexes; members are called as files are below the
    split's folder.

    Args:
        tree: the dataset's folder that is being built.
        folder: the shard's folder, ``audio/train/00000``.
        pack: which tars of the split are the shard's.
    """

    def __init__(self, tree: Path, folder: str, pack: Pack, checksum: Checksum, file_mode: int) -> None:
        self._tree, self._pack, self._checksum, self._mode = tree, pack, checksum, file_mode
        self._split, _, self._shard = folder.rpartition("/")
        self._kind = folder.partition("/")[0]
        self._done: list[tuple[TarRecord, str]] = []
        self._pending: list[Any] = []
        self._pending_bytes = self._size = self._members = 0
        self._handle: int | None = None
        self._path = ""
        self._digest: Any = None
        self._offsets = array("Q")

    def put(self, name: str, data: memoryview) -> Position:
        header, end = member_header(f"{self._shard}/{name}", len(data)), padding(len(data))
        whole = len(header) + len(data) + len(end)
        is_last = len(self._done) + 1 == self._pack.count
        if self._handle is not None and self._size + whole > self._pack.size_bytes and not is_last:
            self._end()
        if self._handle is None:
            self._begin()
        position = Position(self._path, self._size + BLOCK_BYTES, len(data))
        self._offsets.append(self._size)
        self._pending += [header, data, end]
        self._pending_bytes += whole
        self._size += whole
        self._members += 1
        if self._pending_bytes >= _PENDING_BYTES or len(self._pending) >= _PENDING_PARTS:
            self.flush()
        return position

    def take(self, name: str, local: Path, data: memoryview) -> Position:
        position = self.put(name, data)
        self.flush()  # what it is read of may be gone soon
        return position

    def flush(self) -> None:
        if self._handle is None or not self._pending:
            return
        for part in self._pending:
            self._digest.update(part)
        written = os.writev(self._handle, self._pending)
        if written != self._pending_bytes:
            self._write_rest(written)
        self._pending.clear()
        self._pending_bytes = 0

    def finish(self) -> list[tuple[TarRecord, str]]:
        self._end()
        return self._done

    def close(self) -> None:
        self._pending.clear()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _begin(self) -> None:
        self._path = f"{self._split}/{tar_name(self._kind, self._pack.first + len(self._done))}"
        target = self._tree / self._path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
        self._size = self._members = 0
        self._digest = self._checksum.new()
        self._offsets = array("Q")

    def _end(self) -> None:
        if self._handle is None:
            return
        self._pending.append(END)
        self._pending_bytes += len(END)
        self._size += len(END)
        self.flush()
        os.close(self._handle)
        self._handle = None
        record = TarRecord(path=self._path, size_bytes=self._size, members=self._members)
        self._done.append((record, self._digest.hexdigest()))
        (self._tree / (self._path + INDEX_ENDING)).write_bytes(offsets_bytes(self._offsets, self._size))

    def _write_rest(self, written: int) -> None:
        """The system has written a part only: a full disk will say so now, or a member was very large."""
        assert self._handle is not None
        for part in self._pending:
            view = memoryview(part)
            if written < len(view):
                write_all(self._handle, view[written:])
            written = max(0, written - len(view))
