"""A repository's files as a file system without bytes, so that `datasets` resolves its patterns over it offline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fsspec import AbstractFileSystem, register_implementation

PROTOCOL = "hugflow-listing"
BASE = f"{PROTOCOL}://repo"
_ROOT = "repo"

_listings: dict[str, dict[str, dict[str, Any]]] = {}
_keys = itertools.count()


class ListingFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Knows names and kinds only. Sorted by name, as the Hub's own file system lists them."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, listing: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entries = _listings[listing]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        try:
            return self._entries[self._strip_protocol(path)]
        except KeyError:
            raise FileNotFoundError(path) from None

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        return list((self.find(path, maxdepth=1, withdirs=True, detail=True) if detail else self.find(path)).values())

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **kwargs: Any
    ) -> Any:
        root = self._strip_protocol(path)
        inside, depth = f"{root}/", root.count("/")
        found = {
            name: info
            for name, info in self._entries.items()
            if (name.startswith(inside) or name == root)
            and (withdirs or info["type"] == "file")
            and (maxdepth is None or name.count("/") - depth <= maxdepth)
        }
        return found if detail else list(found)


register_implementation(PROTOCOL, ListingFileSystem, clobber=True)


@contextmanager
def listed(paths: Sequence[str]) -> Iterator[Any]:
    """Within the block, the yielded ``DownloadConfig`` makes ``BASE`` a file system of these paths."""
    from datasets import DownloadConfig

    key = f"{next(_keys)}"
    _listings[key] = _entries(paths)
    try:
        yield DownloadConfig(storage_options={PROTOCOL: {"listing": key}}, token=False)
    finally:
        del _listings[key]


def relative(url: str) -> str:
    """The path in the repository of a file that a pattern found."""
    return url.removeprefix(f"{BASE}/")


def _entries(paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    kinds = {_ROOT: "directory"}
    for path in paths:
        parts = f"{_ROOT}/{path}".split("/")
        for length in range(2, len(parts)):
            kinds["/".join(parts[:length])] = "directory"
        kinds["/".join(parts)] = "file"
    return {name: {"name": name, "type": kind, "size": 0} for name, kind in sorted(kinds.items())}
