"""The corpora: parquet shards as ``datasets`` writes them, of clips whose bytes do not compress."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile
from datasets import Audio, Dataset, DatasetInfo, Features, Value, disable_progress_bars
from datasets.table import InMemoryTable

SAMPLING_RATE = 16_000
DISTINCT_CLIPS = 32  # as many are encoded; the rest of a corpus repeats them
SHARD_BYTES = 128 * 10**6


@dataclass(frozen=True)
class Corpus:
    """``clips`` files of about ``clip_bytes``, ``shard_bytes`` a shard; ``clip_bytes`` 0 is text only."""

    name: str
    title: str
    clips: int
    clip_bytes: int
    container: str = "FLAC"
    shard_bytes: int = SHARD_BYTES

    @property
    def bytes(self) -> int:
        return self.clips * self.clip_bytes

    def scaled(self, scale: float) -> Corpus:
        return replace(self, clips=max(1, int(self.clips * scale)))


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus("35k", "35 KB clips", 20_000, 35_000, "WAV"),
        Corpus("200k", "200 KB FLAC", 4_000, 200_000),
        Corpus("8m", "8 MB clips", 100, 8_000_000),
        Corpus("text", "text only", 500_000, 0),
    )
}


def memory_corpora(scale: float) -> tuple[Corpus, Corpus]:
    """Few and many clips in shards of one size, of which the few fill several; the scale is that of the clips' size."""
    clip_bytes = max(1_000, int(35_000 * scale))
    return tuple(  # type: ignore[return-value]
        Corpus(f"memory-{clips}", f"{clips:,} clips", clips, clip_bytes, "WAV", clip_bytes * 2_000)
        for clips in (10_000, 100_000)
    )


def make(corpus: Corpus, folder: Path) -> dict[str, Path]:
    """Write the corpus as parquet shards below ``folder`` and give path in the repository -> file."""
    disable_progress_bars()
    folder.mkdir(parents=True, exist_ok=True)
    tables = _text_tables(corpus) if corpus.clip_bytes == 0 else _audio_tables(corpus)
    shards = list(tables)
    files: dict[str, Path] = {}
    for index, (table, features) in enumerate(shards):
        path = f"data/train-{index:05d}-of-{len(shards):05d}.parquet"
        target = folder / Path(path).name
        Dataset(InMemoryTable(table), info=DatasetInfo(features=features)).to_parquet(str(target))
        files[path] = target
    return files


def _audio_tables(corpus: Corpus) -> Iterator[tuple[pa.Table, Features]]:
    clips = _encoded_clips(corpus)
    features = Features({"audio": Audio(), "text": Value("string"), "speaker": Value("int64")})
    a_shard = max(1, corpus.shard_bytes // corpus.clip_bytes)
    for start in range(0, corpus.clips, a_shard):
        rows = range(start, min(start + a_shard, corpus.clips))
        audio = pa.array(
            [{"bytes": clips[row % len(clips)], "path": f"clip_{row:06d}.{corpus.container.lower()}"} for row in rows],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        )
        text = pa.array([f"this is what is said in clip {row}" for row in rows])
        yield pa.table({"audio": audio, "text": text, "speaker": pa.array([row % 97 for row in rows])}), features


def _encoded_clips(corpus: Corpus) -> list[bytes]:
    """Noise, encoded: 16-bit noise fills its bytes in WAV and does not compress in FLAC."""
    generator = np.random.default_rng(0)
    clips = []
    for _ in range(min(DISTINCT_CLIPS, corpus.clips)):
        samples = generator.integers(-30_000, 30_000, corpus.clip_bytes // 2, dtype=np.int16)
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, SAMPLING_RATE, format=corpus.container, subtype="PCM_16")
        clips.append(buffer.getvalue())
    return clips


def _text_tables(corpus: Corpus) -> Iterator[tuple[pa.Table, Features]]:
    features = Features(
        {"id": Value("int64"), "text": Value("string"), "score": Value("float64"), "tags": [Value("string")]}
    )
    for start in range(0, corpus.clips, 250_000):
        rows = range(start, min(start + 250_000, corpus.clips))
        yield (
            pa.table(
                {
                    "id": pa.array(rows, pa.int64()),
                    "text": pa.array([f"sentence {row}: the quick brown fox jumps over the lazy dog" for row in rows]),
                    "score": pa.array([row / 7 for row in rows], pa.float64()),
                    "tags": pa.array([[f"tag{row % 5}", "speech"] for row in rows]),
                }
            ),
            features,
        )
