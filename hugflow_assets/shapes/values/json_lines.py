"""Rows that are JSON already, on their way into the record as they are.

A row that names media is written anew, with a mark where each of them was, and the record has the landed value there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.json_rows import NoRowsError, row_blocks
from hugflow_assets.formats.text.json_values import dumped, parsed
from hugflow_assets.formats.text.text_encoding import TextFile
from hugflow_assets.shapes.columns import MEDIA_FOLDERS, NAMED_CLIP, MediaTree
from hugflow_assets.shapes.values.json_types import JsonType, Media

_EXACT = float(1 << 53)
_FIRST_MARK = 1  # control characters, which no JSON has
TEXT_COLUMN = "text"  # of rows that are no objects, as `datasets` calls it


@dataclass(frozen=True)
class LineMedia:
    """Media of one kind in some lines: what is named, in the order of the marks, and the line of each."""

    kind: str
    mark: bytes
    values: pa.Array
    rows: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class JsonLines:
    """Lines of the record, each with its end; a byte that no JSON has stands for each of their media."""

    text: bytes
    num_rows: int
    media: tuple[LineMedia, ...] = ()


@dataclass
class Marks:
    """The media that the rows of a batch name."""

    row: int = 0
    _kinds: dict[str, int] = field(default_factory=dict)
    _values: dict[str, list[Any]] = field(default_factory=dict)
    _rows: dict[str, list[int]] = field(default_factory=dict)

    def media(self, kind: str, value: Any) -> Any:
        """What stands in the row for media of a kind, given as a path, or as an object with one; else the value."""
        path = value.get("path") if isinstance(value, dict) else value
        if path is not None and not isinstance(path, str):
            return value
        return self.clip(kind, {"bytes": None, "path": path} if value is not None else None)

    def clip(self, kind: str, value: Any) -> Media:
        """Likewise, given as bytes and path, and how the source writes the path if otherwise; or None."""
        at = self._kinds.setdefault(kind, _FIRST_MARK + len(self._kinds))
        self._values.setdefault(kind, []).append(value)
        self._rows.setdefault(kind, []).append(self.row)
        return Media(chr(at), kind)

    def taken(self) -> tuple[LineMedia, ...]:
        return tuple(
            LineMedia(kind, bytes([at]), pa.array(self._values[kind], NAMED_CLIP), np.array(self._rows[kind], np.int64))
            for kind, at in self._kinds.items()
        )


Place = Callable[[dict[str, Any], Marks], dict[str, Any]]


@dataclass
class JsonRows:
    """Rows of JSON, checked, counted and of known types.

    Attributes:
        lost: counts of what the record cannot say.
        type: of all rows so far.
        place: gives a row with marks where it names media; None where no row does.
        rows_at_once: of a batch with media.
    """

    lost: Counter[str]
    place: Place | None = None
    rows_at_once: int = 64
    type: JsonType = field(default_factory=JsonType)

    def of_file(self, file: TextFile, path: str, member: str | None = None) -> Iterator[JsonLines]:
        """The rows of a file.

        Raises:
            BadSourceError: it is no JSON with rows.
        """
        count = 0
        with file.open() as opened:
            try:
                for block, line in row_blocks(opened, member):
                    for lines in self.of_block(block, path, line, count):
                        count += lines.num_rows
                        yield lines
            except NoRowsError as error:
                raise _no_rows(path, str(error), error.line) from error

    def of_block(self, block: bytes, path: str, line: int | None, row: int) -> Iterator[JsonLines]:
        """The rows of some lines, the first of which is ``line`` of its file, and row number ``row``."""
        block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        if self.place is None and (lines := self._as_it_is(block)) is not None:
            yield lines
            return
        texts, marks, start = list[bytes](), Marks(), line or 0
        for at, text in enumerate(block.split(b"\n")):
            if not (text := text.strip(b" \t\r")):
                continue
            marks.row = len(texts)
            try:
                texts.append(self._row(text, marks, may_be_text=line is None))
            except (ValueError, TypeError) as error:
                where = None if line is None else start + at
                raise _no_rows(path, f"row {row + 1} is no JSON: {error}", where) from error
            row += 1
            if self.place is not None and len(texts) >= self.rows_at_once:
                yield _joined(texts, marks)
                texts, marks = [], Marks()
        if texts:
            yield _joined(texts, marks)

    def of_texts(self, texts: Iterable[bytes]) -> JsonLines:
        """Rows that are known to be JSON, a line each."""
        marks, made = Marks(), list[bytes]()
        for text in texts:
            marks.row = len(made)
            made.append(self._row(text, marks))
        return _joined(made, marks)

    def _row(self, text: bytes, marks: Marks, *, may_be_text: bool = False) -> bytes:
        value, is_whole = parsed(text, self.lost)
        if not isinstance(value, dict) and not may_be_text:
            raise ValueError("it is no object")
        if not isinstance(value, dict):
            value, is_whole = {TEXT_COLUMN: value}, False
        if self.place is not None:
            value, is_whole = self.place(value, marks), False
        self.type.add(value)
        return text if is_whole else dumped(value)

    def _as_it_is(self, block: bytes) -> JsonLines | None:
        """All lines at once, if Arrow reads them and no number needs a closer look."""
        count = block.count(b"\n") + (not block.endswith(b"\n"))
        try:
            table = pj.read_json(
                pa.BufferReader(block), pj.ReadOptions(use_threads=False, block_size=max(len(block) + 1, 1 << 20))
            )
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        if table.num_rows != count or not all(map(_is_exact, table.columns)):
            return None
        self.type.add_arrow(pa.struct(list(table.schema)))
        return JsonLines(block if block.endswith(b"\n") else block + b"\n", count)


def folder_media(column: str, kind: str, shown: Callable[[str | None], str | None]) -> Place:
    """What places the files that a folder's metadata names: ``file_name`` as ``column``, ``x_file_name`` as ``x``.

    Args:
        shown: makes of a path in the rows what it is in the repository.
    """

    def media(value: Any, marks: Marks) -> Any:
        return marks.media(kind, shown(value) if isinstance(value, str) else value)

    def place(row: dict[str, Any], marks: Marks) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in row.items():
            found = re.fullmatch(r"(?:(.*)_)?file_name(s?)", name)
            if found is None:
                made[name] = inside(value, marks)
            elif found[2]:
                several = isinstance(value, list)
                made[found[1] or f"{column}s"] = [media(one, marks) for one in value] if several else value
            else:
                made[found[1] or column] = media(value, marks)
        return made

    def inside(value: Any, marks: Marks) -> Any:
        if isinstance(value, dict):
            return place(value, marks)
        return [inside(one, marks) for one in value] if isinstance(value, list) else value

    return place


def media_in(features: dict[str, Any]) -> Place | None:
    """What places the media that features tell of; None where they tell of none."""
    tree = _tree(features)
    if tree is None:
        return None
    return lambda row, marks: {
        name: _placed(value, tree.fields[name], marks) if name in tree.fields else value for name, value in row.items()
    }


def _tree(feature: Any) -> MediaTree | None:
    if isinstance(feature, list):
        feature = {"_type": "List", "feature": feature[0] if feature else None}
    if not isinstance(feature, dict):
        return None
    if isinstance(named := feature.get("_type"), str):
        if named in MEDIA_FOLDERS:
            return MediaTree(kind=MEDIA_FOLDERS[named])
        item = _tree(feature.get("feature"))
        return MediaTree(item=item) if item else None
    fields = {name: tree for name, one in feature.items() if (tree := _tree(one)) is not None}
    return MediaTree(fields=fields) if fields else None


def _placed(value: Any, tree: MediaTree, marks: Marks) -> Any:
    if tree.kind:
        return marks.media(tree.kind, value)
    if isinstance(value, list) and tree.item is not None:
        return [_placed(one, tree.item, marks) for one in value]
    if isinstance(value, dict):
        return {
            name: _placed(one, tree.fields[name], marks) if name in tree.fields else one for name, one in value.items()
        }
    return value


def _is_exact(values: Any) -> bool:
    """Whether no double in a column, or in what is nested in it, may be something else upstream."""
    if pa.types.is_floating(values.type):
        return not pc.any(pc.invert(pc.less(pc.abs(values), _EXACT))).as_py()
    if pa.types.is_struct(values.type):
        return all(map(_is_exact, values.flatten()))
    if pa.types.is_list(values.type):
        return all(_is_exact(chunk.flatten()) for chunk in (values.chunks if _chunked(values) else [values]))
    return True


def _chunked(values: Any) -> bool:
    return isinstance(values, pa.ChunkedArray)


def _joined(texts: Iterable[bytes], marks: Marks) -> JsonLines:
    lines = list(texts)
    return JsonLines(b"\n".join(lines) + b"\n", len(lines), marks.taken())


def _no_rows(path: str, why: str, line: int | None) -> BadSourceError:
    at = "" if line is None else f", line {line}"
    return BadSourceError(
        f"{path}{at}: cannot be read as JSON: {why}.",
        remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
        file=path,
    )
