"""Lists of ids and texts (``84-121123-0000 GO DO YOU HEAR``), looked up by the clip that a line speaks of.

They are read once for all shards, into an Arrow file with an index on the disk; memory holds neither.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from posixpath import dirname
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa
import xxhash

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.text_encoding import TextFile
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, clip_stem, id_stem, split_id
from hugflow_assets.shapes.join.paths import composed

_ROWS_AT_ONCE = 1 << 14
_LONGEST_LINE = 1 << 20
_SCHEMA = pa.schema([("list", pa.int32()), *((name, pa.large_string()) for name in LIST_COLUMNS)])


class Lists:
    """The lines of some lists.

    Args:
        elsewhere: folders of lists that do not lie around their clips: they speak of clips in any folder.
    """

    def __init__(self, path: Path, elsewhere: Collection[str]) -> None:
        with pa.memory_map(str(path)) as source:
            self._lines = pa.ipc.open_file(source).read_all()
        self._folders: list[str] = orjson.loads(self._lines.schema.metadata[b"folders"])
        guessed: list[bool] = orjson.loads(self._lines.schema.metadata[b"guessed"])
        self.guessed = frozenset(at for at, is_guess in enumerate(guessed) if is_guess)  # lists read as cp1252
        self._hashes = np.load(_index(path, "hashes"), mmap_mode="r")
        self._order = np.load(_index(path, "order"), mmap_mode="r")
        self._elsewhere = frozenset(elsewhere)
        self._used = np.zeros(len(self), bool)
        self.ambiguous = 0

    def __len__(self) -> int:
        return int(self._lines.num_rows)

    @property
    def used(self) -> int:
        """How many lines were given out."""
        return int(self._used.sum())

    def rows_of(self, lists: Sequence[int], *, used: bool = False) -> int:
        """How many lines there are in some of the lists, by their numbers; ``used``: that were given out."""
        of_lists = np.isin(self._lines["list"].to_numpy(), np.array(lists, np.int32))
        return int((of_lists & self._used).sum() if used else of_lists.sum())

    def of(self, clip: str, is_alone: bool) -> tuple[str, str] | None:
        """The id and the text of a clip, by its path; None where no line speaks of it, or several do.

        A list in the nearest folder around the clip goes before one around that, and these before one elsewhere.

        Args:
            is_alone: no clip in another folder has its name, so that an id elsewhere can mean no other.
        """
        rows = self._rows(composed(clip))
        found = [row for row in rows if _is_around(self._folder(row), clip)]
        if found:
            nearest = max(len(self._folder(row)) for row in found)
            found = [row for row in found if len(self._folder(row)) == nearest]
        else:
            found = [
                row
                for row in rows
                if self._folder(row) in self._elsewhere and (is_alone or "/" in self._lines["id"][row].as_py())
            ]
        told = {(self._lines["id"][row].as_py(), self._lines["text"][row].as_py()) for row in found}
        self.ambiguous += len(told) > 1
        if len(told) != 1:
            return None
        self._used[found] = True
        return told.pop()

    def _rows(self, clip: str) -> list[int]:
        """The lines with the clip's name; an id with folders has to be the end of its path."""
        key = np.uint64(_hash(clip_stem(clip)))
        start, end = np.searchsorted(self._hashes, key, "left"), np.searchsorted(self._hashes, key, "right")
        place = f"/{clip.rpartition('.')[0]}"
        return [row for row in sorted(self._order[start:end].tolist()) if place.endswith(f"/{self._place(row)}")]

    def _place(self, row: int) -> str:
        told = composed(self._lines["id"][row].as_py()).replace("\\", "/").removeprefix("./")
        folder = dirname(told)
        return f"{folder}/{id_stem(told)}" if folder else id_stem(told)

    def _folder(self, row: int) -> str:
        return self._folders[int(self._lines["list"][row].as_py())]


def make_lists(sources: Sequence[tuple[Path, str]], to: Path) -> None:
    """Read lists, local files with their upstream paths, into one Arrow file and its index by the clips' names."""
    hashes = array("Q")
    files = [TextFile(local, path) for local, path in sources]
    told = {"folders": [dirname(path) for _, path in sources], "guessed": [file.is_guess for file in files]}
    schema = _SCHEMA.with_metadata({name: orjson.dumps(value) for name, value in told.items()})
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        numbers, names, texts = list[int](), list[str](), list[str]()
        for at, file in enumerate(files):
            for line in _lines(file):
                name, text = split_id(line)
                if not name:
                    continue
                hashes.append(_hash(composed(id_stem(name.replace("\\", "/")))))
                numbers.append(at)
                names.append(name)
                texts.append(text)
                if len(numbers) >= _ROWS_AT_ONCE:
                    writer.write_batch(pa.record_batch([numbers, names, texts], schema=schema))
                    numbers, names, texts = [], [], []
        writer.write_batch(pa.record_batch([numbers, names, texts], schema=schema))
    values = np.frombuffer(hashes, np.uint64) if hashes else np.zeros(0, np.uint64)
    order = np.argsort(values, kind="stable")
    np.save(_index(to, "hashes"), values[order])
    np.save(_index(to, "order"), order)


def _lines(text: TextFile) -> Iterator[str]:
    with io.TextIOWrapper(cast(Any, text.open()), "utf-8", newline="\n") as lines:
        while line := lines.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE:
                raise BadSourceError(
                    f"{text.place} has a line of more than {_LONGEST_LINE} letters: no list of texts.", file=text.place
                )
            yield line


def _is_around(folder: str, clip: str) -> bool:
    return not folder or clip.startswith(f"{folder}/")


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))


def _index(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.npy")
