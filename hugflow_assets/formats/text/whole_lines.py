"""Blocks of bytes, cut where lines end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, cut behind line ends only; the last may have none."""
    kept = b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            yield kept + block[:end]
            kept = block[end:]
        else:
            kept += block
    if kept:
        yield kept
