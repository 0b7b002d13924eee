"""Indexes of record, manifests and tars, by which a reader goes to any line or member in one step.

``<file>.idx``: little-endian unsigned 64-bit offsets, one a line or member, and last the size of the file, as Lhotse 2
(``lhotse/indexing.py``) and NeMo (``common/data/lhotse/indexed_adapters.py``) read them. Readers would write them
themselves, which they cannot where the storage is read-only.
"""

from __future__ import annotations

import mmap
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from hugflow_assets.formats.archives.ustar import BLOCK_BYTES, padding

ENDING = ".idx"
_BLOCK_BYTES = 8 << 20
_OFFSET = np.dtype("<u8")
_LINE_END = 10


def index_lines(tree: Path, path: str) -> str:
    """Write the index of a file of lines, each with its end; its path."""
    at = 0
    with (tree / path).open("rb", buffering=0) as lines, (tree / (path + ENDING)).open("wb") as index:
        index.write(bytes(_OFFSET.itemsize))
        while block := lines.read(_BLOCK_BYTES):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_END)
            index.write((ends + (at + 1)).astype(_OFFSET).tobytes())
            at += len(block)
    return path + ENDING


def offsets_bytes(offsets: Iterable[int], size_bytes: int) -> bytes:
    """The index of a file whose lines or members begin at ``offsets``."""
    return np.array([*offsets, size_bytes], _OFFSET).tobytes()


def offsets_in(index: Path) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Where the members of a tar begin, their headers that is; the last one is the size of the tar."""
    return np.memmap(index, _OFFSET, mode="r")


def index_tar(tar: Path) -> bytes:
    """The index of a tar as Hugflow writes them: by its headers alone, one after the other."""
    offsets, at, size = [], 0, tar.stat().st_size
    with tar.open("rb", buffering=0) as file:
        while (header := _header(file.read(BLOCK_BYTES))) is not None:
            offsets.append(at)
            at += BLOCK_BYTES + header.size + len(padding(header.size))
            file.seek(at)
    return offsets_bytes(offsets, size)


def members_of(tar: Path, index: bytes) -> Iterator[tuple[str, memoryview]]:
    """Name and bytes of every member, by the index of the tar; nothing is copied."""
    with tar.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    for at in np.frombuffer(index, _OFFSET)[:-1].tolist():
        header = tarfile.TarInfo.frombuf(bytes(whole[at : at + BLOCK_BYTES]), "utf-8", "surrogateescape")
        yield header.name, whole[at + BLOCK_BYTES : at + BLOCK_BYTES + header.size]


def _header(block: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:  # the blocks of zeros at its end
        return None
