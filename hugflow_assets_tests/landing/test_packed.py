"""The packed form: media in tars, the same bytes, from and to files without fetching."""

from __future__ import annotations

import itertools
import json
import shutil
import struct
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import xxhash

from hugflow_assets import open_dataset
from hugflow_assets.formats.checksums import read_sums
from hugflow_assets.landing.forecast import forecast
from hugflow_assets.landing.options import LandedDataset
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.notify.plan_facts import plan_facts
from hugflow_assets.planning.models import Action, Forecast
from hugflow_assets.rules.landed.reconciliation import unaccounted
from hugflow_assets_tests.datasets_made import encoded_bytes, wav_bytes, write_parquet
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import media_of, rows_of, tree_of
from hugflow_assets_tests.shapes.shape_cases import CASES

THERE_AND_BACK = (
    "common voice, one split of one language",
    "webdataset",
    "audio with metadata.jsonl, nested and listed",
    "a zip with a whole corpus",
    "csv",
)


def without_manifest(root: Path) -> dict[str, bytes]:
    return {path: data for path, data in tree_of(root).items() if path != "hugflow.json"}


@pytest.mark.parametrize("name", THERE_AND_BACK)
def test_files_become_tars_and_files_again_from_what_is_on_the_disk(house: House, name: str) -> None:
    case = CASES[name]
    house.hub.add_repo(case.hf_id, {"README.md": b"---\nlicense: cc0-1.0\n---\n# Speech\n", **case.files})
    house.options = replace(house.options, pack_size=4_000)
    asked: dict[str, Any] = {"hf_id": case.hf_id, **case.asked}
    files = house.land(house.plan(**asked))
    before = without_manifest(files.path)
    fresh = house.elsewhere("fresh").land(house.plan(**asked, form="packed"))
    packed = house.land(house.plan(**asked, form="packed"))
    assert (packed.action, packed.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert without_manifest(packed.path) == without_manifest(fresh.path)
    assert list(unaccounted(packed.manifest)) == [] and verify(house.store, packed.manifest.name).whole
    assert house.land(house.plan(**asked, form="packed")).action is Action.NOOP
    house.store.empty_trash()
    back = house.land(house.plan(**asked, form="files"))
    assert (back.action, back.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert without_manifest(back.path) == before


# ---- one corpus: two splits, three shards, of which one is larger than a tar, an upstream null and odd names

LONG = "ü" * 60 + ".wav"


def speech(folder: Path) -> dict[str, Any]:
    def row(number: int, name: str | None, data: bytes | None) -> dict[str, Any]:
        return {
            "id": number,
            "audio": None if data is None else {"bytes": data, "path": name},
            "text": f"text {number}",
        }

    first = [row(n, "same.wav", wav_bytes(0.05, hz=200.0 + n)) for n in range(6)]
    first += [row(6, LONG, wav_bytes(0.05, hz=300)), row(7, "no-sub2.wav", wav_bytes(0.05, hz=301)), row(8, None, None)]
    second = [row(9, "broken.wav", b"no audio"), row(10, "o.opus", encoded_bytes("ogg", 0.2, sampling_rate=48_000))]
    return {
        "data/train-00000-of-00002.parquet": write_parquet(folder / "a.parquet", first),
        "data/train-00001-of-00002.parquet": write_parquet(folder / "b.parquet", second),
        "data/test-00000-of-00001.parquet": write_parquet(folder / "c.parquet", [row(11, "t.wav", wav_bytes(0.05))]),
    }


@pytest.fixture
def packed(house: House, repo: Callable[..., str], tmp_path: Path) -> LandedDataset:
    repo(speech(tmp_path / "made"))
    house.options = replace(house.options, pack_size=4_000, form="packed")
    return house.land()


def test_a_plan_says_the_inodes_of_both_forms(house: House, repo: Callable[..., str], tmp_path: Path) -> None:
    rows = [{"id": n, "audio": {"bytes": b"RIFF", "path": f"{n}.wav"}, "text": "t"} for n in range(500)]
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", rows)})
    told = forecast(house.plan(), house.store, house.options)
    assert isinstance(told, Forecast) and told.peak_inodes == told.files_inodes > 500 > told.packed_inodes
    in_tars = forecast(house.plan(form="packed"), house.store, house.options)
    assert isinstance(in_tars, Forecast) and in_tars.peak_inodes == told.packed_inodes
    for form, most in (("files", told.files_inodes), ("packed", told.packed_inodes)):
        landed = house.elsewhere(form).land(house.plan(form=form))
        row = house.elsewhere(form).store.index.row(landed.manifest.name)
        assert row is not None and row.inodes <= most
    facts = dict(plan_facts(house.plan(), told, None))
    assert facts["Inodes"] == f"about {told.files_inodes} as files, {told.packed_inodes} packed"


def test_the_record_lists_and_tars_say_the_same_bytes(house: House, packed: LandedDataset) -> None:
    root, files = packed.path, house.elsewhere("files").land(house.plan(form="files"))
    assert (packed.manifest.form, files.manifest.form) == ("packed", "files")
    members = media_of(files.path)
    assert media_of(root) == members and max(len(path.rpartition("/")[2].encode()) for path in members) <= 100
    for split in ("train", "test"):
        pairs = zip(rows_of(packed, f"json/{split}.jsonl"), rows_of(files, f"json/{split}.jsonl"), strict=True)
        for row, as_file in pairs:
            value = row["audio"]
            if value is not None:
                tar, offset, size = (value.pop(name) for name in ("tar", "offset", "size"))
                assert (root / tar).read_bytes()[offset : offset + size] == members[value["path"]]
            assert row == as_file
    numbers = sorted(int(path.stem.rpartition("_")[2]) for path in (root / "audio/train").glob("*.tar"))
    assert numbers == list(range(len(numbers))) and len(numbers) > 2
    for path in root.rglob("*.tar"):
        with tarfile.open(path, "r:") as tar:
            for one in tar:
                assert one.isreg() and not one.pax_headers
                assert (one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) == (0, 0, 0, "", "", 0o440)
    assert set(read_sums(root / "XXH128SUMS")) == {
        path for path in tree_of(root) if path not in ("hugflow.json", "XXH128SUMS")
    }
    for split in ("train", "test"):
        assert read_sums(root / f"audio/{split}/MEMBERS.xxh128") == {
            path.removeprefix(f"audio/{split}/"): xxhash.xxh3_128_hexdigest(data)
            for path, data in members.items()
            if path.startswith(f"audio/{split}/")
        }


def test_every_index_leads_to_its_lines_and_headers(packed: LandedDataset) -> None:
    indexes = sorted(packed.path.rglob("*.idx"))
    names = {path.relative_to(packed.path).as_posix() for path in indexes}
    assert {"json/train.jsonl.idx", "manifests/lhotse/test.jsonl.idx", "audio/test/audio_0.tar.idx"} <= names
    assert "manifests/nemo/train/manifest_0.json.idx" in names
    for path in indexes:
        data = path.with_suffix("").read_bytes()
        offsets = np.fromfile(path, "<u8").tolist()
        assert offsets[-1] == len(data)
        if path.with_suffix("").suffix == ".tar":
            with tarfile.open(path.with_suffix(""), "r:") as tar:
                assert offsets[:-1] == [one.offset for one in tar]
        else:
            lines = [data[begin:end] for begin, end in itertools.pairwise(offsets)]
            assert b"".join(lines) == data and all(line.count(b"\n") == 1 and json.loads(line) for line in lines)


def test_nemo_finds_a_line_for_every_member_and_its_numbers_without_a_gap(packed: LandedDataset) -> None:
    manifests, tars = open_dataset(packed.path, split="train").nemo_tars()
    texts = []
    for number, (manifest, path) in enumerate(zip(manifests, tars, strict=True)):
        assert (manifest.name, path.name) == (f"manifest_{number}.json", f"audio_{number}.tar")
        lines = [json.loads(line) for line in manifest.read_text().splitlines()]
        assert {line["shard_id"] for line in lines} <= {number}
        called = Counter(line["audio_filepath"] for line in lines)
        with tarfile.open(path, "r|*") as tar:
            members = [one.name for one in tar]
        # What LazyNeMoTarredIterator takes off: the last "-sub<n>" before the ending.
        assert Counter(name.replace("no-sub2-sub1", "no-sub2") for name in called) == Counter(members)
        texts += [line["text"] for line in lines if not line.get("_skipme")]
        assert all("broken" in line["audio_filepath"] for line in lines if line.get("_skipme"))
    assert texts == [f"text {number}" for number in (0, 1, 2, 3, 4, 5, 6, 7, 10)]


def test_lhotse_points_into_the_tars(packed: LandedDataset) -> None:
    members = media_of(packed.path)
    cuts = [json.loads(line) for line in (packed.path / "manifests/lhotse/train.jsonl").read_text().splitlines()]
    assert len(cuts) == 9
    rates = set()
    for cut in cuts:
        (source,) = cut["recording"]["sources"]
        tar, _, rest = source["source"].partition("?")
        told = dict(one.split("=") for one in rest.split("&"))
        data = (packed.path / tar).read_bytes()[int(told["o"]) : int(told["e"])]
        header = tarfile.TarInfo.frombuf(data[:512], "utf-8", "surrogateescape")
        assert (source["type"], told["s"], header.name) == ("shar_ptr", "1", unquote(told["n"]))
        assert data[512 : 512 + header.size] == members[f"audio/train/{header.name}"]
        rates.add(cut["recording"]["sampling_rate"])
    assert rates == {16_000, 48_000}


def test_open_dataset_gives_the_same_rows_and_bytes_of_both_forms(house: House, packed: LandedDataset) -> None:
    files = house.elsewhere("files").land(house.plan(form="files"))
    for split in ("train", "test"):
        one, other = open_dataset(packed.path, split=split), open_dataset(files.path, split=split)
        for left, right in zip(one.with_media("range"), other.with_media("range"), strict=True):
            assert left["text"] == right["text"]
            if left["audio"] is None:
                assert right["audio"] is None
                continue
            with Path(left["audio"]["path"]).open("rb") as tar:
                tar.seek(left["audio"]["offset"])
                data = tar.read(left["audio"]["size"])
            assert right["audio"]["offset"] == 0 and data == Path(right["audio"]["path"]).read_bytes()
            assert right["audio"]["size"] == len(data)
        bytes_of = [[row["audio"] and row["audio"]["bytes"] for row in d.with_media("bytes")] for d in (one, other)]
        assert bytes_of[0] == bytes_of[1]
        tables = [d.with_media("bytes").to_arrow() for d in (one, other)]
        assert [[one and one["bytes"] for one in t["audio"].to_pylist()] for t in tables] == bytes_of
        opened = one.to_datasets()
        assert opened.features == other.to_datasets().features


def test_what_datasets_gives_of_a_packed_folder_is_where_the_bytes_lie(packed: LandedDataset, tmp_path: Path) -> None:
    from datasets import load_dataset

    rows = load_dataset(str(packed.path), cache_dir=str(tmp_path / "cache"))["train"]
    members = media_of(packed.path)
    assert rows["text"][:] == [f"text {number}" for number in range(11)]
    assert rows[8]["audio"] is None or rows[8]["audio"]["path"] is None
    for row in rows:
        if row["audio"] and row["audio"]["path"]:
            with (packed.path / row["audio"]["tar"]).open("rb") as tar:
                tar.seek(row["audio"]["offset"])
                assert tar.read(row["audio"]["size"]) == members[row["audio"]["path"]]
    assert not (packed.path / "silence.wav").exists()


def test_json_that_looks_like_media_stays_as_the_source_has_it(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    alike = [{"path": f"audio/train/00000/{number}.wav", "source_path": None} for number in range(3)]
    rows = [
        {"audio": {"bytes": wav_bytes(0.05), "path": f"{number}.wav"}, "told": json.dumps(one, separators=(",", ":"))}
        for number, one in enumerate(alike)
    ]
    features = {"audio": {"_type": "Audio"}, "told": {"_type": "Json"}}
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", rows, features)})
    house.land()
    packed = house.land(house.plan(form="packed"))
    told = [row["told"] for row in rows_of(packed, "json/train.jsonl")]
    assert told == alike and without_manifest(packed.path) == without_manifest(
        house.elsewhere("fresh").land(house.plan(form="packed")).path
    )


def spoil(path: Path, at: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize(
    ("what", "fetches"),
    [("audio/train/audio_1.tar", True), ("audio/train/MEMBERS.xxh128", False), ("audio/train/audio_1.tar.idx", False)],
)
def test_what_is_damaged_is_named_and_repaired_to_the_same_tree(
    house: House, packed: LandedDataset, tmp_path: Path, what: str, fetches: bool
) -> None:
    before = tree_of(packed.path)
    spoil(packed.path / what, 700 if fetches else 5)
    assert verify(house.store, packed.manifest.name).damaged == (what,)
    house.options = replace(house.options, verify_existing=True)
    again = house.land()
    assert again.action is Action.REPAIR and tree_of(again.path) == before
    shard = (tmp_path / "made/a.parquet").stat().st_size if fetches else 0
    assert again.manifest.volatile.bytes_fetched == shard


def test_other_checksums_another_pack_size_and_an_update_take_the_tars_that_are_there(
    house: House, packed: LandedDataset, repo: Callable[..., str], tmp_path: Path
) -> None:
    media = media_of(packed.path)
    house.options = replace(house.options, checksums="sha256")
    other = house.land()
    assert (other.action, other.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert media_of(other.path) == media and (other.path / "audio/train/MEMBERS.sha256").is_file()
    assert verify(house.store, other.manifest.name).whole

    house.options = replace(house.options, pack_size=10**9)
    assert house.land().action is Action.NOOP  # what is packed stays as it is
    house.hub.commit("acme/speech", {"README.md": b"---\nlicense: mit\n---\n# Other words\n"})
    updated = house.land(house.plan(update=True))
    assert (updated.action, updated.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert media_of(updated.path) == media
    assert sorted(path.name for path in (updated.path / "audio/train").glob("*.tar")) == ["audio_0.tar", "audio_1.tar"]

    inodes = {path.stat().st_ino for path in updated.path.rglob("*.tar")}
    house.hub.commit("acme/speech", {"README.md": b"---\nlicense: mit\n---\n# Yet others\n"})
    linked = house.land(house.plan(update=True))
    assert {path.stat().st_ino for path in linked.path.rglob("*.tar")} == inodes


def test_a_number_without_media_has_an_empty_tar(house: House, repo: Callable[..., str], tmp_path: Path) -> None:
    def rows(first: int, data: bytes | None) -> list[dict[str, Any]]:
        return [
            {"id": n, "audio": data and {"bytes": data, "path": f"{n}.wav"}, "text": "t"}
            for n in range(first, first + 2)
        ]

    shards = [rows(0, wav_bytes(0.05)), rows(2, None), rows(4, wav_bytes(0.05))]
    repo({f"data/train-{n:05}-of-00003.parquet": write_parquet(tmp_path / f"{n}", one) for n, one in enumerate(shards)})
    house.options = replace(house.options, form="packed")
    landed = house.land()
    assert sorted(path.name for path in (landed.path / "audio/train").glob("*.tar")) == [
        f"audio_{number}.tar" for number in range(3)
    ]
    with tarfile.open(landed.path / "audio/train/audio_1.tar", "r|*") as tar:
        assert tar.getmembers() == []
    assert struct.unpack("<Q", (landed.path / "audio/train/audio_1.tar.idx").read_bytes()) == (1024,)
    assert (landed.path / "manifests/nemo/train/manifest_1.json").read_bytes() == b""
    assert verify(house.store, landed.manifest.name).whole
    before = tree_of(landed.path)
    house.store.remove(landed.manifest.name, reason="r", by="b")
    restored = house.land()
    assert restored.action is Action.RESTORE and tree_of(restored.path) == before


def test_manifests_of_before_there_were_forms_mean_files(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(speech(tmp_path / "made"))
    landed = house.land()
    path = landed.path / "hugflow.json"
    manifest = json.loads(path.read_text())
    del manifest["form"], manifest["request"]["form"]
    for split in manifest["configs"][0]["splits"]:
        for shard in split["shards"]:
            del shard["pack"], shard["tars"]
    path.chmod(0o600)
    path.write_text(json.dumps(manifest))  # as it was before there were forms
    assert house.land().action is Action.NOOP
    shutil.rmtree(house.folder / "state")
    assert house.land(house.plan(form="files")).action is Action.DESCRIPTION
