"""The rows of a file of JSON, as blocks of lines: JSON lines, a list of rows, one object or several, however laid out.

Nothing is parsed here. Lines stay as they are; of everything else the white space between tokens is left out, and each
row becomes a line. A block holds whole rows, so memory does not grow with the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import orjson

BLOCK_BYTES = 4 << 20
MOST_BYTES = 1 << 30  # of one row
_SPACE = b" \t\r\n"
_QUOTE, _BACKSLASH, _COMMA, _LINE = 0x22, 0x5C, 0x2C, 0x0A
_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("{"), ord("[")]] = 1
_STEPS[[ord("}"), ord("]")]] = -1
_IS_SPACE = np.zeros(256, bool)
_IS_SPACE[list(_SPACE)] = True
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class NoRowsError(ValueError):
    """The file is no JSON with rows; ``line`` is where that shows, if it is known."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def row_blocks(file: IO[bytes], field: str | None = None) -> Iterator[tuple[bytes, int | None]]:
    """Blocks of rows, each row on a line of its own, with the number of the first line where lines are the file's.

    Args:
        file: UTF-8 from its beginning.
        field: the member of the one object that the file is, which holds the list of rows.
    Raises:
        NoRowsError: it is cut off, or something else than JSON.
    """
    head = _head(file, field is None)
    if field is not None:
        yield from _items(_Source(file, _behind_field(file, head, field)), is_whole_file=False)
    elif head.startswith(b"["):
        yield from _items(_Source(file, head[1:]), is_whole_file=True)
    elif head and _is_object(head.split(b"\n", 1)[0]):
        yield from _lines(file, head)
    elif head:
        yield from _objects(_Source(file, head))


def _head(file: IO[bytes], may_be_lines: bool) -> bytes:
    """The first block from its first token on; where it may be JSON lines, with a whole line of them."""
    head = b""
    while block := file.read(BLOCK_BYTES):
        head = (head + block).lstrip(_SPACE)
        if head and (not may_be_lines or head.startswith(b"[") or b"\n" in head or len(head) > MOST_BYTES):
            break
    return head


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict) if b"NaN" in line or b"Infinity" in line else _parses(line)
    except (ValueError, RecursionError):
        return False


