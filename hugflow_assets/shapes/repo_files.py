"""Media that a parquet file names by path only: found in the repository at the commit, fetched and verified."""

from __future__ import annotations

import itertools
import posixpath
import re
import unicodedata
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hugflow_assets.hub import Hub
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.reader_inputs import Shard
from hugflow_assets.transfer.to_disk import fetch

_AT_ONCE = 8
_HF_URL = re.compile(r"hf://datasets/(?P<id>[^@]+?/[^@/]+)@[^/]+/(?P<path>.+)")


class RepoFiles:
    """Files of the repository, fetched and verified, some at once. ``bytes_fetched`` counts."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._numbers = itertools.count()
        self.bytes_fetched = 0

    def held(self, paths: Collection[str]) -> dict[str, SourceFile]:
        """Those of the paths that the repository holds."""
        asked = sorted(set(paths))
        return Hub(self._shard.access).file_info(self._shard.repo_id, self._shard.commit, asked) if asked else {}

    def fetched(self, paths: Collection[str]) -> dict[str, Path]:
        """Local files, the caller's to take away; what the repository does not hold is left out."""
        return self.fetch(self.held(paths))

    def fetch(self, files: Mapping[str, SourceFile]) -> dict[str, Path]:
        """Local files by what the caller calls them."""
        jobs = [(name, file, self._shard.work / f"media-{next(self._numbers):07d}") for name, file in files.items()]
        if jobs:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="media") as pool:
                list(pool.map(lambda job: self._fetch(job[1], job[2]), jobs))
        return {name: local for name, _, local in jobs}

    def _fetch(self, file: SourceFile, local: Path) -> None:
        shard = self._shard
        got = fetch(shard.access, shard.repo_id, shard.commit, file, local, should_stop=shard.should_stop)
        self.bytes_fetched += got.bytes_fetched


class RepoPaths(RepoFiles):
    """From paths in rows to fetched files. ``beside`` is the repository path of the parquet file being read."""

    def __init__(self, shard: Shard, *, near_first: bool = False) -> None:
        super().__init__(shard)
        self._near_first = near_first
        self.beside = ""

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        """Fetch what the repository holds of ``paths``: relative to its root, else to the parquet file's folder."""
        candidates = {path: _candidates(path, self.beside, self._shard.repo_id) for path in paths}
        if self._near_first:
            candidates = {path: many[::-1] for path, many in candidates.items()}
        candidates = {path: [*many, *_other_forms(many)] for path, many in candidates.items()}
        held = self.held([one for many in candidates.values() for one in many])
        found = {path: next((held[one] for one in many if one in held), None) for path, many in candidates.items()}
        return self.fetch({path: file for path, file in found.items() if file is not None})


def _other_forms(paths: Collection[str]) -> list[str]:
    """The same names in Unicode's other forms: macOS decomposes the names of files, tables have them composed."""
    forms = (unicodedata.normalize(form, path) for path in paths if not path.isascii() for form in ("NFC", "NFD"))
    return [form for form in dict.fromkeys(forms) if form not in paths]


def _candidates(path: str, beside: str, repo_id: str) -> list[str]:
    """Where a path may lie in the repository; nowhere if it leads out of it or into another one."""
    if found := _HF_URL.fullmatch(path):
        return _inside(found["path"]) if found["id"] == repo_id else []
    if "://" in path or path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", path):
        return []
    path = path.replace("\\", "/")
    near = posixpath.join(posixpath.dirname(beside), path)
    return list(dict.fromkeys([*_inside(path), *_inside(near)]))


def _inside(path: str) -> list[str]:
    path = posixpath.normpath(path)
    return [] if path == "." or path.startswith(("../", "/")) or path == ".." or "\0" in path else [path]
