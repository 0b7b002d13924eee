"""Duration, sampling rate and channels from an audio file's header; samples are never decoded.

Headers in the wild need forgiveness: WAV that was streamed with a data size of 0 or 0xFFFFFFFF, RF64 and BW64 (EBU Tech
3306), files that were cut off. The first bytes choose the reader, never the ending.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

from hugflow_assets.formats.headers import boxes, frames, lossless, ogg, pcm, streams
from hugflow_assets.formats.headers.sound import Sound

_LEAST_BITS_PER_S = 4  # a header that promises hours in a few bytes is nonsense
_BEHIND_DATA = (b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"PEAK", b"iXML")
_USUAL = struct.Struct("<8x8sIHHIIHH4sI")  # the RIFF header, the format, the head of the samples
_PCM, _FLOAT, _ALAW, _ULAW, _ADPCM, _MPEG, _EXTENSIBLE = 1, 3, 6, 7, (0x02, 0x11), (0x50, 0x55), 0xFFFE
_READERS: tuple[tuple[bytes, Callable[[memoryview], Sound | None]], ...] = (
    (b"fLaC", lossless.flac),
    (b"OggS", ogg.ogg),
    (b"FORM", pcm.aiff),
    (b".snd", pcm.au),
    (b"caff", pcm.caf),
    (b"NIST_1A", pcm.sphere),
    (b"riff\x2e\x91\xcf\x11", pcm.wave64),
    (b"Creative Voice File\x1a", pcm.voice),
    (b"wvpk", lossless.wavpack),
    (b"MAC ", lossless.monkeys),
    (b"TTA1", lossless.true_audio),
    (b"#!AMR", frames.amr),
    (b"\x0bw", frames.ac3),
    (b"\x1aE\xdf\xa3", streams.matroska),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", streams.asf),
)


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
        data = data.cast("B")  # Arrow's buffers are views of signed bytes
        head = bytes(data[: _USUAL.size])
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return _usual_wav(head, len(data)) or _wav(data)
        return _plausible(_read(data, head), len(data))
    except Exception:  # noqa: BLE001  a parser may fail in any way on bytes that strangers made
        return None


def _read(data: memoryview, head: bytes) -> Sound | None:
    for magic, reader in _READERS:
        if head.startswith(magic):
            return reader(data)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return boxes.mp4(data)
    at = frames.skip_id3(data)
    start = bytes(data[at : at + 4])
    if start == b"fLaC":
        return lossless.flac(data)
    if start == b"TTA1":
        return lossless.true_audio(data)
    if start[:1] == b"\xff" and start[1] & 0xF6 == 0xF0:
        return frames.adts(data)
    return frames.mpeg(data)


def _plausible(sound: Sound | None, size_bytes: int) -> AudioHeader | None:
    if sound is None or not (0 < sound.rate < 10_000_000 and 0 < sound.channels <= 1024):
        return None
    seconds = sound.samples / sound.rate
    if not math.isfinite(seconds) or seconds <= 0 or seconds * _LEAST_BITS_PER_S > size_bytes * 8:
        return None
    return AudioHeader(round(seconds, 6), sound.rate, sound.channels)


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
    """WAV by the chunks that are there; of a compressed codec the fact chunk states the samples."""
    at, total, long_size = 12, len(data), None
    codec = rate = channels = align = per_block = 0
    stated: int | None = None
    while at + 8 <= total:
        kind, size = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if kind == b"ds64":
            long_size = struct.unpack_from("<Q", data, at + 8)[0]
        elif kind == b"fmt ":
            codec, channels, rate, _, align = struct.unpack_from("<HHIIH", data, at)
            if codec == _EXTENSIBLE:
                codec = struct.unpack_from("<H", data, at + 24)[0]
            elif codec in _ADPCM:
                per_block = struct.unpack_from("<H", data, at + 18)[0]
        elif kind == b"fact":
            stated = struct.unpack_from("<I", data, at)[0]
        elif kind == b"data":
            if not (rate and channels and align):
                return None
            there = total - at
            if size == 0xFFFFFFFF:  # streamed, or the true size is in ds64
                size = there if long_size is None else long_size
            elif size == 0 and bytes(data[at : at + 4]) not in _BEHIND_DATA:
                size = there  # streamed by a writer that could not seek back
            size = min(size, there)
            if codec in (_PCM, _FLOAT, _ALAW, _ULAW):
                return _checked_wav(size, rate, channels, align)
            inside = frames.mpeg(data[at : at + size]) if codec in _MPEG else None
            samples = _of_blocks(size, align, per_block, stated)
            return _plausible(inside or Sound(samples, rate, channels), total)
        at += size + size % 2
    return None


def _of_blocks(size: int, align: int, per_block: int, stated: int | None) -> int:
    """What is stated, where the blocks that are there hold it; some writers state half of it for two channels."""
    whole = size // align * per_block
    if stated is not None and (not whole or whole - per_block < stated <= whole):
        return stated
    return whole


def _checked_wav(size_bytes: int, rate: int, channels: int, align: int) -> AudioHeader | None:
    if size_bytes == 0:
        return AudioHeader(0.0, rate, channels)
    return _plausible(Sound(size_bytes // align, rate, channels), size_bytes)
