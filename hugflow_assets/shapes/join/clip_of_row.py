"""Which clip each row of a table means.

In this order, within the scope of the table: the exact path; the path from the table's folder; the longest end of the
path that exactly one clip has; the id or base name, with or without its ending, that exactly one clip has; the same
with another ending of audio. Of several none is taken, and no clip that is another row's by more of its path: a row
whose file is absent gets no namesake.
"""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname
from typing import Any

import numpy as np
import pyarrow as pa

from hugflow_assets.shapes.join import counts
from hugflow_assets.shapes.join.clips import Clips, hash_of
from hugflow_assets.shapes.join.paths import bare, below, composed, plain, unescaped
from hugflow_assets.shapes.join.scope import Scope, says_nothing

ABSENT, AMBIGUOUS = -1, -2
_ROWS_AT_ONCE = 1 << 14
_FEW = 8  # clips of one base name that are compared one by one
_WHOLE, _ROOT, _PART = 1, 2, 3  # how much agrees: the row's whole path; the clip's; the ends of both
_BARE = 4  # the row's whole path or the clip's, but for the ending of audio


class Decision:
    """The clips of a table's rows, in order: numbers, ``ABSENT`` or ``AMBIGUOUS``."""

    def __init__(self, clips: Clips) -> None:
        self._clips = clips
        self._tables: list[tuple[pa.ChunkedArray, Any, Any, Any]] = []

    def add(self, paths: pa.ChunkedArray, scope: Scope) -> None:
        """Decide for the next table."""
        table = Lookup(self._clips, scope)
        match, how, hashes = _decided(table, paths)
        _settle(table, paths, match, how, hashes)
        self._tables.append((paths, match, how, hashes))

    def all(self) -> Any:
        """Of all tables so far, one after the other. What one names by its path is no namesake for another's row."""
        if not self._tables:
            return np.zeros(0, np.int64)
        match, how, hashes = (np.concatenate([table[at] for table in self._tables]) for at in (1, 2, 3))
        if len(self._tables) > 1:
            chunks = [chunk for paths, *_ in self._tables for chunk in paths.cast(pa.large_string()).chunks]
            _contest(pa.chunked_array(chunks, pa.large_string()), match, how, hashes)
        return match


