"""Exact order statistics of a stream in memory that follows the number of distinct values, not of values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


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

    def histogram(self, edges: Sequence[float]) -> list[int]:
        """How many values are below the first edge, between each two, and from the last one on."""
        bins = [0] * (len(edges) + 1)
        for value, count in self.counts.items():
            bins[sum(value * self.unit >= edge for edge in edges)] += count
        return bins
