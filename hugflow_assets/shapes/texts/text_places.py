"""The clips that a text is for which is called as they are: beside it, or in the folder that stands for its own.

``txt/p225/p225_001.txt`` is for ``wav48/p225/p225_001.wav``: the folders differ in what says of which kind their files
are, and in nothing that says whose they are. So ``txt/B/000.txt`` is for no clip of ``wav48/A``, however alone the name
is there. What could be for clips in several folders is for none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from posixpath import dirname
from typing import Protocol

from hugflow_assets.formats.text.transcripts import called, is_clip, side_of

_OF_TEXTS = re.compile(
    r"te?xt|trans|label|lab(?![a-z])|script|caption|annot|prompt|subtitle|sent|ortho|lyric|trn|json|文本|标注|转写|転写|текст",
    re.IGNORECASE,
)
_OF_CLIPS = re.compile(
    r"wav|audio|clip|speech|sound|flac|mp3|ogg|opus|pcm|voice|record|media|utt|segment|sph|音频|录音|音声|аудио",
    re.IGNORECASE,
)


MOST_ALIKE = 64  # folders with a clip of one name that are compared one by one


class Places(Protocol):
    """Where the clips of a name are."""

    def holds(self, folder: str) -> bool:
        """Whether there are clips of any name in a folder."""

    def is_in(self, stem: str, folder: str) -> bool:
        """Whether a clip of that name is in a folder."""

    def parallel(self, stem: str, folder: str) -> Collection[str]:
        """The folders of such clips that differ from one in a single component; where they are many, some of them."""

    def folders(self, stem: str) -> Collection[str]:
        """The folders of such clips; where they are more than ``MOST_ALIKE``, none."""


def places_of(stem: str, folder: str, places: Places) -> list[str]:
    """The folders of the clips that a text of their name in ``folder`` may be for; of several, it is for none."""
    if places.is_in(stem, folder):
        return [folder]
    if places.holds(folder):  # then its texts are those of its clips
        return []
    near = [place for place in places.parallel(stem, folder) if _stands_for(folder, place)]
    return sorted(near or {place for place in places.folders(stem) if _stands_for(folder, place)})


def _stands_for(of_texts: str, of_clips: str) -> bool:
    """Whether all that differs between two folders is said by what kind of files they hold."""
    texts, clips = ([part for part in folder.split("/") if part] for folder in (of_texts, of_clips))
    while texts and clips and texts[0] == clips[0]:
        texts, clips = texts[1:], clips[1:]
    while texts and clips and texts[-1] == clips[-1]:
        texts, clips = texts[:-1], clips[:-1]
    says_clips = len(clips) == 1 and _OF_CLIPS.search(clips[0]) is not None
    if len(texts) == 1:
        return _OF_TEXTS.search(texts[0]) is not None or says_clips
    if not texts or (all(map(_OF_TEXTS.search, texts)) and all(map(_OF_CLIPS.search, clips))):
        return True
    return says_clips or (not clips and any(map(_OF_TEXTS.search, texts)))


def parallels(folder: str) -> Iterable[str]:
    """What folders have in common that differ in a single component (``wav48/p225``, ``txt/p225``): ``*/p225``."""
    parts = folder.split("/")
    return ("/".join([*parts[:at], "*", *parts[at + 1 :]]) for at in range(len(parts)))


class _Repository:
    """The clips of a repository by their names."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.clips: dict[str, dict[str, list[str]]] = {}
        self._folders = {dirname(path) for path in paths if is_clip(path)}
        self._parallel: dict[tuple[str, str], set[str]] = {}
        for path in filter(is_clip, paths):
            for stem in called(path):
                self.clips.setdefault(stem, {}).setdefault(dirname(path), []).append(path)
        for stem, places in self.clips.items():
            for place in places if len(places) > 1 else ():
                for key in parallels(place):
                    self._parallel.setdefault((stem, key), set()).add(place)

    def holds(self, folder: str) -> bool:
        return folder in self._folders

    def is_in(self, stem: str, folder: str) -> bool:
        return folder in self.clips[stem]

    def parallel(self, stem: str, folder: str) -> Collection[str]:
        return {place for key in parallels(folder) for place in self._parallel.get((stem, key), ())}

    def folders(self, stem: str) -> Collection[str]:
        return self.clips[stem] if len(self.clips[stem]) <= MOST_ALIKE else ()


class SideTexts(Mapping[str, Mapping[str, str]]):
    """Clip -> ending -> the file of that ending that is called as the clip is.

    ``unmatched`` are files that are called as clips are and are for none, ``ambiguous`` those that may be for several,
    or of which several may be for one.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        places = _Repository(paths)
        self._found: dict[str, dict[str, str]] = {}
        self.unmatched: list[str] = []
        self.ambiguous: list[str] = []
        self.endings = set[str]()  # of all of them
        elsewhere: dict[str, list[tuple[str, str]]] = {}
        for path in paths if places.clips else ():
            if (named := side_of(path, places.clips)) is None:
                continue
            stem, ending = named
            self.endings.add(ending)
            if (beside := places.clips[stem].get(dirname(path))) is None:
                elsewhere.setdefault(ending, []).append((path, stem))
            for clip in beside or ():
                self._found.setdefault(clip, {})[ending] = path
        beside_clips = {(dirname(clip), ending) for clip, sides in self._found.items() for ending in sides}
        for ending, texts in elsewhere.items():
            self._join(ending, texts, places, {folder for folder, one in beside_clips if one == ending})

    def _join(
        self, ending: str, texts: Sequence[tuple[str, str]], places: _Repository, with_texts: Collection[str]
    ) -> None:
        """The texts of an ending that lie apart from clips; clips in folders that have texts of it have their own."""
        claimed: dict[str, list[str]] = {}
        for path, stem in texts:
            found = [place for place in places_of(stem, dirname(path), places) if place not in with_texts]
            if len(found) != 1:
                (self.ambiguous if found else self.unmatched).append(path)
                continue
            for clip in places.clips[stem][found[0]]:
                claimed.setdefault(clip, []).append(path)
        for clip, paths in claimed.items():
            if len(paths) == 1:
                self._found.setdefault(clip, {})[ending] = paths[0]
            else:
                self.ambiguous += paths

    @cached_property
    def paths(self) -> frozenset[str]:
        """All files that are called as clips are, whether these are known or not."""
        found = (path for sides in self._found.values() for path in sides.values())
        return frozenset([*found, *self.unmatched, *self.ambiguous])

    def __getitem__(self, clip: str) -> Mapping[str, str]:
        return self._found[clip]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@lru_cache(4)
def side_texts(paths: tuple[str, ...]) -> SideTexts:
    """Of the files of a repository."""
    return SideTexts(paths)
