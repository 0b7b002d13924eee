"""Duration, sampling rate and channels from an audio file's header; samples are never decoded.

tinytag reads everything but WAV, whose headers in the wild need more forgiveness than it has: streamed files with a
data size of 0 or 0xFFFFFFFF, RF64 and BW64 (EBU Tech 3306), files that were cut off.
"""

from __future__ import annotations

import io
import math
import struct
from dataclasses import dataclass

import pyarrow as pa
from tinytag import TinyTag

_COPY_LIMIT_BYTES = 1 << 20
_LEAST_BITS_PER_S = 4  # a header that promises hours in a few bytes is nonsense
_BEHIND_DATA = (b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"PEAK", b"iXML")
_USUAL = struct.Struct("<8x8sIHHIIHH4sI")  # the RIFF header, the format, the head of the samples
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class AudioHeader:
    """What a header says: seconds, hertz, channels."""

    duration_s: float
    sampling_rate: int
    num_channels: int


def read_header(data: memoryview) -> AudioHeader | None:
    """The header of an encoded audio file, or None where there is none to understand.

    Args:
        data: the whole file's bytes.
    """
    try:
        head = bytes(data[: _USUAL.size])
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            header = _usual_wav(head, len(data)) or _wav(data)
            if header is not None:
                return header
        return _plausible(_tagged(data), len(data))
    except Exception:  # noqa: BLE001  a parser may fail in any way on bytes that strangers made
        return None


def _tagged(data: memoryview) -> AudioHeader | None:
    source = io.BytesIO(data) if len(data) <= _COPY_LIMIT_BYTES else pa.BufferReader(pa.py_buffer(data))
    tag = TinyTag.get(file_obj=source, tags=False)
    if not tag.duration or not tag.samplerate or not tag.channels:
        return None
    return AudioHeader(round(float(tag.duration), 6), int(tag.samplerate), int(tag.channels))


def _plausible(header: AudioHeader | None, size_bytes: int) -> AudioHeader | None:
    if header is None or not math.isfinite(header.duration_s) or header.duration_s <= 0:
        return None
    if header.duration_s * _LEAST_BITS_PER_S > size_bytes * 8:
        return None
    if not (0 < header.sampling_rate < 10_000_000 and 0 < header.num_channels <= 1024):
        return None
    return header


def _usual_wav(head: bytes, size_bytes: int) -> AudioHeader | None:
    """As ``_wav``, for files that begin as most do: PCM told in 16 bytes, and then the samples."""
    if len(head) < _USUAL.size:
        return None
    kind, length, codec, channels, rate, _, align, _, data, size = _USUAL.unpack(head)
    usual = (kind, length, codec, data) == (b"WAVEfmt ", 16, _PCM, b"data") and rate and channels and align
    if not usual or not 0 < size <= size_bytes - _USUAL.size:
        return None
    return _checked_wav(size, rate, channels, align)


def _wav(data: memoryview) -> AudioHeader | None:
    """Linear PCM and float WAV by the chunks that are there; None for other codecs and broken headers."""
    at, total, long_size = 12, len(data), None
    rate = channels = align = 0
    while at + 8 <= total:
        kind, size = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if kind == b"ds64":
            long_size = struct.unpack_from("<Q", data, at + 8)[0]
        elif kind == b"fmt ":
            codec, channels, rate, _, align = struct.unpack_from("<HHIIH", data, at)
            if codec == _EXTENSIBLE:
                codec = struct.unpack_from("<H", data, at + 24)[0]
            if codec not in (_PCM, _FLOAT):
                return None
        elif kind == b"data":
            if not (rate and channels and align):
                return None
            there = total - at
            if size == 0xFFFFFFFF:  # streamed, or the true size is in ds64
                size = there if long_size is None else long_size
            elif (
                size == 0 and bytes(data[at : at + 4]) not in _BEHIND_DATA
            ):  # streamed by a writer that could not seek back
                size = there
            return _checked_wav(min(size, there), rate, channels, align)
        at += size + size % 2
    return None


def _checked_wav(size_bytes: int, rate: int, channels: int, align: int) -> AudioHeader | None:
    header = AudioHeader(round(size_bytes // align / rate, 6), rate, channels)
    return header if size_bytes == 0 else _plausible(header, size_bytes)
