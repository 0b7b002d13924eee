"""A file of the record, one JSON object a line, with any line found in one step."""

from __future__ import annotations

import json
import mmap
import re
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.formats.text.json_values import loads

_LONG_NUMBER = re.compile(rb"[0-9]{19}")  # may be an integer that orjson takes for a double


class RecordFile:
    """The lines of one split, memory-mapped; where they begin says the index beside it, else one pass."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows
        self._data: mmap.mmap | bytes | None = None
        self._starts: array[int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "rows": self.rows, "_data": None, "_starts": None}  # workers map it themselves

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as lines:
            yield from lines

    def line(self, row: int) -> bytes:
        """The line of a row, counted from 0."""
        if self._starts is None:
            self._starts = self._scan()
        data = self._mapped()
        return data[self._starts[row] : self._starts[row + 1]]

    def _mapped(self) -> mmap.mmap | bytes:
        if self._data is None:
            with self.path.open("rb") as file:
                is_empty = not self.path.stat().st_size  # which cannot be mapped
                self._data = b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._data

    def _indexed(self) -> array[int] | None:
        """The starts as the index beside the file has them; None where there is none of this very file."""
        try:
            data = self.path.with_name(f"{self.path.name}.idx").read_bytes()
        except OSError:
            return None
        if len(data) != 8 * (self.rows + 1):
            return None
        starts = array("Q", data)
        if sys.byteorder == "big":
            starts.byteswap()  # it is little-endian
        return starts if starts[-1] == self.path.stat().st_size else None

    def _scan(self) -> array[int]:
        if (indexed := self._indexed()) is not None:
            return indexed
        data, starts, at = self._mapped(), array("Q", [0]), 0
        while (at := data.find(b"\n", at) + 1) > 0:
            starts.append(at)
        if len(starts) - 1 != self.rows:
            raise DamagedDatasetError(
                f"{self.path} has {len(starts) - 1} lines, the manifest says {self.rows}.",
                remedy="Run `hugflow verify`, and materialize the dataset again to repair it.",
            )
        return starts


def parse(line: bytes) -> dict[str, Any]:
    """A line of the record as a row; integers of any size stay what they are."""
    found: dict[str, Any] = json.loads(line) if _LONG_NUMBER.search(line) else loads(line)
    return found
