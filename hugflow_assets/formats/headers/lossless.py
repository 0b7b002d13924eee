"""FLAC, WavPack, Monkey's Audio and True Audio, whose headers state the samples.

Sources: RFC 9639 (FLAC), the WavPack 5 file format, the headers of Monkey's Audio 3.98 and later, TTA1.
"""

from __future__ import annotations

import struct

from hugflow_assets.formats.headers.frames import skip_id3
from hugflow_assets.formats.headers.sound import Sound

_WV_RATES = (6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 192000)
_WV_MONO, _WV_FINAL = 4, 0x1000


def flac(data: memoryview) -> Sound | None:
    """The stream's own information; none where the encoder could not know the length."""
    at = skip_id3(data)
    if bytes(data[at : at + 4]) != b"fLaC":
        return None
    return stream_info(data[at + 8 : at + 42])


def stream_info(block: memoryview) -> Sound | None:
    """The block that every FLAC stream begins with."""
    bits = int.from_bytes(block[10:18], "big")
    samples = bits & (1 << 36) - 1
    return Sound(samples, bits >> 44, (bits >> 41 & 7) + 1) if samples else None


def wavpack(data: memoryview) -> Sound | None:
    """The first block states the samples; the channels are those of all blocks up to the last of the first sequence."""
    at, samples, rate, channels = 0, 0, 0, 0
    while bytes(data[at : at + 4]) == b"wvpk":
        size, _, _, total_high, total = struct.unpack_from("<IHBBI", data, at + 4)
        flags = struct.unpack_from("<I", data, at + 24)[0]
        if not channels:
            samples = total | total_high << 32
            if total == 0xFFFFFFFF or flags >> 23 & 15 == 15:
                return None
            rate = _WV_RATES[flags >> 23 & 15]
        channels += 1 if flags & _WV_MONO else 2
        if flags & _WV_FINAL:
            return Sound(samples, rate, channels)
        at += size + 8
    return None


def monkeys(data: memoryview) -> Sound | None:
    """Monkey's Audio, files of version 3.98 and later."""
    if struct.unpack_from("<H", data, 4)[0] < 3980:
        return None
    at = struct.unpack_from("<I", data, 8)[0]
    _, _, block, last, frames, _, channels, rate = struct.unpack_from("<HHIIIHHI", data, at)
    return Sound((frames - 1) * block + last, rate, channels) if frames else None


def true_audio(data: memoryview) -> Sound | None:
    """TTA1."""
    at = skip_id3(data)
    if bytes(data[at : at + 4]) != b"TTA1":
        return None
    _, channels, _, rate, samples = struct.unpack_from("<HHHII", data, at + 4)
    return Sound(samples, rate, channels)
