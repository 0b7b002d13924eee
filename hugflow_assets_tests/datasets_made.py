"""Makers of small test datasets: real parquet as ``datasets`` writes it, and audio bytes that name their clip.

Heavy libraries are imported inside the makers, so that collecting tests stays fast.
"""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def wav_bytes(duration_s: float = 0.1, *, hz: float = 440.0, sampling_rate: int = 16_000, channels: int = 1) -> bytes:
    """A real 16-bit WAV file of a tone; equal arguments give equal bytes."""
    count = int(duration_s * sampling_rate)
    tone = [round(12_000 * math.sin(2 * math.pi * hz * at / sampling_rate)) for at in range(count)]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sampling_rate)
        file.writeframes(b"".join(struct.pack("<h", sample) * channels for sample in tone))
    return out.getvalue()


def encoded_bytes(kind: str, duration_s: float = 0.1, *, hz: float = 440.0, sampling_rate: int = 16_000) -> bytes:
    """A tone really encoded as ``wav``, ``flac``, ``ogg`` or ``mp3``."""
    import numpy as np
    import soundfile

    samples = 0.4 * np.sin(2 * np.pi * hz * np.arange(int(duration_s * sampling_rate)) / sampling_rate)
    out = io.BytesIO()
    soundfile.write(out, samples, sampling_rate, format=kind.upper())
    return out.getvalue()


def clip_rows(count: int, *, first: int = 0, duration_s: float = 0.05) -> list[dict[str, Any]]:
    """Rows of a speech dataset: ``id``, ``audio`` (WAV with a name of its own, each clip another tone), ``text``."""
    return [
        {
            "id": number,
            "audio": {"bytes": wav_bytes(duration_s, hz=200.0 + number), "path": f"clip_{number:05}.wav"},
            "text": f"sentence number {number}",
        }
        for number in range(first, first + count)
    ]


def audio_features() -> dict[str, Any]:
    """The features of ``clip_rows``, as ``Features.to_dict()`` gives them."""
    return {
        "id": {"dtype": "int64", "_type": "Value"},
        "audio": {"sampling_rate": None, "decode": True, "stream_index": None, "_type": "Audio"},
        "text": {"dtype": "string", "_type": "Value"},
    }


def write_parquet(
    path: Path, rows: Sequence[Mapping[str, Any]], features: Mapping[str, Any] | None = None, **kwargs: Any
) -> Path:
    """Write rows as ``datasets`` writes them to the Hub, its metadata in the footer included.

    Args:
        features: as ``Features.to_dict()`` gives them; those of ``clip_rows`` by default. An Audio is a struct of
            bytes and path, nothing is encoded.
        kwargs: handed to ``Dataset.to_parquet``.
    """
    import pyarrow as pa
    from datasets import Dataset, DatasetInfo, Features
    from datasets.table import InMemoryTable

    known = Features.from_dict(dict(features or audio_features()))
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=known.arrow_schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset(InMemoryTable(table), info=DatasetInfo(features=known)).to_parquet(str(path), **kwargs)
    return path


