"""A landed dataset is opened by name and gives the source's rows, types and bytes, to a loop and to every toolkit."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import (
    DamagedDatasetError,
    HFSplitNotFoundError,
    HFSubsetNotFoundError,
    ManifestError,
    UnknownDatasetError,
)
from hugflow_assets.reading import Dataset, open_dataset
from hugflow_assets_tests.datasets_made import clip_rows, wav_bytes, write_parquet
from hugflow_assets_tests.landing.conftest import REPO, House

TRAIN, TEST = clip_rows(7), clip_rows(3, first=7)


@pytest.fixture
def root(house: House, repo: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A storage with one dataset of two splits, the first in two shards."""
    repo(
        {
            "data/train-00000-of-00002.parquet": write_parquet(tmp_path / "a.parquet", TRAIN[:4]),
            "data/train-00001-of-00002.parquet": write_parquet(tmp_path / "b.parquet", TRAIN[4:]),
            "data/test-00000-of-00001.parquet": write_parquet(tmp_path / "c.parquet", TEST),
        }
    )
    house.land()
    found = house.store.layout.root
    monkeypatch.setenv("HUGFLOW_ROOT", str(found))
    return found


def ids(rows: Dataset) -> list[int]:
    return [row["id"] for row in rows]


def test_it_is_opened_by_the_hubs_name_its_own_and_its_path(root: Path) -> None:
    for name in (REPO, "acme__speech__rev_main", root / "acme__speech__rev_main", f"{root}/acme__speech__rev_main"):
        assert ids(open_dataset(name, split="train")) == [row["id"] for row in TRAIN]
    assert open_dataset(REPO).info.hf_id == REPO
    assert open_dataset(REPO, root=root).splits == {"train": 7, "test": 3}


def test_a_row_has_the_sources_values_and_a_path_that_opens(root: Path) -> None:
    for row, source in zip(open_dataset(REPO), [*TRAIN, *TEST], strict=True):
        assert (row["id"], row["text"]) == (source["id"], source["text"])
        assert Path(row["audio"]["path"]).read_bytes() == source["audio"]["bytes"]
        assert row["audio"]["sampling_rate"] == 16000
    with_bytes = open_dataset(REPO, split="test").with_media("bytes")
    assert [row["audio"]["bytes"] for row in with_bytes] == [row["audio"]["bytes"] for row in TEST]


def test_any_row_is_there_by_its_number(root: Path) -> None:
    speech = open_dataset(REPO)
    assert len(speech) == 10
    assert [speech[at]["id"] for at in (0, 6, 7, 9, -1, -10)] == [0, 6, 7, 9, 9, 0]
    assert ids(speech[2:9:3]) == [2, 5, 8]
    for beyond in (10, -11):
        with pytest.raises(IndexError):
            speech[beyond]


def test_an_index_that_is_of_another_record_or_gone_is_not_believed(root: Path) -> None:
    index = root / "acme__speech__rev_main/json/train.jsonl.idx"
    told = index.read_bytes()
    index.chmod(0o640)
    for wrong in (told[:-8], told[:-8] + bytes(8), b"", None):
        if wrong is None:
            index.unlink()
        else:
            index.write_bytes(wrong)
        assert [open_dataset(REPO)[at]["id"] for at in (6, 3, 0)] == [6, 3, 0]


def test_shards_hold_each_row_once_and_a_shuffle_is_the_seeds(root: Path) -> None:
    speech = open_dataset(REPO)
    assert sorted(number for at in range(3) for number in ids(speech.shard(at, 3))) == list(range(10))
    shuffled = ids(speech.shuffle(7))
    assert sorted(shuffled) == list(range(10)) and shuffled != list(range(10))
    assert shuffled == ids(open_dataset(REPO).shuffle(7)) != ids(speech.shuffle(8))
    assert ids(pickle.loads(pickle.dumps(speech.shuffle(7).shard(1, 2)))) == shuffled[1::2]
    with pytest.raises(ValueError, match="no shard 3"):
        speech.shard(3, 3)


def test_rows_are_filtered_by_the_length_of_their_audio(house: House, repo: Callable[..., str], tmp_path: Path) -> None:
    rows = [
        {"id": at, "audio": {"bytes": wav_bytes(seconds, hz=300 + at), "path": f"{at}.wav"}, "text": "t"}
        for at, seconds in enumerate((0.1, 0.2, 0.3, 0.4))
    ]
    rows.append({"id": 4, "audio": None, "text": "no clip"})
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", rows)})
    speech = open_dataset(house.land().path)
    assert ids(speech.filter(min_duration=0.2, max_duration=0.3)) == [1, 2]
    assert ids(speech.filter(max_duration=0.25).filter(min_duration=0.15)) == [1]
    assert ids(speech.filter()) == [0, 1, 2, 3]


