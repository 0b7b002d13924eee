"""How fast the bytes of a file come, by which it is judged whether there is a faster way for the rest."""

from __future__ import annotations

import time

PLAIN_PROBE = 24 << 20, 24 << 20  # bytes to warm up, and bytes that show how fast plain HTTP is then
XET_PROBE = 0, 160 << 20  # likewise for Xet, which gives nothing before its first whole piece, of up to 64 MiB
_LEAST_S = 0.3  # of waiting, to judge by


class Pace:
    """How fast bytes come once ``warm_up`` have; what is done with them between two reads does not count."""

    def __init__(self, warm_up: int, every: int) -> None:
        self._warm_up, self._every = warm_up, every
        self._bytes, self._ahead, self._seconds, self._began = 0, 0, 0.0, 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *raised: object) -> None:
        self._seconds += time.monotonic() - self._began

    def seen(self, count: int, ahead: int) -> float | None:
        """Count bytes that came in their order; how many a second came since the last time, if that was long enough.

        Args:
            ahead: bytes that have come ahead of their turn, at this moment. Over several connections many are read at
                once after a wait, so what was read says little about what came.
        """
        self._bytes += count
        if self._bytes < (self._warm_up or self._every) or not (self._warm_up or self._seconds >= _LEAST_S):
            return None
        bytes_per_s = (self._bytes + ahead - self._ahead) / max(self._seconds, 1e-9)
        is_warm, self._warm_up = not self._warm_up, 0
        self._bytes, self._ahead, self._seconds = 0, ahead, 0.0
        return bytes_per_s if is_warm else None
