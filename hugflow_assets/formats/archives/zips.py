"""What is in a zip archive on the Hub, by its central directory alone, and what no archive may hold."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Sequence

from hugflow_assets.errors import BadSourceError

MOST_MEMBERS = 2_000_000
MOST_RATIO = 200  # unpacked to packed; speech, text and tables stay far below
SMALL_BYTES = 16 << 20  # what an archive may unpack to, whatever the ratio

ReadRange = Callable[[int, int], bytes]


def refuse_zip(infos: Sequence[zipfile.ZipInfo], size_bytes: int, source_path: str) -> None:
    """Refuse an archive by what its directory says: too many members, links, encryption, sizes that explode.

    Raises:
        BadSourceError: with the member at fault.
    """
    if len(infos) > MOST_MEMBERS:
        raise bad_zip(source_path, f"holds {len(infos)} members, more than {MOST_MEMBERS}")
    unpacked = packed = 0
    for info in infos:
        member_name(info.filename, source_path)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise bad_zip(source_path, f"holds a link or a special file, {info.filename!r}")
        if info.flag_bits & 1:
            raise bad_zip(source_path, f"is encrypted ({info.filename!r})")
        if info.file_size > max(SMALL_BYTES, MOST_RATIO * info.compress_size):
            raise bad_zip(
                source_path,
                f"holds {info.filename!r}, which unpacks from {info.compress_size} to {info.file_size} bytes: "
                "a decompression bomb",
            )
        unpacked, packed = unpacked + info.file_size, packed + info.compress_size
    if packed > size_bytes:
        raise bad_zip(source_path, f"says that its members take {packed} bytes, and has {size_bytes}: they overlap")
    if unpacked > max(SMALL_BYTES, MOST_RATIO * size_bytes):
        raise bad_zip(source_path, f"unpacks from {size_bytes} to {unpacked} bytes: a decompression bomb")


def member_name(name: str, source_path: str) -> str:
    """A member's name without a leading ``./``.

    Raises:
        BadSourceError: it leads out of the archive.
    """
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    drive = len(plain) > 1 and plain[1] == ":" and plain[0].isalpha() and plain[2:3] == "/"
    if plain.startswith("/") or drive or ".." in parts or "\0" in plain or not (parts or plain.endswith("/")):
        raise bad_zip(source_path, f"holds {name!r}, which leads out of it")
    return "/".join(parts)


def bad_zip(source_path: str, why: str) -> BadSourceError:
    return BadSourceError(
        f"The archive {source_path} {why}.",
        remedy="Nothing of it is landed. Tell the dataset's owners; the file is as the Hub's own hash says.",
        file=source_path,
    )
