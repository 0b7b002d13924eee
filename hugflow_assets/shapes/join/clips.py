"""The clips that tables may name: on the disk, looked up by any end of their paths.

Memory holds hashes at most, eight bytes an entry, while an index is made; names and indexes are mapped from the disk.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from posixpath import dirname
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from hugflow_assets.shapes.join.paths import bare, is_audio, is_nameable, plain

_AT_ONCE = 1 << 14
_SCHEMA = pa.schema([("name", pa.large_string())])


def write_names(names: Iterable[str], to: Path) -> bool:
    """Keep the names of the files in one place (an archive, or the repository), in their order there.

    Returns whether each is another.
    """
    hashes, some = array("Q"), list[str]()
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, _SCHEMA) as writer:
        for name in names:
            hashes.append(hash_of(name))
            some.append(name.encode(errors="surrogateescape").decode(errors="replace"))
            if len(some) == _AT_ONCE:
                writer.write_batch(pa.record_batch([some], schema=_SCHEMA))
                some = []
        writer.write_batch(pa.record_batch([some], schema=_SCHEMA))
    return len(np.unique(np.frombuffer(hashes, np.uint64))) == len(hashes) if hashes else True


class Names:
    """Names that ``write_names`` kept. ``place`` is the folder that they are in: of an archive, its name."""

    def __init__(self, path: Path, place: str) -> None:
        with pa.memory_map(str(path)) as source:
            self._chunks = pa.ipc.open_file(source).read_all().column("name").chunks
        self.place = place

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    def __getitem__(self, number: int) -> str:
        return str(self._chunks[number // _AT_ONCE][number % _AT_ONCE].as_py())

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield from chunk.to_pylist()


class Clips:
    """The clips of a scope, numbered through its places. A file that a place holds twice counts once, the last."""

    def __init__(self, places: list[Names]) -> None:
        self.places = places
        self.offsets = np.cumsum([0, *map(len, places)])
        self._firsts = self.offsets.tolist()
        self.folders: set[str] = set()  # of audio
        self._ends = self._near()
        self._by_end: _Index | None = None

    def __len__(self) -> int:
        return int(self.offsets[-1])

    def name(self, number: int) -> str:
        """A clip's path in its place, as it is there."""
        at = bisect_right(self._firsts, number) - 1
        return self.places[at][number - self._firsts[at]]

    def path(self, number: int) -> tuple[str, str]:
        """A clip's path in its place, and that with the place before it, in the one form of paths."""
        at = bisect_right(self._firsts, number) - 1
        name, place = plain(self.places[at][number - self._firsts[at]]), self.places[at].place
        return name, f"{place}/{name}" if place else name

    def number(self, name: str) -> int | None:
        """The number of a clip by its path in the first place; None where there is none."""
        name = plain(name)
        found = (int(one) for one in self.called(name.rpartition("/")[2]))
        return next((one for one in found if self.path(one)[0] == name), None)

    def called(self, name: str) -> Any:
        """The numbers of the clips of a base name, with or without its ending."""
        return self._ends.all(name)

    def ending_in(self, path: str) -> Any:
        """The numbers of the clips whose paths end in these components; with a slash before them: are these."""
        if self._by_end is None:
            self._by_end = self._far()
        return self._by_end.all(path)

    @cached_property
    def around(self) -> frozenset[str]:
        """Every folder with audio in it or below it."""
        found = {""}
        for folder in self.folders:
            while folder and folder not in found:
                found.add(folder)
                folder = dirname(folder)
        return frozenset(found)

    def count(self, place: int) -> int:
        """How many clips there are in a place."""
        first, last = self._firsts[place], self._firsts[place + 1]
        return int(np.count_nonzero(self.live[first:last] & self.nameable[first:last]))

    def _near(self) -> _Index:
        """By base name; ``live`` are the last of each path in its place."""
        index = _Index()
        whole, nameable = array("Q"), bytearray()
        for at, place in enumerate(self.places):
            for number, name in enumerate(place, start=self._firsts[at]):
                name = plain(name)
                folder, _, base = name.rpartition("/")
                whole.append(hash_of(f"{at}/{name}"))
                nameable.append(is_nameable(name))
                index.add(base, number)
                if is_audio(name):
                    self.folders.add("/".join(filter(None, (place.place, folder))))
                    if (stem := bare(base)) != base:
                        index.add(stem, number)
        hashes = np.frombuffer(whole, np.uint64) if whole else np.zeros(0, np.uint64)
        self.live = _last_of_each(hashes)
        self.nameable = np.frombuffer(bytes(nameable), bool)
        index.close(self.live)
        return index

    def _far(self) -> _Index:
        """By every end of a path that is more than its base name, and by the whole."""
        index = _Index()
        for number in np.flatnonzero(self.live).tolist():
            name, path = self.path(number)
            for form in {name, path, bare(name), bare(path)}:
                index.add(f"/{form}", number)
            for form in {path, bare(path)}:
                at = form.rfind("/")
                while at >= 0:
                    at = form.rfind("/", 0, at)
                    index.add(form[at + 1 :], number)
        index.close(self.live)
        return index


class _Index:
    """From texts to numbers, by hash."""

    def __init__(self) -> None:
        self._hashes, self._numbers = array("Q"), array("q")
        self._sorted: tuple[Any, Any] = (np.zeros(0, np.uint64), np.zeros(0, np.int64))

    def add(self, text: str, number: int) -> None:
        self._hashes.append(hash_of(text))
        self._numbers.append(number)

    def close(self, live: Any) -> None:
        """Sort what was added, without the numbers that do not count."""
        if self._hashes:
            hashes, numbers = np.frombuffer(self._hashes, np.uint64), np.frombuffer(self._numbers, np.int64)
            kept = live[numbers]
            hashes, numbers = hashes[kept], numbers[kept]
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], numbers[order]
        self._hashes, self._numbers = array("Q"), array("q")

    def all(self, text: str) -> Any:
        """The numbers of a text."""
        hashes, numbers = self._sorted
        key = np.uint64(hash_of(text))  # not a Python integer: numpy would compare it as a float
        first = int(hashes.searchsorted(key))
        if first == len(hashes) or hashes[first] != key:
            return numbers[:0]
        if first + 1 == len(hashes) or hashes[first + 1] != key:
            return numbers[first : first + 1]
        return numbers[first : int(hashes.searchsorted(key, "right"))]


def _last_of_each(hashes: Any) -> Any:
    order = np.argsort(hashes, kind="stable")
    values = hashes[order]
    last = np.ones(len(values), bool)
    last[:-1] = values[1:] != values[:-1]
    live = np.empty(len(values), bool)
    live[order] = last
    return live


def hash_of(text: str) -> int:
    """Of a name or path, however it is encoded."""
    return xxhash.xxh3_64_intdigest(text.encode(errors="surrogateescape"))
