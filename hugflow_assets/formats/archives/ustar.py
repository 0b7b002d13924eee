"""POSIX ustar archives, written: a header of 512 bytes a member, no extensions, the same bytes in every run.

The format is that of POSIX.1-1988 (``pax`` in the Open Group's base specifications, "ustar Interchange Format").
"""

from __future__ import annotations

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)  # two blocks of zeros
MOST_NAME_BYTES = 100  # of the last component; the folders before it have a field of their own
_MOST_PREFIX_BYTES = 155
_OCTAL_SIZE = 8**11  # from here on a size is written in base 256, as GNU tar, libarchive and Python's tarfile read it
_FACTS = b"0000440\0" + b"0000000\0" * 2  # mode, owner, group
_TIME = b"00000000000\0"
_BLANK_SUM = b" " * 8
_TAIL = (b"0" + bytes(100) + b"ustar\00000" + bytes(64) + b"0000000\0" * 2, bytes(12))  # a file, without a link
_FIXED_SUM = sum(_FACTS) + sum(_TIME) + sum(_BLANK_SUM) + sum(_TAIL[0])


def member_header(name: str, size_bytes: int) -> bytes:
    """The header of a file of mode 0440, of owner and time 0.

    Raises:
        ValueError: the name is longer than the format can hold.
    """
    prefix, last = _fields(name.encode())
    size = _size(size_bytes)
    checksum = b"%06o\0 " % (_FIXED_SUM + sum(last) + sum(prefix) + sum(size))
    return b"".join(
        (last.ljust(100, b"\0"), _FACTS, size, _TIME, checksum, _TAIL[0], prefix.ljust(155, b"\0"), _TAIL[1])
    )


def padding(size_bytes: int) -> bytes:
    """What fills the last block of a member."""
    return bytes(-size_bytes % BLOCK_BYTES)


def _fields(name: bytes) -> tuple[bytes, bytes]:
    """A name as the fields ``prefix`` and ``name``; they are parted at a ``/``, and only where it is too long."""
    if len(name) <= MOST_NAME_BYTES:
        return b"", name
    prefix, _, last = name.rpartition(b"/")
    if len(last) > MOST_NAME_BYTES or not prefix or len(prefix) > _MOST_PREFIX_BYTES:
        raise ValueError(f"{name.decode()} is too long for a ustar archive")
    return prefix, last


def _size(size_bytes: int) -> bytes:
    if size_bytes < _OCTAL_SIZE:
        return b"%011o\0" % size_bytes
    return b"\x80" + size_bytes.to_bytes(11, "big")
