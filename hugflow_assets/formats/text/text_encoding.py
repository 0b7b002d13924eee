"""In which encoding a text is written, decided in one place for tables, lists, texts beside clips, members and cards.

A byte order mark decides (UTF-8, UTF-16, UTF-32); else a text is UTF-8 if it is valid as such; else it is what the
dataset's card says; else cp1252, if every byte has a meaning there, which is counted. Everything else is refused, since
no letter may be replaced or lost. A text that is mostly UTF-8 is damaged UTF-8, not cp1252. One whose letters beyond
ASCII make no words in cp1252 is of another alphabet (Shift-JIS, GBK, cp949, cp1251), which only the card can tell.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.whole_lines import whole_lines

UTF_8, CP1252 = "utf-8", "cp1252"
TEXTS_CP1252 = "texts_cp1252"  # a count: texts that are no UTF-8, and were read as cp1252
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BLOCK_BYTES = 4 << 20
_ZSTD, _LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
# What is in no text in cp1252, and in Shift-JIS, Big5 and cp1250 is letters: single diacritics, florins; a low quote, a
# per mille or an angle before another letter beyond ASCII; marks (¡, ³, ¹, ¿ …) between two letters.
_STRANGE = re.compile(
    rb"[\x83\x88\x98\xa4\xa6\xa8\xac\xaf\xb8]|[\x82\x89\x8b](?=[\x80-\xff])"
    rb"|(?<=[A-Za-z\xc0-\xff])[\xa1-\xa9\xab\xae-\xb3\xb5\xb6\xb9\xbb-\xbf](?=[A-Za-z\xc0-\xff])"
)
_LONG_RUN, _LONGEST_RUN = 4, 7  # letters beyond ASCII one after the other: "äöüß" is one such run, "привет" are many
_REMEDY = (
    "Tell the dataset's owners: the file has to be UTF-8, or its card has to say `encoding` beside `data_files`. "
    "Nothing of it is landed, since letters would be lost."
)


@dataclass(frozen=True)
class Encoding:
    """A codec by Python's name, and how many bytes of a mark stand before the text."""

    name: str
    mark_bytes: int = 0

    @property
    def is_guess(self) -> bool:
        """Whether nothing but the bytes themselves speaks for it."""
        return self.name == CP1252


def decoded(data: bytes, place: str, declared: str | None = None) -> tuple[str, bool]:
    """A whole text, and whether it was read as cp1252.

    Args:
        place: what it is called, for errors: a path, or an archive and its member.
        declared: the encoding that the dataset's card says.
    Raises:
        BadSourceError: its encoding cannot be told.
    """
    found = _encoding(lambda: iter((data,)), place, declared)
    try:
        return data[found.mark_bytes :].decode(found.name), found.is_guess and declared is None
    except UnicodeDecodeError as error:
        raise _undecodable(place, found.name, data.count(b"\n", 0, error.start) + 1) from error


