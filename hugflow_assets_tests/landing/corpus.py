"""Real encoded audio and real parquet, as `datasets` and plain pyarrow write them."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from datasets import Audio, Dataset, DatasetInfo, Features, Value
from datasets.table import InMemoryTable

FORMATS = ("WAV", "FLAC", "OGG", "MP3")


@functools.cache
def clip(number: int, kind: str = "WAV", seconds: float = 0.25, rate: int = 16000) -> bytes:
    """One clip; every number sounds (and hashes) differently."""
    times = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (220 + 7 * number) * times)
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=kind)
    return out.getvalue()


def audio_rows(start: int, count: int) -> dict[str, list[Any]]:
    """Rows of a speech dataset: audio in four formats, text, speaker."""
    numbers = range(start, start + count)
    return {
        "id": [f"utt-{n}" for n in numbers],
        "audio": [
            {"bytes": clip(n, FORMATS[n % 4]), "path": f"clips/utt-{n}.{FORMATS[n % 4].lower()}"} for n in numbers
        ],
        "sentence": [f'Sentence "{n}"\nwith a line' if n % 3 == 0 else f"Sentence {n}" for n in numbers],
        "speaker_id": [f"s{n % 5}" for n in numbers],
        "score": [n / 3 for n in numbers],
    }


SPEECH = Features(
    {
        "id": Value("string"),
        "audio": Audio(sampling_rate=16000),
        "sentence": Value("string"),
        "speaker_id": Value("string"),
        "score": Value("float64"),
    }
)


def write_speech(path: Path, start: int, count: int, features: Features = SPEECH) -> Path:
    """A shard as ``Dataset.to_parquet`` writes it, with its metadata."""
    table = pa.table(audio_rows(start, count), schema=features.arrow_schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset(InMemoryTable(table), info=DatasetInfo(features=features)).to_parquet(path)
    return path


def write_plain(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    """A shard as plain pyarrow writes it: no features."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path
