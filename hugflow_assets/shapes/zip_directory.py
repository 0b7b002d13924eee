"""The directory of a zip archive on the Hub, read by range."""

from __future__ import annotations

import io
import zipfile
import zlib
from posixpath import basename

from hugflow_assets.formats.archives.zips import ReadRange, bad_zip, member_name, refuse_zip
from hugflow_assets.hub.models import SourceFile

_BLOCK_BYTES = 256 << 10
_DIRECTORY_BYTES = 1 << 30


def directory_from(archive: SourceFile) -> int:
    """Where the end of a zip archive begins that holds its directory, unless that is very large."""
    return max(0, archive.size_bytes - _BLOCK_BYTES)


def zip_members(archive: SourceFile, read: ReadRange) -> list[SourceFile]:
    """The files in a zip archive, in its order, as files below the archive's path; its data are not read.

    Args:
        read: gives the archive's bytes from a start to an end (exclusive).
    Raises:
        BadSourceError: it is no zip archive, or a hostile one.
    """
    try:
        with zipfile.ZipFile(io.BufferedReader(_Ranges(archive.size_bytes, read), _BLOCK_BYTES)) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise bad_zip(archive.path, f"cannot be read as zip: {error}") from error
    refuse_zip(infos, archive.size_bytes, archive.path)
    found = []
    for info in infos:
        name = member_name(info.filename, archive.path)
        if info.is_dir() or name.startswith("__MACOSX/") or basename(name).startswith("._"):
            continue  # what macOS adds to archives is no data
        found.append(
            SourceFile(path=f"{archive.path}/{name}", size_bytes=info.file_size, archive=archive, member=info.filename)
        )
    return found


class _Ranges(io.RawIOBase):
    """A file on the Hub as a local one that can be read at any place."""

    def __init__(self, size_bytes: int, read: ReadRange) -> None:
        self._size, self._read, self._at, self._got = size_bytes, read, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if self._at < 0:
            raise ValueError("a place before the beginning")
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._size, self._at + len(buffer))
        if end <= self._at:
            return 0
        data = self._read(self._at, end)
        self._got += len(data)
        if len(data) != end - self._at or self._got > _DIRECTORY_BYTES:
            raise EOFError("the Hub does not give the archive's directory")
        buffer[: len(data)] = data
        self._at = end
        return len(data)


def member_head(file: SourceFile, read: ReadRange, size_bytes: int) -> bytes:
    """The first bytes of a member, without fetching the rest of its archive.

    Raises:
        BadSourceError: it cannot be read.
    """
    if file.archive is None:
        raise ValueError(f"{file.path} is no member of an archive")
    try:
        with (
            zipfile.ZipFile(io.BufferedReader(_Ranges(file.archive.size_bytes, read), _BLOCK_BYTES)) as opened,
            opened.open(file.member) as member,
        ):
            return member.read(size_bytes)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise bad_zip(file.archive.path, f"cannot be read as zip: {error}") from error
