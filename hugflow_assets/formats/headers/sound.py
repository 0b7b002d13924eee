"""What a header says of a clip."""

from __future__ import annotations

from typing import NamedTuple


class Sound(NamedTuple):
    """Samples a channel at a rate in hertz. ``samples`` is a fraction where a format states only seconds."""

    samples: float
    rate: int
    channels: int