class Lookup:
    """One table's view of the clips."""

    def __init__(self, clips: Clips, scope: Scope) -> None:
        self.clips, self.folder = clips, scope.folder
        around = scope.folder
        while around not in clips.around:
            around = dirname(around)
        self._around = f"{around}/" if around else ""
        below_it = {folder for folder in clips.folders if f"{folder}/".startswith(self._around)}
        inside = {folder for folder in below_it if not scope.is_others(folder)}
        self._own = {folder for folder in inside if scope.is_own(folder)}
        if scope.is_named and not self._own and any(map(scope.is_called_as_others, below_it)):
            inside = {folder for folder in inside if says_nothing(folder.removeprefix(self._around))}
        surely = {folder for folder in inside if not scope.seems_others(folder)}
        self._outside = clips.folders - ((self._own if scope.is_alone else None) or surely or inside)
        self._known: dict[str, tuple[int, int]] = {}

    def clip_of(self, raw: str) -> tuple[int, int]:
        """The clip that a path means, and how much agrees."""
        if raw in self._known:
            return self._known[raw]
        found = self._clip_of(raw, plain(raw))
        if found[0] == ABSENT and raw != raw.strip():
            found = self._clip_of(raw.strip(), plain(raw.strip()))
        if found[0] == ABSENT and (other := unescaped(raw)) is not None:
            found = self._clip_of(other, other)
        if found[0] == ABSENT and (bare_path := bare(plain(raw.strip()))) != plain(raw.strip()):
            clip, how = self._clip_of(bare(raw.strip()), bare_path)
            found = (clip, _BARE) if how in (_WHOLE, _ROOT) else found
        if len(self._known) >= _ROWS_AT_ONCE:
            self._known.clear()
        self._known[raw] = found
        return found

    def _clip_of(self, raw: str, path: str) -> tuple[int, int]:
        if not path or not len(alike := self.clips.called(path.rpartition("/")[2])):
            return ABSENT, 0
        if len(alike) == 1 and "/" not in path and self._is_inside(self.clips.path(int(alike[0]))[1]):
            return int(alike[0]), _WHOLE
        near = below(self.folder, raw)
        found = self._with_paths(alike) if len(alike) <= _FEW else self._of_many(alike, path, near)
        exact = [one for one in found if self._is_at(path, one[1], one[2])]
        exact = exact or [one for one in found if near is not None and _same(one[2], near)]
        if exact:
            return self._one(exact, raw, _WHOLE)
        found = [one for one in found if self._is_inside(one[2])]
        agreed = [_agreed(one[2], path) for one in found]
        most = max(agreed, default=0)
        found = [one for one, much in zip(found, agreed, strict=True) if much == most]
        if not found:
            return ABSENT, 0
        if most == path.count("/") + 1:
            return self._one(found, raw, _WHOLE)
        return self._one(found, raw, _ROOT if all(most > name.count("/") for _, name, _ in found) else _PART)

    def _with_paths(self, numbers: Any) -> list[tuple[int, str, str]]:
        return [(int(one), *self.clips.path(int(one))) for one in numbers]

    def _of_many(self, alike: Any, path: str, near: str | None) -> list[tuple[int, str, str]]:
        """Of many clips of one base name: those at the path, or two at most that share its longest end."""
        whole = [*self.clips.ending_in(f"/{path}"), *(self.clips.ending_in(f"/{near}") if near else ())]
        if whole:
            return self._with_paths(dict.fromkeys(map(int, whole)))
        end = path
        while "/" in end:
            if found := self._inside(self.clips.ending_in(end)):
                return found
            end = end.partition("/")[2]
        return self._inside(alike)

    def _inside(self, numbers: Any) -> list[tuple[int, str, str]]:
        """Some of those in the table's scope: all of the table's own, or two at least if there are as many."""
        found: list[tuple[int, str, str]] = []
        for one in numbers.tolist():
            name, path = self.clips.path(one)
            if self._is_inside(path) and (len(found) < 2 or self._is_own(path)):
                found.append((one, name, path))
            if len(found) > 1 and not self._own:
                break
        return found

    def _is_at(self, path: str, name: str, clip: str) -> bool:
        """Whether a clip is at a path, from the root or in its archive; outside the table's scope from the root only.

        A mere name says nothing of where the root is.
        """
        is_there = _same(clip, path) or _same(name, path)
        if name == clip or not _same(clip, path):
            is_there = is_there and (self._is_inside(clip) or (name == clip and "/" in path))
        return is_there and ("/" in path or clip.startswith(self._around))

    def _is_inside(self, path: str) -> bool:
        return path.startswith(self._around) and (not self._outside or dirname(path) not in self._outside)

    def _is_own(self, path: str) -> bool:
        return bool(self._own) and dirname(path) in self._own

    def _one(self, found: list[tuple[int, str, str]], raw: str, how: int) -> tuple[int, int]:
        """The only one; of several the only one of the table's own, or that is written just as the row writes it."""
        if len(found) > 1:
            found = [one for one in found if self._is_own(one[2])] or found
            written = [one for one in found if self.clips.name(one[0]).endswith(raw.strip())]
            found = written if len(written) == 1 and composed(raw) != raw else found
        return (found[0][0] if len(found) == 1 else AMBIGUOUS), how


def _decided(table: Lookup, paths: pa.ChunkedArray) -> tuple[Any, Any, Any]:
    """Each row for itself: its clip, how much agrees, and a hash of its path."""
    match = np.full(len(paths), ABSENT, np.int64)
    how = np.zeros(len(paths), np.uint8)
    hashes = np.zeros(len(paths), np.uint64)
    for row, raw in enumerate(_each(paths)):
        if raw is not None:
            clip, how[row] = table.clip_of(raw)
            if clip >= 0:
                match[row], hashes[row] = clip, hash_of(plain(raw))
            else:
                match[row] = clip
    return match, how, hashes


