"""How a table names a clip, and what it can be taken to mean by that."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

STYLES = ("from the table", "from the root", "./", "backslashes", "foreign root", "base name", "id")
WHOLE = frozenset(STYLES[:5])  # in which no two clips are called alike


def written(style: str, path: str, folder: str, base: str = "") -> str:
    """A clip's path as a table writes it.

    Args:
        path: where the clip is (or would be) in the repository, in which an archive is a folder of nothing.
        folder: that of the table.
    """
    name = path.rpartition("/")[2]
    if style == "from the table":
        return posixpath.relpath(path, folder or ".")
    if style == "./":
        return "./" + posixpath.relpath(path, folder or ".")
    if style == "backslashes":
        return posixpath.relpath(path, folder or ".").replace("/", "\\")
    if style == "foreign root":
        return f"/data/of/somebody/{path}"
    if style == "base name":
        return name
    if style == "id":
        return name.rpartition(".")[0]
    return path


def meant(style: str, path: str, scope: Mapping[str, bytes]) -> bytes | None:
    """The clip that a row means, by brute force: what a person would say who knows only the row and its scope.

    Args:
        path: of the row's true clip, whether that is there or not.
        scope: path to clip, of all that the table can speak of.
    """
    if style in WHOLE:
        return scope.get(path)
    name = path.rpartition("/")[2]
    alike = [data for one, data in scope.items() if _called(style, one.rpartition("/")[2], name)]
    return alike[0] if len(alike) == 1 else None


def _called(style: str, one: str, name: str) -> bool:
    return one.rpartition(".")[0] == name.rpartition(".")[0] if style == "id" else one == name


def distinct(paths: Iterable[str]) -> bool:
    """Whether no two are the same."""
    every = list(paths)
    return len(every) == len(set(every))
