"""Whether the quotes in a table are quoting, or letters of its fields: by how they stand between delimiters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np

from hugflow_assets.formats.text.whole_lines import whole_lines

_BLOCK_BYTES = 4 << 20
_OTHER_ESCAPES = re.compile(rb'\\(?:\\\\)*[^"\\]')  # a backslash that is a letter
_QUOTE, _ENDS = 0x22, (0x0A, 0x0D)
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass
class Quotes:
    """The quotes of a table.

    ``are_whole``: every field that begins with one ends with one, and has none in between but in pairs;
    ``are_inside``: some stand inside other fields; ``are_doubled``: some are pairs, as quoting writes one;
    ``of_header``: every field of the first line is quoted; ``are_needed``: a delimiter or a line end is between some.
    """

    any: bool = False
    are_whole: bool = True
    are_inside: bool = False
    are_doubled: bool = False
    of_header: bool = False
    are_needed: bool = False


def quotes_of(file: IO[bytes], delimiter: bytes, *, is_escaped: bool = False) -> Quotes:
    """Look at all quotes of a table in UTF-8.

    Args:
        is_escaped: those behind a backslash are letters; a backslash before anything else then makes them not whole.
    """
    found, is_open, is_first = Quotes(), False, True
    edges = (*delimiter[-1:], *_ENDS)
    for lines in whole_lines(iter(partial(file.read, _BLOCK_BYTES), b"")):
        if is_first:
            fields = lines.split(b"\n", 1)[0].rstrip(b"\r").split(delimiter)
            found.of_header = all(len(one) > 1 and one[:1] == one[-1:] == b'"' for one in fields)
            is_first = False
        if is_escaped:
            found.are_whole = found.are_whole and _OTHER_ESCAPES.search(lines) is None
            lines = lines.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        if b'"' in lines:
            found.any = True
            is_open = _look(lines, edges, is_open, found)
            if not found.are_whole:
                return found
    found.are_whole = not is_open
    return found


def _look(lines: bytes, edges: tuple[int, ...], is_open: bool, found: Quotes) -> bool:
    """Look at the quotes of some lines; whether a quoted field goes on behind these."""
    data = np.frombuffer(lines, np.uint8)
    found_at = np.flatnonzero(data == _QUOTE)
    if not is_open and _are_plain(data, found_at, edges):
        if not found.are_needed:
            between = np.flatnonzero(np.isin(data, edges))
            found.are_needed = bool((np.diff(np.searchsorted(between, found_at).reshape(-1, 2)) > 0).any())
        return False
    return _go_through(lines, found_at.tolist(), edges, is_open, found)


def _are_plain(data: Bytes, places: Any, edges: tuple[int, ...]) -> bool:
    """Whether the quotes are those around fields and no others, as they mostly are."""
    if len(places) % 2:
        return False
    first, last = places[::2], places[1::2]
    begins = np.isin(data[first - 1], edges)  # of the first byte the one before is the last, which ends the lines
    begins |= first == 0
    ends = np.isin(data[np.minimum(last + 1, len(data) - 1)], edges)
    ends |= last == len(data) - 1
    return bool(begins.all() and ends.all())


def _go_through(lines: bytes, places: list[int], edges: tuple[int, ...], is_open: bool, found: Quotes) -> bool:
    """Go from quote to quote."""
    last, at, count, begins = len(lines) - 1, 0, len(places), 0
    while at < count:
        place = places[at]
        at += 1
        if not is_open:
            is_open = place == 0 or lines[place - 1] in edges
            found.are_inside |= not is_open
            begins = place
        elif at < count and places[at] == place + 1:
            found.are_doubled = True
            at += 1
        elif place == last or lines[place + 1] in edges:
            is_open = False
            found.are_needed = found.are_needed or any(lines.find(edge, begins, place) >= 0 for edge in edges)
        else:
            found.are_whole = False
            return False
    found.are_needed |= is_open
    return is_open


def is_even(file: IO[bytes], delimiter: bytes) -> bool:
    """Whether every line that is not empty has as many delimiters as the first one."""
    wanted: int | None = None
    for lines in whole_lines(iter(partial(file.read, _BLOCK_BYTES), b"")):
        data = np.frombuffer(lines, np.uint8)
        ends = np.append(np.flatnonzero(data == _ENDS[0]), len(data))
        counts = np.diff(np.searchsorted(np.flatnonzero(data == delimiter[0]), ends), prepend=0)
        filled = np.diff(ends, prepend=-1) > 2
        counts = counts[filled]
        if counts.size and wanted is None:
            wanted = int(counts[0])
        if (counts != wanted).any():
            return False
    return True
