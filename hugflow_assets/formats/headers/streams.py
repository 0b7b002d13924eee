"""Matroska and WebM (RFC 9559), and ASF (wma): the first track of sound and the length that the file states."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hugflow_assets.formats.headers.sound import Sound

_SEGMENT, _INFO, _TRACKS, _CLUSTER, _TRACK = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0xAE
_SCALE, _LENGTH, _KIND, _AUDIO, _RATE, _CHANNELS = 0x2AD7B1, 0x4489, 0x83, 0xE1, 0xB5, 0x9F
_TIME, _SIMPLE, _GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_SOUND = 2
_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_STREAM = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def matroska(data: memoryview) -> Sound | None:
    """WebM and Matroska; a recording that was streamed states no length and lasts to its last block."""
    segment = next((body for kind, body in _elements(data) if kind == _SEGMENT), None)
    if segment is None:
        return None
    scale, length, found, last = 1_000_000, 0.0, None, 0
    for kind, body in _elements(segment):
        if kind == _INFO:
            for name, value in _elements(body):
                if name == _SCALE:
                    scale = int.from_bytes(value, "big")
                elif name == _LENGTH:
                    length = _float(value)
        elif kind == _TRACKS and found is None:
            found = next(
                (track for name, body_ in _elements(body) if name == _TRACK and (track := _track(body_))), None
            )
        elif kind == _CLUSTER and not length:
            last = max(last, _last_block(body))
    if found is None or not (length or last):
        return None
    rate, channels = found
    return Sound((length or last) * scale / 1e9 * rate, rate, channels)


def _track(body: memoryview) -> tuple[int, int] | None:
    facts = dict(_elements(body))
    if int.from_bytes(facts.get(_KIND, b""), "big") != _SOUND:
        return None
    audio = dict(_elements(facts[_AUDIO])) if _AUDIO in facts else {}
    rate = _float(audio[_RATE]) if _RATE in audio else 8000.0
    return round(rate), int.from_bytes(audio.get(_CHANNELS, b"\x01"), "big")


def _last_block(cluster: memoryview) -> int:
    time = last = 0
    for kind, body in _elements(cluster):
        if kind == _TIME:
            time = int.from_bytes(body, "big")
        elif kind == _SIMPLE:
            last = struct.unpack_from(">h", body, 1)[0]
        elif kind == _GROUP:
            last = next(
                (struct.unpack_from(">h", block, 1)[0] for name, block in _elements(body) if name == _BLOCK), last
            )
    return time + last


def _elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The elements that lie side by side; one of unknown size goes to the end of what it is in."""
    at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        if width > 4:
            return
        kind = int.from_bytes(data[at : at + width], "big")
        at += width
        if at >= len(data):
            return
        width = 9 - data[at].bit_length()
        if width > 8:
            return
        size = int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1
        at += width
        if size == (1 << 7 * width) - 1:
            size = len(data) - at
        yield kind, data[at : at + size]
        at += size


def _float(value: memoryview) -> float:
    found: float = struct.unpack(">f" if len(value) == 4 else ">d", value)[0]
    return found


def asf(data: memoryview) -> Sound | None:
    """Windows Media: the play duration less what is buffered first, and the first stream of sound."""
    count = struct.unpack_from("<I", data, 24)[0]
    at, seconds, sound = 30, 0.0, None
    for _ in range(count):
        kind, size = bytes(data[at : at + 16]), struct.unpack_from("<Q", data, at + 16)[0]
        if kind == _FILE:
            ticks, _, preroll = struct.unpack_from("<QQQ", data, at + 64)
            seconds = ticks / 1e7 - preroll / 1e3
        elif kind == _STREAM and sound is None and bytes(data[at + 24 : at + 40]) == _ASF_AUDIO:
            _, channels, rate = struct.unpack_from("<HHI", data, at + 78)
            sound = rate, channels
        if size < 24:
            return None
        at += size
    return None if sound is None else Sound(seconds * sound[0], *sound)
