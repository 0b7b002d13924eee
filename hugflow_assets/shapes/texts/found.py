"""Which files of a repository hold the texts of its clips."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import basename, dirname

from hugflow_assets.formats.text.transcripts import clip_stem, is_clip, is_list, is_named_like_a_list
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.shapes.texts.text_places import side_texts

_NO_LIST = ("readme", "license", "licence", "citation", "changelog", "requirements")
_LISTS = (".txt", ".trans", ".trn", ".done.data", ".transcription")


@dataclass(frozen=True)
class Transcripts:
    """The texts of a repository's clips. ``sides``: clip -> ending -> file; ``lists``: files of ids and texts.

    ``scopes`` has for each list the folder whose clips it may speak of, its own or the next one around it with clips.
    ``endings`` are those of all files that are called as clips are, ``unmatched`` and ``ambiguous`` the numbers of
    those that are for none.
    """

    sides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)
    endings: frozenset[str] = frozenset()
    unmatched: int = 0
    ambiguous: int = 0

    @property
    def paths(self) -> list[str]:
        """All files of texts that are for some clip."""
        return [*self.lists, *(path for of_clip in self.sides.values() for path in of_clip.values())]

    def lists_of(self, clip: str) -> list[str]:
        """The lists that may speak of a clip: those around it, the nearest folder first."""
        found, folder = list[str](), clip
        while folder:
            folder = dirname(folder)
            found += self._by_scope.get(folder, ())
        return found

    @cached_property
    def _by_scope(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.lists:
            found.setdefault(self.scopes[path], []).append(path)
        return found


def transcripts_of(paths: Sequence[str], head: Callable[[str], bytes], spoken_for: Collection[str] = ()) -> Transcripts:
    """The texts that belong to the audio files among a repository's.

    Args:
        head: gives the first bytes of a file; some lists are looked at.
        spoken_for: files that are read as something else.
    """
    sides = side_texts(tuple(paths))
    taken = {*spoken_for, *sides.paths}
    clips = [path for path in paths if is_clip(path)]
    stems = {clip_stem(path) for path in clips}
    maybe = [path for path in paths if path not in taken and _may_be_list(path)] if clips else []
    said = set(maybe)
    maybe = [path for path in maybe if not _is_said_beside(path, said)]
    firsts = {_sort(path): path for path in reversed(maybe)}
    shown = [path for path in maybe if firsts[_sort(path)] == path]
    seen = at_once(lambda path: is_list(head(path), stems.__contains__), shown)
    sorts = {_sort(path): found for path, found in zip(shown, seen, strict=True)}
    lists = tuple(path for path in maybe if sorts.get(_sort(path)))
    around = {folder for path in clips for folder in _folders_around(path)} if lists else set()
    scopes = {path: next(folder for folder in _folders_around(path) if folder in around) for path in lists}
    endings = frozenset(sides.endings)
    return Transcripts(sides, lists, scopes, endings, len(sides.unmatched), len(sides.ambiguous))


def texts_by_name(paths: tuple[str, ...]) -> frozenset[str]:
    """Files that are texts of the audio files among them by their names alone, and so no data of their own.

    More lists than clips are none: that is a repository of text with some audio in it.
    """
    clips = sum(map(is_clip, paths))
    sides = side_texts(paths).paths if clips else frozenset[str]()
    lists = [path for path in paths if path not in sides and is_named_like_a_list(path)]
    return sides.union(lists if len(lists) <= clips else ())


def _may_be_list(path: str) -> bool:
    name = basename(path).lower()
    return (name.endswith(_LISTS) or is_named_like_a_list(path)) and not name.startswith(_NO_LIST)


def _is_said_beside(path: str, lists: Collection[str]) -> bool:
    """Whether a list says once more what the one beside it says, as VoxForge's do."""
    return basename(path).lower() == "prompts-original" and f"{path[: -len('prompts-original')]}PROMPTS" in lists


def _sort(path: str) -> str:
    """Lists that are called alike are alike: one of a sort is looked at."""
    name = basename(path)
    inner = name.rpartition(".")[0].rpartition(".")[2]
    return f"*.{inner}" if "." in name.rpartition(".")[0] and inner.isalpha() else re.sub(r"\d+", "0", name)


def _folders_around(path: str) -> Iterable[str]:
    while path:
        path = dirname(path)
        yield path
