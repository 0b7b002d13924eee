"""From a repository to a published folder, and what a second landing does."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import xxhash
import yaml
from datasets import Features

from hugflow_assets.errors import (
    ColumnNotFoundError,
    HFDownloadError,
    LandingCancelledError,
    LeaseHeldError,
    NoLongerWantedError,
    QuotaExceededError,
    UnexpectedError,
    UnknownDatasetError,
    UnsupportedShapeError,
)
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.verify.sample import sample_rows
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.planning.models import Action
from hugflow_assets.store import EventKind, Phase, Progress, Store
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import SPEECH, audio_rows, write_plain, write_speech
from hugflow_assets_tests.landing.trees import rows_of, tree_of

Repo = Callable[..., str]


@pytest.fixture
def speech(repo: Repo, tmp_path: Path) -> str:
    """Three train shards of 20 rows and one of 7 for test."""
    return repo(shards(tmp_path))


def shards(tmp_path: Path, starts: tuple[int, ...] = (0, 20, 40)) -> dict[str, Path]:
    made = {
        f"data/train-{at:05d}-of-{len(starts):05d}.parquet": write_speech(tmp_path / f"src/{start}.parquet", start, 20)
        for at, start in enumerate(starts)
    }
    return made | {"data/test-00000-of-00001.parquet": write_speech(tmp_path / "src/test.parquet", 100, 7)}


def test_every_audio_file_is_byte_equal_to_its_source(house: House, speech: str) -> None:
    landed = house.land()
    rows = rows_of(landed, "json/train.jsonl")
    source = audio_rows(0, 60)
    assert len(rows) == 60
    for at, row in enumerate(rows):
        there = (landed.path / row["audio"]["path"]).read_bytes()
        assert hashlib.sha256(there).digest() == hashlib.sha256(source["audio"][at]["bytes"]).digest()
        assert row["audio"]["source_path"] == source["audio"][at]["path"]
        assert {key: row[key] for key in ("id", "sentence", "speaker_id", "score")} == {
            key: source[key][at] for key in ("id", "sentence", "speaker_id", "score")
        }
        assert row["audio"]["sampling_rate"] == 16000 and row["audio"]["num_channels"] == 1
    assert len(list((landed.path / "audio").rglob("*.*"))) == 67
    assert landed.manifest.counts.rows == landed.manifest.counts.media_files == 67
    assert landed.manifest.counts.unreadable_audio == landed.manifest.counts.renamed_files == 0


def test_the_manifest_counts_what_is_there(house: House, speech: str) -> None:
    landed = house.land()
    files = [path for path in landed.path.rglob("*") if path.is_file() and path.name != "hugflow.json"]
    assert landed.manifest.files == len(files)
    assert landed.manifest.size_bytes == sum(path.stat().st_size for path in files)
    assert landed.manifest.commit == speech
    assert landed.manifest.hours == pytest.approx(67 * 0.25 / 3600, rel=0.2)
    for split in landed.manifest.configs[0].splits:
        record = (landed.path / split.record_path).read_bytes()
        for shard in split.shards:
            part = record[shard.json_offset : shard.json_offset + shard.json_bytes]
            assert xxhash.xxh3_128_hexdigest(part) == shard.json_xxh128
            assert part.count(b"\n") == shard.counts.rows


def test_the_checksum_list_covers_every_file_and_is_sorted(house: House, speech: str) -> None:
    house.options = LandingOptions(checksums="sha256")
    landed = house.land()
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=landed.path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    listed = [line.split("  ", 1)[1] for line in (landed.path / "SHA256SUMS").read_text().splitlines()]
    there = {path.relative_to(landed.path).as_posix() for path in landed.path.rglob("*") if path.is_file()}
    assert set(listed) == there - {"SHA256SUMS", "hugflow.json"}
    assert listed == sorted(listed, key=str.encode)


def test_two_landings_of_one_commit_are_equal_but_for_volatile_facts(house: House, speech: str) -> None:
    other = house.elsewhere("other")
    other.options = LandingOptions(executor="processes", workers=2)
    assert tree_of(house.land().path) == tree_of(other.land().path)


def test_landed_again_nothing_is_done(house: House, speech: str) -> None:
    house.land()
    asked = len(house.hub.requests)
    told: list[Progress] = []
    plan = house.plan()
    asked = len(house.hub.requests)
    landed = house.land(plan, on_progress=told.append)
    assert landed.action is Action.NOOP and landed.bytes_fetched == 0
    assert len(house.hub.requests) == asked
    assert told[-1].phase is Phase.LANDED and "Nothing to do" in told[-1].message


def test_another_description_changes_the_manifest_alone(house: House, speech: str) -> None:
    before = tree_of(house.land().path)
    landed = house.land(house.plan(description="Other words.", owner="me"))
    after = tree_of(landed.path)
    assert landed.action is Action.DESCRIPTION
    assert {path for path in after if after[path] != before[path]} == {"hugflow.json"}
    assert landed.manifest.request.description == "Other words."
    assert house.land(house.plan(description="Other words.", owner="me")).action is Action.NOOP


def test_a_dataset_without_views_is_as_asked_after_another_description(house: House, repo: Callable[..., str]) -> None:
    repo({"train.jsonl": b'{"text": "one"}\n'})
    house.options = LandingOptions(views=())
    assert house.land().manifest.views == ()
    told = house.plan(description="Other words.")
    assert [house.land(told).action for _ in range(2)] == [Action.DESCRIPTION, Action.NOOP]


def test_another_column_rebuilds_the_views_and_fetches_nothing(house: House, speech: str) -> None:
    house.land()
    plan = house.plan(text_column="id")
    asked = len(house.hub.requests)
    landed = house.land(plan)
    assert landed.action is Action.VIEWS and len(house.hub.requests) == asked
    assert tree_of(landed.path) == tree_of(house.elsewhere("fresh").land(plan).path)
    assert rows_of(landed, "manifests/nemo/train.jsonl")[3]["text"] == "utt-3"
    assert verify(house.store, plan.name).whole


def test_views_that_are_switched_off_go_and_come_again(house: House, speech: str) -> None:
    whole = tree_of(house.land().path)
    house.options = LandingOptions(views=())
    bare = house.land()
    assert bare.action is Action.VIEWS
    assert not (bare.path / "manifests").exists() and not (bare.path / "train.parquet").exists()
    assert verify(house.store, bare.manifest.name) == verify(house.store, bare.manifest.name)
    assert verify(house.store, bare.manifest.name).extra == ()
    house.options = LandingOptions()
    assert tree_of(house.land().path) == whole


@pytest.mark.parametrize("harm", ["cut", "gone", "folder gone", "record", "view"])
def test_a_damaged_landing_is_repaired_at_its_commit(house: House, speech: str, harm: str, tmp_path: Path) -> None:
    landed = house.land()
    whole = tree_of(landed.path)
    house.hub.commit("acme/speech", shards(tmp_path, (200, 220, 240)))
    victim = landed.path / "audio/train/00001/utt-22.ogg"
    if harm == "cut":
        victim.chmod(0o640)
        victim.write_bytes(victim.read_bytes()[:-1])
    elif harm == "gone":
        victim.unlink()
    elif harm == "folder gone":
        for file in victim.parent.iterdir():
            file.unlink()
        victim.parent.rmdir()
    elif harm == "record":
        (landed.path / "json/train.jsonl").unlink()
    else:
        (landed.path / "manifests/nemo/test.jsonl").unlink()

    again = house.land(house.plan())

    assert again.action is Action.REPAIR
    assert tree_of(again.path) == whole
    one_shard = (tmp_path / "src/20.parquet").stat().st_size
    assert again.bytes_fetched <= (3 if harm == "record" else 1) * one_shard * 1.1


def test_a_flipped_byte_is_found_by_hash_and_repaired(house: House, speech: str) -> None:
    landed = house.land()
    whole = tree_of(landed.path)
    victim = landed.path / "audio/train/00002/utt-40.wav"
    victim.chmod(0o640)
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    assert verify(house.store, landed.manifest.name).damaged == ("audio/train/00002/utt-40.wav",)
    house.options = LandingOptions(verify_existing=True)
    assert house.land().action is Action.REPAIR
    assert tree_of(landed.path) == whole


def test_a_landed_dataset_stays_at_its_commit_until_it_is_updated(house: House, speech: str, tmp_path: Path) -> None:
    house.land()
    newer = house.hub.commit(
        "acme/speech",
        {"data/train-00001-of-00003.parquet": shards(tmp_path, (300,))["data/train-00000-of-00001.parquet"]},
    )
    pinned = house.land()
    assert pinned.action is Action.NOOP and pinned.manifest.commit == speech

    moved = house.land(house.plan(update=True))

    assert moved.action is Action.UPDATE and moved.manifest.commit == newer
    assert moved.bytes_fetched <= (tmp_path / "src/300.parquet").stat().st_size
    fresh = house.elsewhere("fresh").land()
    assert tree_of(moved.path) == tree_of(fresh.path)
    replaced = house.store.trash.entries(moved.manifest.name)
    assert len(replaced) == 1


def test_a_plan_that_another_run_has_outrun_moves_nothing(house: House, speech: str, tmp_path: Path) -> None:
    outrun = house.plan()
    house.hub.commit(
        "acme/speech", {"data/train-00001-of-00003.parquet": write_speech(tmp_path / "new.parquet", 300, 2)}
    )
    whole = house.land()
    before = tree_of(whole.path)
    with pytest.raises(LeaseHeldError, match=whole.manifest.commit[:12]):
        house.land(outrun)
    assert tree_of(whole.path) == before
    assert [event.kind for event in house.store.events.read()].count(EventKind.FAILED) == 0


def test_another_kind_of_checksum_fetches_nothing(house: House, speech: str) -> None:
    house.land()
    house.options = LandingOptions(checksums="sha256")
    landed = house.land()
    assert landed.bytes_fetched == 0
    assert tree_of(landed.path) == tree_of(house.elsewhere("fresh").land().path)


def test_several_configs_get_a_folder_each(house: House, repo: Repo, tmp_path: Path) -> None:
    card = b"""---
