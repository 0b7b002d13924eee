"""Uncompressed sound and its relatives: AIFF, AU, CAF, NIST SPHERE, Sony Wave64 and Creative Voice.

Sources: Apple's AIFF-C draft of 1991 and CAF specification, the .au header of Sun, NIST's SPHERE header, the format
codes of Microsoft's mmreg.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hugflow_assets.formats.headers.sound import Sound

_AU_BITS = {1: 8, 2: 8, 3: 16, 4: 24, 5: 32, 6: 32, 7: 64, 23: 4, 24: 8, 25: 3, 26: 5, 27: 8}
_AIFC_PACKETS = {b"ima4": 64, b"MAC3": 6, b"MAC6": 6, b"GSM ": 160, b"agsm": 160}
_W64_RIFF, _W64_FMT, _W64_DATA = b"riff", b"fmt ", b"data"
_UNKNOWN = 0xFFFFFFFF


def aiff(data: memoryview) -> Sound | None:
    """AIFF and AIFF-C: the common chunk states sample frames, or packets where the sound is compressed."""
    for kind, body in _chunks(data, 12, ">I"):
        if kind == b"COMM":
            channels, frames, _, exponent, mantissa = struct.unpack_from(">hIhHQ", body)
            rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)
            return Sound(frames * _AIFC_PACKETS.get(bytes(body[18:22]), 1), round(rate), channels)
    return None


def au(data: memoryview) -> Sound | None:
    """Sun's .au."""
    offset, size, encoding, rate, channels = struct.unpack_from(">IIIII", data, 4)
    bits = _AU_BITS.get(encoding)
    if bits is None or not channels:
        return None
    there = len(data) - offset
    size = there if size == _UNKNOWN else min(size, there)
    return Sound(size * 8 // (bits * channels), rate, channels)


def caf(data: memoryview) -> Sound | None:
    """Apple's Core Audio Format: bytes for sound of a constant size, else the packet table."""
    rate = channels = packet_bytes = packet_frames = 0
    valid, audio_bytes = None, 0
    for kind, body in _chunks(data, 8, ">q"):
        if kind == b"desc":
            found_rate, _, _, packet_bytes, packet_frames, channels, _ = struct.unpack_from(">d4sIIIII", body)
            rate = round(found_rate)
        elif kind == b"pakt":
            _, valid, _, _ = struct.unpack_from(">qqii", body)
        elif kind == b"data":
            audio_bytes = len(body) - 4
    if valid is None:
        if not packet_bytes:
            return None
        valid = audio_bytes // packet_bytes * packet_frames
    return Sound(valid, rate, channels)


def sphere(data: memoryview) -> Sound | None:
    """NIST SPHERE: lines of names, types and values."""
    size = int(bytes(data[8:16]))
    fields = {}
    for line in bytes(data[16 : min(size, 65536)]).decode("latin-1").splitlines():
        name, _, rest = line.partition(" ")
        if name == "end_head":
            break
        fields[name] = rest.partition(" ")[2]
    return Sound(int(fields["sample_count"]), int(fields["sample_rate"]), int(fields.get("channel_count", "1")))


def wave64(data: memoryview) -> Sound | None:
    """Sony Wave64: chunks named by GUIDs, sizes that count their own 24 bytes."""
    at, rate, channels, align = 40, 0, 0, 0
    while at + 24 <= len(data):
        kind, size = bytes(data[at : at + 4]), struct.unpack_from("<q", data, at + 16)[0]
        if size < 24:
            return None
        if kind == _W64_FMT:
            _, channels, rate, _, align = struct.unpack_from("<HHIIH", data, at + 24)
        elif kind == _W64_DATA and align:
            return Sound(min(size - 24, len(data) - at - 24) // align, rate, channels)
        at += (size + 7) & ~7
    return None


def voice(data: memoryview) -> Sound | None:
    """Creative Voice: blocks of 8 bits a sample, and of any kind in block 9."""
    at, samples, rate, channels, bits = struct.unpack_from("<H", data, 20)[0], 0, 0, 1, 8
    extended = False
    while at + 4 <= len(data) and data[at]:
        size = int.from_bytes(data[at + 1 : at + 4], "little")
        body = at + 4
        if data[at] == 1:
            if not extended:
                rate = 1_000_000 // (256 - data[body])
            samples += (min(size, len(data) - body) - 2) // channels
        elif data[at] == 2:
            samples += min(size, len(data) - body) * 8 // (bits * channels)  # more of the block before
        elif data[at] == 8:
            divisor, _, stereo = struct.unpack_from("<HBB", data, body)
            channels, extended = stereo + 1, True
            rate = 256_000_000 // (channels * (65536 - divisor))
        elif data[at] == 9:
            rate, bits, channels = struct.unpack_from("<IBB", data, body)
            samples += (min(size, len(data) - body) - 12) * 8 // (bits * channels)
        at = body + size
    return Sound(samples, rate, channels)


def _chunks(data: memoryview, at: int, size_format: str) -> Iterator[tuple[bytes, memoryview]]:
    width = struct.calcsize(size_format)
    while at + 4 + width <= len(data):
        kind, size = bytes(data[at : at + 4]), struct.unpack_from(size_format, data, at + 4)[0]
        at += 4 + width
        if size < 0:  # up to the end
            size = len(data) - at
        yield kind, data[at : at + size]
        at += size + (size % 2 if width == 4 else 0)
