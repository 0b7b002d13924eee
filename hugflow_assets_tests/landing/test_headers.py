"""Durations, rates and channels from headers; nonsense is no header."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.formats.audio_headers import AudioHeader, read_header
from hugflow_assets_tests.landing.corpus import clip


def encoded(kind: str, subtype: str | None, channels: int = 1, rate: int = 16000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(0).normal(0, 0.1, (rate * 2, channels)), rate, subtype, format=kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype", "within_s"),
    [
        ("WAV", "PCM_16", 0),
        ("WAV", "PCM_U8", 0),
        ("WAV", "FLOAT", 0),
        ("WAV", "ULAW", 0),
        ("WAVEX", "PCM_24", 0),
        ("RF64", "PCM_16", 0),
        ("FLAC", "PCM_16", 0),
        ("OGG", "VORBIS", 0),
        ("AIFF", "PCM_16", 0),
        ("MP3", None, 0.1),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_headers_of_real_files(kind: str, subtype: str | None, within_s: float, channels: int) -> None:
    header = read_header(memoryview(encoded(kind, subtype, channels)))
    assert header is not None
    assert abs(header.duration_s - 2) <= within_s
    assert (header.sampling_rate, header.num_channels) == (16000, channels)


def test_opus_plays_at_48_khz() -> None:
    assert read_header(memoryview(encoded("OGG", "OPUS"))) == AudioHeader(2.0, 48000, 1)


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


@given(st.sampled_from(["WAV", "FLAC", "OGG", "MP3"]), st.data())
def test_damaged_files_never_raise_and_never_say_nonsense(kind: str, data: st.DataObject) -> None:
    whole = bytearray(clip(1, kind))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, min(80, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    header = read_header(memoryview(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
    if header is not None:
        assert 0 <= header.duration_s <= 2 * len(whole)
        assert 0 < header.sampling_rate < 10_000_000 and 0 < header.num_channels <= 1024
