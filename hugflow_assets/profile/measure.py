"""One pass over a landed dataset's record, line by line, into numbers. Nothing is decoded: headers were read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.intake.models import Frozen
from hugflow_assets.profile.tally import Tally
from hugflow_assets.store import Manifest

AUDIO_KEYS = frozenset({"path", "source_path", "duration", "sampling_rate", "num_channels"})
IN_TAR = frozenset({"tar", "offset", "size"})  # where a packed value is, besides
DURATION_EDGES_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
_DURATION_UNIT_S = 0.01
_SHARES = (0.0, 0.05, 0.5, 0.95, 1.0)


class Spread(Frozen):
    """Order statistics: smallest, 5 %, median, 95 %, largest."""

    least: float
    p5: float
    median: float
    p95: float
    most: float


class AudioProfile(Frozen):
    """The audio values of all audio columns. ``histogram`` counts clips between the ``DURATION_EDGES_S``."""

    clips: int
    without_duration: int
    hours: float
    duration_s: Spread | None
    histogram: tuple[int, ...]
    sampling_rates: dict[str, int]
    channels: dict[str, int]


class TextProfile(Frozen):
    """The text column: lengths in characters and in words (split at blanks), and which characters occur, most first."""

    column: str
    rows_with_text: int
    rows_without: int
    characters: Spread | None
    words: Spread | None
    words_total: int
    alphabet: tuple[str, ...]
    alphabet_size: int


class Profile(Frozen):
    """A landed dataset in numbers. ``rows_by_split`` has a ``config/split`` for each split."""

    rows: int
    rows_by_split: dict[str, int]
    audio: AudioProfile | None
    text: TextProfile | None


def measure(folder: Path, manifest: Manifest) -> Profile:
    """Read every line of the record once.

    Args:
        folder: the dataset's folder.
        manifest: its manifest; says where the record is and which column is the text.
    Raises:
        DamagedDatasetError: a file of the record is missing, or a line of it is not JSON.
    """
    audio, text = _Audio(), _Text(manifest.text_column)
    rows: dict[str, int] = {}
    for config in manifest.configs:
        for split in config.splits:
            count = 0
            for row in rows_of_record(folder / split.record_path):
                count += 1
                audio.add(row)
                text.add(row)
            rows[f"{config.name}/{split.name}"] = count
    return Profile(rows=sum(rows.values()), rows_by_split=rows, audio=audio.profile(), text=text.profile())


def count_texts(folder: Path, manifest: Manifest) -> tuple[int, int]:
    """How many rows there are, and how many have a text that is not blank.

    Raises:
        DamagedDatasetError: as ``measure``.
    """
    rows = texts = 0
    for config in manifest.configs:
        for split in config.splits:
            for row in rows_of_record(folder / split.record_path):
                rows += 1
                texts += _has_text(row.get(manifest.text_column or ""))
    return rows, texts


def _has_text(value: Any) -> bool:
    return isinstance(value, str) and not value.isspace() and value != ""


def rows_of_record(record: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of one split's record.

    Raises:
        DamagedDatasetError: as ``measure``.
    """
    try:
        with record.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield loads(line)
                except ValueError as error:
                    raise _damaged(f"{record}, line {number} is not JSON: {error}.") from None
    except OSError as error:
        raise _damaged(f"{record} cannot be read: {error.strerror}.") from None


def _damaged(what: str) -> DamagedDatasetError:
    return DamagedDatasetError(what, remedy="Run `hugflow verify`, then materialize the dataset to repair it.")


class _Audio:
    def __init__(self) -> None:
        self.durations = Tally(_DURATION_UNIT_S)
        self.seconds = 0.0
        self.without = 0
        self.rates: Counter[str] = Counter()
        self.channels: Counter[str] = Counter()

    def add(self, value: Any) -> None:
        """Take every audio value inside ``value``, at any depth."""
        if isinstance(value, Mapping):
            if value.keys() - IN_TAR == AUDIO_KEYS:
                self._clip(value)
            else:
                for inner in value.values():
                    self.add(inner)
        elif isinstance(value, list):
            for inner in value:
                self.add(inner)

    def _clip(self, clip: Mapping[str, Any]) -> None:
        if clip["path"] is None:
            return
        if clip["duration"] is None:
            self.without += 1
            return
        self.durations.add(clip["duration"])
        self.seconds += clip["duration"]
        self.rates[str(clip["sampling_rate"])] += 1
        self.channels[str(clip["num_channels"])] += 1

    def profile(self) -> AudioProfile | None:
        if not len(self.durations) and not self.without:
            return None
        return AudioProfile(
            clips=len(self.durations) + self.without,
            without_duration=self.without,
            hours=self.seconds / 3600,
            duration_s=_spread(self.durations),
            histogram=tuple(self.durations.histogram(DURATION_EDGES_S)),
            sampling_rates=dict(self.rates.most_common()),
            channels=dict(self.channels.most_common()),
        )


class _Text:
    _SHOWN = 200

    def __init__(self, column: str | None) -> None:
        self.column = column
        self.characters, self.words = Tally(1), Tally(1)
        self.words_total = 0
        self.without = 0
        self.alphabet: Counter[str] = Counter()

    def add(self, row: Mapping[str, Any]) -> None:
        if self.column is None:
            return
        text = row.get(self.column)
        if not isinstance(text, str) or not _has_text(text):
            self.without += 1
            return
        words = len(text.split())
        self.characters.add(len(text))
        self.words.add(words)
        self.words_total += words
        self.alphabet.update(text)

    def profile(self) -> TextProfile | None:
        if self.column is None:
            return None
        return TextProfile(
            column=self.column,
            rows_with_text=len(self.characters),
            rows_without=self.without,
            characters=_spread(self.characters),
            words=_spread(self.words),
            words_total=self.words_total,
            alphabet=tuple(character for character, _ in self.alphabet.most_common(self._SHOWN)),
            alphabet_size=len(self.alphabet),
        )


def _spread(tally: Tally) -> Spread | None:
    if not len(tally):
        return None
    least, p5, median, p95, most = (round(value, 4) for value in tally.quantiles(_SHARES))
    return Spread(least=least, p5=p5, median=median, p95=p95, most=most)
