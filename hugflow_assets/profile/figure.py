"""A profile as one picture: a PNG that reads at the width of Dagster's UI and of a page, on light and dark ground."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hugflow_assets.profile.models import AudioProfile, Histogram, Profile, Speakers, TextProfile
from hugflow_assets.profile.scripts import BLANKS, by_script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    Panel = Callable[[Axes], None]

PAPER, INK, FAINT = "#f8f9fb", "#1f2733", "#d5dae3"
BLUE, TEAL, AMBER, PLUM = "#3367b8", "#1b8a82", "#b97309", "#8a4aa3"
_SCRIPT_COLOURS = (BLUE, TEAL, AMBER, PLUM, "#a33f52", "#5d6b7e")
_WIDTH_IN, _ROW_IN, _DPI = 9.6, 2.35, 100
_BARS = 12
_LETTERS = 30
_NAME = 22
_COLOURS = 48  # of the palette: a third of the bytes of full colour, and nothing to be seen of it


def figure_png(profile: Profile) -> bytes:
    """Draw what a profile has, two panels a row: rows and hours, audio, text, speed, speakers, characters.

    Args:
        profile: what ``measure`` found.
    Returns:
        a PNG 960 pixels wide on its own light paper, so that its ink reads on a dark page as well.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels, letters = _panels(profile), _letters(profile.text)
    rows = -(-len(panels) // 2) + bool(letters)
    figure = Figure(figsize=(_WIDTH_IN, _ROW_IN * rows), dpi=_DPI, facecolor=PAPER)
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, 2)
    for number, panel in enumerate(panels):
        alone = number == len(panels) - 1 and not number % 2
        axes = figure.add_subplot(grid[number // 2, :] if alone else grid[number // 2, number % 2])
        _plain(axes)
        panel(axes)
    if letters:
        axes = figure.add_subplot(grid[rows - 1, :])
        _plain(axes)
        _draw_letters(axes, letters)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", facecolor=PAPER)
    return small_png(drawn.getvalue())


def small_png(png: bytes) -> bytes:
    """The same picture with a palette: what lies in metadata is read by the database with every event."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(small, format="PNG", optimize=True)
    return small.getvalue()


def _panels(profile: Profile) -> list[Panel]:
    panels: list[Panel] = [lambda axes: _splits(axes, "Rows a split", "rows", profile.rows_by_split, BLUE)]
    audio, text, speakers = profile.audio, profile.text, profile.speakers
    if audio is not None:
        panels += _audio_panels(audio)
    if text is not None:
        panels += _text_panels(text)
    if speakers is not None:
        panels.append(lambda axes: _speakers(axes, speakers))
    return panels


def _audio_panels(audio: AudioProfile) -> list[Panel]:
    unit, factor = ("minutes", 60) if audio.hours < 1 else ("hours", 1)
    lasting = {name: hours * factor for name, hours in audio.hours_by_split.items()}
    panels: list[Panel] = [lambda axes: _splits(axes, f"{unit.capitalize()} a split", unit, lasting, TEAL)]
    if audio.durations is not None:
        panels.append(_histogram("Duration of a clip", "seconds", "clips", audio.durations, TEAL))
        panels.append(lambda axes: _rates(axes, audio))
    return panels


def _text_panels(text: TextProfile) -> list[Panel]:
    drawn = (
        ("Length of a text", "characters", "rows", text.lengths, BLUE),
        ("Speed: characters", "characters a second", "rows", text.characters_per_s, AMBER),
        ("Speed: words", "words a second", "rows", text.words_per_s, AMBER),
    )
    return [_histogram(title, x, y, found, colour) for title, x, y, found, colour in drawn if found is not None]


def _histogram(title: str, unit: str, what: str, found: Histogram, colour: str) -> Panel:
    def draw(axes: Axes) -> None:
        lefts = [found.start + found.width * number for number in range(len(found.counts))]
        axes.bar(lefts, found.counts, width=found.width * 0.94, align="edge", color=colour)
        end = found.start + found.width * len(found.counts)
        axes.set_xlim(found.start, end)
        beyond = f"  (and {found.beyond:,} beyond {end:,.4g})" if found.beyond else ""
        _named(axes, title + beyond, unit, what)
        _whole(axes.yaxis)

    return draw


def _splits(axes: Axes, title: str, unit: str, values: dict[str, float] | dict[str, int], colour: str) -> None:
    ordered = sorted(values.items(), key=lambda one: -one[1])
    if len({name.split("/", 1)[0] for name, _ in ordered}) == 1:
        ordered = [(name.split("/", 1)[1], value) for name, value in ordered]
    _bars(axes, _gathered(ordered, "splits"), colour)
    _named(axes, title, unit, "")


def _rates(axes: Axes, audio: AudioProfile) -> None:
    rates = [(f"{int(rate) / 1000:g} kHz" if rate.isdigit() else rate, n) for rate, n in audio.sampling_rates.items()]
    names = {"1": "mono", "2": "stereo"}
    channels = [(names.get(number, f"{number} channels"), n) for number, n in audio.channels.items()]
    _bars(axes, [*_gathered(rates, "rates", _BARS - 4), *_gathered(channels, "kinds", 4)], TEAL)
    _named(axes, "Sampling rates and channels", "clips", "")


def _speakers(axes: Axes, speakers: Speakers) -> None:
    shown = [(name, count) for name, count in speakers.rows[:_BARS]]
    _bars(axes, shown, PLUM)
    number = f"{'more than ' if speakers.more else ''}{speakers.number:,}"
    few = f", the {len(shown)} with most" if speakers.number > len(shown) else ""
    _named(axes, f"Speakers: {number}{few}", "rows", "")


def _gathered(
    ordered: list[tuple[str, float]] | list[tuple[str, int]], what: str, most: int = _BARS
) -> list[tuple[str, float]]:
    """The first bars, and one more for all the rest."""
    if len(ordered) <= most:
        return [(name, value) for name, value in ordered]
    rest = ordered[most - 1 :]
    return [*ordered[: most - 1], (f"{len(rest):,} more {what}", sum(value for _, value in rest))]


def _bars(axes: Axes, bars: Iterable[tuple[str, float]], colour: str) -> None:
    shown = list(bars)
    places = range(len(shown))
    drawn = axes.barh(places, [value for _, value in shown], height=0.7, color=colour)
    axes.bar_label(drawn, labels=[_number(value) for _, value in shown], padding=3, fontsize=8, color=INK)
    axes.set_yticks(places, [_label(name) for name, _ in shown], fontsize=8)
    axes.set_ylim(max(len(shown), 3) - 0.4, -0.6)
    axes.margins(x=0.16)
    axes.grid(axis="y", visible=False)
    _whole(axes.xaxis, whole=all(isinstance(value, int) for _, value in shown))


def _letters(text: TextProfile | None) -> list[tuple[str, int, str]]:
    """The most frequent characters with the script of each, blanks left out, kept together by script."""
    if text is None:
        return []
    scripts = by_script(one for one in text.character_counts if one[0].strip())
    scripts.pop(BLANKS, None)
    most = sorted(((count, one, script) for script, ones in scripts.items() for one, count in ones), reverse=True)
    order = list(scripts)
    shown = sorted(most[:_LETTERS], key=lambda one: (order.index(one[2]), -one[0], one[1]))
    return [(one, count, script) for count, one, script in shown]


def _draw_letters(axes: Axes, letters: list[tuple[str, int, str]]) -> None:
    from matplotlib.patches import Patch

    scripts = list(dict.fromkeys(script for _, _, script in letters))
    colours = {script: _SCRIPT_COLOURS[number % len(_SCRIPT_COLOURS)] for number, script in enumerate(scripts)}
    places = range(len(letters))
    axes.bar(places, [count for _, count, _ in letters], color=[colours[script] for _, _, script in letters])
    labels = [_drawable(one) for one, _, _ in letters]
    codes = any(len(one) > 1 for one in labels)
    axes.set_xticks(places, labels, fontsize=7 if codes else 10, rotation=90 if codes else 0)
    axes.set_xlim(-0.7, max(len(letters), 12) - 0.3)
    axes.grid(axis="x", visible=False)
    keys = [Patch(color=colours[script], label=script.capitalize()) for script in scripts]
    axes.legend(handles=keys, fontsize=8, frameon=False, loc="upper right", labelcolor=INK, ncols=len(keys))
    _named(axes, "Most frequent characters, by script", "", "occurrences")
    _whole(axes.yaxis)


def _drawable(character: str) -> str:
    """The character where the font has it, and its code point where it has not: never an empty box."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_char_index(ord(character))
    plain = "\\$" if character == "$" else character
    return plain if known else f"U+{ord(character):04X}"


def _plain(axes: Axes) -> None:
    axes.set_facecolor(PAPER)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8, length=3, color=FAINT)
    axes.grid(visible=True, color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def _named(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    axes.set_xlabel(x, fontsize=8.5, color=INK)
    axes.set_ylabel(y, fontsize=8.5, color=INK)


def _whole(axis: Axis, *, whole: bool = True) -> None:
    """Ticks with thousands told apart; of things that are counted, at whole numbers only."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _label(name: str) -> str:
    shown = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    return "".join(_drawable(one) for one in shown)
