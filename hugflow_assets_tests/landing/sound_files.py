"""Sound in every format that soundfile and, where it is installed, ffmpeg write; and what they say of it again."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

FFMPEG = shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None
LENGTHS = (1000, 16001, 38912)  # samples


class Made(NamedTuple):
    """A file, and how it was made: samples, rate and channels, and how far apart a stated length may be."""

    name: str
    data: bytes
    samples: int
    rate: int
    channels: int
    frame: int  # samples of a frame; 0: the format states samples


_SOUNDFILE = (  # format, subtypes, rates, samples of a frame
    ("WAV", ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"), (8000, 44100), 0),
    ("WAV", ("IMA_ADPCM",), (8000, 44100), 2041),  # a block; libsndfile states half of it for two channels
    ("WAVEX", ("PCM_16", "FLOAT"), (16000,), 0),
    ("RF64", ("PCM_16",), (16000,), 0),
    ("W64", ("PCM_16", "FLOAT"), (22050,), 0),
    ("AIFF", ("PCM_16", "PCM_S8", "FLOAT", "ULAW"), (8000, 48000), 0),
    ("AU", ("PCM_16", "ULAW", "FLOAT", "PCM_24"), (8000, 44100), 0),
    ("CAF", ("PCM_16", "FLOAT", "ALAC_16"), (16000, 44100), 0),
    ("NIST", ("PCM_16", "ULAW"), (8000, 16000), 0),
    ("VOC", ("PCM_16", "PCM_U8"), (16000,), 0),
    ("FLAC", ("PCM_16", "PCM_24"), (8000, 16000, 96000), 0),
    ("OGG", ("VORBIS",), (8000, 44100), 0),
    ("OGG", ("OPUS",), (16000, 48000), 0),
    ("MP3", ("MPEG_LAYER_III",), (8000, 16000, 22050, 44100, 48000), 0),
)
_FFMPEG = (  # ending, arguments, rates, channels, samples of a frame
    ("mp3", "-c:a libmp3lame -b:a 64k", (8000, 16000, 44100), (1, 2), 1152),
    ("mp3", "-c:a libmp3lame -q:a 4", (24000, 48000), (1, 2), 1152),
    ("mp3", "-c:a libmp3lame -b:a 64k -write_xing 0", (16000, 44100), (1, 2), 3 * 1152),
    ("mp2", "-c:a mp2 -b:a 64k", (16000, 48000), (1,), 2 * 1152),
    ("aac", "-c:a aac", (8000, 16000, 44100), (1, 2, 6), 2 * 1024),
    ("m4a", "-c:a aac", (16000, 44100), (1, 2, 6), 1024),
    ("mp4", "-c:a aac -movflags +faststart", (48000,), (1, 6), 1024),
    ("mp4", "-c:a aac -movflags +frag_keyframe+empty_moov", (16000,), (1, 2), 2 * 1024),
    ("m4a", "-c:a alac", (16000, 44100), (1, 2, 6), 0),
    ("3gp", "-c:a aac", (16000,), (1,), 1024),
    ("webm", "-c:a libopus", (48000,), (1, 2), 960),
    ("webm", "-c:a libvorbis", (16000,), (1,), 2048),
    ("webm", "-c:a libopus -live 1", (48000,), (1,), 2 * 960),
    ("mka", "-c:a flac", (16000,), (1, 2), 4608),
    ("opus", "-c:a libopus", (48000,), (1, 2), 960),
    ("ogg", "-c:a libvorbis", (16000, 44100), (1, 2), 0),
    ("oga", "-c:a flac", (16000,), (1, 2), 0),
    ("spx", "-c:a libspeex", (8000, 16000), (1,), 1000),
    ("wma", "-c:a wmav2", (16000, 44100), (1, 2), 4 * 2048),
    ("wv", "-c:a wavpack", (16000, 44100), (1, 2, 6), 0),
    ("tta", "-c:a tta", (16000, 44100), (1, 2), 0),
    ("ac3", "-c:a ac3", (32000, 44100, 48000), (1, 2, 6), 2 * 1536),
    ("wav", "-c:a adpcm_ms", (16000,), (1, 2), 2048),
    ("wav", "-c:a libmp3lame", (16000,), (1,), 3 * 1152),
    ("aif", "", (16000,), (1, 2), 0),
    ("au", "-c:a pcm_mulaw", (8000,), (1,), 0),
    ("caf", "-c:a pcm_s16le", (16000,), (1,), 0),
    ("flac", "", (16000,), (1, 2, 6), 0),
    ("w64", "", (16000,), (1,), 0),
    ("voc", "", (16000,), (1,), 32),  # whose bytes ffprobe divides by the bit rate, heads of blocks included
)


def sound(samples: int, rate: int, channels: int) -> np.ndarray:
    times = np.arange(samples) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (300 + 50 * one) * times) for one in range(channels)], axis=1)


def with_soundfile() -> Iterator[Made]:
    """Files of every kind that libsndfile writes."""
    for kind, subtypes, rates, frame in _SOUNDFILE:
        for subtype in subtypes:
            for rate in rates:
                for channels in (1, 2):
                    for samples in LENGTHS:
                        out = io.BytesIO()
                        soundfile.write(out, sound(samples, rate, channels), rate, subtype, format=kind)
                        name = f"{kind}-{subtype}-{rate}-{channels}-{samples}"
                        yield Made(name, out.getvalue(), samples, rate, channels, frame)


def with_ffmpeg(folder: Path) -> Iterator[Made]:
    """Files of every kind that ffmpeg writes."""
    for ending, arguments, rates, layouts, frame in _FFMPEG:
        for rate in rates:
            for channels in layouts:
                for samples in LENGTHS[1:2]:
                    source = folder / f"{rate}-{channels}-{samples}.wav"
                    if not source.exists():
                        soundfile.write(source, sound(samples, rate, channels), rate)
                    path = folder / f"{samples}-{rate}-{channels}-{abs(hash(arguments)) % 9999}.{ending}"
                    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *arguments.split(), str(path)]
                    if subprocess.run(command, capture_output=True).returncode == 0:
                        yield Made(path.name + " " + arguments, path.read_bytes(), samples, rate, channels, frame)


def probed(path: Path) -> tuple[float | None, int, int]:
    """Seconds, rate and channels as ffprobe tells them."""
    wanted = "stream=sample_rate,channels,duration:format=duration"
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", wanted, "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    stream = found["streams"][0]
    seconds = stream.get("duration") or found["format"].get("duration")
    return None if seconds is None else float(seconds), int(stream["sample_rate"]), int(stream["channels"])
