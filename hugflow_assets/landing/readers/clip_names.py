"""The clips of an archive by name, twelve bytes each, to find out whose a text is."""

from __future__ import annotations

from array import array
from posixpath import basename, dirname

import numpy as np
import xxhash

from hugflow_assets.hub.transcripts import called, clip_stem, is_clip
from hugflow_assets.landing.readers.tables import composed


class ClipNames:
    """Names without their endings; ``add`` all, then ask. A name with an ending is known by what is before it."""

    def __init__(self) -> None:
        self._folders: dict[str, int] = {}
        self._hashes, self._of_folder = array("Q"), array("i")
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, clip: str) -> None:
        """A clip by its path in the archive."""
        folder = self._folders.setdefault(dirname(clip), len(self._folders))
        for stem in called(composed(clip)):
            self._hashes.append(_hash(stem))
            self._of_folder.append(folder)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: object) -> bool:
        name = basename(composed(str(name)))
        return bool(self.folders_of(clip_stem(name) if is_clip(name) else name))

    def folders_of(self, stem: str) -> set[str]:
        """The folders with clips of that name."""
        if self._sorted is None:
            hashes = np.frombuffer(self._hashes, np.uint64) if self._hashes else np.zeros(0, np.uint64)
            order = np.argsort(hashes, kind="stable")
            self._names = list(self._folders)
            self._sorted = hashes[order], np.array(self._of_folder, np.int32)[order]
        hashes, of_folder = self._sorted
        key = np.uint64(_hash(composed(stem)))
        start, end = np.searchsorted(hashes, key, "left"), np.searchsorted(hashes, key, "right")
        return {self._names[at] for at in of_folder[start:end].tolist()}

    def holds(self, folder: str) -> bool:
        """Whether there are clips in a folder itself."""
        return folder in self._folders

    def around(self, folder: str) -> bool:
        """Whether there are clips in a folder or below it."""
        return not folder or any(one == folder or one.startswith(f"{folder}/") for one in self._folders)


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))
