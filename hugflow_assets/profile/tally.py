"""Exact order statistics of a stream in memory that follows the number of distinct values, not of values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from hugflow_assets.profile.models import Histogram, Spread

_SHARES = (0.0, 0.05, 0.5, 0.95, 1.0)
_BINS = 40
_NICE = (1, 2, 5)
_SHOWN = 0.995  # of the values lie within the bins; the few beyond would squeeze them


class Tally:
    """Counts how often each value of a stream occurs. Values are whole multiples of ``unit``."""

    def __init__(self, unit: float) -> None:
        self.unit = unit
        self.counts: Counter[int] = Counter()

    def add(self, value: float) -> None:
        self.counts[round(value / self.unit)] += 1

    def __len__(self) -> int:
        return self.counts.total()

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """The smallest value that at least this share of all values does not exceed, for each share in 0..1."""
        total, ordered = len(self), sorted(self.counts)
        found: list[float] = []
        for share in shares:
            below = 0
            for value in ordered:
                below += self.counts[value]
                if below >= share * total:
                    found.append(value * self.unit)
                    break
        return found

    def spread(self) -> Spread | None:
        """Smallest, 5 %, median, 95 % and largest; nothing of no values."""
        if not len(self):
            return None
        least, p5, median, p95, most = (round(value, 4) for value in self.quantiles(_SHARES))
        return Spread(least=least, p5=p5, median=median, p95=p95, most=most)

    def histogram(self, edges: Sequence[float]) -> list[int]:
        """How many values are below the first edge, between each two, and from the last one on."""
        bins = [0] * (len(edges) + 1)
        for value, count in self.counts.items():
            bins[sum(value * self.unit >= edge for edge in edges)] += count
        return bins

    def even_histogram(self) -> Histogram | None:
        """At most 40 bins of a round width that show all but the outermost values; nothing of no values."""
        if not len(self):
            return None
        low, high = (round(value / self.unit) for value in self.quantiles((0.0, _SHOWN)))
        width = _round_width((high - low + 1) / _BINS)
        start = low // width
        bins = [0] * (high // width - start + 1)
        beyond = 0
        for value, count in self.counts.items():
            place = value // width - start
            if place < len(bins):
                bins[place] += count
            else:
                beyond += count
        return Histogram(start=start * width * self.unit, width=width * self.unit, counts=tuple(bins), beyond=beyond)


def _round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that is not below ``least``."""
    power: int = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(step * power for step in (*_NICE, 10) if step * power >= least)
