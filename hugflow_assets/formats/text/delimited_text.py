"""Tables of text whose fields stand between delimiters: csv, tsv and their likes, as batches of columns of text.

Fields between commas are quoted as csv is; those between tabs or bars only where nothing else can be meant. An empty
field is null. A row of fewer fields than the header has nulls for the rest; one of more is refused, with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.csv as pc

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.quoting import is_even, quotes_of
from hugflow_assets.formats.text.text_encoding import TextFile
from hugflow_assets.formats.text.transcripts import split_id

SHORT_ROWS, RENAMED = "short_rows", "renamed_columns"
ID_AND_TEXT = " "  # as a delimiter: the first space or tab of a line, behind its id
_BLOCK_BYTES, _MOST_BYTES = 8 << 20, 1 << 30
_ROWS_AT_ONCE = 8192
_UNQUOTED = ("\t", "|")
_NO_DELIMITER = "\x1f"
_QUOTE_BEHIND_BACKSLASH = b'\\"'


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        columns: their names; None: its first row says them, or they have none.
        has_header: its first row is no data.
        quote: what fields are quoted with; None: there is no quoting; "": as it seems from the file.
        null_words: fields that stand for nothing, as an empty one does.
    """

    delimiter: str
    columns: tuple[str, ...] | None = None
    has_header: bool = True
    quote: str | None = ""
    doubled: bool = True
    escape: str | None = None
    skip_rows: int = 0
    comment: str | None = None
    skip_space: bool = False
    null_words: frozenset[str] = frozenset()


class IrregularRowsError(Exception):
    """Not all rows have as many fields as the header; ``read_carefully`` is to be called, and all read again."""


