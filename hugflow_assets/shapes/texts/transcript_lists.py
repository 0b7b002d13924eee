"""Lists of ids and texts (``84-121123-0000 GO DO YOU HEAR``): which clip each line means, as of the rows of any table.

They are read once for all shards, into an Arrow file with an index by clip on the disk; memory holds neither.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from posixpath import dirname
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.names import SPLIT_WORDS, SPLITS_ALIKE, split_named
from hugflow_assets.formats.text.text_encoding import TextFile
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, SPACED, list_form, split_id
from hugflow_assets.shapes.join.clip_of_row import ABSENT, AMBIGUOUS, Decision
from hugflow_assets.shapes.join.clips import Clips, hash_of
from hugflow_assets.shapes.join.paths import plain
from hugflow_assets.shapes.join.scope import Scope

_ROWS_AT_ONCE = 1 << 14
_LOOKED_AT = 50
_LONGEST_LINE = 1 << 20
_SCHEMA = pa.schema([("list", pa.int32()), *((name, pa.large_string()) for name in LIST_COLUMNS)])


@dataclass(frozen=True)
class ListRows:
    """How many lines a list has, and of these for no clip, or for which of several cannot be told."""

    path: str
    absent: int
    ambiguous: int
    is_guess: bool  # it was read as cp1252


class Lists:
    """The lines of some lists, by the clips that they mean."""

    def __init__(self, path: Path) -> None:
        with pa.memory_map(str(path)) as source:
            self._lines = pa.ipc.open_file(source).read_all()
        told = orjson.loads(_index(path, "lists").read_bytes())
        self.lists = [ListRows(**one) for one in told]
        self._hashes = np.load(_index(path, "hashes"), mmap_mode="r")
        self._rows = np.load(_index(path, "rows"), mmap_mode="r")

    def __len__(self) -> int:
        return int(self._lines.num_rows)

    def of(self, clip: str) -> list[tuple[str, str]]:
        """The ids and texts of the lines that mean a clip, by its path."""
        key = np.uint64(hash_of(plain(clip)))
        start, end = np.searchsorted(self._hashes, key, "left"), np.searchsorted(self._hashes, key, "right")
        ids, texts = (self._lines.column(name) for name in LIST_COLUMNS)
        return [(ids[row].as_py(), texts[row].as_py()) for row in sorted(self._rows[start:end].tolist())]


def make_lists(sources: Sequence[tuple[Path, str]], clips: Clips, to: Path, declared: str | None = None) -> None:
    """Read lists into one Arrow file and its index by clip.

    Args:
        sources: local files with their upstream paths.
        clips: that their lines may mean.
        declared: the encoding that the dataset's card says.
    """
    files = [TextFile(local, path, declared) for local, path in sources]
    lengths = []
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, _SCHEMA) as writer:
        for at, file in enumerate(files):
            lengths.append(0)
            for rows in _batches(file, clips):
                writer.write_batch(pa.record_batch([[at] * len(rows), *zip(*rows, strict=True)], schema=_SCHEMA))
                lengths[-1] += len(rows)
    with pa.memory_map(str(to)) as source:
        ids = pa.ipc.open_file(source).read_all().column("id")
    decision, begins = Decision(clips), np.cumsum([0, *lengths])
    for at, file in enumerate(files):
        decision.add(ids.slice(begins[at], lengths[at]), _scope(file.place))
    match = decision.all()
    joined = np.flatnonzero(match >= 0)
    hashes = np.array([hash_of(plain(clips.name(int(clip)))) for clip in match[joined]], np.uint64)
    order = np.argsort(hashes, kind="stable")
    np.save(_index(to, "hashes"), hashes[order])
    np.save(_index(to, "rows"), joined[order])
    own = [match[begins[at] : begins[at + 1]] for at in range(len(files))]
    told = [
        {"path": file.place, "absent": _count(part, ABSENT), "ambiguous": _count(part, AMBIGUOUS),
         "is_guess": file.is_guess}
        for file, part in zip(files, own, strict=True)
    ]  # fmt: skip
    _index(to, "lists").write_bytes(orjson.dumps(told))


def _scope(path: str) -> Scope:
    """The clips that a list may mean: none in folders that are called as other splits than its own are."""
    folders = [part.lower() for part in reversed(dirname(path).split("/"))]
    split = split_named(path) or next((part for part in folders if part in SPLIT_WORDS), None)
    own = frozenset().union(*(alike for alike in SPLITS_ALIKE if split in alike))
    return Scope.around(path, others=SPLIT_WORDS - own if split else frozenset())


def _batches(file: TextFile, clips: Clips) -> Iterator[list[tuple[str, str]]]:
    """The lines of a list as ids and texts."""
    with io.TextIOWrapper(cast(Any, file.open()), "utf-8", newline="\n") as opened:
        lines = _lines(opened, file.place)
        first = list(islice(lines, _LOOKED_AT))
        form = list_form([line for line in first if line.strip()], lambda stem: len(clips.called(stem)) > 0) or SPACED
        rows = [row for line in first if (row := split_id(line, form))[0]]
        for line in lines:
            if (row := split_id(line, form))[0]:
                rows.append(row)
            if len(rows) >= _ROWS_AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def _lines(opened: io.TextIOWrapper, place: str) -> Iterator[str]:
    while line := opened.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise BadSourceError(
                f"{place} has a line of more than {_LONGEST_LINE} letters: no list of texts.", file=place
            )
        yield line.rstrip("\r\n")


def _count(match: Any, what: int) -> int:
    return int(np.count_nonzero(match == what))


def _index(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}{'.json' if what == 'lists' else '.npy'}")
