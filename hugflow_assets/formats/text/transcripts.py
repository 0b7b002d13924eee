"""Which text is whose: files that are called as a clip is, and lists of ids with their texts.

A text is joined where its name or its id says so without doubt. What could be meant for several clips, or what several
texts could be for, is joined with none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from posixpath import basename

from hugflow_assets.formats.media import AUDIO_ENDINGS, is_audio
from hugflow_assets.formats.text.text_encoding import decoded_head

SIDE_ENDINGS = (".txt", ".text", ".transcript", ".trans", ".trn", ".lab", ".json")  # the first goes before the others
LIST_COLUMNS = ("id", "text")
SPACED, COLON, FESTIVAL, SPHINX = "", ":", "(", ")"  # ``id text``; ``id:text`` (JSUT); see the two below
_SPHINX = re.compile(r"(?:<s>\s*)?(.*?)(?:\s*</s>)?\s*\(([^\s()]+)\)")  # ``<s> text </s> (id)`` (CMU Sphinx)
_FESTIVAL = re.compile(r'\(\s*(\S+)\s+"(.*)"\s*\)')  # ``( id "text" )`` (CMU Arctic)
_LINES_LOOKED_AT = 50
_LIST_NAME = re.compile(
    r"(?:.*[._-])?(?:trans|transcripts?|transcriptions?)(?:[._-].*)?\.txt|text|prompts(?:-original)?|txt\.done\.data|.*\.transcription",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?:\.[^\W\d_][^.]*)+")  # words: what is left of ``rec_1.5.txt`` is no ending of ``rec_1``
_MICROPHONE = re.compile(r"_mic\d$")  # VCTK: one utterance, one text, two microphones


def is_named_like_a_list(path: str) -> bool:
    """Whether a file's name says that it is a list of ids and texts: ``84-121123.trans.txt``, ``transcripts.txt``."""
    return _LIST_NAME.fullmatch(basename(path)) is not None


def side_of(path: str, stems: Container[str]) -> tuple[str, str] | None:
    """The name of the clip that a file is called after, and what follows it there; None where it is called otherwise.

    Whether that clip is where the file is, or which of several is meant, is another question. ``a.txt``,
    ``a.normalized.txt`` and ``a.wav.trn`` are called after ``a.wav``.
    """
    if not path.lower().endswith(SIDE_ENDINGS):
        return None
    name = basename(path)
    last, first = name.rpartition(".")[0], name.partition(".")[0]
    for stem in (last, clip_stem(last) if is_clip(last) else first):
        if stem and stem in stems and _ENDING.fullmatch(name[len(stem) :]) is not None:
            return stem, name[len(stem) :].lower()
    return None


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


def split_id(line: str, form: str = SPACED) -> tuple[str, str]:
    """The id and the text of a line: behind the first tab or the first space, or as the form of its list has it."""
    if form == COLON:
        found, _, text = line.partition(":")
    elif form == FESTIVAL:
        match = _FESTIVAL.fullmatch(line.strip())
        found, text = (match[1], match[2].replace('\\"', '"')) if match else ("", "")
    elif form == SPHINX:
        match = _SPHINX.fullmatch(line.strip())
        found, text = (match[2], match[1]) if match else ("", "")
    elif "\t" in line:
        found, _, text = line.partition("\t")
    else:
        found, _, text = line.strip().partition(" ")
    return found.strip(), text.strip()


def is_list(head: bytes, is_known: Callable[[str], bool]) -> bool:
    """Whether at least half of the lines of a file begin with the name of a clip, most of them each with another.

    Args:
        head: its first bytes.
    """
    lines = decoded_head(head).split("\n")[: _LINES_LOOKED_AT + 1]
    lines = [line for line in (lines[:-1] if len(lines) > 1 and head[-1:] != b"\n" else lines) if line.strip()]
    return list_form(lines, is_known) is not None


def list_form(lines: Sequence[str], is_known: Callable[[str], bool]) -> str | None:
    """How some lines of a list are written; None where too few of them begin with the name of a clip.

    More than two columns between tabs are those of a table.
    """
    for form in (SPACED, COLON, FESTIVAL, SPHINX):
        ids = [split_id(line, form)[0] for line in lines]
        known = sum(bool(one) and is_known(id_stem(one.replace("\\", "/"))) for one in ids)
        if not ids or 2 * known < len(ids) or 3 * len(set(ids)) < 2 * len(ids):
            continue
        is_table = form == SPACED and 2 * sum(line.count("\t") > 1 for line in lines) > len(lines)
        return None if is_table else form
    return None


def _rank(ending: str) -> int:
    return next(at for at, one in enumerate(SIDE_ENDINGS) if ending.endswith(one))
