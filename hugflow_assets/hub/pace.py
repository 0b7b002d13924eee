"""How fast the bytes of a file come, by which it is judged whether there is a faster way for the rest."""

from __future__ import annotations

import time

PLAIN_PROBE = 24 << 20, 24 << 20  # bytes to warm up, and bytes that show how fast plain HTTP is then
XET_PROBE = 64 << 20, 96 << 20  # Xet gives nothing before its first whole piece, of up to 64 MiB
_FIRST_BYTES = 8 << 20  # so many show how fast one connection is
_XET_CONNECTIONS = 3  # that Xet is as good as


class Pace:
    """How fast bytes come once ``warm_up`` have, in their order; what is done with them between two does not count."""

    def __init__(self, warm_up: int, every: int) -> None:
        self._warm_up, self._every = warm_up, every
        self._bytes, self._seconds, self._began = 0, 0.0, 0.0
        self._first_bytes_per_s = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *raised: object) -> None:
        self._seconds += time.monotonic() - self._began

    def seen(self, count: int) -> float | None:
        """Count bytes; how many a second came since the last time, where those were ``every`` or more."""
        self._bytes += count
        bytes_per_s = self._bytes / max(self._seconds, 1e-9)
        if not self._first_bytes_per_s and self._bytes >= _FIRST_BYTES:
            self._first_bytes_per_s = bytes_per_s
        if self._bytes < (self._warm_up or self._every):
            return None
        is_warm, self._warm_up, self._bytes, self._seconds = not self._warm_up, 0, 0, 0.0
        return bytes_per_s if is_warm else None

    def is_one_connection(self, bytes_per_s: float) -> bool:
        """Whether that is hardly more than one connection gave in the beginning.

        If it is several times that, it is the distance that makes each slow, and Xet would have fewer of them.
        """
        return bytes_per_s < _XET_CONNECTIONS * self._first_bytes_per_s
