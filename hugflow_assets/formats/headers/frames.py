"""Sound in frames with a header each: MPEG audio, AAC in ADTS, AMR, AC-3.

Sources: ISO/IEC 11172-3 and 13818-3 (MPEG audio), the Xing, LAME and VBRI tags as LAME and Fraunhofer write them,
ISO/IEC 13818-7 (ADTS), RFC 4867 (AMR), ATSC A/52 (AC-3).
"""

from __future__ import annotations

import struct

from hugflow_assets.formats.headers.sound import Sound

_BITRATES = {  # kbit/s by MPEG version (1, else 2) and layer
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AMR = (12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0)
_AMR_WB = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0)
_AC3_RATES = (48000, 44100, 32000)
_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
_SEARCHED_BYTES = 1 << 16  # for the first frame, behind tags and rubbish


def skip_id3(data: memoryview) -> int:
    """Where the ID3v2 tags at the start end."""
    at = 0
    while bytes(data[at : at + 3]) == b"ID3" and at + 10 <= len(data):
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return at


def mpeg(data: memoryview) -> Sound | None:
    """MP3, MP2 and MP1: the frames that the Xing, Info or VBRI tag states, less LAME's padding; else every frame."""
    start = skip_id3(data)
    for at in range(start, min(len(data) - 4, start + _SEARCHED_BYTES)):
        if data[at] != 0xFF or (first := _mpeg_frame(data, at)) is None:
            continue
        length, samples, rate, channels = first
        beyond = at + length
        if beyond + 4 <= len(data) and _mpeg_frame(data, beyond) is None:
            continue  # not a frame, but two bytes like one
        tagged = _tagged(data, at, samples)
        return Sound(tagged if tagged is not None else _walked(data, at), rate, channels)
    return None


def _mpeg_frame(data: memoryview, at: int) -> tuple[int, int, int, int] | None:
    """Length, samples, rate and channels of a frame."""
    head = int.from_bytes(data[at : at + 4], "big")
    if head >> 21 != 0x7FF:
        return None
    version, layer = head >> 19 & 3, 4 - (head >> 17 & 3)
    bits, rate_at, padding = head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
    if version == 1 or layer == 4 or bits in (0, 15) or rate_at == 3:
        return None
    rate, kbits = _RATES[version][rate_at], _BITRATES[1 if version == 3 else 2, layer][bits]
    channels = 1 if head >> 6 & 3 == 3 else 2
    if layer == 1:
        return (12 * kbits * 1000 // rate + padding) * 4, 384, rate, channels
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * kbits * 1000 // rate + padding, samples, rate, channels


def _tagged(data: memoryview, at: int, samples: int) -> int | None:
    head = int.from_bytes(data[at : at + 4], "big")
    is_first, is_mono = head >> 19 & 3 == 3, head >> 6 & 3 == 3
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    tag = at + 4 + side
    if bytes(data[tag : tag + 4]) in (b"Xing", b"Info"):
        flags = int.from_bytes(data[tag + 4 : tag + 8], "big")
        if not flags & 1:
            return None
        frames = int.from_bytes(data[tag + 8 : tag + 12], "big")
        lame = tag + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
        encoder = bytes(data[lame : lame + 4])
        cut = (
            int.from_bytes(data[lame + 21 : lame + 24], "big") if encoder in (b"LAME", b"Lavf", b"Lavc", b"GOGO") else 0
        )
        return max(0, frames * samples - (cut >> 12) - (cut & 0xFFF))
    vbri = at + 36
    if bytes(data[vbri : vbri + 4]) == b"VBRI":
        return int.from_bytes(data[vbri + 14 : vbri + 18], "big") * samples
    return None


def _walked(data: memoryview, at: int) -> int:
    """The samples of all frames from ``at`` on; lost sync is sought again."""
    total, size = 0, len(data)
    while at + 4 <= size:
        if (frame := _mpeg_frame(data, at)) is None:
            if bytes(data[at : at + 3]) == b"TAG" or bytes(data[at : at + 8]) == b"APETAGEX":
                break
            found = bytes(data[at + 1 : at + 4096]).find(b"\xff")
            if found < 0:
                break
            at += 1 + found
            continue
        total += frame[1]
        at += frame[0]
    return total


def adts(data: memoryview) -> Sound | None:
    """AAC in ADTS: every frame states its length."""
    at, frames, rate, channels = skip_id3(data), 0, 0, 0
    while at + 7 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0:
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if length < 7:
            break
        if not frames:
            rate = AAC_RATES[data[at + 2] >> 2 & 15]
            configuration = (data[at + 2] & 1) << 2 | data[at + 3] >> 6
            channels = 8 if configuration == 7 else configuration
        frames += (data[at + 6] & 3) + 1
        at += length
    return Sound(frames * 1024, rate, channels) if frames and channels else None


def amr(data: memoryview) -> Sound | None:
    """AMR, narrow and wide: frames of 20 ms, each of the size that its mode has."""
    is_wide = bytes(data[:9]) == b"#!AMR-WB\n"
    at, sizes, frames = (9, _AMR_WB, 0) if is_wide else (6, _AMR, 0)
    while at < len(data):
        at += 1 + sizes[data[at] >> 3 & 15]
        frames += 1
    rate = 16000 if is_wide else 8000
    return Sound(frames * rate // 50, rate, 1)


def ac3(data: memoryview) -> Sound | None:
    """AC-3: frames of 1536 samples."""
    at, frames, rate, channels = 0, 0, 0, 0
    while at + 8 <= len(data) and data[at] == 0x0B and data[at + 1] == 0x77:
        code, size = data[at + 4] >> 6, data[at + 4] & 63
        if code == 3 or size >> 1 >= len(_AC3_KBITS) or data[at + 5] >> 3 > 10:
            return None
        kbits = _AC3_KBITS[size >> 1]
        words = (kbits * 2, kbits * 1000 * 96 // 44100 + (size & 1), kbits * 3)[code]
        if not frames:
            rate, mode = _AC3_RATES[code], data[at + 6] >> 5
            bits = struct.unpack_from(">H", data, at + 6)[0] << 3 & 0xFFFF
            bits = bits << 2 & 0xFFFF if mode & 1 and mode != 1 else bits
            bits = bits << 2 & 0xFFFF if mode & 4 else bits
            bits = bits << 2 & 0xFFFF if mode == 2 else bits
            channels = _AC3_CHANNELS[mode] + (bits >> 15)
        frames += 1
        at += words * 2
    return Sound(frames * 1536, rate, channels) if frames else None
