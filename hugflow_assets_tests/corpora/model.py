"""A small corpus of speech: what it says, before anybody has laid it out as a repository.

A layout turns it into files and says what has to land; nothing here knows of either.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_SAMPLES = 16


@dataclass(frozen=True)
class Clip:
    """An audio file. Speakers number their clips anew, and so do splits: only ``number`` tells any two apart."""

    speaker: str
    name: str  # without an ending
    ending: str
    number: int

    @property
    def file_name(self) -> str:
        return self.name + self.ending

    @property
    def data(self) -> bytes:
        return wav(self.number)


@dataclass(frozen=True)
class Row:
    """What is said in a clip. ``note`` is a further column, ``code`` one of digits that are no number."""

    clip: Clip
    text: str
    note: str
    code: str


@dataclass(frozen=True)
class Split:
    """``clips`` are those that there are: a row may speak of another, and a clip may have no row, or several."""

    config: str
    name: str
    clips: tuple[Clip, ...]
    rows: tuple[Row, ...]

    def has(self, clip: Clip) -> bool:
        return clip in self.clips


@dataclass(frozen=True)
class Corpus:
    """``configs`` are languages; a corpus of one language calls it by none."""

    splits: tuple[Split, ...]

    @property
    def configs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(split.config for split in self.splits))

    @property
    def is_of_one_config(self) -> bool:
        return len(self.configs) == 1

    def clips(self) -> Iterator[Clip]:
        for split in self.splits:
            yield from split.clips

    def of(self, config: str) -> tuple[Split, ...]:
        return tuple(split for split in self.splits if split.config == config)


@lru_cache(4096)
def wav(number: int) -> bytes:
    """A real WAV of 16 samples, of which every number has another."""
    samples = struct.pack(f"<{_SAMPLES}h", *((number * 31 + at * (number + 7)) % 20_000 for at in range(_SAMPLES)))
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000,
                         2, 16, b"data", len(samples))  # fmt: skip
    return header + samples
