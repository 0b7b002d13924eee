"""Which text is whose: files that are called as a clip is, and lists of ids with their texts.

A text is joined where its name or its id says so without doubt. What could be meant for several clips, or what several
texts could be for, is joined with none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from functools import lru_cache
from posixpath import basename, dirname
from typing import Protocol

from hugflow_assets.formats.media import AUDIO_ENDINGS, is_audio
from hugflow_assets.formats.text.text_encoding import decoded_head

SIDE_ENDINGS = (".txt", ".text", ".transcript", ".trans", ".trn", ".lab", ".json")  # the first goes before the others
LIST_COLUMNS = ("id", "text")
_LINES_LOOKED_AT = 50
_LIST_NAME = re.compile(r"(?:.*[._-])?(?:trans|transcripts?|transcriptions?)(?:[._-].*)?\.txt|text", re.IGNORECASE)
_MICROPHONE = re.compile(r"_mic\d$")  # VCTK: one utterance, one text, two microphones


def is_named_like_a_list(path: str) -> bool:
    """Whether a file's name says that it is a list of ids and texts: ``84-121123.trans.txt``, ``transcripts.txt``."""
    return _LIST_NAME.fullmatch(basename(path)) is not None


@lru_cache(4)
def sidecars(paths: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
    """Clip -> ending -> the file of that ending that is called as the clip is: beside it, or in a folder of texts."""
    places = _ClipPlaces(paths)
    found: dict[str, dict[str, str]] = {}
    doubted: set[tuple[str, str]] = set()
    for path in paths if places.clips else ():
        if (named := side_of(path, places.clips)) is None:
            continue
        stem, ending = named
        place = place_of(stem, dirname(path), places)
        for clip in places.clips[stem][place] if place is not None else ():
            known = found.setdefault(clip, {})
            if ending in known and dirname(known[ending]) != dirname(clip):
                doubted.add((clip, ending))
            if ending not in known or dirname(path) == dirname(clip):
                known[ending] = path
    for clip, ending in doubted:
        if dirname(found[clip][ending]) != dirname(clip):
            del found[clip][ending]
    return {clip: sides for clip, sides in found.items() if sides}


def side_of(path: str, stems: Container[str]) -> tuple[str, str] | None:
    """The name of the clip that a file is called after, and what follows it there; None where it is called otherwise.

    ``a.txt``, ``a.normalized.txt`` and ``a.wav.trn`` are called after ``a.wav``.
    """
    if not path.lower().endswith(SIDE_ENDINGS):
        return None
    name = basename(path)
    last, first = name.rpartition(".")[0], name.partition(".")[0]
    for stem in (last, clip_stem(last) if is_clip(last) else first):
        if stem and stem in stems:
            return stem, name[len(stem) :].lower()
    return None


class Places(Protocol):
    """Where the clips of a name are."""

    def holds(self, folder: str) -> bool:
        """Whether there are clips of any name in a folder."""

    def is_in(self, stem: str, folder: str) -> bool:
        """Whether a clip of that name is in a folder."""

    def parallel(self, stem: str, folder: str) -> Collection[str]:
        """The folders of such clips that differ from one in a single component; where they are many, some of them."""

    def only(self, stem: str) -> str | None:
        """The folder of such clips, if they are in one alone."""


def place_of(stem: str, folder: str, places: Places) -> str | None:
    """The folder of the clip that a text of its name in ``folder`` is for; None where that is in doubt."""
    if places.is_in(stem, folder):
        return folder
    if places.holds(folder):  # then its texts are those of its clips
        return None
    near = places.parallel(stem, folder)
    return next(iter(near)) if len(near) == 1 else places.only(stem)


def parallels(folder: str) -> Iterable[str]:
    """What folders have in common that differ in a single component (``wav48/p225``, ``txt/p225``): ``*/p225``."""
    parts = folder.split("/")
    return ("/".join([*parts[:at], "*", *parts[at + 1 :]]) for at in range(len(parts)))


class _ClipPlaces:
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
                for key in (*parallels(place), *parallels(_in_archive(place))):
                    self._parallel.setdefault((stem, key), set()).add(place)

    def holds(self, folder: str) -> bool:
        return folder in self._folders

    def is_in(self, stem: str, folder: str) -> bool:
        return folder in self.clips[stem]

    def parallel(self, stem: str, folder: str) -> Collection[str]:
        for of in (folder, _in_archive(folder)):
            every = [self._parallel[stem, key] for key in parallels(of) if (stem, key) in self._parallel]
            if every:
                return max(every, key=len) if max(map(len, every)) > 1 else set().union(*every)
        return ()

    def only(self, stem: str) -> str | None:
        return next(iter(self.clips[stem])) if len(self.clips[stem]) == 1 else None


def side_columns(endings: Iterable[str]) -> dict[str, str]:
    """The columns that texts of these endings land in: ``text``, and for ``a.normalized.txt`` ``normalized_text``."""
    columns: dict[str, str] = {}
    for ending in sorted(set(endings), key=lambda one: (_rank(one), one)):
        *more, last = [part for part in ending.split(".") if part and f".{part}" not in AUDIO_ENDINGS]
        name = "_".join([*more, "json" if last == "json" else "text"])
        columns[ending] = name if name not in columns.values() else re.sub(r"\W+", "_", ending).strip("_")
    return columns


def is_clip(path: str) -> bool:
    """Whether a file is audio by its name."""
    return is_audio(path)


def clip_stem(path: str) -> str:
    """The name of a clip without its ending."""
    return basename(path).rpartition(".")[0]


def called(clip: str) -> list[str]:
    """What files that are called as a clip is may be called: its name, and that without the microphone."""
    stem = clip_stem(clip)
    return list(dict.fromkeys([stem, _MICROPHONE.sub("", stem)]))


def id_stem(name: str) -> str:
    """What the id of a line calls its clip: ids may have folders and an ending."""
    return clip_stem(name) if is_clip(name) else basename(name)


def split_id(line: str) -> tuple[str, str]:
    """The id and the text of a line: behind the first tab, or the first space."""
    if "\t" in line:
        found, _, text = line.partition("\t")
    else:
        found, _, text = line.strip().partition(" ")
    return found.strip(), text.strip()


def is_list(head: bytes, is_known: Callable[[str], bool]) -> bool:
    """Whether at least half of the lines of a file begin with the name of a clip, each with another.

    Args:
        head: its first bytes.
    """
    lines = decoded_head(head).splitlines()[: _LINES_LOOKED_AT + 1]
    lines = [line for line in (lines[:-1] if len(lines) > 1 and head[-1:] != b"\n" else lines) if line.strip()]
    ids = [split_id(line)[0] for line in lines]
    return bool(ids) and len(set(ids)) == len(ids) and 2 * sum(is_known(id_stem(one)) for one in ids) >= len(ids)


def _rank(ending: str) -> int:
    return next(at for at, one in enumerate(SIDE_ENDINGS) if ending.endswith(one))


def _in_archive(folder: str) -> str:
    """A folder with the zip archive that it is in called ``zip``: ``wav.zip/p225`` and ``txt.zip/p225`` are one."""
    return "/".join("zip" if part.lower().endswith(".zip") else part for part in folder.split("/"))
