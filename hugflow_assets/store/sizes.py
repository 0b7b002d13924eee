"""Sizes as people read them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def human_size(size_bytes: int) -> str:
    """``1234567`` -> ``1.2 MB`` (powers of 1000, as disks are sold and quotas written)."""
    size = float(abs(size_bytes))
    unit = 0
    while size >= 999.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    told = f"{size:.0f} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
    return f"-{told}" if size_bytes < 0 else told