def _settle(table: Lookup, paths: pa.ChunkedArray, match: Any, how: Any, hashes: Any) -> None:
    """Take back what several paths claim of one clip, and ends of paths where whole ones agree."""
    _contest(paths, match, how, hashes)
    parts = np.flatnonzero(how == _PART)
    roots = _roots(table, paths, match) if len(parts) else set()
    for row in parts.tolist():
        if any(above in roots for above in _above(_root(table, paths, match, row))):
            match[row] = ABSENT


def _contest(paths: pa.ChunkedArray, match: Any, how: Any, hashes: Any) -> None:
    """Take back what several paths claim of one clip."""
    rows = np.flatnonzero(match >= 0)
    rows = rows[np.lexsort((hashes[rows], match[rows]))]
    clips, told = match[rows], hashes[rows]
    differ = np.flatnonzero((clips[1:] == clips[:-1]) & (told[1:] != told[:-1]))
    for clip in np.unique(clips[differ]).tolist():
        claiming = rows[np.searchsorted(clips, clip, "left") : np.searchsorted(clips, clip, "right")]
        _contested(paths, claiming, match, how)


def _roots(table: Lookup, paths: pa.ChunkedArray, match: Any) -> set[str]:
    """What stands before the folders that the rows have in common with their clips: folders below it mean something."""
    return {
        _root(table, paths, match, row)
        for row in np.flatnonzero(match >= 0).tolist()
        if "/" in plain(paths[row].as_py())
    }


def _root(table: Lookup, paths: pa.ChunkedArray, match: Any, row: int) -> str:
    """The folders of a row's path that are none of its clip's."""
    path, clip = plain(paths[row].as_py()), int(match[row])
    agreed = _agreed(table.clips.path(clip)[1], path) if clip >= 0 else 1
    return "/".join(path.split("/")[:-agreed])


def _above(folder: str) -> Iterator[str]:
    while folder:
        folder = dirname(folder)
        yield folder


def _contested(paths: pa.ChunkedArray, rows: Any, match: Any, how: Any) -> None:
    """Paths that differ in more than their roots cannot mean one clip."""
    if len(exact := rows[how[rows] != _BARE]):
        match[rows[how[rows] == _BARE]] = ABSENT
        rows = exact
    told = {int(row): bare(plain(paths[int(row)].as_py())) for row in rows}
    whole, to_root = ({told[int(row)] for row in rows if how[row] == one} for one in (_WHOLE, _ROOT))
    known = sorted(whole or to_root or set(told.values()), key=len)
    named = set(known)
    is_disputed = not whole and not all(_ends_in(longer, known[0]) for longer in known)
    for row, path in told.items():
        if is_disputed and path in named:
            match[row] = AMBIGUOUS
        elif not any(_ends_in(path, one) or _ends_in(one, path) for one in known):
            match[row] = ABSENT


def _each(paths: pa.ChunkedArray) -> Iterator[str | None]:
    for chunk in paths.chunks:
        for start in range(0, len(chunk), _ROWS_AT_ONCE):
            yield from chunk.slice(start, _ROWS_AT_ONCE).to_pylist()


def _same(clip: str, path: str) -> bool:
    return clip == path or (clip.startswith(f"{path}.") and bare(clip) == path)


def _agreed(clip: str, path: str) -> int:
    """How many components two paths of one base name have in common at their ends."""
    count = 1
    for one, other in zip(clip.split("/")[-2::-1], path.split("/")[-2::-1], strict=False):
        if one != other:
            break
        count += 1
    return count


def _ends_in(path: str, end: str) -> bool:
    return path == end or path.endswith(f"/{end}")


def count_rows(match: Any) -> dict[str, int]:
    """Rows by what was decided of them."""
    ambiguous, absent = (int(np.count_nonzero(match == what)) for what in (AMBIGUOUS, ABSENT))
    joined = len(match) - ambiguous - absent
    return dict(zip(counts.COUNTS, (len(match), joined, ambiguous, absent), strict=True))
