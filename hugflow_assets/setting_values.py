"""How the values of settings are written in the environment: durations, sizes, lists, words, addresses, groups."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize

URL = r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?"  # without user, query or fragment
UNIX_GROUP = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}|[1-9][0-9]{0,8}"  # by name or by number; a request says it so, too
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(value: Any) -> Any:
    """Read ``90``, ``90s``, ``15m``, ``24h``, ``7d`` or ``2w`` as a timedelta."""
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", value.lower())
        if not found:
            raise ValueError("expected a duration such as 90s, 15m, 24h or 7d")
        return timedelta(seconds=float(found[1]) * _UNITS[found[2] or "s"])
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    return value


def _size(value: Any) -> Any:
    """Read sizes as people write them (``10TB``, ``500GiB``, ``1_000``); an empty value means unset."""
    if isinstance(value, str):
        value = value.strip().replace("_", "")
        if not re.fullmatch(r"\d+(?:\.\d+)?\s*(?:[kmgtp]i?b?|b)?", value.lower()):
            raise ValueError("expected a size such as 10TB, 500GiB or 1000000")
    return value


def _words(value: Any) -> Any:
    """Read a comma-separated list; an empty value is the empty list."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Size = Annotated[ByteSize, BeforeValidator(_size)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


def upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
