"""What is measured in a landed record: exact numbers from lines that a landing writes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.profile import Spread, count_texts, measure
from hugflow_assets.profile.audio import DURATION_EDGES_S
from hugflow_assets.profile.tally import Tally
from hugflow_assets.store import ConfigRecord, Counts, Fingerprint, Manifest, RepoRecord, SplitRecord, Volatile

Row = Mapping[str, Any]


def clip(duration: float | None, *, rate: int | None = 16_000, channels: int | None = 1) -> dict[str, Any]:
    return {
        "path": "audio/a.wav",
        "source_path": "a.wav",
        "duration": duration,
        "sampling_rate": rate,
        "num_channels": channels,
    }


def landed(folder: Path, splits: Mapping[str, Sequence[Row]], text_column: str | None = "text") -> Manifest:
    """A record on disk as a landing leaves it, and the manifest that names its files."""
    records = []
    for name, rows in splits.items():
        path = folder / "json" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        records.append(SplitRecord(name=name, record_path=f"json/{name}.jsonl", shards=(), counts=Counts()))
    request = DatasetRequest(hf_id="org/made", description="Made.")
    commit = "c" * 40
    return Manifest(
        name="org__made__rev_main",
        request=request,
        repo=RepoRecord(endpoint="http://hub", id="org/made", commit=commit),
        fingerprint=Fingerprint.of(request, commit, "xxh128", ()),
        shape="parquet",
        checksums="xxh128",
        text_column=text_column,
        configs=(ConfigRecord(name="default", splits=tuple(records)),),
        counts=Counts(),
        size_bytes=0,
        files=0,
        volatile=Volatile(landed_at="2026-01-01T00:00:00Z", updated_at="2026-01-01T00:00:00Z"),
    )


def test_rows_are_counted_by_config_and_split(tmp_path: Path) -> None:
    profile = measure(tmp_path, landed(tmp_path, {"train": [{"text": "a"}] * 3, "test": [{"text": "b"}]}))
    assert profile.rows == 4
    assert profile.rows_by_split == {"default/train": 3, "default/test": 1}
    assert profile.audio is None


def test_audio_is_found_at_any_depth_and_what_is_missing_is_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"audio": clip(0.5), "turns": [{"left": clip(1.0, rate=8_000), "right": clip(120.0, channels=2)}]},
        {"audio": clip(None, rate=None, channels=None)},  # landed, its header not understood
        {"audio": {**clip(None), "path": None}},  # null upstream: no clip
        {"audio": {"path": "only a struct that looks like it"}},
    ]
    audio = measure(tmp_path, landed(tmp_path, {"train": rows})).audio
    assert audio is not None
    assert (audio.clips, audio.without_duration) == (4, 1)
    assert audio.hours == pytest.approx(121.5 / 3600)
    assert audio.sampling_rates == {"16000": 2, "8000": 1}
    assert audio.channels == {"1": 2, "2": 1}
    assert audio.duration_s == Spread(least=0.5, p5=0.5, median=1.0, p95=120.0, most=120.0)
    assert audio.histogram == (1, 1, *[0] * (len(DURATION_EDGES_S) - 2), 1)


def test_text_is_measured_in_characters_words_and_alphabet(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": "ba ba"}, {"text": "  "}, {"text": None}, {"text": "naïve 日本語"}, {}]
    text = measure(tmp_path, landed(tmp_path, {"train": rows})).text
    assert text is not None
    assert (text.rows_with_text, text.rows_without, text.words_total) == (2, 3, 4)
    assert text.characters is not None and (text.characters.least, text.characters.most) == (5, 9)
    assert text.alphabet_size == len(set("ba ba" + "naïve 日本語"))
    assert text.alphabet[0] == "a"
    assert count_texts(tmp_path, landed(tmp_path, {"train": rows})) == (5, 2)


def test_without_a_text_column_or_rows_nothing_is_claimed(tmp_path: Path) -> None:
    manifest = landed(tmp_path, {"train": [{"text": "a"}]}, text_column=None)
    assert measure(tmp_path, manifest).text is None
    assert count_texts(tmp_path, manifest) == (1, 0)
    empty = measure(tmp_path, landed(tmp_path, {"train": []}))
    assert (empty.rows, empty.audio) == (0, None)
    assert empty.text is not None and empty.text.characters is None


def test_a_damaged_or_missing_record_is_named_with_what_to_do(tmp_path: Path) -> None:
    manifest = landed(tmp_path, {"train": [{"text": "a"}, {"text": "b"}]})
    (tmp_path / "json/train.jsonl").write_bytes(b'{"text":"a"}\n{"text":"b\n')
    for look in (measure, count_texts):
        with pytest.raises(DamagedDatasetError, match=r"train\.jsonl, line 2 is not JSON") as caught:
            look(tmp_path, manifest)
        assert caught.value.remedy
    (tmp_path / "json/train.jsonl").unlink()
    for look in (measure, count_texts):
        with pytest.raises(DamagedDatasetError, match=r"train\.jsonl cannot be read: No such file"):
            look(tmp_path, manifest)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=200))
def test_order_statistics_are_those_of_the_sorted_values(hundredths: list[int]) -> None:
    tally = Tally(0.01)
    for value in hundredths:
        tally.add(value * 0.01)
    least, median, most = tally.quantiles((0.0, 0.5, 1.0))
    assert least == pytest.approx(min(hundredths) / 100)
    assert median == pytest.approx(statistics.median_low(hundredths) / 100)
    assert most == pytest.approx(max(hundredths) / 100)
    bins = tally.histogram((1.0, 50.0))
    assert bins == [
        sum(value < 100 for value in hundredths),
        sum(100 <= value < 5000 for value in hundredths),
        sum(value >= 5000 for value in hundredths),
    ]
