"""What a profile says: numbers of a landed dataset, frozen."""

from __future__ import annotations

from hugflow_assets.intake.models import Frozen


class Spread(Frozen):
    """Order statistics: smallest, 5 %, median, 95 %, largest."""

    least: float
    p5: float
    median: float
    p95: float
    most: float


class Histogram(Frozen):
    """How many values lie in bins of one width. What is beyond the last bin is counted in ``beyond``.

    Attributes:
        start: where the first bin begins.
        width: how wide each bin is, in the unit of the values.
        counts: values a bin.
        beyond: values past the last bin.
    """

    start: float
    width: float
    counts: tuple[int, ...]
    beyond: int


class AudioProfile(Frozen):
    """The audio values of all audio columns. ``histogram`` counts clips between the ``DURATION_EDGES_S``.

    Attributes:
        empty_clips: clips whose header says that they hold no sound: a duration of zero.
        longest, shortest: seconds and path of some clips, the most extreme first; without the empty ones.
        empty_examples: paths of some empty clips.
        hours_by_split: hours of each ``config/split``.
    """

    clips: int
    without_duration: int
    hours: float
    duration_s: Spread | None
    histogram: tuple[int, ...]
    sampling_rates: dict[str, int]
    channels: dict[str, int]
    durations: Histogram | None = None
    empty_clips: int = 0
    longest: tuple[tuple[float, str], ...] = ()
    shortest: tuple[tuple[float, str], ...] = ()
    empty_examples: tuple[str, ...] = ()
    hours_by_split: dict[str, float] = {}


class TextProfile(Frozen):
    """The text column: lengths in characters and in words (split at blanks), and which characters occur, most first.

    Attributes:
        lengths: characters a text.
        characters_per_s, words_per_s: of rows with one clip and a text.
        character_counts: the most frequent characters and how often each occurs.
        foreign: characters that do not belong (``scripts.foreign``), how often, and where the first is.
        empty_examples: where some rows without a text are.
    """

    column: str
    rows_with_text: int
    rows_without: int
    characters: Spread | None
    words: Spread | None
    words_total: int
    alphabet: tuple[str, ...]
    alphabet_size: int
    lengths: Histogram | None = None
    characters_per_s: Histogram | None = None
    words_per_s: Histogram | None = None
    character_counts: tuple[tuple[str, int], ...] = ()
    foreign: tuple[tuple[str, int, str], ...] = ()
    empty_examples: tuple[str, ...] = ()


class Speakers(Frozen):
    """Who speaks, where a column names them: clips of those that have most, most first.

    Attributes:
        more: whether there are more than could be counted one by one.
    """

    column: str
    number: int
    more: bool
    rows: tuple[tuple[str, int], ...]


class Profile(Frozen):
    """A landed dataset in numbers. ``rows_by_split`` has a ``config/split`` for each split."""

    rows: int
    rows_by_split: dict[str, int]
    audio: AudioProfile | None
    text: TextProfile | None
    speakers: Speakers | None = None
