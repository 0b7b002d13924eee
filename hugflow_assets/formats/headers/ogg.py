"""Ogg: Vorbis, Opus, FLAC and Speex. The last page of a stream states its end (RFC 3533, RFC 7845)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hugflow_assets.formats.headers.lossless import stream_info
from hugflow_assets.formats.headers.sound import Sound

_OPUS_RATE = 48_000
_HEADS = 16  # streams that begin together, at most


def ogg(data: memoryview) -> Sound | None:
    """The first stream of sound."""
    for serial, head in _heads(data):
        if (found := _head(head)) is None:
            continue
        rate, channels, skipped, samples = found
        end = _end(data, serial)
        if end is None:
            return None if samples is None else Sound(samples, rate, channels)
        return Sound(max(0, end - skipped), rate, channels)
    return None


def _head(packet: memoryview) -> tuple[int, int, int, int | None] | None:
    """Rate, channels, samples to skip at the start, and samples in all where the head knows."""
    start = bytes(packet[:8])
    if start == b"OpusHead":
        channels, skipped = struct.unpack_from("<BH", packet, 9)
        return _OPUS_RATE, channels, skipped, None
    if start.startswith(b"\x01vorbis"):
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return rate, channels, 0, None
    if start.startswith(b"\x7fFLAC"):
        bits = int.from_bytes(packet[17 + 10 : 17 + 18], "big")
        known = stream_info(packet[17:51])
        return bits >> 44, (bits >> 41 & 7) + 1, 0, None if known is None else int(known.samples)
    if start == b"Speex   ":
        rate, _, _, channels = struct.unpack_from("<IIII", packet, 36)
        return rate, channels, 0, None
    return None


def _heads(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The first packets of the streams that begin at the start."""
    at = 0
    for _ in range(_HEADS):
        if bytes(data[at : at + 4]) != b"OggS" or not data[at + 5] & 2:
            return
        count = data[at + 26]
        body = at + 27 + count
        size = sum(data[at + 27 : body])
        yield struct.unpack_from("<I", data, at + 14)[0], data[body : body + size]
        at = body + size


def _end(data: memoryview, serial: int) -> int | None:
    """The position that the last page of a stream states; looked for from the end."""
    wanted = struct.pack("<I", serial)
    end = len(data)
    while end > 0:
        start = max(0, end - 65536 - 4)
        block = bytes(data[start:end])
        found = block.rfind(b"OggS")
        while found >= 0:
            at = start + found
            if at + 27 <= len(data) and bytes(data[at + 14 : at + 18]) == wanted:
                position: int = struct.unpack_from("<q", data, at + 6)[0]
                if position >= 0:
                    return position
            found = block.rfind(b"OggS", 0, found)
        end = start + 3 if start else 0
    return None
