"""The clips of an archive by name, some dozen bytes each, to find out whose a text is."""

from __future__ import annotations

from array import array
from posixpath import basename, dirname
from typing import Any

import numpy as np
import xxhash

from hugflow_assets.formats.text.transcripts import called, clip_stem, is_clip
from hugflow_assets.shapes.join.paths import composed
from hugflow_assets.shapes.texts.text_places import MOST_ALIKE, parallels


class ClipNames:
    """Names without their endings; ``add`` all, then ask. A name with an ending is known by what is before it."""

    def __init__(self) -> None:
        self._folders: dict[str, int] = {}
        self._names: list[str] = []
        self._by_stem, self._by_parallel = _Index(), _Index()

    def add(self, clip: str) -> None:
        """A clip by its path in the archive."""
        folder = dirname(clip)
        at = self._folders.setdefault(folder, len(self._folders))
        if at == len(self._names):
            self._names.append(folder)
        for stem in called(composed(clip)):
            self._by_stem.add(stem, at)
            for key in parallels(folder):
                self._by_parallel.add(f"{key}/{stem}", at)

    def __len__(self) -> int:
        return len(self._by_stem)

    def __contains__(self, name: object) -> bool:
        name = basename(composed(str(name)))
        return self._by_stem.first(clip_stem(name) if is_clip(name) else name) is not None

    def holds(self, folder: str) -> bool:
        """Whether there are clips in a folder itself."""
        return folder in self._folders

    def is_in(self, stem: str, folder: str) -> bool:
        """Whether a clip of that name is in a folder."""
        at = self._folders.get(folder)
        return at is not None and at in self._by_stem.all(composed(stem))

    def parallel(self, stem: str, folder: str) -> set[str]:
        """The folders of such clips that differ from one in a single component; where they are many, some of them."""
        keys = (f"{key}/{composed(stem)}" for key in parallels(folder))
        return {self._names[at] for key in keys for at in self._by_parallel.all(key)[:MOST_ALIKE].tolist()}

    def folders(self, stem: str) -> list[str]:
        """The folders of such clips; where they are more than ``MOST_ALIKE``, none."""
        found = self._by_stem.all(composed(stem))
        return [self._names[at] for at in found.tolist()] if len(found) <= MOST_ALIKE else []

    def around(self, folder: str) -> bool:
        """Whether there are clips in a folder or below it."""
        return not folder or any(one == folder or one.startswith(f"{folder}/") for one in self._folders)


class _Index:
    """From names to numbers, by hash."""

    def __init__(self) -> None:
        self._hashes, self._numbers = array("Q"), array("i")
        self._sorted: tuple[Any, Any] | None = None

    def add(self, name: str, number: int) -> None:
        self._hashes.append(_hash(name))
        self._numbers.append(number)

    def __len__(self) -> int:
        return len(self._hashes)

    def all(self, name: str) -> Any:
        """The numbers of a name."""
        if self._sorted is None:
            hashes = np.frombuffer(self._hashes, np.uint64) if self._hashes else np.zeros(0, np.uint64)
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], np.array(self._numbers, np.int32)[order]
        hashes, numbers = self._sorted
        key = np.uint64(_hash(name))
        return numbers[np.searchsorted(hashes, key, "left") : np.searchsorted(hashes, key, "right")]

    def first(self, name: str) -> int | None:
        """One of them."""
        found = self.all(name)
        return int(found[0]) if len(found) else None


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))
