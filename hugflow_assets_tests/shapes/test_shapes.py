"""Every repository shape lands with its rows, its text and its bytes, over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import CDN
from hugflow_assets.errors import ColumnNotFoundError, HFDownloadError
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.planning.models import Action
from hugflow_assets.rules.landed.reconciliation import unaccounted
from hugflow_assets_tests.datasets_made import clip_rows, tar_bytes, write_parquet
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import media_of, rows_of, tree_of
from hugflow_assets_tests.shapes.layout_cases import LAYOUT_CASES
from hugflow_assets_tests.shapes.shape_cases import CASES, FLAC, Case
from hugflow_assets_tests.shapes.text_cases import TEXT_CASES


def landed(house: House, case: Case) -> LandedDataset:
    house.hub.add_repo(case.hf_id, {"README.md": b"---\nlicense: cc0-1.0\n---\n# Speech\n", **case.files})
    if case.converted:
        house.hub.commit(case.hf_id, case.converted, branch="refs/convert/parquet")
    return house.land(house.plan(hf_id=case.hf_id, **case.asked))


def with_bytes(root: Path, value: Any) -> Any:
    """A value of the record with its media as their bytes."""
    if isinstance(value, dict):
        if {"path", "source_path"} <= set(value):
            return (root / value["path"]).read_bytes() if value["path"] else None
        return {name: with_bytes(root, one) for name, one in value.items()}
    return [with_bytes(root, one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [*CASES, *LAYOUT_CASES, *TEXT_CASES])
def test_a_shape_lands_with_its_rows_its_text_and_its_bytes(house: House, name: str) -> None:
    case = CASES.get(name) or LAYOUT_CASES.get(name) or TEXT_CASES[name]
    found = landed(house, case)
    assert found.manifest.shape == case.shape.value
    records = {
        path.relative_to(found.path / "json").as_posix(): [
            with_bytes(found.path, row) for row in rows_of(found, f"json/{path.relative_to(found.path / 'json')}")
        ]
        for path in (found.path / "json").rglob("*.jsonl")
    }
    assert records == case.records
    assert found.manifest.counts.rows == sum(map(len, case.records.values()))
    assert case.extra.items() <= found.manifest.counts.extra.items()
    assert list(unaccounted(found.manifest)) == []
    assert verify(house.store, found.manifest.name).whole
    assert house.land(house.plan(hf_id=case.hf_id, **case.asked)).action is Action.NOOP
    packed = house.elsewhere("packed")
    packed.options = replace(packed.options, pack_size=4_000)
    in_tars = packed.land(packed.plan(hf_id=case.hf_id, **case.asked, form="packed"))
    assert media_of(in_tars.path) == media_of(found.path)
    assert in_tars.manifest.counts.model_copy(update={"json_bytes": 0}) == found.manifest.counts.model_copy(
        update={"json_bytes": 0}
    )


@pytest.mark.parametrize(
    "name", ["common voice, everything", "webdataset", "audio with metadata.csv", "a zip with a whole corpus", "csv"]
)
def test_a_damaged_landing_of_any_shape_is_repaired_to_the_same_tree(house: House, name: str) -> None:
    case = CASES[name]
    found = landed(house, case)
    before = tree_of(found.path)
    media = sorted(path for path in found.path.rglob("*") if path.is_file() and path.name != "hugflow.json")
    media[-1].parent.chmod(0o750)
    media[-1].unlink()
    again = house.land(house.plan(hf_id=case.hf_id, **case.asked))
    assert again.action is Action.REPAIR
    assert tree_of(again.path) == before


def test_only_what_is_asked_for_is_fetched(house: House) -> None:
    case = CASES["common voice, one split of one language"]
    landed(house, case)
    fetched = {one.path.split("/resolve/")[1].split("/", 1)[1] for one in house.hub.requests if "/resolve/" in one.path}
    assert {path for path in fetched if path.endswith(".tar")} == {
        f"audio/ms/train/ms_train_{number}.tar" for number in range(3)
    }
    assert not any("/br/" in path for path in fetched - {"transcript/br/train.tsv"})


def test_a_file_that_is_shared_is_fetched_once(house: House) -> None:
    landed(house, CASES["a zip with a whole corpus"])
    whole = [one for one in house.hub.requests if one.method == "GET" and one.origin == "cdn" and not one.range]
    assert len(whole) == 1


def test_a_text_column_called_text_means_the_transcript_and_says_so(house: House) -> None:
    found = landed(house, CASES["common voice, one split of one language"])
    assert (found.manifest.audio_column, found.manifest.text_column) == ("audio", "sentence")
    line = json.loads((found.path / "manifests/nemo/train.jsonl").read_text().splitlines()[1])
    assert (line["text"], line["audio_filepath"]) == (
        "ayat 1",
        "../../audio/train/00000/common_voice_ms_train_00001.mp3",
    )


@pytest.mark.parametrize("name", ["webdataset", "webdataset, compressed", "csv", "jsonl", "audio with metadata.csv"])
def test_a_column_that_is_not_there_is_refused_before_the_data_are_fetched(house: House, name: str) -> None:
    case = CASES[name]
    with pytest.raises(ColumnNotFoundError, match="has no column 'sentnce'; it has "):
        landed(house, replace(case, asked={**case.asked, "text_column": "sentnce"}))
    gets = [one for one in house.hub.requests if one.method == "GET" and "/resolve/" in one.path]
    assert all(one.range or one.path.endswith("README.md") for one in gets)


@pytest.mark.parametrize(
    "name", ["webdataset", "csv", "audio with metadata.csv", "audio files that tables of another name speak of"]
)
def test_an_update_of_the_card_alone_fetches_no_data(house: House, name: str) -> None:
    landed(house, CASES[name])
    house.hub.commit("acme/speech", {"README.md": b"---\nlicense: mit\n---\n# Other words\n"})
    updated = house.land(house.plan(update=True, **CASES[name].asked))
    assert (updated.action, updated.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert tree_of(house.elsewhere("fresh").land(house.plan(**CASES[name].asked)).path) == tree_of(updated.path)


def test_an_update_of_one_archive_fetches_that_one(house: House) -> None:
    landed(house, CASES["webdataset"])
    archive = tar_bytes({"k.flac": FLAC, "k.txt": b"new", "k.cls": b"5", "k.extra.json": b"{}"})
    house.hub.commit("acme/speech", {"train-01.tar": archive})
    updated = house.land(house.plan(split="train", update=True))
    assert updated.manifest.volatile.bytes_fetched == len(archive)
    assert tree_of(house.elsewhere("fresh").land(house.plan(split="train")).path) == tree_of(updated.path)


def test_a_nested_text_column_of_a_webdataset_is_the_text_of_the_views(house: House) -> None:
    case = CASES["webdataset"]
    house.hub.add_repo(case.hf_id, case.files)
    found = house.land(house.plan(split="train", text_column="json.text", audio_column="flac"))
    lines = (found.path / "manifests/nemo/train.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["satu", "dua"] * 2


def test_a_conversion_is_said_loudly_and_pinned_to_its_own_commit(house: House) -> None:
    case = CASES["a script repository that the Hub converted"]
    found = landed(house, case)
    pinned = found.manifest.repo.files_commit
    assert pinned and pinned != found.manifest.commit and pinned in found.manifest.shape_reason
    assert "NOT THE ORIGINAL FILES" in found.manifest.shape_reason
    house.hub.commit(case.hf_id, {"en/train/0000.parquet": b"other"}, branch="refs/convert/parquet")
    audio = next((found.path / "audio").rglob("*.wav"))
    audio.parent.chmod(0o750)
    audio.unlink()
    again = house.land(house.plan(hf_id=case.hf_id, **case.asked))
    assert audio.read_bytes() and again.manifest.repo.files_commit == pinned


def test_a_landing_that_stopped_takes_no_shard_of_an_older_conversion(tmp_path: Path) -> None:
    case = CASES["a script repository that the Hub converted"]
    count = 20

    def converted(first: int) -> dict[str, bytes | Path]:
        paths = (f"en/train/{number:04}.parquet" for number in range(count))
        return {path: write_parquet(tmp_path / path, clip_rows(1, first=first + at)) for at, path in enumerate(paths)}

    with FaultyHub() as hub:
        house = House(hub, tmp_path, LandingOptions(workers=1, progress_interval_s=0.05))
        hub.add_repo(case.hf_id, case.files)
        hub.commit(case.hf_id, converted(0), branch="refs/convert/parquet")
        plan = house.plan(hf_id=case.hf_id, subset="en")
        hub.fault("0019.parquet", 403, origin=CDN, times=None)
        with pytest.raises(HFDownloadError):
            house.land(plan)
        assert list((tmp_path / "storage/.hugflow/staging").rglob("receipts/**/*.json"))
        hub.heal()
        hub.commit(case.hf_id, converted(100), branch="refs/convert/parquet")
        found = house.land(house.plan(hf_id=case.hf_id, subset="en"))
    rows = [json.loads(line) for line in (found.path / "json/train.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == list(range(100, 100 + count))


def test_rows_of_many_files_land_over_several_shards_in_metadata_order(house: House) -> None:
    names = [f"{number * 7919 % 600:04}.wav" for number in range(600)]
    body = "".join(f"{name},{at}\n" for at, name in enumerate(names))
    files: dict[str, Any] = {name: b"RIFF" + name.encode() for name in names}
    house.hub.add_repo("acme/speech", {**files, "metadata.csv": f"file_name,at\n{body}".encode()})
    plan = house.plan()
    assert len(plan.configs[0].splits[0].shards) == 3
    found = house.land(plan)
    rows = rows_of(found, "json/train.jsonl")
    assert [row["at"] for row in rows] == list(range(600))
    assert all((found.path / row["audio"]["path"]).read_bytes() == b"RIFF" + names[row["at"]].encode() for row in rows)


@pytest.fixture
def hub() -> Any:
    with LocalHub() as made:
        yield made
