"""Members of tar and zip archives, one after the other and never by their names on this disk.

Nothing is unpacked to where an archive says: a member is bytes with a name. What can only be meant to harm (a way out
of the archive, a device, a size that explodes) is refused as ``BadSourceError`` before any of it is written. A link
that stays inside its tar is the bytes of what it leads to, and of a name that comes again the last copy counts.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats import lfs_pointer
from hugflow_assets.formats.archives.tar_aliases import RepeatedMembersError, find_aliases, known_aliases
from hugflow_assets.formats.archives.zips import MOST_MEMBERS, MOST_RATIO, SMALL_BYTES, member_name, refuse_zip
from hugflow_assets.formats.names import is_archive

SPOOLED_BYTES = 64 << 20  # a member larger than this goes over a file, not through memory
_KEPT_BYTES = 1 << 16
_OCTAL = re.compile(rb"[0-7]{1,11}")
_FAULTS = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, lzma.LZMAError, gzip.BadGzipFile, EOFError,
    NotImplementedError, RuntimeError, UnicodeDecodeError,
)  # fmt: skip


class UnusualTarError(Exception):
    """Its names have to be read by ``members``."""


@dataclass(frozen=True)
class Member:
    """A file in an archive; it must be read before the next one is asked for."""

    name: str
    size_bytes: int
    file: IO[bytes]
    archive: str  # what that is called upstream

    def data(self) -> bytes:
        """All of its bytes.

        Raises:
            BadSourceError: they cannot be read.
        """
        with _told(self.archive):
            data = self.file.read(self.size_bytes + 1)
        if len(data) != self.size_bytes:
            raise BadSourceError(f"The member {self.name} has not the {self.size_bytes} bytes that its archive says.")
        if self.size_bytes <= lfs_pointer.MOST_BYTES:
            lfs_pointer.refuse_pointer_in(data, f"{self.archive}/{self.name}")
        return data

    def save(self, to: Path) -> None:
        """Write it to a new file.

        Raises:
            BadSourceError: it cannot be read.
        """
        with _told(self.archive), to.open("wb") as out:
            shutil.copyfileobj(self.file, out, 1 << 20)
        if to.stat().st_size != self.size_bytes:
            raise BadSourceError(f"The member {self.name} has not the {self.size_bytes} bytes that its archive says.")


def members(path: Path, source_path: str) -> Generator[Member]:
    """The files in a tar (plain, gzip, bzip2 or xz) or zip archive, in its order; folders are passed over.

    Args:
        path: the archive.
        source_path: what it is called upstream, for errors.
    Raises:
        BadSourceError: it cannot be read, is cut off, or holds what no data set needs.
        RepeatedMembersError: an earlier member was not the last of its name; the next reading gives the last.
    """
    with _told(source_path):
        yield from _zip_members(path, source_path) if is_zip(path) else _tar_members(path, source_path)


def refuse_archive_inside(name: str, source_path: str) -> None:
    """Refuse a member that is an archive itself, where nothing says what it would be in a row.

    Raises:
        BadSourceError: its name says so.
    """
    if is_archive(name):
        raise BadSourceError(
            f"The archive {source_path} holds another archive, {name}, and what is in that would be lost.",
            remedy="Nothing of it is landed. Ask the dataset's owners to publish the inner archives as files of the "
            "repository, or their members in one archive.",
            file=source_path,
        )


def plain_names(path: Path) -> Iterator[str]:
    """The names of the files in a plain tar by its headers alone, several times as fast as ``members``; not verified.

    Raises:
        UnusualTarError: it is compressed, damaged, or has headers beyond those of files and folders.
    """
    with path.open("rb", buffering=0) as file:
        at, size = 0, path.stat().st_size
        while header := os.pread(file.fileno(), tarfile.BLOCKSIZE, at).rstrip(b"\0"):
            kind, digits = header[156:157], header[124:136].strip(b"\0 ")
            if header[257:262] != b"ustar" or kind not in (b"0", b"\0", b"5") or not _OCTAL.fullmatch(digits):
                raise UnusualTarError
            prefix = header[345:500].rstrip(b"\0") if header[262:263] == b"\0" else b""
            name = header[:100].rstrip(b"\0")
            if kind != b"5":
                plain = (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")
                yield plain.removeprefix("./")
            at += tarfile.BLOCKSIZE * (1 - (-int(digits, 8) // tarfile.BLOCKSIZE))
        if at > size:
            raise UnusualTarError


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive does; a tar may hold one, and may begin with a member called PK."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


@contextmanager
def _told(source_path: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise _bad(source_path, f"cannot be read: {error}") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a place before the beginning
            raise  # the disk's fault, not the file's
        raise _bad(source_path, f"cannot be read: {error}") from error


def _bad(source_path: str, why: str) -> BadSourceError:
    return BadSourceError(
        f"The archive {source_path} {why}.",
        remedy="Nothing of it is landed. Tell the dataset's owners; the file is as the Hub's own hash says.",
        file=source_path,
    )


# ---- tar


def _tar_members(path: Path, source_path: str) -> Iterator[Member]:
    aliases, size = known_aliases(path), path.stat().st_size
    given = set[int]()
    with _opened_tar(path, source_path) as (tar, is_packed):
        count = 0
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]  # the list would grow with the archive
            count += 1
            name = _checked(info, source_path)
            if count > MOST_MEMBERS:
                raise _bad(source_path, f"holds more than {MOST_MEMBERS} members")
            if name is None:
                continue
            is_again = (key := hash(name)) in given
            if aliases is None and (is_again or not info.isreg()):
                aliases = find_aliases(path, source_path, partial(_opened_tar, source_path=source_path))
                if any(hash(one) in given for one in aliases.repeated):
                    raise RepeatedMembersError(source_path)
            if is_again and aliases is not None and name in aliases.repeated:
                continue
            given.add(key)
            if aliases is not None and (place := aliases.place(name)) is not None:
                with aliases.open(place) as file:
                    yield Member(name, place.size_bytes, file, source_path)
            elif info.isreg():
                if not is_packed and info.offset_data + info.size > size:
                    raise _bad(source_path, f"is cut off inside {name}")
                yield Member(name, info.size, cast(IO[bytes], tar.extractfile(info)), source_path)
        source = cast(BinaryIO, tar.fileobj)
        source.seek(tar.offset)
        if source.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise _bad(source_path, f"is damaged at byte {tar.offset}, behind {count} members")


@contextmanager
def _opened_tar(path: Path, source_path: str) -> Iterator[tuple[tarfile.TarFile, bool]]:
    """A tar from its beginning, and whether it is compressed."""
    with path.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        opened = _decompressed(raw, head)
        size = path.stat().st_size
        forward = None if opened is None else _Forward(opened, max(SMALL_BYTES, MOST_RATIO * size), source_path)
        source = cast(BinaryIO, forward or raw)
        tar = tarfile.open(fileobj=source, mode="r:", errors="surrogateescape")  # noqa: SIM115  nothing to close
        yield tar, forward is not None


def _decompressed(raw: BinaryIO, head: bytes) -> BinaryIO | None:
    if head[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head[:3] == b"BZh":
        return cast(BinaryIO, bz2.BZ2File(raw))
    if head == b"\xfd7zXZ\0":
        return cast(BinaryIO, lzma.LZMAFile(raw))
    return None


def _checked(info: tarfile.TarInfo, source_path: str) -> str | None:
    """The name of a member that is a file or a link, None for a folder."""
    if info.isdir():
        return None
    if not (info.isreg() or info.issym() or info.islnk()) or info.issparse():
        raise _bad(source_path, f"holds a device or another special file, {info.name!r}")
    return member_name(info.name, source_path)


class _Forward:
    """A compressed stream as `tarfile` reads it: onwards, and a little back. Counts what it unpacks to."""

    def __init__(self, stream: BinaryIO, most_bytes: int, source_path: str) -> None:
        self._stream, self._most, self._path = stream, most_bytes, source_path
        self._kept, self._end, self._at = b"", 0, 0  # the last bytes read, where they end, where we are

    def tell(self) -> int:
        return self._at

    def seek(self, to: int, whence: int = 0) -> int:
        if whence or to < self._end - len(self._kept):
            raise tarfile.ReadError("the stream cannot go back so far")
        while self._end < to and self._more(min(1 << 20, to - self._end)):
            pass
        self._at = to
        return to

    def read(self, size: int = -1) -> bytes:
        if self._at > self._end:
            return b""
        back = self._end - self._at
        found = self._kept[len(self._kept) - back :][:size] if back else b""
        self._at += len(found)
        while len(found) < size and (more := self._more(size - len(found))):
            found += more
            self._at += len(more)
        return found

    def _more(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._end += len(data)
        self._kept = (self._kept + data)[-_KEPT_BYTES:] if len(data) < _KEPT_BYTES else data[-_KEPT_BYTES:]
        if self._end > self._most:
            raise _bad(self._path, f"unpacks to more than {MOST_RATIO} times its size: a decompression bomb")
        return data

    def seekable(self) -> bool:
        return True


# ---- zip


def _zip_members(path: Path, source_path: str) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        refuse_zip(archive.infolist(), path.stat().st_size, source_path)
        for info in archive.infolist():
            if info.is_dir():
                continue
            with archive.open(info) as file:
                yield Member(member_name(info.filename, source_path), info.file_size, file, source_path)
