"""Which text is whose: files that are called as a clip is, and lists of ids with their texts.

A text is joined where its name or its id says so without doubt. What could be meant for several clips, or what several
texts could be for, is joined with none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from posixpath import basename, dirname

from hugflow_assets.hub.ahead import at_once
from hugflow_assets.hub.footers import AUDIO_ENDINGS

SIDE_ENDINGS = (".txt", ".text", ".transcript", ".trans", ".trn", ".lab", ".json")  # the first goes before the others
LIST_COLUMNS = ("id", "text")
LISTS_LOOKED_AT = 32
MOST_LISTS = 256  # that a shard reads which are in no folder of its clips
_LINES_LOOKED_AT = 50
_LIST_NAME = re.compile(r"(?:.*[._-])?(?:trans|transcripts?|transcriptions?)(?:[._-].*)?\.txt|text", re.IGNORECASE)
_MICROPHONE = re.compile(r"_mic\d$")  # VCTK: one utterance, one text, two microphones
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

    @property
    def _by_folder(self) -> dict[str, list[str]]:
        return _by_folder(self.lists)


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
    shown = [path for path in maybe if firsts[_sort(path)] == path][:LISTS_LOOKED_AT]
    seen = at_once(lambda path: is_list(head(path), places.__contains__), shown)
    sorts = {_sort(path): found for path, found in zip(shown, seen, strict=True)}
    lists = [path for path in maybe if sorts.get(_sort(path))]
    elsewhere = tuple(path for path in lists if dirname(path) not in around)
    if len(elsewhere) > MOST_LISTS:
        lists, elsewhere = [path for path in lists if path not in set(elsewhere)], ()
    namesakes = frozenset(stem for stem, folders in places.items() if len(folders) > 1) if elsewhere else frozenset()
    return Transcripts(sides, tuple(lists), elsewhere, namesakes)


def texts_by_name(paths: tuple[str, ...]) -> frozenset[str]:
    """Files that are texts of the audio files among them by their names alone, and so no data of their own."""
    if not any(map(is_clip, paths)):
        return frozenset()
    found = {path for of_clip in sidecars(paths).values() for path in of_clip.values()}
    return frozenset([*found, *filter(is_named_like_a_list, paths)])


def is_named_like_a_list(path: str) -> bool:
    """Whether a file's name says that it is a list of ids and texts: ``84-121123.trans.txt``, ``transcripts.txt``."""
    return _LIST_NAME.fullmatch(basename(path)) is not None


@lru_cache(4)
def sidecars(paths: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
    """Clip -> ending -> the file of that ending that is called as the clip is: beside it, or in a folder of texts."""
    clips: dict[str, dict[str, list[str]]] = {}
    for path in filter(is_clip, paths):
        for stem in called(path):
            clips.setdefault(stem, {}).setdefault(dirname(path), []).append(path)
    folders = {folder for places in clips.values() for folder in places}
    found: dict[str, dict[str, str]] = {}
    doubted: set[tuple[str, str]] = set()
    for path in paths if clips else ():
        if (named := side_of(path, clips)) is None:
            continue
        stem, ending = named
        place = place_of(dirname(path), clips[stem], dirname(path) in folders)
        for clip in clips[stem][place] if place is not None else ():
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


def place_of(folder: str, places: Collection[str], holds_clips: bool) -> str | None:
    """The folder of the clip that a text is for, among those of the clips of its name; None where that is in doubt.

    Args:
        folder: of the text.
        holds_clips: whether there are clips in it: then its texts are theirs alone.
    """
    if folder in places:
        return folder
    if holds_clips:
        return None
    near = [place for place in places if _is_parallel(place, folder)]
    if not near:
        near = [place for place in places if _is_parallel(_in_archive(place), _in_archive(folder))]
    if len(near) == 1:
        return near[0]
    return next(iter(places)) if len(places) == 1 else None


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
    return path.lower().endswith(_CLIPS)


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
    lines = head.decode("utf-8-sig", "replace").splitlines()[: _LINES_LOOKED_AT + 1]
    lines = [line for line in (lines[:-1] if len(lines) > 1 and head[-1:] != b"\n" else lines) if line.strip()]
    ids = [id_stem(split_id(line)[0]) for line in lines]
    return bool(ids) and len(set(ids)) == len(ids) and 2 * sum(map(is_known, ids)) >= len(ids)


_CLIPS = tuple(AUDIO_ENDINGS)


def _rank(ending: str) -> int:
    return next(at for at, one in enumerate(SIDE_ENDINGS) if ending.endswith(one))


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


def _is_parallel(one: str, other: str) -> bool:
    """Whether two folders differ in one component: ``wav48/p225`` and ``txt/p225``."""
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and sum(a != b for a, b in zip(left, right, strict=True)) == 1


def _in_archive(folder: str) -> str:
    """A folder without the zip archive that it is in: ``wav.zip/p225`` and ``txt.zip/p225`` are one."""
    kept = [part for part in folder.split("/") if not part.lower().endswith(".zip")]
    return "/".join([*kept, "" if len(kept) == folder.count("/") + 1 else "zip"])


@lru_cache(4)
def _by_folder(lists: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in lists:
        found.setdefault(dirname(path), []).append(path)
    return found