def test_what_is_not_there_is_refused_by_name(root: Path) -> None:
    with pytest.raises(UnknownDatasetError, match=r"Did you mean 'acme/speech'"):
        open_dataset("acme/speach")
    with pytest.raises(HFSplitNotFoundError, match="train, test"):
        open_dataset(REPO, split="validation")
    with pytest.raises(HFSubsetNotFoundError, match="default"):
        open_dataset(REPO, subset="clean")
    with pytest.raises(UnknownDatasetError, match=r"revision 'v2'.*Landed of it"):
        open_dataset(REPO, revision="v2")
    with pytest.raises(UnknownDatasetError, match="no storage root"):
        open_dataset(REPO, root=root / "nowhere")
    with pytest.raises(UnknownDatasetError, match=r"hugflow\.json"):
        open_dataset(root)


def test_a_damaged_landing_says_so(root: Path) -> None:
    folder = root / "acme__speech__rev_main"
    record = folder / "json/train.jsonl"
    record.chmod(0o640)
    record.write_bytes(record.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(DamagedDatasetError, match="1 lines, the manifest says 7"):
        open_dataset(REPO)[3]
    (folder / "hugflow.json").chmod(0o640)
    (folder / "hugflow.json").write_text("[")
    with pytest.raises(ManifestError, match="hugflow verify"):
        open_dataset(folder)


def test_of_several_landings_the_one_made_for_what_is_asked_is_opened(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    card = "configs:\n" + "".join(
        f"- config_name: {name}\n  data_files:\n  - split: train\n    path: {name}.parquet\n" for name in ("ms", "fr")
    )
    repo(
        {
            "README.md": f"---\n{card}---\n".encode(),
            "ms.parquet": write_parquet(tmp_path / "a.parquet", TRAIN),
            "fr.parquet": write_parquet(tmp_path / "b.parquet", TEST),
        }
    )
    house.land()
    house.land(house.plan(subset="fr"))
    root = house.store.layout.root
    assert open_dataset(REPO, subset="fr", root=root).info.name == "acme__speech__subset_fr__rev_main"
    assert open_dataset(REPO, subset="ms", root=root).info.name == "acme__speech__rev_main"
    both = open_dataset(REPO, root=root)
    assert both.splits == {"ms/train": 7, "fr/train": 3} and both.configs == ("ms", "fr")
    assert ids(both.select(config="fr")) == [7, 8, 9]
    house.land(house.plan(revision=house.store.manifest("acme__speech__rev_main").commit))  # type: ignore[union-attr]
    with pytest.raises(UnknownDatasetError, match="several times"):
        open_dataset(REPO, subset="ms", root=root)
    assert open_dataset(REPO, subset="ms", revision="main", root=root).info.revision == "main"


def test_the_one_part_of_a_repository_that_landed_is_opened_by_the_repositorys_name(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(
        {
            "data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", TRAIN),
            "data/test-00000-of-00001.parquet": write_parquet(tmp_path / "b.parquet", TEST),
        }
    )
    house.land(house.plan(split="test"))
    root = house.store.layout.root
    assert ids(open_dataset(REPO, root=root)) == ids(open_dataset(REPO, split="test", root=root)) == [7, 8, 9]
    with pytest.raises(UnknownDatasetError, match=r"split 'train' is not landed.*Landed of it"):
        open_dataset(REPO, split="train", root=root)
    house.land(house.plan(split="train"))
    with pytest.raises(UnknownDatasetError, match=r"several times.*`split`"):
        open_dataset(REPO, root=root)
    assert ids(open_dataset(REPO, split="train", root=root)) == [row["id"] for row in TRAIN]


def test_it_imports_neither_dagster_nor_datasets_nor_arrow_nor_torch(root: Path) -> None:
    code = (
        "import sys; from hugflow_assets.reading import open_dataset\n"
        f"assert len([*open_dataset({REPO!r})]) == 10\n"
        "print(*sorted({'dagster', 'datasets', 'pyarrow', 'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


ZOO: dict[str, Any] = {
    "id": value("uint64"),
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
    "at": value("timestamp[us, tz=Europe/Berlin]"),
    "naive": value("timestamp[ns]"),
    "day": value("date32"),
    "price": value("decimal128(10, 3)"),
    "span": value("duration[ms]"),
    "raw": value("binary"),
    "small": value("float32"),
    "flag": value("bool"),
    "words": {"feature": {"word": value("string"), "at": value("float64")}, "_type": "List"},
    "nested": {"who": value("string"), "tags": {"feature": value("int8"), "_type": "List"}},
    "vector": {"feature": value("float32"), "length": 2, "_type": "List"},
    "audio": {"sampling_rate": 16000, "decode": True, "_type": "Audio"},
    "turns": {"feature": {"sampling_rate": None, "decode": True, "_type": "Audio"}, "_type": "List"},
}


def zoo_rows() -> list[dict[str, Any]]:
    clip = {"bytes": wav_bytes(0.1), "path": "a.wav"}
    full = {
        "id": 2**64 - 1, "label": 1, "at": dt.datetime(2024, 2, 29, 12, 30, 1, 5, dt.UTC),
        "naive": dt.datetime(1999, 12, 31, 23, 59, 59), "day": dt.date(2024, 2, 29), "price": Decimal("12.340"),
        "span": dt.timedelta(milliseconds=-1500), "raw": b"\x00\xff", "small": 0.1, "flag": True,
        "words": [{"word": "a", "at": 0.5}, {"word": "b", "at": None}], "nested": {"who": "x", "tags": [1, 2]},
        "vector": [1.5, 2.5], "audio": clip, "turns": [clip, {"bytes": wav_bytes(0.2), "path": "b.wav"}],
    }  # fmt: skip
    return [
        full,
        dict.fromkeys(full),
        {**full, "id": 0, "words": [], "turns": [], "nested": {"who": None, "tags": None}},
    ]


def test_the_types_of_the_source_come_back(house: House, repo: Callable[..., str], tmp_path: Path) -> None:
    from datasets import Features, load_dataset

    source = write_parquet(tmp_path / "a.parquet", zoo_rows(), ZOO)
    repo({"data/train-00000-of-00001.parquet": source})
    speech = open_dataset(house.land().path).with_media("bytes")
    upstream = load_dataset("parquet", data_files=str(source), split="train", cache_dir=str(tmp_path / "cache"))
    found = speech.to_datasets(decode=True)
    assert found.features == upstream.features == Features.from_dict(ZOO)
    ours, theirs = found.with_format("arrow")[:], upstream.with_format("arrow")[:]
    for name in ZOO:
        if "_type" in ZOO[name] and ZOO[name]["_type"] == "Audio":
            assert [v and v["bytes"] for v in ours[name].to_pylist()] == [
                v and v["bytes"] for v in theirs[name].to_pylist()
            ]
        elif name == "turns":
            assert [v and [one["bytes"] for one in v] for v in ours[name].to_pylist()] == [
                v and [one["bytes"] for one in v] for v in theirs[name].to_pylist()
            ]
        else:
            assert ours[name].to_pylist() == theirs[name].to_pylist(), name
    assert speech.to_datasets()[0]["audio"]["bytes"] == wav_bytes(0.1)


HUGE = b'{"id":1,"meta":{"n":1.8e308,"m":-1e400,"long":12345678901234567890123,"half":"\\ud800"}}'


def test_numbers_beyond_a_double_are_as_they_are_written(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    from datasets import Json, load_dataset

    repo({"data/train.jsonl": HUGE + b"\n" + b'{"id":2,"meta":"only text"}\n{"id":3,"meta":null}\n'})
    landed = house.land().path
    rows = open_dataset(landed)
    assert [row["id"] for row in rows] == [1, 2, 3] and rows[0]["meta"]["long"] == 12345678901234567890123
    wanted = [HUGE.partition(b'"meta":')[2][:-1].decode(), '"only text"', None]
    assert rows.to_datasets().features["meta"] == Json()
    for found in (rows.to_arrow(), rows[:].to_arrow()):
        assert found["meta"].to_pylist() == wanted
    view = load_dataset(str(landed), cache_dir=str(tmp_path / "cache"))["train"]
    assert view.features["meta"] == Json()
    assert view.with_format("arrow")[:]["meta"].to_pylist() == wanted


def test_a_column_that_is_not_what_its_features_say_is_json(root: Path) -> None:
    features = root / "acme__speech__rev_main/json/features.json"
    features.chmod(0o640)
    features.write_text(features.read_text().replace('"string"', '"int64"'))
    found = open_dataset(REPO, split="test").to_arrow()
    assert found["text"].to_pylist() == [f'"{row["text"]}"' for row in TEST] and found["id"].to_pylist() == [7, 8, 9]


def test_pandas_gets_arrows_types(root: Path) -> None:
    frame = open_dataset(REPO, split="test").to_pandas()
    assert frame["id"].tolist() == [7, 8, 9] and str(frame["id"].dtype) == "int64[pyarrow]"
    assert frame["text"].tolist() == [row["text"] for row in TEST]


def test_a_nemo_manifest_is_found_for_one_split(root: Path) -> None:
    found = open_dataset(REPO, split="test").nemo_manifest()
    assert found == root / "acme__speech__rev_main/manifests/nemo/test.jsonl" and found.is_file()
    with pytest.raises(UnknownDatasetError, match="of one split"):
        open_dataset(REPO).nemo_manifest()
