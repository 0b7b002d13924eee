"""The text column of a record, and who speaks, counted row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hugflow_assets.profile.audio import AUDIO_KEYS, EXAMPLES
from hugflow_assets.profile.models import Speakers, TextProfile
from hugflow_assets.profile.scripts import foreign
from hugflow_assets.profile.tally import Tally

_ALPHABET_SHOWN = 200
_FOREIGN_SHOWN = 20
_CHARACTERS_A_S, _WORDS_A_S = 0.1, 0.05
_SPEAKERS_SHOWN = 20
_SPEAKERS_COUNTED = 200_000
SPEAKER_COLUMNS = ("speaker_id", "speaker", "client_id", "spk_id", "spk", "speaker_name", "speakerid")


def has_text(value: Any) -> bool:
    """Whether a value is a text that is not blank."""
    return isinstance(value, str) and not value.isspace() and value != ""


class TextTally:
    """Takes rows; gives their ``TextProfile``."""

    def __init__(self, column: str | None) -> None:
        self.column = column
        self.characters, self.words = Tally(1), Tally(1)
        self.characters_per_s, self.words_per_s = Tally(_CHARACTERS_A_S), Tally(_WORDS_A_S)
        self.words_total = 0
        self.without = 0
        self.empty_examples: list[str] = []
        self.alphabet: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self._audio_columns: tuple[str, ...] | None = None

    def add(self, row: Mapping[str, Any], split: str, number: int) -> None:
        """Take one row, which is line ``number`` of ``split``."""
        if self.column is None:
            return
        if self._audio_columns is None:
            self._audio_columns = tuple(name for name, one in row.items() if _is_clip(one))
        text = row.get(self.column)
        if not isinstance(text, str) or not has_text(text):
            self.without += 1
            if len(self.empty_examples) < EXAMPLES:
                self.empty_examples.append(self._place(row, split, number))
            return
        words = len(text.split())
        self.characters.add(len(text))
        self.words.add(words)
        self.words_total += words
        self.alphabet.update(text)
        for new in set(text).difference(self.first):
            self.first[new] = self._place(row, split, number)
        if len(self._audio_columns) == 1 and (clip := row.get(self._audio_columns[0])):
            self._speed(clip.get("duration"), len(text), words)

    def _speed(self, duration_s: float | None, characters: int, words: int) -> None:
        if duration_s:
            self.characters_per_s.add(characters / duration_s)
            self.words_per_s.add(words / duration_s)

    def _place(self, row: Mapping[str, Any], split: str, number: int) -> str:
        """The clip of a row where it has one; otherwise its line of the record."""
        for name in self._audio_columns or ():
            clip = row.get(name)
            if isinstance(clip, Mapping) and clip.get("path"):
                return str(clip["path"])
        return f"{split}, line {number:,}"

    def profile(self) -> TextProfile | None:
        if self.column is None:
            return None
        most = self.alphabet.most_common(_ALPHABET_SHOWN)
        strange = foreign(self.alphabet)[:_FOREIGN_SHOWN]
        return TextProfile(
            column=self.column,
            rows_with_text=len(self.characters),
            rows_without=self.without,
            characters=self.characters.spread(),
            words=self.words.spread(),
            words_total=self.words_total,
            alphabet=tuple(character for character, _ in most),
            alphabet_size=len(self.alphabet),
            lengths=self.characters.even_histogram(),
            characters_per_s=self.characters_per_s.even_histogram(),
            words_per_s=self.words_per_s.even_histogram(),
            character_counts=tuple(most),
            foreign=tuple((one, self.alphabet[one], self.first[one]) for one in strange),
            empty_examples=tuple(self.empty_examples),
        )


class SpeakerTally:
    """Takes rows; gives who speaks, where a column is called as speakers usually are."""

    def __init__(self) -> None:
        self.column: str | None = None
        self.rows: Counter[str] = Counter()
        self.more = False
        self._looked = False

    def add(self, row: Mapping[str, Any]) -> None:
        if not self._looked:
            self._looked = True
            self.column = next((name for known in SPEAKER_COLUMNS for name in row if name.lower() == known), None)
        if self.column is None:
            return
        speaker = row.get(self.column)
        if isinstance(speaker, str | int) and speaker != "":
            if len(self.rows) < _SPEAKERS_COUNTED or str(speaker) in self.rows:
                self.rows[str(speaker)] += 1
            else:
                self.more = True

    def profile(self) -> Speakers | None:
        if self.column is None or not self.rows:
            return None
        most = tuple(self.rows.most_common(_SPEAKERS_SHOWN))
        return Speakers(column=self.column, number=len(self.rows), more=self.more, rows=most)


def _is_clip(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() >= AUDIO_KEYS
