"""What is in a zip archive on the Hub, by its central directory alone, and what no archive may hold."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from posixpath import basename

from hugflow_assets.errors import BadSourceError
from hugflow_assets.hub.models import SourceFile

MOST_MEMBERS = 2_000_000
MOST_RATIO = 200  # unpacked to packed; speech, text and tables stay far below
SMALL_BYTES = 16 << 20  # what an archive may unpack to, whatever the ratio
_BLOCK_BYTES = 256 << 10
_DIRECTORY_BYTES = 1 << 30

ReadRange = Callable[[int, int], bytes]


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
        raise _bad(archive.path, f"cannot be read as zip: {error}") from error
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


def refuse_zip(infos: Sequence[zipfile.ZipInfo], size_bytes: int, source_path: str) -> None:
    """Refuse an archive by what its directory says: too many members, links, encryption, sizes that explode.

    Raises:
        BadSourceError: with the member at fault.
    """
    if len(infos) > MOST_MEMBERS:
        raise _bad(source_path, f"holds {len(infos)} members, more than {MOST_MEMBERS}")
    unpacked = packed = 0
    for info in infos:
        member_name(info.filename, source_path)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _bad(source_path, f"holds a link or a special file, {info.filename!r}")
        if info.flag_bits & 1:
            raise _bad(source_path, f"is encrypted ({info.filename!r})")
        if info.file_size > max(SMALL_BYTES, MOST_RATIO * info.compress_size):
            raise _bad(
                source_path,
                f"holds {info.filename!r}, which unpacks from {info.compress_size} to {info.file_size} bytes: "
                "a decompression bomb",
            )
        unpacked, packed = unpacked + info.file_size, packed + info.compress_size
    if packed > size_bytes:
        raise _bad(source_path, f"says that its members take {packed} bytes, and has {size_bytes}: they overlap")
    if unpacked > max(SMALL_BYTES, MOST_RATIO * size_bytes):
        raise _bad(source_path, f"unpacks from {size_bytes} to {unpacked} bytes: a decompression bomb")


def member_name(name: str, source_path: str) -> str:
    """A member's name without a leading ``./``.

    Raises:
        BadSourceError: it leads out of the archive.
    """
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    drive = len(plain) > 1 and plain[1] == ":" and plain[0].isalpha() and plain[2:3] == "/"
    if plain.startswith("/") or drive or ".." in parts or "\0" in plain or not (parts or plain.endswith("/")):
        raise _bad(source_path, f"holds {name!r}, which leads out of it")
    return "/".join(parts)


def _bad(source_path: str, why: str) -> BadSourceError:
    return BadSourceError(
        f"The archive {source_path} {why}.",
        remedy="Nothing of it is landed. Tell the dataset's owners; the file is as the Hub's own hash says.",
        file=source_path,
    )


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
        raise _bad(file.archive.path, f"cannot be read as zip: {error}") from error