class DelimitedText:
    """One table.

    Attributes:
        columns: their names; one that comes again gets ``.2``, one without a name is called as pandas calls it.
        counts: rows of fewer fields, and columns renamed; to be asked when all rows have been read.
    """

    def __init__(self, file: TextFile, dialect: Dialect) -> None:
        self._file, self._dialect = file, dialect
        self.counts: Counter[str] = Counter()
        self._is_mac = self._has_mac_lines()
        self._may_choose = dialect.quote == "" and dialect.delimiter != ID_AND_TEXT
        if dialect.quote == "":
            self._dialect = replace(dialect, quote=self._quote() if self._may_choose else None)
            if self._may_choose and dialect.delimiter not in _UNQUOTED and self._are_quotes_escaped():
                self._dialect = replace(dialect, quote='"', escape="\\")
        self.columns, self._begins, self._line = self._header()
        if len(self.columns) == 1 and self._dialect.quote is None and self._may_choose:
            self._dialect = replace(self._dialect, delimiter=_NO_DELIMITER)  # the line is the field
        dialect = self._dialect
        is_plain = dialect.comment is None and not dialect.skip_space and dialect.delimiter != ID_AND_TEXT
        self._is_regular = is_plain and len(dialect.delimiter.encode()) == 1

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, every column text.

        Raises:
            IrregularRowsError: they have to be read again.
            BadSourceError: a row is not to be understood.
        """
        if not self.columns:
            return iter(())
        return self._fast() if self._is_regular else self._careful()

    def read_carefully(self) -> None:
        """From now on."""
        if self._may_choose and self._dialect.quote is not None and self._is_even():
            self._dialect = replace(self._dialect, quote=None)
        self._is_regular = False

    # ---- how it is written

    def _open(self) -> IO[bytes]:
        opened = self._file.open()
        return cast("IO[bytes]", io.BufferedReader(_MacLines(opened))) if self._is_mac else opened

    def _has_mac_lines(self) -> bool:
        with closing(self._file.open()) as opened:
            head = opened.read(_BLOCK_BYTES)
        return b"\r" in head and b"\n" not in head

    def _quote(self) -> str | None:
        """The mark that fields are quoted with, by what is in the file."""
        with closing(self._open()) as opened:
            found = quotes_of(opened, self._dialect.delimiter.encode())
        if not found.any:
            return None
        if self._dialect.delimiter not in _UNQUOTED:
            return None if not found.are_whole and self._is_even() else '"'
        if not found.are_whole or found.are_inside:
            return None
        if found.are_needed:  # then it is quoted if nothing else gives each row its fields
            return None if self._is_even() and not found.of_header else '"'
        return '"' if found.are_doubled or found.of_header else None

    def _are_quotes_escaped(self) -> bool:
        """Whether fields are quoted, and quotes in them stand behind backslashes, which mean nothing else then."""
        delimiter = self._dialect.delimiter.encode()
        with closing(self._open()) as opened:
            if _QUOTE_BEHIND_BACKSLASH not in opened.read(_BLOCK_BYTES):
                return False
        with closing(self._open()) as opened:
            if quotes_of(opened, delimiter).are_whole:
                return False
        with closing(self._open()) as opened:
            found = quotes_of(opened, delimiter, is_escaped=True)
        return found.any and found.are_whole and not found.are_inside and not found.are_doubled

    def _is_even(self) -> bool:
        """Whether every line has as many fields as the first one, if quotes mean nothing."""
        with closing(self._open()) as opened:
            return is_even(opened, self._dialect.delimiter.encode())

    def _header(self) -> tuple[list[str], int, int]:
        """The columns, where the rows begin in the text, and how many lines are before them."""
        dialect, at = self._dialect, 0
        with closing(self._open()) as opened:
            at = sum(map(len, islice(opened, dialect.skip_rows)))
            lines = dialect.skip_rows
            fields, size, count = self._record(opened)
            while size and not fields:  # an empty line
                at, lines = at + size, lines + count
                fields, size, count = self._record(opened)
        if dialect.has_header:
            at, lines = at + size, lines + count
        names = fields if dialect.has_header else [str(number) for number in range(len(fields))]
        return self._named(list(dialect.columns) if dialect.columns is not None else names), at, lines

    def _record(self, opened: IO[bytes]) -> tuple[list[str], int, int]:
        """The fields of the next row, with the bytes and the lines that it takes."""
        text, lines = "", 0
        while line := opened.readline():
            text, lines = text + line.decode("utf-8"), lines + 1
            try:
                fields = next(self._split(self._without_comments(iter([text]))), [])
            except csv.Error:
                if len(text) < _BLOCK_BYTES:
                    continue  # a quoted field goes on
                break
            return (fields if any(fields) else []), len(text.encode()), lines
        if text:
            raise _bad(self._file.place, 1, "its first row does not end, since a quote is not closed")
        return [], 0, 0

    def _named(self, given: list[str]) -> list[str]:
        made: list[str] = []
        for at, name in enumerate(given):
            base = new = name or f"Unnamed: {at}"
            number = 2
            while new in made or (new != base and new in given):
                new, number = f"{base}.{number}", number + 1
            self.counts[RENAMED] += new != name
            made.append(new)
        return made

    # ---- its rows

    def _fast(self) -> Iterator[pa.RecordBatch]:
        """By Arrow's own parser."""
        dialect = self._dialect
        with closing(self._open()) as opened:
            opened.read(self._begins)
            try:
                yield from pc.open_csv(
                    opened,
                    pc.ReadOptions(block_size=_BLOCK_BYTES, column_names=self.columns, use_threads=False),
                    pc.ParseOptions(
                        delimiter=dialect.delimiter,
                        quote_char=dialect.quote or False,
                        double_quote=dialect.doubled,
                        escape_char=dialect.escape or False,
                        newlines_in_values=bool(dialect.quote or dialect.escape),
                    ),
                    pc.ConvertOptions(
                        column_types=dict.fromkeys(self.columns, pa.string()),
                        null_values=["", *dialect.null_words],
                        strings_can_be_null=True,
                    ),
                )
            except pa.ArrowInvalid as error:
                if "Empty CSV file" not in str(error):
                    raise IrregularRowsError from error

    def _careful(self) -> Iterator[pa.RecordBatch]:
        """Row by row, in Python."""
        self.counts[SHORT_ROWS] = 0
        width, nothing = len(self.columns), {"", *self._dialect.null_words}
        rows: list[list[str | None]] = []
        before = 0  # fields of the row before, if these were too few
        for line, fields in self._rows():
            missing = width - len(fields)
            if missing < 0:
                raise _bad(self._file.place, line, f"the row has {len(fields)} fields, the header {width}")
            if missing and before and before + len(fields) - 1 == width:
                raise _bad(self._file.place, line, "a line break cuts this row and the one before in two")
            before = len(fields) if missing else 0
            self.counts[SHORT_ROWS] += missing > 0
            rows.append([*(None if one in nothing else one for one in fields), *[None] * missing])
            if len(rows) >= _ROWS_AT_ONCE:
                yield self._batch(rows)
                rows = []
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[list[str | None]]) -> pa.RecordBatch:
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        return pa.RecordBatch.from_arrays(columns, names=self.columns)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The fields of each row that is not empty, with the line that it ends on."""
        line = self._line
        with closing(self._open()) as opened:
            opened.read(self._begins)
            ends = "\n" if self._dialect.quote is None else ""
            lines = io.TextIOWrapper(cast(Any, opened), "utf-8", newline=ends)
            reader = self._split(self._without_comments(lines))
            try:
                for count, fields in enumerate(reader, 1):
                    line = self._line + getattr(reader, "line_num", count)
                    if len(fields) > 1 or (fields and self._is_row(fields[0])):
                        yield line, fields
            except csv.Error as error:
                at = self._line + getattr(reader, "line_num", 0)
                raise _bad(self._file.place, at, f"the row is no csv: {error}") from error

    def _is_row(self, only: str) -> bool:
        """Whether the one field of a line is more than an empty line."""
        if len(self.columns) > 1:
            return bool(only.strip())
        return bool(only) or bool(self._dialect.quote)

    def _without_comments(self, lines: Iterator[str]) -> Iterator[str]:
        mark = self._dialect.comment
        return lines if mark is None else (line.rstrip("\r\n").split(mark, 1)[0] for line in lines)

    def _split(self, lines: Iterator[str]) -> Iterator[list[str]]:
        dialect = self._dialect
        if dialect.delimiter == ID_AND_TEXT:
            return (list(split_id(line)) if line.strip() else [] for line in lines)
        if len(dialect.delimiter) > 1:
            return (re.split(dialect.delimiter, line.strip("\r\n")) for line in lines)
        if dialect.quote is None and dialect.escape is None and not dialect.skip_space:
            return (line.rstrip("\n").rstrip("\r").split(dialect.delimiter) for line in lines)
        csv.field_size_limit(_MOST_BYTES)
        return csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            doublequote=dialect.doubled,
            escapechar=dialect.escape,
            skipinitialspace=dialect.skip_space,
            strict=True,
        )


class _MacLines(io.RawIOBase):
    """A text whose lines end as they did on old Macs, with line feeds."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _bad(path: str, line: int, why: str) -> BadSourceError:
    return BadSourceError(
        f"{path}, line {line}: {why}.",
        remedy="Tell the dataset's owners: nothing says which field is which, so nothing of it is landed.",
        file=path,
        line=line,
    )
