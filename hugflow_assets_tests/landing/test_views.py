"""What the views hold, and how they come to what was landed before."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from datasets import Audio, Features, Value, load_dataset

from hugflow_assets.landing.options import VIEWS, LandingOptions
from hugflow_assets.landing.update_in_place import Edit, rebuild
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.planning.models import Action
from hugflow_assets.store import LAYOUT_VERSION, Fingerprint, Store
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import clip
from hugflow_assets_tests.landing.opening_cases import SPEECH, Case, audio
from hugflow_assets_tests.landing.test_opening import files_of, publish, rows_of
from hugflow_assets_tests.landing.trees import tree_of

BEFORE = Path(__file__).with_name("landed_by_0_1_0.tar.gz")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_version_0_1_0_landed_gets_the_new_views_from_its_record(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    storage.mkdir()
    with tarfile.open(BEFORE) as packed:
        packed.extractall(storage, filter="data")
    store = Store(storage, tmp_path / "state")
    before = store.manifest("acme__speech__rev_main")
    assert before is not None and before.layout_version == 1
    wanted = Fingerprint.of(before.request, before.commit, before.checksums, VIEWS)
    assert wanted.data == before.fingerprint.data and wanted.views != before.fingerprint.views
    kept = {path: data for path, data in tree_of(storage / before.name).items() if path.startswith(("audio/", "json/"))}
    with store.leases.take(before.name, purpose="views") as lease:
        after = rebuild(Edit(store, before, before.request, lease), LandingOptions())
    folder = store.layout.dataset(before.name)
    assert after.fingerprint == wanted and after.layout_version == LAYOUT_VERSION
    assert {p: d for p, d in tree_of(folder).items() if p.startswith(("audio/", "json/"))} == kept
    assert not list(folder.glob("*.jsonl")) and verify(store, before.name).extra == ()
    assert verify(store, before.name).whole
    with torch_there():
        found = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert found["train"]["text"][:] == [f"sentence number {n}" for n in range(3)]
    assert found["test"]["text"][:] == [None, None] and isinstance(found["train"].features["audio"], Audio)


def test_after_an_edit_an_update_a_move_and_a_copy_the_cache_of_datasets_gives_the_new_data(
    house: House, tmp_path: Path
) -> None:
    features = Features({**SPEECH, "other": Value("string")})

    def case(word: str) -> Case:
        rows = [{"audio": audio(n + len(word)), "text": f"{word} {n}", "other": f"other {n}"} for n in range(3)]
        return Case({"default": (features, {"train": [rows]})})

    def opened(folder: Path, **more: str) -> list[dict[str, object]]:
        with torch_there():
            return rows_of(load_dataset(str(folder), cache_dir=str(tmp_path / "c"), **more)["train"].data.table)

    publish(house.hub, tmp_path / "one", case("old"))
    first = house.land()
    assert [row["text"] for row in opened(first.path)] == ["old 0", "old 1", "old 2"]
    edited = house.land(house.plan(text_column="other"))
    assert edited.action is Action.VIEWS
    assert [row["text"] for row in opened(first.path)] == ["other 0", "other 1", "other 2"]
    house.land(house.plan())
    house.hub.commit("acme/speech", files_of(tmp_path / "two", case("newer")))
    house.land(house.plan(update=True))
    rows = opened(first.path)
    assert [(row["text"], row["audio"]) for row in rows] == [(f"newer {n}", clip(n + 5)) for n in range(3)]
    for act, place in ((shutil.copytree, "copied"), (shutil.move, "moved")):
        other = tmp_path / place / first.path.name  # of the same base name, which is what the cache is called by
        other.parent.mkdir()
        act(first.path, other)
        assert opened(other, description=str(other)) == rows
        with torch_there():
            paths = load_dataset(str(other), cache_dir=str(tmp_path / "c"), description=str(other))["train"].data.table
        assert all(Path(one["path"]).is_relative_to(other) for one in paths["audio"].to_pylist())


def test_audio_columns_that_share_no_row_are_one_and_those_that_do_are_several(house: House, tmp_path: Path) -> None:
    features = Features({"mp3": Audio(), "wav": Audio(), "flac": Audio(), "text": Value("string")})
    nothing: dict[str, Any] = {"mp3": None, "wav": None, "flac": None}
    rows = [
        nothing | {"mp3": audio(0, "MP3"), "text": "a"},
        nothing | {"wav": audio(1), "text": "b"},
        nothing | {"wav": audio(2), "flac": audio(2, "FLAC"), "text": None},
        nothing | {"text": "d"},
    ]
    publish(house.hub, tmp_path / "src", Case({"default": (features, {"train": [rows]})}))
    landed = house.land()
    cuts = lines(landed.path / "manifests/lhotse/train.jsonl")
    assert [cut["id"] for cut in cuts] == ["train-0000000", "train-0000001", "train-0000002-wav", "train-0000002-flac"]
    nemo = lines(landed.path / "manifests/nemo/train.jsonl")
    assert [(row["audio_filepath"].rpartition(".")[2], row.get("text", "none")) for row in nemo] == [  # type: ignore[attr-defined]
        *(("mp3", "a"), ("wav", "b"), ("wav", "none"), ("flac", "none")),
    ]
    assert landed.manifest.audio_columns == ("mp3", "wav", "flac")
    assert landed.manifest.counts.extra["rows_left_out_of_views"] == 1


def test_nemo_keeps_its_names_and_lhotse_has_speakers_and_no_text_twice(house: House, tmp_path: Path) -> None:
    features = Features(
        {
            **{name: Value("string") for name in ("text_filepath", "normalized_text", "audio_filename", "rttm_file")},
            **{"audio": Audio(), "text": Value("string"), "speaker_id": Value("int64"), "lang": Value("string")},
            "offset": Value("float64"),
        }
    )
    row = {
        **dict.fromkeys(("text_filepath", "normalized_text", "audio_filename", "rttm_file"), "mine"),
        **{"audio": audio(0), "text": "words", "speaker_id": 103, "lang": "de", "offset": 5.0},
    }
    rows = [row, row | {"text": None}]
    publish(
        house.hub, tmp_path / "src", Case({"default": (features, {"train": [rows], "test": [[row | {"audio": None}]]})})
    )
    landed = house.land()
    first, second = lines(landed.path / "manifests/nemo/train.jsonl")
    own = {"audio_filepath", "duration", "text", "sampling_rate", "lang", "speaker_id"}
    assert set(first) - own == {f"src_{name}" for name in (*list(row)[:4], "offset")}
    assert (first["sampling_rate"], first["lang"], first["text"]) == (16000, "de", "words")
    assert "text" not in second
    cut = lines(landed.path / "manifests/lhotse/train.jsonl")[0]
    assert cut["supervisions"][0]["speaker"] == "103" and "text" not in cut["custom"]  # type: ignore[index,operator]
    assert not (landed.path / "manifests/lhotse/test.jsonl").exists()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_opus_has_the_rate_that_libsndfile_decodes_at(house: House, tmp_path: Path, rate: int) -> None:
    import io

    import numpy
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, numpy.zeros(rate), rate, "OPUS", format="OGG")
    row = {"audio": {"bytes": out.getvalue(), "path": "a.opus"}, "text": "x"}
    publish(house.hub, tmp_path / "src", Case({"default": (SPEECH, {"train": [[row]]})}))
    landed = house.land()
    (cut,) = lines(landed.path / "manifests/lhotse/train.jsonl")
    assert cut["recording"]["sampling_rate"] == rate and cut["recording"]["num_samples"] == rate  # type: ignore[index]
    (record,) = lines(landed.path / "json/train.jsonl")
    assert record["audio"]["sampling_rate"] == 48000  # type: ignore[index]


def test_features_that_do_not_fit_are_json_in_the_view(house: House, tmp_path: Path) -> None:
    house.hub.add_repo("acme/speech", {"train.jsonl": b'{"a": 1}\n{"a": "two"}\n{"a": [3]}\n'})
    landed = house.land()
    found = load_dataset(str(landed.path), cache_dir=str(tmp_path / "c"))["train"]
    assert [row["a"] for row in found] == [1, "two", [3]]