def write_plain_parquet(path: Path, rows: Sequence[Mapping[str, Any]], schema: Any = None, **kwargs: Any) -> Path:
    """Write rows by pyarrow alone: a legacy file without ``huggingface`` metadata in its footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path, **kwargs)
    return path


def speech_files(
    folder: Path, *, splits: Mapping[str, int] | None = None, shards: int = 2, rows_per_shard: int = 4
) -> dict[str, bytes | Path]:
    """The files of a small speech repository: ``data/{split}-0000i-of-0000n.parquet`` and a card.

    Args:
        splits: split to its number of shards; ``{"train": shards, "test": 1}`` by default.
    """
    splits = splits or {"train": shards, "test": 1}
    files: dict[str, bytes | Path] = {"README.md": card("cc0-1.0")}
    first = 0
    for split, count in splits.items():
        for index in range(count):
            path = f"data/{split}-{index:05}-of-{count:05}.parquet"
            files[path] = write_parquet(folder / path, clip_rows(rows_per_shard, first=first))
            first += rows_per_shard
    return files


def text_files(folder: Path, *, rows: int = 10) -> dict[str, bytes | Path]:
    """The files of a text-only repository in one parquet shard."""
    features = {"id": {"dtype": "int64", "_type": "Value"}, "text": {"dtype": "string", "_type": "Value"}}
    told = [{"id": number, "text": f"line {number}"} for number in range(rows)]
    path = "data/train-00000-of-00001.parquet"
    return {"README.md": card("mit"), path: write_parquet(folder / path, told, features)}


def two_config_files(folder: Path, *, rows: int = 3) -> dict[str, bytes | Path]:
    """A repository of the configs ``clean`` (train, test) and ``noisy`` (train) with a card that names them."""
    configs = {"clean": ("train", "test"), "noisy": ("train",)}
    files: dict[str, bytes | Path] = {}
    for number, (config, splits) in enumerate(configs.items()):
        for at, split in enumerate(splits):
            path = f"{config}/{split}-00000-of-00001.parquet"
            files[path] = write_parquet(folder / path, clip_rows(rows, first=100 * number + 10 * at))
    listed = "".join(
        f"- config_name: {config}\n  data_files:\n"
        + "".join(f'  - {{split: {split}, path: "{config}/{split}-*"}}\n' for split in splits)
        for config, splits in configs.items()
    )
    files["README.md"] = f"---\nlicense: cc-by-4.0\nconfigs:\n{listed}---\n# Two configs\n".encode()
    return files


def card(licence: str | None = None, text: str = "# A made dataset\n") -> bytes:
    """A README.md with a licence in its YAML block."""
    return (f"---\nlicense: {licence}\n---\n{text}" if licence else text).encode()


def tar_bytes(members: Mapping[str, bytes], *, compression: str = "") -> bytes:
    """A tar of files in the given order, with a fixed time; ``compression`` is "", "gz", "bz2" or "xz"."""
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_bytes(members: Mapping[str, bytes]) -> bytes:
    """A compressed zip of files in the given order."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tsv_bytes(rows: Sequence[Mapping[str, str]]) -> bytes:
    """A table as Common Voice has it: tabs, no quoting, text in every cell."""
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def common_voice_rows(language: str, split: str, count: int) -> list[dict[str, str]]:
    """Rows as in ``mozilla-foundation/common_voice_11_0``; a sentence with quotes among them."""
    return [
        {
            "client_id": f"{language}{split}{number:04}",
            "path": f"common_voice_{language}_{split}_{number:05}.mp3",
            "sentence": f'"{split}" ayat {number}' if number % 3 == 0 else f"ayat {number}",
            "up_votes": str(number),
            "down_votes": "0",
            "age": "",
            "gender": "",
            "accents": "",
            "locale": language,
            "segment": "",
        }
        for number in range(count)
    ]


def common_voice_clip(path: str) -> bytes:
    """The clip of that file name: a real MP3, each another tone."""
    return encoded_bytes("mp3", 0.08, hz=200.0 + sum(path.encode()) % 700)


def common_voice_files(
    languages: Mapping[str, Mapping[str, int]] | None = None, *, per_archive: int = 3
) -> dict[str, bytes | Path]:
    """A replica of ``mozilla-foundation/common_voice_11_0``: a loading script, tars by language and split, tsv tables.

    Args:
        languages: rows by split by language.
    """
    languages = languages or {"ms": {"train": 7, "dev": 2, "test": 3, "other": 1, "invalidated": 1}, "br": {"train": 4}}
    files: dict[str, bytes | Path] = {
        "README.md": b"---\nlicense: cc0-1.0\npretty_name: Common Voice Corpus 11.0\n---\n# Common Voice\n",
        "common_voice_11_0.py": b"import datasets\n",
        "languages.py": b"LANGUAGES = {'ms': 'Malay', 'br': 'Breton'}\n",
        "release_stats.py": b"STATS = {}\n",
        "n_shards.json": b"{}\n",
    }
    for language, splits in languages.items():
        for split, count in splits.items():
            rows = common_voice_rows(language, split, count)
            files[f"transcript/{language}/{split}.tsv"] = tsv_bytes(rows)
            for at in range(0, count, per_archive):
                name = f"{language}_{split}_{at // per_archive}"
                clips = {f"{name}/{row['path']}": common_voice_clip(row["path"]) for row in rows[at : at + per_archive]}
                files[f"audio/{language}/{split}/{name}.tar"] = tar_bytes(clips)
    return files
