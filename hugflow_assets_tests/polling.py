"""Waiting in tests, with a bound, for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def poll(what: Callable[[], Any], *, within_s: float, every_s: float = 0.3) -> Any:
    """Ask until the answer is true, and give it; an answer that stays false fails."""
    ends = time.monotonic() + within_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < ends, f"still {found!r} after {within_s} s"
        time.sleep(every_s)
