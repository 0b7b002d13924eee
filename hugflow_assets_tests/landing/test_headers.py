"""Durations, rates and channels from headers; nonsense is no header."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.formats.audio_headers import AudioHeader, read_header
from hugflow_assets_tests.landing.corpus import clip
from hugflow_assets_tests.landing.sound_files import FFMPEG, probed, with_ffmpeg, with_soundfile


def encoded(kind: str, subtype: str | None, channels: int = 1, rate: int = 16000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(0).normal(0, 0.1, (rate * 2, channels)), rate, subtype, format=kind)
    return out.getvalue()


def test_headers_of_all_that_libsndfile_writes_say_what_it_reads() -> None:
    wrong: list[tuple[Any, ...]] = []
    made = list(with_soundfile())
    for one in made:
        header, info = read_header(memoryview(one.data)), soundfile.info(io.BytesIO(one.data))
        rate = 48000 if "OPUS" in one.name else info.samplerate
        if header is None or (header.sampling_rate, header.num_channels) != (rate, info.channels):
            wrong.append((one.name, header))
        elif abs(header.duration_s * info.samplerate - info.frames) > max(one.frame, 0.1):
            wrong.append((one.name, header, info.frames))
    assert len(made) > 300 and wrong == []


@pytest.mark.skipif(not FFMPEG, reason="ffmpeg is not installed, and Debian's package is not to be had")
def test_headers_of_all_that_ffmpeg_writes_agree_within_a_frame(tmp_path: Path) -> None:
    """In samples where the format states them. MP3 is as long as its source: ffprobe counts what LAME padded."""
    wrong: list[tuple[Any, ...]] = []
    made = list(with_ffmpeg(tmp_path))
    for one in made:
        header, (seconds, rate, channels) = read_header(memoryview(one.data)), probed(tmp_path / one.name.split()[0])
        if header is None or (header.sampling_rate, header.num_channels) != (rate, channels):
            wrong.append((one.name, header, rate, channels))
            continue
        wanted = one.samples / one.rate if one.name.split()[0].endswith("mp3") or seconds is None else seconds
        if abs(header.duration_s - wanted) * one.rate > max(one.frame, 0.5):
            wrong.append((one.name, header, wanted, channels))
    assert len(made) > 80 and wrong == []


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"#!AMR\n" + (b"\x3c" + b"\0" * 31) * 50, AudioHeader(1.0, 8000, 1)),
        (b"#!AMR-WB\n" + (b"\x14" + b"\0" * 32) * 25, AudioHeader(0.5, 16000, 1)),
        (
            b"MAC " + struct.pack("<HHI", 3990, 0, 52) + b"\0" * 40
            + struct.pack("<HHIIIHHI", 2000, 0, 73728, 1000, 2, 16, 2, 44100) + b"\0" * 4096,
            AudioHeader(round(74728 / 44100, 6), 44100, 2),
        ),
    ],
)  # fmt: skip
def test_headers_of_files_that_no_encoder_here_writes(data: bytes, header: AudioHeader) -> None:
    assert read_header(memoryview(data)) == header


def test_opus_plays_at_48_khz() -> None:
    assert read_header(memoryview(encoded("OGG", "OPUS"))) == AudioHeader(2.0, 48000, 1)


@pytest.mark.parametrize("kind", ["MP3", "CAF", "AU", "OGG", "FLAC"])
def test_views_of_signed_bytes_read_alike(kind: str) -> None:
    """As Arrow's buffers give them."""
    signed = memoryview(clip(0, kind)).cast("b")
    assert read_header(signed) == AudioHeader(0.25, 16000, 1)


def patched(data: bytes, size: int) -> bytes:
    at = data.index(b"data") + 4
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_streamed_wav_is_as_long_as_its_bytes(size: int) -> None:
    header = read_header(memoryview(patched(clip(0), size)))
    assert header == AudioHeader(0.25, 16000, 1)


def test_a_cut_off_wav_is_as_long_as_what_is_there() -> None:
    assert read_header(memoryview(clip(0)[: 44 + 4000])) == AudioHeader(0.125, 16000, 1)


def test_a_wav_without_samples_lasts_no_time() -> None:
    assert read_header(memoryview(patched(clip(0)[:44], 0))) == AudioHeader(0.0, 16000, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not audio at all" * 20,
        b"fLaC" + b"\xff" * 60,
        b"OggS" + b"\x00" * 60,
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
        b"\xff\xfb\xff\xff",
        clip(0)[:30],
        clip(0).replace(struct.pack("<I", 16000), struct.pack("<I", 0)),
    ],
)
def test_what_is_no_audio_has_no_header(data: bytes) -> None:
    assert read_header(memoryview(data)) is None


@given(st.sampled_from(["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64", "NIST", "VOC"]), st.data())
def test_damaged_files_never_raise_and_never_say_nonsense(kind: str, data: st.DataObject) -> None:
    whole = bytearray(clip(1, kind))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, min(80, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    header = read_header(memoryview(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
    if header is not None:
        assert 0 <= header.duration_s <= 2 * len(whole)
        assert 0 < header.sampling_rate < 10_000_000 and 0 < header.num_channels <= 1024
