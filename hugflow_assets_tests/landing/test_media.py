"""Audio wherever it is in a row: nested, several, null, by path only, with hostile names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Audio, Dataset, DatasetInfo, Features, Image, Value
from datasets import Sequence as Seq
from datasets.table import InMemoryTable

from hugflow_assets.errors import BadSourceError
from hugflow_assets.landing.options import LandedDataset
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.shapes.parquet import batches as reading
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import clip, write_plain
from hugflow_assets_tests.landing.trees import rows_of

Repo = Callable[..., str]
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def land_table(house: House, repo: Repo, tmp_path: Path) -> Callable[..., LandedDataset]:
    """Land a table written by plain pyarrow, or by `datasets` where features are given."""

    def land(
        table: pa.Table, features: Features | None = None, files: dict[str, Any] | None = None, **asked: Any
    ) -> LandedDataset:
        path = tmp_path / "t.parquet"
        if features is None or files:
            pq.write_table(table if features is None else table.cast(features.arrow_schema), path)
        else:
            Dataset(InMemoryTable(table.cast(features.arrow_schema)), info=DatasetInfo(features=features)).to_parquet(
                path
            )
        repo({"data/train-00000-of-00001.parquet": path, **(files or {})})
        return house.land(house.plan(**asked))

    return land


def value(number: int, path: str | None = None) -> dict[str, Any]:
    return {"bytes": clip(number), "path": path}


def test_audio_nested_in_lists_and_structs(land_table: Callable[..., LandedDataset]) -> None:
    features = Features(
        {
            "turns": [{"speech": Audio(), "text": Value("string")}],
            "pair": {"left": Audio(), "note": Value("int64")},
            "takes": Seq(Audio()),
        }
    )
    rows = [
        {
            "turns": [{"speech": value(0, "a.wav"), "text": "x"}, {"speech": None, "text": "y"}],
            "pair": {"left": value(1, "b.wav"), "note": 5},
            "takes": [value(2), value(3)],
        },
        {"turns": [], "pair": None, "takes": None},
        {"turns": None, "pair": {"left": None, "note": None}, "takes": []},
    ]
    landed = land_table(pa.Table.from_pylist(rows, schema=features.arrow_schema), features, audio_column="turns.speech")
    first, second, third = rows_of(landed, "json/train.jsonl")
    found = [first["turns"][0]["speech"], first["pair"]["left"], *first["takes"]]
    assert [(landed.path / one["path"]).read_bytes() for one in found] == [clip(n) for n in range(4)]
    assert first["turns"][1] == {"speech": None, "text": "y"} and first["pair"]["note"] == 5
    assert second == {"turns": [], "pair": {"left": None, "note": None}, "takes": None} or second["pair"] is None
    assert third["turns"] is None and third["takes"] == []
    assert landed.manifest.counts.media_files == 4
    nemo = rows_of(landed, "manifests/nemo/train.jsonl")
    assert [row["text"] for row in nemo] == ["x"]


@pytest.mark.parametrize("binary", [pa.binary(), pa.large_binary(), pa.binary_view()])
@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
def test_a_legacy_struct_of_bytes_and_path_is_audio(
    land_table: Callable[..., LandedDataset], binary: pa.DataType, text: pa.DataType
) -> None:
    struct = pa.struct([("bytes", binary), ("path", text)])
    landed = land_table(pa.table({"audio": pa.array([value(0, "x.wav"), None], struct), "text": ["a", "b"]}))
    rows = rows_of(landed, "json/train.jsonl")
    assert (landed.path / rows[0]["audio"]["path"]).read_bytes() == clip(0)
    assert rows[1]["audio"] is None
    assert landed.manifest.counts.null_audio == 1
    assert landed.manifest.counts.extra["rows_left_out_of_views"] == 1


def test_lists_of_every_kind_hold_audio(land_table: Callable[..., LandedDataset]) -> None:
    columns = {
        "large": pa.array([[value(0)], None], pa.large_list(STRUCT)),
        "fixed": pa.array([[value(1), value(2)], None], pa.list_(STRUCT, 2)),
    }
    landed = land_table(pa.table(columns))
    first, second = rows_of(landed, "json/train.jsonl")
    found = [*first["large"], *first["fixed"]]
    assert [(landed.path / one["path"]).read_bytes() for one in found] == [clip(n) for n in range(3)]
    assert second == {"large": None, "fixed": None}


def test_hostile_duplicate_and_missing_names(house: House, land_table: Callable[..., LandedDataset]) -> None:
    names = [
        "../../../evil.wav", "/etc/passwd", "a.wav", "A.wav", "a.wav", None, "", "  ", ".", "x" * 300 + ".wav",
        "b\x00\n.wav", "C:\\dir\\w.wav", "-n.wav", ".h.wav", "nul.wav", "[1].wav", "noext", "a.wav/", "ünï.wav",
        "train.wav",
    ]  # fmt: skip
    audio = pa.array([value(n, name) for n, name in enumerate(names)], STRUCT)
    landed = land_table(pa.table({"audio": audio}))
    rows = rows_of(landed, "json/train.jsonl")
    paths = [row["audio"]["path"] for row in rows]
    assert [(landed.path / path).read_bytes() for path in paths] == [clip(n) for n in range(len(names))]
    assert [row["audio"]["source_path"] for row in rows] == names
    assert len({path.casefold() for path in paths}) == len(names)
    assert all(Path(path).parent == Path("audio/train/00000") for path in paths)
    assert max(len(row["audio_filepath"]) for row in rows_of(landed, "manifests/nemo/train.jsonl")) < 255
    assert verify(house.store, landed.manifest.name).extra == ()
    assert len(list(house.folder.glob("**/evil.wav"))) == 1
    bases = [(name or "").replace("\\", "/").rsplit("/", 1)[-1] for name in names]
    kept = sum(Path(path).name == base for path, base in zip(paths, bases, strict=True))
    assert landed.manifest.counts.renamed_files == len(names) - kept


def test_audio_named_by_path_is_fetched_from_the_repository(land_table: Callable[..., LandedDataset]) -> None:
    paths = [
        "clips/a.wav",
        "b.wav",
        "clips/a.wav",
        "nowhere.wav",
        "../secret.wav",
        "/etc/passwd",
        "https://x.org/y.wav",
    ]
    audio = pa.array([{"bytes": None, "path": path} for path in paths], STRUCT)
    files = {"clips/a.wav": clip(5), "data/b.wav": clip(6)}
    features = Features({"audio": Audio()})
    landed = land_table(pa.table({"audio": audio}), features, files)
    rows = [row["audio"] for row in rows_of(landed, "json/train.jsonl")]
    assert (landed.path / rows[0]["path"]).read_bytes() == clip(5)
    assert (landed.path / rows[1]["path"]).read_bytes() == clip(6)
    assert rows[2]["path"] == rows[0]["path"] and rows[0]["duration"] == 0.25
    assert [row["path"] for row in rows[3:]] == [None] * 4
    assert [row["source_path"] for row in rows] == paths
    assert landed.manifest.counts.unresolved_paths == 4
    assert landed.manifest.counts.media_files == 2


def test_unreadable_audio_is_landed_counted_and_named(land_table: Callable[..., LandedDataset]) -> None:
    audio = pa.array(
        [value(0, "good.wav"), {"bytes": b"", "path": "empty.wav"}, {"bytes": b"junk" * 9, "path": "junk.mp3"}], STRUCT
    )
    landed = land_table(pa.table({"audio": audio, "text": ["a", "b", "c"]}))
    rows = [row["audio"] for row in rows_of(landed, "json/train.jsonl")]
    assert (landed.path / rows[1]["path"]).read_bytes() == b""
    assert rows[2]["duration"] is None and rows[2]["sampling_rate"] is None
    assert landed.manifest.counts.unreadable_audio == 2
    assert landed.manifest.unreadable_names == ("audio/train/00000/empty.wav", "audio/train/00000/junk.mp3")
    assert [row["text"] for row in rows_of(landed, "manifests/nemo/train.jsonl")] == ["a"]
    assert len(rows_of(landed, "manifests/lhotse/train.jsonl")) == 1
    names = pq.read_table(landed.path / "train.parquet")["audio_file_name"].to_pylist()
    assert names == [row["path"] for row in rows]


def test_images_go_to_a_folder_of_their_own(land_table: Callable[..., LandedDataset]) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
    features = Features({"image": Image(), "text": Value("string")})
    table = pa.table({"image": pa.array([{"bytes": png, "path": None}], STRUCT), "text": ["x"]})
    landed = land_table(table, features)
    (row,) = rows_of(landed, "json/train.jsonl")
    assert row["image"] == {"path": "image/train/00000/000000.png", "source_path": None}
    assert (landed.path / row["image"]["path"]).read_bytes() == png
    assert not (landed.path / "audio").exists()


def test_a_column_that_a_view_has_itself_appears_as_src(land_table: Callable[..., LandedDataset]) -> None:
    columns = {
        "audio_filepath": ["mine"],
        "duration": [99.0],
        "text": ["words"],
        "speech": pa.array([value(0, "a.wav")], STRUCT),
        "audio": ["other"],
        "sentence": ["told"],
    }
    landed = land_table(pa.table(columns), text_column="sentence")
    (nemo,) = rows_of(landed, "manifests/nemo/train.jsonl")
    assert nemo["src_audio_filepath"] == "mine" and nemo["src_duration"] == 99.0 and nemo["duration"] == 0.25
    assert nemo["text"] == "told" and nemo["src_text"] == "words"
    (view,) = pq.read_table(landed.path / "train.parquet").to_pylist()
    assert view["audio"] == "other" and view["speech_file_name"] == "audio/train/00000/a.wav"
    assert view["text"] == "told" and view["src_text"] == "words"
    (row,) = rows_of(landed, "json/train.jsonl")
    assert list(row) == list(columns) and row["duration"] == 99.0


def test_lhotse_cuts_have_unique_ids_and_exact_lengths(land_table: Callable[..., LandedDataset]) -> None:
    audio = pa.array([[value(0, "a.wav"), value(1, "b.wav")], [value(2, "a.wav")]], pa.list_(STRUCT))
    landed = land_table(pa.table({"audio": audio, "text": ["x", "y"]}))
    cuts = rows_of(landed, "manifests/lhotse/train.jsonl")
    assert [cut["id"] for cut in cuts] == ["train-0000000-0", "train-0000000-1", "train-0000001"]
    for cut in cuts:
        recording = cut["recording"]
        assert recording["duration"] == recording["num_samples"] / recording["sampling_rate"]
        assert (landed.path / recording["sources"][0]["source"]).is_file()


def test_what_is_not_parquet_is_named(house: House, repo: Repo, tmp_path: Path) -> None:
    good = write_plain(tmp_path / "g.parquet", {"text": ["a"] * 1000})
    cut = good.read_bytes()[: good.stat().st_size // 2]
    repo({"data/train-00000-of-00002.parquet": good, "data/train-00001-of-00002.parquet": cut})
    with pytest.raises(BadSourceError) as caught:
        house.land()
    assert "train-00001-of-00002.parquet" in str(caught.value)
    assert house.store.index.names() == []


def test_batches_are_bounded_by_bytes_not_by_rows(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "big.parquet", {"b": [bytes(4 << 20)] * 16}, use_dictionary=False, compression="none")
    schemas: list[pa.Schema] = []
    sizes = [batch.num_rows for batch in reading.stream(path, "big.parquet", schemas.append)]
    assert sum(sizes) == 16 and max(sizes) <= 4
    assert schemas == [pq.read_schema(path)]


def test_class_labels_stay_numbers_and_their_names_are_in_the_features(
    land_table: Callable[..., LandedDataset],
) -> None:
    from datasets import ClassLabel

    features = Features({"label": ClassLabel(names=["no", "yes"]), "n": Value("int64")})
    landed = land_table(pa.table({"label": [1, None], "n": [2**63 - 1, -(2**63)]}), features)
    assert rows_of(landed, "json/train.jsonl") == [{"label": 1, "n": 2**63 - 1}, {"label": None, "n": -(2**63)}]
    assert json.loads((landed.path / "json/features.json").read_bytes())["label"]["names"] == ["no", "yes"]
