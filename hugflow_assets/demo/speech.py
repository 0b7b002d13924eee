"""The demo's dataset: a voice that is computed, really encoded, and written to parquet by ``datasets`` itself.

Every letter of a sentence becomes a short sound shaped by two formants, so that the clips have the lengths, pauses and
spectra of slow speech without anyone's voice in them. numpy, soundfile and datasets are imported when it is made.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REPO_ID = "hugflow/demo-speech"
LICENSE = "cc0-1.0"
_VERSION = "1"
_DONE = ".made"
_ROWS_PER_SHARD = 12
_LETTER_S = 0.055
_PITCH_HZ = {"ada": 205.0, "ben": 118.0, "cleo": 240.0}
# The first two formants, in Hz; letters that are not here are a hiss.
_FORMANTS_HZ = {
    "a": (730.0, 1090.0),
    "e": (530.0, 1840.0),
    "i": (270.0, 2290.0),
    "o": (570.0, 840.0),
    "u": (300.0, 870.0),
    "l": (360.0, 1300.0),
    "m": (250.0, 1100.0),
    "n": (280.0, 1500.0),
    "r": (310.0, 1060.0),
    "w": (290.0, 610.0),
    "y": (260.0, 2070.0),
}
_SUBJECTS = ("the river", "a small boat", "our neighbour", "the old clock", "every morning train", "a quiet voice")
_VERBS = ("carries", "follows", "remembers", "waits for", "answers", "loses")
_OBJECTS = ("the evening light", "seven red apples", "nobody in particular", "the road to the sea", "a letter home")


@dataclass(frozen=True)
class _Encoding:
    """A container with its sampling rate in Hz."""

    format: str
    ending: str
    sampling_rate: int


_ENCODINGS = (
    _Encoding("WAV", "wav", 16_000),
    _Encoding("FLAC", "flac", 16_000),
    _Encoding("OGG", "ogg", 24_000),
    _Encoding("MP3", "mp3", 22_050),
)
# Config and split to the number of its parquet shards.
_SHARDS = {("clean", "train"): 3, ("clean", "test"): 1, ("noisy", "train"): 2, ("noisy", "test"): 1}


def speech_repo(folder: Path) -> dict[str, bytes | Path]:
    """The files of the demo's repository, made in ``folder`` unless they are there already.

    Two configs (clean, noisy) with two splits each, seven parquet shards of twelve clips in WAV, FLAC, OGG and MP3,
    and a card. A second call gives the same bytes, which an encoder alone would not promise.

    Returns:
        Path in the repository to the file that holds it.
    """
    if not _is_made(folder):
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder)
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _DONE
    }


def _is_made(folder: Path) -> bool:
    done = folder / _DONE
    return done.is_file() and done.read_text(encoding="utf-8") == _VERSION


def _make(folder: Path) -> None:
    first = 0
    for (config, split), shards in _SHARDS.items():
        for index in range(shards):
            rows = list(_rows(config, range(first, first + _ROWS_PER_SHARD)))
            _write_shard(folder / config / f"{split}-{index:05}-of-{shards:05}.parquet", rows)
            first += _ROWS_PER_SHARD
    (folder / "README.md").write_text(_card(), encoding="utf-8")
    (folder / _DONE).write_text(_VERSION, encoding="utf-8")


def _rows(config: str, numbers: range) -> Iterator[dict[str, Any]]:
    speakers = list(_PITCH_HZ)
    for number in numbers:
        encoding, speaker = _ENCODINGS[number % len(_ENCODINGS)], speakers[number % len(speakers)]
        text = _sentence(number)
        samples = _voice(text, _PITCH_HZ[speaker], encoding.sampling_rate, noise=0.06 if config == "noisy" else 0.0)
        path = f"{speaker}_{number:04}.{encoding.ending}"
        audio = {"bytes": _encode(samples, encoding), "path": path}
        yield {"id": number, "audio": audio, "text": text, "speaker": speaker}


def _sentence(number: int) -> str:
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    verb = _VERBS[number // len(_SUBJECTS) % len(_VERBS)]
    return f"{subject} {verb} {_OBJECTS[number % len(_OBJECTS)]}"


def _voice(text: str, pitch_hz: float, sampling_rate: int, *, noise: float) -> NDArray[np.float32]:
    """A sentence as samples in [-1, 1]: vowels and sonorants as harmonics under two formants, the rest as hisses."""
    import numpy as np

    random = np.random.default_rng(len(text) + int(pitch_hz))
    count = int(_LETTER_S * sampling_rate)
    time_s = np.arange(count) / sampling_rate
    fade = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.15 * count))
    sounds = []
    for at, letter in enumerate(text):
        if letter == " ":
            sounds.append(np.zeros(count))
        elif letter in _FORMANTS_HZ:
            glide = pitch_hz * (1.0 + 0.08 * np.sin(at / 5.0) - 0.1 * at / len(text))
            harmonics = glide * np.arange(1, int(3_800 / pitch_hz))
            weights = sum(np.exp(-(((harmonics - formant) / 160.0) ** 2)) for formant in _FORMANTS_HZ[letter]) + 0.02
            sounds.append(fade * (weights @ np.sin(2 * np.pi * np.outer(harmonics, time_s))) * 0.2)
        else:
            sounds.append(fade * random.standard_normal(count) * 0.05)
    samples = np.concatenate(sounds)
    samples += noise * random.standard_normal(len(samples))
    return np.clip(samples, -0.98, 0.98).astype(np.float32)


def _encode(samples: NDArray[np.float32], encoding: _Encoding) -> bytes:
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples, encoding.sampling_rate, format=encoding.format)
    return out.getvalue()


def _write_shard(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    from datasets import Audio, Dataset, DatasetInfo, Features, Value
    from datasets.table import InMemoryTable
    from datasets.utils import disable_progress_bars, enable_progress_bars, is_progress_bar_enabled

    features = Features({"id": Value("int64"), "audio": Audio(), "text": Value("string"), "speaker": Value("string")})
    table = InMemoryTable(pa.Table.from_pylist(rows, schema=features.arrow_schema))
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = is_progress_bar_enabled()
    disable_progress_bars()
    try:
        Dataset(table, info=DatasetInfo(features=features)).to_parquet(str(path))
    finally:
        if shown:
            enable_progress_bars()


def _card() -> str:
    configs = "".join(
        f"- config_name: {config}\n  data_files:\n"
        + "".join(f"  - split: {split}\n    path: {config}/{split}-*\n" for split in _splits(_SHARDS, config))
        for config in dict.fromkeys(config for config, _ in _SHARDS)
    )
    return (
        f"---\nlicense: {LICENSE}\nlanguage:\n- en\ntask_categories:\n- automatic-speech-recognition\n"
        f"pretty_name: Demo speech\nconfigs:\n{configs}---\n"
        "# Demo speech\n\nA computed voice, without anyone's in it, reads sentences that nobody wrote. "
        "`clean` is as it was computed, `noisy` has noise added.\n"
    )


def _splits(shards: Mapping[tuple[str, str], int], config: str) -> list[str]:
    return [split for one, split in shards if one == config]