def decoded_head(head: bytes) -> str:
    """The first bytes of a file as text, as far as they show it; for a look alone, what lands is read strictly."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return codecs.getincrementaldecoder(name)("ignore").decode(head[len(mark) :])
    try:
        return codecs.getincrementaldecoder(UTF_8)().decode(head)
    except UnicodeDecodeError:
        return head.decode(CP1252, "ignore")


class TextFile:
    """A file of text on the disk, compressed or not, read as UTF-8 whatever its encoding.

    Args:
        local: where it is.
        place: its path upstream, for errors.
        declared: the encoding that the dataset's card says.
    Raises:
        BadSourceError: its encoding cannot be told.
    """

    def __init__(self, local: Path, place: str, declared: str | None = None) -> None:
        self._local, self.place = local, place
        self._unpack = _compression(local)
        self._encoding = _encoding(self._blocks, place, declared)
        self.is_guess = self._encoding.is_guess and declared is None

    @property
    def is_plain(self) -> bool:
        """Whether the file is its text, byte by byte."""
        return self._unpack is None and self._encoding == Encoding(UTF_8)

    def open(self) -> IO[bytes]:
        """Its text in UTF-8 from the start, without a mark; to be closed by the caller."""
        raw = self._opened()
        raw.read(self._encoding.mark_bytes)
        if self._encoding.name == UTF_8:
            return raw
        return cast("IO[bytes]", io.BufferedReader(_Recoded(raw, self._encoding.name, self.place), _BLOCK_BYTES))

    def lines(self) -> Iterator[str]:
        """Its lines, each without its end."""
        with closing(self.open()) as file:
            for line in io.TextIOWrapper(cast(Any, file), UTF_8, newline="\n"):
                yield line.rstrip("\r\n")

    def _opened(self) -> IO[bytes]:
        return self._local.open("rb") if self._unpack is None else self._unpack(self._local)

    def _blocks(self) -> Iterator[bytes]:
        with closing(self._opened()) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block


class _Recoded(io.RawIOBase):
    """A text of another encoding, as UTF-8."""

    def __init__(self, raw: IO[bytes], name: str, place: str) -> None:
        self._raw, self._name, self._place = raw, name, place
        self._decoder = codecs.getincrementaldecoder(name)()
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            block = self._raw.read(_BLOCK_BYTES)
            self._ended = not block
            try:
                self._ready = memoryview(self._decoder.decode(block, final=self._ended).encode(UTF_8))
            except UnicodeError as error:
                raise _undecodable(self._place, self._name) from error
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


# ---- which one it is


def _encoding(blocks: Any, place: str, declared: str | None) -> Encoding:
    """The encoding of a text whose blocks can be gone through several times."""
    head = next(blocks(), b"")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if declared is not None and (name := _known(declared, place)) != UTF_8:
        if _is_utf8(blocks()) and not _is_ascii(blocks()):
            return Encoding(UTF_8)
        return Encoding(name)
    if _is_utf8(blocks()):
        if head.count(0) > len(head) // 4:
            raise _unknown(place, "it looks like UTF-16 without a byte order mark")
        return Encoding(UTF_8)
    if declared is not None:
        raise _unknown(place, f"it is not {declared}, which its card says", _bad_line(blocks()))
    line = _bad_line(blocks())
    other, valid = _foreign(blocks())
    if valid > other:
        raise _unknown(place, "it is UTF-8 with bytes that are none", line)
    try:
        for block in blocks():
            block.decode(CP1252)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise _unknown(place, f"it is neither UTF-8 nor cp1252 (byte 0x{byte:02X})", line) from error
    if _is_of_another_alphabet(blocks()):
        raise _unknown(place, "it is not UTF-8, and its letters make no words in cp1252", line)
    return Encoding(CP1252)


def _is_of_another_alphabet(blocks: Iterator[bytes]) -> bool:
    high = strange = in_runs = runs = longest = 0
    for lines in whole_lines(blocks):
        found = [len(run) for run in _NOT_ASCII.findall(lines)]
        long = [size for size in found if size >= _LONG_RUN]
        high, strange = high + sum(found), strange + len(_STRANGE.findall(lines))
        in_runs, runs, longest = in_runs + sum(long), runs + len(long), max(longest, *long, 0)
    is_in_runs = 2 * in_runs >= high and (runs > 1 or longest >= _LONGEST_RUN)
    return is_in_runs or (strange > 1 and 5 * strange >= high)


def _known(declared: str, place: str) -> str:
    try:
        return {"utf-8-sig": UTF_8}.get(name := codecs.lookup(declared).name, name)
    except LookupError:
        raise _unknown(place, f"its card says {declared!r}, which is no encoding") from None


def _is_ascii(blocks: Iterator[bytes]) -> bool:
    return all(map(bytes.isascii, blocks))


def _is_utf8(blocks: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder(UTF_8)()
    try:
        for block in blocks:
            if not block.isascii() or decoder.getstate()[0]:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _bad_line(blocks: Iterator[bytes]) -> int:
    """The line of the first byte that is no UTF-8."""
    number = 1
    for line in whole_lines(blocks):
        try:
            line.decode(UTF_8)
        except UnicodeDecodeError as error:
            return number + line.count(b"\n", 0, error.start)
        number += line.count(b"\n")
    return number


def _foreign(blocks: Iterator[bytes]) -> tuple[int, int]:
    """How many runs of bytes beyond ASCII are no UTF-8, and how many are."""
    other = valid = 0
    for lines in whole_lines(blocks):
        for run in _NOT_ASCII.findall(lines):
            try:
                run.decode(UTF_8)
                valid += 1
            except UnicodeDecodeError:
                other += 1
    return other, valid


def _compression(local: Path) -> Any:
    """What opens a compressed file as its content; None where it is not compressed."""
    with local.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open
    if head.startswith(b"BZh"):
        return bz2.open
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.open
    if head.startswith((_ZSTD, _LZ4)):
        import pyarrow as pa

        kind = "zstd" if head.startswith(_ZSTD) else "lz4"
        return lambda path: io.BufferedReader(cast(Any, pa.input_stream(str(path), compression=kind)))
    return None


def _undecodable(place: str, name: str, line: int | None = None) -> BadSourceError:
    return _unknown(place, f"it is not the {name} that it is said to be", line)


def _unknown(place: str, why: str, line: int | None = None) -> BadSourceError:
    at = "" if line is None else f", line {line}"
    return BadSourceError(f"{place}{at}: the encoding of the text cannot be told: {why}.", remedy=_REMEDY, file=place)
