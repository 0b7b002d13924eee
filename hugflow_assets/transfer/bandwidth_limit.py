"""One speed limit for all runs on this machine: a bucket of bytes in a small file that every process draws from.

It holds one moment: the time up to which the allowed bytes are promised away. Drawing moves it on, and whoever draws
waits until what was promised before is used up. No process is trusted to give anything back, so a killed one costs
nothing. As with the rate budget: where the file cannot be used, each process keeps to the limit by itself.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hugflow_assets.hub.access import HubAccess

_BURST_S = 0.25  # so far ahead of the limit one may be
_DRAW_S = 0.05  # bytes of so many seconds are drawn at once, so that small chunks cost no file access each
_NAP_S = 0.5
_MOMENT = struct.Struct("<d")


@dataclass
class Bandwidth:
    """Draws bytes from the limit. ``path`` None: the limit is this object's alone. ``clock`` is the same for all."""

    bytes_per_s: float
    path: Path | None = None
    clock: Callable[[], float] = time.time
    nap: Callable[[float], None] = time.sleep
    _promised: float = 0.0
    _in_hand: float = 0.0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, access: HubAccess) -> Bandwidth | None:
        """The limit of an access, one object a process, so that its threads draw together; None where there is none."""
        if access.bytes_per_s is None:
            return None
        return _known(access.bytes_per_s, access.rate_dir / "bandwidth" if access.rate_dir else None)

    def take(self, count: int, should_stop: Callable[[], bool] | None = None) -> None:
        """Wait until ``count`` more bytes are allowed; sooner when ``should_stop`` says so."""
        with self._guard:
            self._in_hand -= count
            if self._in_hand >= 0:
                return
            draw = max(-self._in_hand, self.bytes_per_s * _DRAW_S)
            self._in_hand += draw
            allowed_at = self._draw(draw / self.bytes_per_s)
        while (wait := allowed_at - self.clock()) > 0 and not (should_stop is not None and should_stop()):
            self.nap(min(wait, _NAP_S))

    def _draw(self, seconds: float) -> float:
        """Promise ``seconds`` of the limit; when they begin."""
        shared = self._draw_shared(seconds)
        if shared is not None:
            return shared
        begins, self._promised = _moved(self._promised, seconds, self.clock())
        return begins

    def _draw_shared(self, seconds: float) -> float | None:
        if self.path is None:
            return None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            data = os.pread(handle, _MOMENT.size, 0)
            before = _MOMENT.unpack(data)[0] if len(data) == _MOMENT.size else 0.0
            begins, after = _moved(before, seconds, self.clock())
            os.pwrite(handle, _MOMENT.pack(after), 0)
        except OSError:
            return None
        else:
            return begins
        finally:
            os.close(handle)


def _moved(promised: float, seconds: float, now: float) -> tuple[float, float]:
    """When ``seconds`` more begin, and up to when the limit is promised then. A clock set back is no debt for ever."""
    if not now - _BURST_S <= promised <= now + 3600:
        promised = now - _BURST_S
    return promised, promised + seconds


@lru_cache(maxsize=8)
def _known(bytes_per_s: float, path: Path | None) -> Bandwidth:
    return Bandwidth(bytes_per_s, path)
