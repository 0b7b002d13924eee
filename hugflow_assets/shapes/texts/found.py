"""Which files of a repository hold the texts of its clips."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import basename, dirname

from hugflow_assets.formats.text.transcripts import clip_stem, is_clip, is_list, is_named_like_a_list, sidecars
from hugflow_assets.hub.prefetch import at_once

_NO_LIST = ("readme", "license", "licence", "citation", "changelog", "requirements")


@dataclass(frozen=True)
class Transcripts:
    """The texts of a repository's clips. ``sides``: clip -> ending -> file; ``lists``: files of ids and texts.

    ``elsewhere`` are those of the lists that lie beside the clips' folders, not above them; ``namesakes`` are the names
    that clips in several folders have, which an id in such a list does not tell apart.
    """

    sides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    namesakes: frozenset[str] = frozenset()

    @property
    def paths(self) -> list[str]:
        """All files of texts."""
        return [*self.lists, *(path for of_clip in self.sides.values() for path in of_clip.values())]

    def lists_of(self, clip: str) -> list[str]:
        """The lists that may speak of a clip: those in the nearest folder around it, and those elsewhere."""
        folder = dirname(clip)
        while not (near := self._by_folder.get(folder, [])) and folder:
            folder = dirname(folder)
        return [*near, *self.elsewhere]

    @cached_property
    def _by_folder(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.lists:
            found.setdefault(dirname(path), []).append(path)
        return found


def transcripts_of(paths: Sequence[str], head: Callable[[str], bytes], spoken_for: Collection[str] = ()) -> Transcripts:
    """The texts that belong to the audio files among a repository's.

    Args:
        head: gives the first bytes of a file; some lists are looked at.
        spoken_for: files that are read as something else.
    """
    sides = sidecars(tuple(paths))
    taken = {*spoken_for, *(path for of_clip in sides.values() for path in of_clip.values())}
    clips = [path for path in paths if is_clip(path)]
    places: dict[str, set[str]] = {}
    for path in clips:
        places.setdefault(clip_stem(path), set()).add(dirname(path))
    around = {folder for path in clips for folder in _folders_around(path)}
    maybe = [path for path in paths if path not in taken and _may_be_list(path)] if clips else []
    firsts = {_sort(path): path for path in reversed(maybe)}
    shown = [path for path in maybe if firsts[_sort(path)] == path]
    seen = at_once(lambda path: is_list(head(path), places.__contains__), shown)
    sorts = {_sort(path): found for path, found in zip(shown, seen, strict=True)}
    lists = [path for path in maybe if sorts.get(_sort(path))]
    elsewhere = tuple(path for path in lists if dirname(path) not in around)
    namesakes = frozenset(stem for stem, folders in places.items() if len(folders) > 1) if elsewhere else frozenset()
    return Transcripts(sides, tuple(lists), elsewhere, namesakes)


def texts_by_name(paths: tuple[str, ...]) -> frozenset[str]:
    """Files that are texts of the audio files among them by their names alone, and so no data of their own.

    More lists than clips are none: that is a repository of text with some audio in it.
    """
    clips = sum(map(is_clip, paths))
    sides = {path for of_clip in sidecars(paths).values() for path in of_clip.values()} if clips else set()
    lists = [path for path in paths if path not in sides and is_named_like_a_list(path)]
    return frozenset(sides.union(lists if len(lists) <= clips else ()))


def _may_be_list(path: str) -> bool:
    name = basename(path).lower()
    return (name.endswith((".txt", ".trans", ".trn")) or name == "text") and not name.startswith(_NO_LIST)


def _sort(path: str) -> str:
    """Lists that are called alike are alike: one of a sort is looked at."""
    name = basename(path)
    inner = name.rpartition(".")[0].rpartition(".")[2]
    return f"*.{inner}" if "." in name.rpartition(".")[0] and inner.isalpha() else re.sub(r"\d+", "0", name)


def _folders_around(path: str) -> Iterable[str]:
    while path:
        path = dirname(path)
        yield path