configs:
- config_name: de
  data_files: [{split: train, path: de/*.parquet}]
- config_name: en.us
  data_files: [{split: train, path: en/*.parquet}, {split: train.cuts, path: cuts/*.parquet}]
---
"""
    files = {
        f"{name}/0.parquet": write_speech(tmp_path / f"{name}.parquet", at * 10, 3)
        for at, name in enumerate(("de", "en", "cuts"))
    }
    repo({"README.md": card, **files})
    landed = house.land()
    there = {path.relative_to(landed.path).as_posix() for path in landed.path.rglob("*") if path.is_file()}
    assert {
        "json/de/train.jsonl",
        "json/en.us/train.cuts.jsonl",
        "json/en.us/features.json",
        "audio/en.us/train.cuts/00000/utt-20.wav",
        "manifests/lhotse/de/train.jsonl",
        "de__train.parquet",
        "en.us__train.cuts.parquet",
    } <= there
    nemo = rows_of(landed, "manifests/nemo/en.us/train.cuts.jsonl")[0]
    assert (landed.path / "manifests/nemo/en.us" / nemo["audio_filepath"]).resolve().is_file()
    assert house.land().action is Action.NOOP


def test_text_alone_lands_without_audio_and_manifests(house: House, repo: Repo, tmp_path: Path) -> None:
    table = write_plain(tmp_path / "t.parquet", {"text": ["a", None, "ü"], "n": pa.array([2**63, 0, 1], pa.uint64())})
    repo({"data/train-00000-of-00001.parquet": table})
    landed = house.land()
    assert rows_of(landed, "json/train.jsonl") == [
        {"text": "a", "n": 2**63},
        {"text": None, "n": 0},
        {"text": "ü", "n": 1},
    ]
    assert {path.name for path in landed.path.iterdir()} == {
        *("README.md", "XXH128SUMS", "hugflow.json", "json", "train.parquet"),
    }
    assert landed.manifest.views == ("datasets",) and landed.manifest.audio_column is None
    assert house.land().action is Action.NOOP


def test_a_split_without_rows_lands_as_an_empty_record(house: House, repo: Repo, tmp_path: Path) -> None:
    repo(
        {
            "data/train-00000-of-00001.parquet": write_speech(tmp_path / "a.parquet", 0, 3),
            "data/test-00000-of-00001.parquet": write_speech(tmp_path / "b.parquet", 0, 0),
        }
    )
    landed = house.land()
    assert (landed.path / "json/test.jsonl").read_bytes() == b""
    assert verify(house.store, landed.manifest.name).whole
    assert house.land().action is Action.NOOP


# ---- refusals and ends


def test_an_unknown_column_is_refused_before_anything_is_written(house: House, speech: str) -> None:
    plan = house.plan(text_column="sentense")
    with pytest.raises(ColumnNotFoundError, match="sentence"):
        house.land(plan)
    assert list((house.folder / "storage").iterdir()) == []


def test_an_unsupported_shape_is_refused_before_anything_is_written(house: House, repo: Repo) -> None:
    repo({"table.h5": b"x" * 2000, "weird.xyz": b"y"})
    with pytest.raises(UnsupportedShapeError):
        house.land()
    assert list((house.folder / "storage").iterdir()) == []


def test_data_that_are_no_longer_wanted_are_not_published(house: House, speech: str) -> None:
    with pytest.raises(NoLongerWantedError):
        house.land(still_wanted=lambda: False)
    assert house.store.index.names() == []
    assert [event.kind for event in house.store.events.read()] == [EventKind.STARTED, EventKind.FAILED]


def test_an_error_that_nobody_foresaw_is_named_and_told_like_any_other(house: House, speech: str) -> None:
    def breaks() -> bool:
        raise ZeroDivisionError("what is that")

    with pytest.raises(UnexpectedError, match="ZeroDivisionError: what is that") as caught:
        house.land(still_wanted=breaks)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    (told,) = [one for one in house.store.events.read() if one.kind is EventKind.FAILED]
    assert (told.data["code"], told.data["transient"]) == ("unexpected", True)
    assert house.store.index.names() == []
    assert house.land().manifest.counts.rows == 67


def test_a_stopped_landing_keeps_its_shards_and_the_next_one_resumes(house: House, speech: str, tmp_path: Path) -> None:
    house.options = LandingOptions(workers=1, progress_interval_s=0.01)
    told: list[Progress] = []
    with pytest.raises(LandingCancelledError):
        house.land(on_progress=told.append, should_stop=lambda: any(one.shards_done >= 2 for one in told))
    assert house.store.index.names() == []
    assert house.store.progress.read("acme__speech__rev_main").phase is Phase.FAILED  # type: ignore[union-attr]

    landed = house.land()

    assert tree_of(landed.path) == tree_of(house.elsewhere("clean").land().path)
    gets = [one for one in house.hub.requests if one.method == "GET" and one.origin == "cdn" and not one.range]
    assert landed.manifest.counts.rows == 67 and gets


def test_one_broken_file_keeps_the_others_work(house: House, speech: str) -> None:
    house.options = LandingOptions(workers=1)
    plan = house.plan()
    config = plan.configs[0]
    train = config.splits[0]
    missing = train.shards[2].files[0].model_copy(update={"path": "data/nowhere.parquet"})
    broken = train.model_copy(
        update={"shards": (*train.shards[:2], train.shards[2].model_copy(update={"files": (missing,)}))}
    )
    bad = plan.model_copy(update={"configs": (config.model_copy(update={"splits": (broken, *config.splits[1:])}),)})
    with pytest.raises(HFDownloadError):
        house.land(bad)
    before = len(house.hub.requests)
    house.land(plan)
    fetched = {one.path for one in house.hub.requests[before:] if "train-0000" in one.path and one.method == "GET"}
    assert not any("train-00000" in path or "train-00001" in path for path in fetched)


def test_rows_that_upstream_promises_and_does_not_have_are_an_error(house: House, speech: str) -> None:
    plan = house.plan()
    config = plan.configs[0]
    split = config.splits[1]
    more = split.model_copy(update={"shards": (split.shards[0].model_copy(update={"num_rows": 8}),)})
    wrong = plan.model_copy(update={"configs": (config.model_copy(update={"splits": (config.splits[0], more)}),)})
    with pytest.raises(Exception, match="7 rows were landed, upstream has 8") as caught:
        house.land(wrong)
    assert caught.value.code == "landing-incomplete"  # type: ignore[attr-defined]
    assert house.store.index.names() == []


def test_two_at_once_give_one_landing(house: House, speech: str) -> None:
    plan = house.plan()
    with house.store.leases.take(plan.name, purpose="landing"), pytest.raises(LeaseHeldError):
        house.land(plan)
    assert house.land(plan).action is Action.LAND


def test_what_does_not_fit_is_refused_before_a_byte_is_fetched(house: House, speech: str) -> None:
    plan = house.plan()
    store = Store(house.folder / "storage", house.folder / "state", quota_bytes=1000)
    before = len(house.hub.requests)
    with pytest.raises(QuotaExceededError):
        land(plan, store, house.access, house.options)
    assert len(house.hub.requests) == before and store.index.names() == []


def test_started_and_landed_are_told_once(house: House, speech: str) -> None:
    house.land(run_id="r1")
    events = list(house.store.events.read())
    assert [event.kind for event in events] == [EventKind.STARTED, EventKind.LANDED]
    assert events[1].data["rows"] == 67 and events[1].data["run_id"] == "r1"


def test_progress_goes_forward_to_the_end(house: House, speech: str) -> None:
    told: list[Progress] = []
    house.land(on_progress=told.append)
    assert [one.phase for one in told][-3:] == [Phase.ASSEMBLING, Phase.PUBLISHING, Phase.LANDED]
    done = [one.bytes_done for one in told]
    assert done == sorted(done) and done[-1] == told[-1].bytes_total
    assert house.store.progress.read("acme__speech__rev_main") == told[-1]


# ---- looking at it


def test_verify_names_what_is_missing_damaged_and_extra(house: House, speech: str) -> None:
    landed = house.land()
    (landed.path / "audio/test/00000/utt-100.wav").unlink()
    (landed.path / "notes.txt").write_text("mine")
    readme = landed.path / "README.md"
    readme.chmod(0o640)
    readme.write_text("other")
    report = verify(house.store, landed.manifest.name)
    assert (report.missing, report.damaged, report.extra) == (
        ("audio/test/00000/utt-100.wav",),
        ("README.md",),
        ("notes.txt",),
    )
    assert not report.whole
    assert verify(house.store, landed.manifest.name, files=["json/test.jsonl"]).whole


def test_a_name_that_is_not_landed_is_an_error(house: House) -> None:
    for look in (verify, sample_rows):
        with pytest.raises(UnknownDatasetError):
            look(house.store, "acme__nothing__rev_main")


def test_sample_rows_are_the_first_of_the_record(house: House, speech: str) -> None:
    landed = house.land()
    assert sample_rows(house.store, landed.manifest.name, n=62) == [
        *rows_of(landed, "json/train.jsonl"),
        *rows_of(landed, "json/test.jsonl")[:2],
    ]


def test_pandas_and_datasets_read_record_and_manifests(house: House, speech: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    landed = house.land()
    frame = pd.read_json(landed.path / "json/train.jsonl", lines=True)
    assert list(frame["id"]) == audio_rows(0, 60)["id"]
    loaded = load_dataset(
        "json", data_files=str(landed.path / "manifests/nemo/train.jsonl"), split="train", cache_dir=str(tmp_path / "c")
    )
    assert loaded["text"][:2] == audio_rows(0, 2)["sentence"]


def test_a_split_without_rows_does_not_keep_datasets_from_the_others(house: House, repo: Repo, tmp_path: Path) -> None:
    files = {f"{split}.parquet": write_speech(tmp_path / split, 0, rows) for split, rows in (("train", 4), ("test", 0))}
    repo(files)
    landed = house.land()
    (told,) = yaml.safe_load((landed.path / "README.md").read_text().split("---\n")[1])["configs"]
    assert told["metadata_filenames"] == ["train.parquet"]
    assert [one["split"] for one in told["data_files"]] == ["train"]
    assert (landed.path / "json/test.jsonl").read_bytes() == b""


def test_the_card_names_every_column_and_what_the_views_were_made_of(house: House, speech: str) -> None:
    landed = house.land()
    head = yaml.safe_load((landed.path / "README.md").read_text().split("---\n")[1])
    assert head["license"] == "cc0-1.0"
    (config,) = head["configs"]
    assert speech in config["description"] and landed.manifest.fingerprint.views in config["description"]
    assert config["metadata_filenames"] == ["train.parquet", "test.parquet"]
    assert config["data_files"][0] == {"split": "train", "path": ["train.parquet", "silence.wav", "silence.wav"]}
    assert Features._from_yaml_list(config["features"]) == SPEECH


def test_upstream_features_come_back_exactly(house: House, speech: str) -> None:
    from hugflow_assets_tests.landing.corpus import SPEECH

    landed = house.land()
    told: dict[str, Any] = json.loads((landed.path / "json/features.json").read_bytes())
    assert Features.from_dict(told) == SPEECH


def test_an_update_asks_for_no_space_for_what_it_links(house: House, speech: str, tmp_path: Path) -> None:
    first = house.land()
    newer = write_speech(tmp_path / "src/new.parquet", 300, 2)
    house.hub.commit("acme/speech", {"data/train-00001-of-00003.parquet": newer})
    taken = house.store.quota.usage().size_bytes
    tight = Store(
        house.folder / "storage",
        house.folder / "state",
        quota_bytes=taken + first.manifest.size_bytes // 2 + 3 * (1 << 20),
    )
    moved = land(house.plan(update=True), tight, house.access, house.options)
    assert moved.action is Action.UPDATE and moved.manifest.counts.rows == 49


def test_who_asked_is_in_the_manifest(house: House, speech: str) -> None:
    landed = house.land(requested_by="ada", request_commit="c" * 40)
    assert landed.manifest.volatile.requested_by == "ada"
    assert landed.manifest.volatile.request_commit == "c" * 40
