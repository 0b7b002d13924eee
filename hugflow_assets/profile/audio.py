"""The audio values of a record, counted one by one."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hugflow_assets.profile.models import AudioProfile
from hugflow_assets.profile.tally import Tally

AUDIO_KEYS = frozenset({"path", "source_path", "duration", "sampling_rate", "num_channels"})
IN_TAR = frozenset({"tar", "offset", "size"})  # where a packed value is, besides
DURATION_EDGES_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
EXAMPLES = 5
_DURATION_UNIT_S = 0.01


class AudioTally:
    """Takes rows; gives their ``AudioProfile``."""

    def __init__(self) -> None:
        self.durations = Tally(_DURATION_UNIT_S)
        self.seconds = 0.0
        self.without = 0
        self.rates: Counter[str] = Counter()
        self.channels: Counter[str] = Counter()
        self.empty = 0
        self.empty_examples: list[str] = []
        self.longest: list[tuple[float, str]] = []
        self.shortest: list[tuple[float, str]] = []
        self.seconds_by_split: dict[str, float] = {}

    def add(self, value: Any) -> None:
        """Take every audio value inside ``value``, at any depth."""
        if isinstance(value, Mapping):
            if value.keys() - IN_TAR == AUDIO_KEYS:
                self._clip(value)
            else:
                for inner in value.values():
                    if isinstance(inner, dict | list):
                        self.add(inner)
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict | list):
                    self.add(inner)

    def _clip(self, clip: Mapping[str, Any]) -> None:
        if clip["path"] is None:
            return
        duration = clip["duration"]
        if duration is None:
            self.without += 1
            return
        self.durations.add(duration)
        self.seconds += duration
        self.rates[str(clip["sampling_rate"])] += 1
        self.channels[str(clip["num_channels"])] += 1
        if duration <= 0:
            self.empty += 1
            if len(self.empty_examples) < EXAMPLES:
                self.empty_examples.append(clip["path"])
            return
        _keep(self.longest, duration, clip["path"])
        _keep(self.shortest, -duration, clip["path"])

    def end_split(self, name: str) -> None:
        """Say that all rows until now are of splits until this one."""
        self.seconds_by_split[name] = self.seconds - sum(self.seconds_by_split.values())

    def profile(self) -> AudioProfile | None:
        if not len(self.durations) and not self.without:
            return None
        return AudioProfile(
            clips=len(self.durations) + self.without,
            without_duration=self.without,
            hours=self.seconds / 3600,
            duration_s=self.durations.spread(),
            histogram=tuple(self.durations.histogram(DURATION_EDGES_S)),
            sampling_rates=dict(self.rates.most_common()),
            channels=dict(self.channels.most_common()),
            durations=self.durations.even_histogram(),
            empty_clips=self.empty,
            longest=tuple(sorted(self.longest, reverse=True)),
            shortest=tuple((-negative, path) for negative, path in sorted(self.shortest, reverse=True)),
            empty_examples=tuple(self.empty_examples),
            hours_by_split={name: seconds / 3600 for name, seconds in self.seconds_by_split.items()},
        )


def _keep(most: list[tuple[float, str]], value: float, path: str) -> None:
    """Keep the few largest in a heap; most clips are turned away by one comparison."""
    if len(most) < EXAMPLES:
        heapq.heappush(most, (value, path))
    elif value > most[0][0]:
        heapq.heapreplace(most, (value, path))
