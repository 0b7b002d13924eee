"""Opus in Ogg: the rate that its head names, at which libsndfile decodes."""

from __future__ import annotations

import struct
from collections.abc import Callable

_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_RATE = 48_000  # of every Opus stream (RFC 7845); what a head names is the rate before encoding
_HEAD_BYTES = 512
_ENDINGS = (".opus", ".ogg", ".oga", ".bin")


def head_rate(data: bytes) -> int | None:
    """The rate that libsndfile decodes this file at: the lowest of Opus' own that holds the head's; None: no Opus."""
    at = data.find(b"OpusHead")
    if not data.startswith(b"OggS") or at < 0 or len(data) < at + 16:
        return None
    asked = struct.unpack_from("<I", data, at + 12)[0]
    return next((rate for rate in _RATES if asked <= rate), _RATE)


def decoded_rate(name: str, sampling_rate: int | None, head: Callable[[int], bytes]) -> int | None:
    """``sampling_rate`` as a header says it, but for Opus in Ogg, whose head is looked at.

    Args:
        head: the first so many bytes of the file.
    """
    if sampling_rate != _RATE or not name.lower().endswith(_ENDINGS):
        return sampling_rate
    return head_rate(head(_HEAD_BYTES)) or sampling_rate
