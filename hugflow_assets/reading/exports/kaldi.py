"""Kaldi's data folders, one a split, as Kaldi, ESPnet, icefall and WeNet read them.

``wav.scp``, ``text``, ``utt2spk``, ``spk2utt`` and ``utt2dur``, sorted by the bytes of the ids
(kaldi-asr.org/doc/data_prep.html), and ``data.list`` for WeNet. An id begins with the speaker, as Kaldi wants it;
without one each utterance is a speaker of its own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from hugflow_assets.reading.clips import SPEAKERS, Clip, clips_of
from hugflow_assets.reading.exports.target import Target, in_order

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

_NOT_IN_IDS = re.compile(r"[^\w.@%+=:,-]+")
_FIELDS = ("wav.scp", "text", "utt2spk", "utt2dur")


def write_kaldi(dataset: Dataset, target: Target) -> None:
    """Write a data folder for each split: ``<split>``, or ``<config>/<split>`` where there are several configs."""
    for part, split, above in target.parts(dataset):
        folder = above / split
        folder.mkdir()
        _write_unsorted(part, folder, target)
        for name in _FIELDS:
            _sort(folder / name)
        _write_speakers(folder)


def _write_unsorted(part: Dataset, folder: Path, target: Target) -> None:
    with ExitStack() as stack:
        out = {name: stack.enter_context((folder / name).open("w", encoding="utf-8", newline="\n")) for name in _FIELDS}
        wenet = stack.enter_context((folder / "data.list").open("wb"))
        for clip in clips_of(part):
            name, speaker, path = *_names(clip), target.audio_path(clip)
            if "\n" in path:
                target.left_out += 1
                continue
            words = " ".join((clip.text or "").split())
            out["wav.scp"].write(f"{name} {_opened(path, clip.ending)}\n")
            out["text"].write(f"{name} {words}".rstrip() + "\n")
            out["utt2spk"].write(f"{name} {speaker}\n")
            if clip.value.get("duration") is not None:
                out["utt2dur"].write(f"{name} {clip.value['duration']:.6f}\n")
            wenet.write(orjson.dumps({"key": name, "wav": path, "txt": words}) + b"\n")
            target.clips += 1


def _names(clip: Clip) -> tuple[str, str]:
    """The id of an utterance and its speaker, without blanks."""
    said = clip.first_of(SPEAKERS)
    own = _NOT_IN_IDS.sub("_", clip.id)
    if not said:
        return own, own
    speaker = _NOT_IN_IDS.sub("_", said)
    return f"{speaker}-{own}", speaker


def _opened(path: str, ending: str) -> str:
    """What Kaldi is to open: a wav as it is, anything else through ffmpeg, since Kaldi reads wav alone."""
    return path if ending == "wav" else f"ffmpeg -nostdin -v error -i {shlex.quote(path)} -f wav - |"


def _sort(file: Path) -> None:
    with file.open(encoding="utf-8", newline="\n") as lines:
        ordered = file.with_suffix(".ordered")
        with ordered.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(in_order(lines, file.parent))
    ordered.replace(file)


def _write_speakers(folder: Path) -> None:
    """``spk2utt`` from ``utt2spk``; where ids of two speakers interleave, a speaker's are brought together."""

    def turned() -> Iterator[str]:
        with (folder / "utt2spk").open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                name, _, speaker = line.rstrip("\n").partition(" ")
                yield f"{speaker} {name}\n"

    with (folder / "spk2utt").open("w", encoding="utf-8", newline="\n") as out:
        pairs = (line.rstrip("\n").split(" ") for line in in_order(turned(), folder))
        for speaker, group in groupby(pairs, key=lambda pair: pair[0]):
            out.write(" ".join([speaker, *(name for _, name in group)]) + "\n")