def _parses(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return isinstance(json.loads(line), dict)


def _lines(file: IO[bytes], head: bytes) -> Iterator[tuple[bytes, int | None]]:
    kept, number = head, 1
    while True:
        block = file.read(BLOCK_BYTES)
        end = len(kept) if not block else kept.rfind(b"\n") + 1
        if end:
            yield kept[:end], number
            number += kept.count(b"\n", 0, end)
        if not block:
            return
        kept = kept[end:] + block
        if len(kept) > MOST_BYTES:
            raise NoRowsError(f"a line has more than {MOST_BYTES} bytes", number)


# ---- lists and objects over several lines


class _Source:
    """The bytes of a file from somewhere on, with where strings and brackets are in them."""

    def __init__(self, file: IO[bytes], head: bytes) -> None:
        self._file, self._head = file, head
        self._in_string, self._escaped = False, False
        self.depth = 0
        self.line = 1

    def blocks(self) -> Iterator[tuple[Bytes, Bytes, Any]]:
        """Bytes, the depth behind each, and which of them are neither in a string nor white space."""
        block = self._head
        while block or (block := self._file.read(BLOCK_BYTES)):
            data = np.frombuffer(block, np.uint8).copy()
            inside = self._strings(data)
            steps = _STEPS[data]
            steps[inside] = 0
            depths = np.cumsum(steps, dtype=np.int32) + np.int32(self.depth)
            self.depth = int(depths[-1])
            yield data, depths, inside  # type: ignore[misc]
            self.line += block.count(b"\n")
            block = b""

    def _strings(self, data: Bytes) -> Any:
        """Which bytes are in a string, the quote that ends it included."""
        marks = data == _QUOTE
        for at in np.flatnonzero(marks[1:] & (data[:-1] == _BACKSLASH)).tolist():
            first = at
            while first >= 0 and data[first] == _BACKSLASH:
                first -= 1
            count = at - first + (first < 0 and self._escaped)
            marks[at + 1] = count % 2 == 0
        if marks.size and marks[0] and self._escaped:
            marks[0] = False
        tail = len(data)
        while tail and data[tail - 1] == _BACKSLASH:
            tail -= 1
        odd = (len(data) - tail + (tail == 0 and self._escaped)) % 2 == 1
        inside = (np.cumsum(marks) % 2 == 1) ^ self._in_string
        self._in_string = bool(inside[-1])
        self._escaped = odd
        inside[marks] = True
        return inside

    def more(self) -> bool:
        """Whether anything but white space is left to read."""
        return any(block.strip(_SPACE) for block in iter(lambda: self._file.read(BLOCK_BYTES), b""))

    @property
    def is_whole(self) -> bool:
        return not self._in_string


def _items(source: _Source, *, is_whole_file: bool) -> Iterator[tuple[bytes, int | None]]:
    """The items of a list, from behind its bracket on."""
    source.depth = 1
    kept: list[bytes] = []
    for data, depths, inside in source.blocks():
        ends = np.flatnonzero((depths == 0) & ~inside)
        stop = int(ends[0]) if ends.size else len(data)
        row_ends = (data == _COMMA) & (depths == 1) & ~inside
        part = _compact(data[:stop], inside[:stop], row_ends[:stop])
        if ends.size:
            if is_whole_file and (not _IS_SPACE[data[stop + 1 :]].all() or source.more()):
                raise NoRowsError("something follows the list, and would be lost", source.line)
            if (whole := b"".join([*kept, part])).strip(b"\n"):
                yield whole + b"\n", None
            return
        yield from _whole_rows(kept, part, source.line)
    raise NoRowsError("the list does not end: the file is cut off", source.line)


def _objects(source: _Source) -> Iterator[tuple[bytes, int | None]]:
    """Objects one after the other, with nothing but white space in between."""
    kept: list[bytes] = []
    before = 0
    for data, depths, inside in source.blocks():
        previous = np.concatenate([np.array([before], np.int32), depths[:-1]])
        before = int(depths[-1])
        if ((depths == 0) & (previous == 0) & ~_IS_SPACE[data]).any() or (depths < 0).any():
            raise NoRowsError("something else than objects of JSON is in it", source.line)
        behind = (depths == 0) & (previous == 1)
        keep = inside | ~_IS_SPACE[data]
        part = np.repeat(data[keep], 1 + behind[keep])
        part[np.flatnonzero(behind[keep]) + np.arange(1, behind[keep].sum() + 1)] = _LINE
        yield from _whole_rows(kept, part.tobytes(), source.line)
    if source.depth or not source.is_whole or any(kept):
        raise NoRowsError("an object does not end: the file is cut off", source.line)


def _whole_rows(kept: list[bytes], part: bytes, line: int) -> Iterator[tuple[bytes, int | None]]:
    """What is whole of the rows so far; the beginning of the next one is kept."""
    end = part.rfind(b"\n") + 1
    if end:
        yield b"".join([*kept, part[:end]]), None
        kept.clear()
    kept.append(part[end:])
    if sum(map(len, kept)) > MOST_BYTES:
        raise NoRowsError(f"a row has more than {MOST_BYTES} bytes", line)


def _compact(data: Bytes, inside: Any, row_ends: Any) -> bytes:
    """The tokens without the white space between them, a line end in place of what ends a row."""
    data = data.copy()
    data[row_ends] = _LINE
    return bytes(data[inside | ~_IS_SPACE[data] | row_ends].tobytes())


def _behind_field(file: IO[bytes], head: bytes, field: str) -> bytes:
    """What follows the bracket of the list that a member of the file's object holds."""
    decoder, text = json.JSONDecoder(), bytearray(head)
    at = 1
    if not head.startswith(b"{"):
        raise NoRowsError(f"it is no object with a member {field!r}", 1)
    while True:
        try:
            found = _member(decoder, text, at)
        except ValueError:
            found = None
        if found is not None:
            name, begins, ends = found
            if name == field and text[begins : begins + 1] == b"[":
                return bytes(text[begins + 1 :])
            if name == field:
                raise NoRowsError(f"its member {field!r} is no list", 1)
            if ends is not None:
                at = ends
                continue
        if not (block := file.read(BLOCK_BYTES)):
            raise NoRowsError(f"it has no member {field!r}", 1)
        text += block
        if len(text) > MOST_BYTES:
            raise NoRowsError(f"no member {field!r} is in its first {MOST_BYTES} bytes", 1)


def _member(decoder: json.JSONDecoder, text: bytearray, at: int) -> tuple[str, int, int | None] | None:
    """The next member of an object: its name, where its value begins and, if that is there, ends."""
    rest = text[at:].decode("utf-8", "ignore")
    begins = len(rest) - len(rest := rest.lstrip(" \t\r\n,"))
    if not rest or rest[0] == "}":
        return None
    name, end = decoder.raw_decode(rest)
    behind = rest[end:].lstrip(" \t\r\n")
    if not behind.startswith(":"):
        return None
    value = behind[1:].lstrip(" \t\r\n")
    start = at + begins + len(rest[: len(rest) - len(value)].encode())
    if not value:
        return None
    try:
        _, length = decoder.raw_decode(value)
    except ValueError:
        return str(name), start, None
    if value[length:].lstrip(" \t\r\n")[:1] not in {",", "}"}:  # a number may go on
        return str(name), start, None
    return str(name), start, start + len(value[:length].encode())
