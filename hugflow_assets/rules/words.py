"""How shares, nearest names and lists are written in verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def share(part: int | float, whole: int | float) -> str:
    """A part of a whole in percent; a part that is not zero never shows as 0 %."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 or not part else "< 0.1 %"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to ``word``, case set aside, or None when nothing is near."""
    by_fold: dict[str, str] = {}
    for one in known:
        by_fold.setdefault(one.casefold(), one)
    found = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def listed(words: Iterable[str], limit: int = 10) -> str:
    """``a, b, c`` with the rest as a number."""
    every = list(words)
    told = ", ".join(every[:limit])
    return f"{told} and {len(every) - limit:,} more" if len(every) > limit else told
