"""How sizes, durations, shares, names and lists are written for people: once, for every message, page and table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_CUTOFF = 0.6


def human_size(size_bytes: int) -> str:
    """``1234567`` -> ``1.2 MB`` (powers of 1000, as disks are sold and quotas written)."""
    size = float(abs(size_bytes))
    unit = 0
    while size >= 999.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    shown = f"{size:.0f} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
    return f"-{shown}" if size_bytes < 0 else shown


def human_duration(seconds: float) -> str:
    """``0.4 s``, ``45 s``, ``3 min 20 s``, ``5 h 10 min``, ``12 d 4 h``: the two largest units, rounded down."""
    if 0 < seconds < 1:
        return f"{seconds:.1f} s"
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600, whole // 60
    if minutes < 1:
        return f"{whole} s"
    if hours < 1:
        return f"{minutes} min {whole % 60} s"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} d {hours % 24} h"


def share(part: int | float, whole: int | float) -> str:
    """A part of a whole in percent; a part that is not zero never shows as 0 %."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 or not part else "< 0.1 %"


def nearest(word: str, known: Iterable[str], cutoff: float = _CUTOFF) -> str | None:
    """The known word nearest to ``word``, case set aside, or None when nothing is near."""
    return next(iter(alike(word, list(known), most=1, cutoff=cutoff)), None)


def nearest_first(word: str, known: Sequence[str]) -> list[str]:
    """All known words, those like ``word`` first, the rest in their own order."""
    near = alike(word, known, most=5)
    return [*near, *(name for name in known if name not in near)]


def alike(word: str, known: Sequence[str], most: int, cutoff: float = _CUTOFF) -> list[str]:
    """At most ``most`` of the known words that are like ``word``, case set aside, the most alike first.

    Args:
        cutoff: of difflib's ratio: below, a name is not what was meant.
    """
    by_fold = {name.casefold(): name for name in reversed(known)}
    return [by_fold[name] for name in get_close_matches(word.casefold(), list(by_fold), n=most, cutoff=cutoff)]


def listed(words: Iterable[str], limit: int = 10) -> str:
    """``a, b, c`` with the rest as a number."""
    every = list(words)
    shown = ", ".join(every[:limit])
    return f"{shown} and {len(every) - limit:,} more" if len(every) > limit else shown
