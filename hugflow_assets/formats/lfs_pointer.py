"""Pointers of git-lfs that stand where a file ought to be: committed without git-lfs, they are all that there is."""

from __future__ import annotations

from pathlib import Path

from hugflow_assets.errors import BadSourceError

MOST_BYTES = 1024  # git-lfs reads no larger file as a pointer
_BEGINNING = b"version https://git-lfs.github.com/spec/"
_LIKELY_BYTES = range(120, 150)  # version, sha256 and size, without extensions


def may_be_pointer(size_bytes: int) -> bool:
    """Whether a file of this size is worth a look before it is fetched."""
    return size_bytes in _LIKELY_BYTES


def is_pointer(data: bytes) -> bool:
    """Whether a file that begins so is a pointer."""
    return data.startswith(_BEGINNING)


def refuse_pointer(path: Path, source_path: str, size_bytes: int) -> None:
    """Refuse a file on this disk that is a pointer.

    Args:
        source_path: what it is called upstream.
    Raises:
        BadSourceError: it is one.
    """
    if size_bytes <= MOST_BYTES:
        with path.open("rb") as file:
            refuse_pointer_in(file.read(len(_BEGINNING)), source_path)


def refuse_pointer_in(data: bytes, source_path: str) -> None:
    """The same for a file that begins with ``data``."""
    if is_pointer(data):
        raise BadSourceError(
            f"{source_path} is a git-lfs pointer, not the file: it was committed without git-lfs.",
            remedy="Nothing is landed. Ask the dataset's owners to push the file itself (git lfs push), or leave the "
            "subset or split out that needs it.",
            file=source_path,
        )
