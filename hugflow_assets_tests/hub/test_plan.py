"""From a repository over real HTTP to the plan of its landing: shapes, rows, features, sizes, a pinned commit."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hugflow_assets.errors import HFDownloadError, HFIntegrityError, HFSubsetNotFoundError
from hugflow_assets.hub import Hub
from hugflow_assets.hub.client import _source_file
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import LandingPlan, Version
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.parquet.footers import features_of
from hugflow_assets_tests.datasets_made import (
    audio_features,
    card,
    clip_rows,
    speech_files,
    text_files,
    two_config_files,
    wav_bytes,
    write_parquet,
    zip_bytes,
)
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.hub.conftest import Access


def request(**fields: Any) -> DatasetRequest:
    return DatasetRequest(**{"hf_id": "org/set", "description": "a test", **fields})


def plain_parquet(rows: int, **columns: list[Any]) -> bytes:
    table = {"text": [f"row {number}" for number in range(rows)], **columns}
    out = io.BytesIO()
    pq.write_table(pa.table(table), out)
    return out.getvalue()


def splits(plan: LandingPlan) -> dict[str, list[tuple[str, int | None]]]:
    return {
        f"{config.name}/{split.name}": [(shard.files[0].path, shard.num_rows) for shard in split.shards]
        for config in plan.configs
        for split in config.splits
    }


# ---- a parquet repository


def test_a_speech_repository_is_planned_shard_by_shard(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    files = speech_files(tmp_path)
    commit = hub.add_repo("org/set", files)
    plan = resolve(Hub(access()), request())
    assert (plan.shape, plan.shape_reason, plan.name) == (Shape.PARQUET, "", "org__set__rev_main")
    assert plan.commit == commit
    assert plan.state.license == "cc0-1.0"
    assert plan.state.card_text == "# A made dataset\n"
    assert splits(plan) == {
        "default/train": [("data/train-00000-of-00002.parquet", 4), ("data/train-00001-of-00002.parquet", 4)],
        "default/test": [("data/test-00000-of-00001.parquet", 4)],
    }
    assert {name: kind["_type"] for name, kind in (plan.configs[0].features or {}).items()} == {
        name: kind["_type"] for name, kind in audio_features().items()
    }
    sizes = [path.stat().st_size for path in files.values() if isinstance(path, Path)]
    assert (plan.estimate.download_bytes, plan.estimate.rows, plan.estimate.files) == (sum(sizes), 12, 12)
    assert plan.estimate.landed_bytes >= 12 * len(wav_bytes(0.05))
    assert not plan.several_configs
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_planning_fetches_metadata_only_and_never_a_whole_shard(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    shard = write_parquet(tmp_path / "x.parquet", clip_rows(40, duration_s=0.3))
    hub.add_repo("org/set", {"data/train-00000-of-00001.parquet": shard})
    resolve(Hub(access()), request())
    fetched = [asked for asked in hub.requests if asked.origin == "cdn"]
    assert [asked.bytes_sent for asked in fetched] == [65536]
    assert shard.stat().st_size > 5 * 65536
    assert all(asked.range for asked in fetched)


def test_a_footer_larger_than_the_first_read_is_read_whole(hub: FaultyHub, access: Access) -> None:
    wide = {f"column_{number}_{'x' * 40}": pa.array([number] * 4) for number in range(1000)}
    hub.add_repo("org/set", {"x.parquet": plain_parquet(4, **wide)})
    plan = resolve(Hub(access()), request())
    assert plan.estimate.rows == 4
    assert len(plan.configs[0].features or {}) == 1001


def test_the_same_commit_gives_the_same_plan_and_a_pinned_one_stays(
    hub: FaultyHub, access: Access, tmp_path: Path
) -> None:
    first = hub.add_repo("org/set", speech_files(tmp_path))
    before = resolve(Hub(access()), request())
    hub.commit("org/set", {"data/test-00000-of-00001.parquet": plain_parquet(9)})
    assert resolve(Hub(access()), request()).commit != first
    assert resolve(Hub(access()), request(), pinned=Version(commit=first), known_oid=before.state.repo_oid) == before


def test_all_configs_land_unless_a_subset_is_asked_for(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    hub.add_repo("org/set", two_config_files(tmp_path))
    assert list(splits(resolve(Hub(access()), request()))) == ["clean/train", "clean/test", "noisy/train"]
    assert resolve(Hub(access()), request()).several_configs
    assert list(splits(resolve(Hub(access()), request(subset="noisy")))) == ["noisy/train"]
    assert list(splits(resolve(Hub(access()), request(split="test")))) == ["clean/test"]
    assert list(splits(resolve(Hub(access()), request(subset="clean", split="train")))) == ["clean/train"]


def test_text_only_has_rows_and_no_media(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    hub.add_repo("org/set", text_files(tmp_path, rows=50))
    estimate = resolve(Hub(access()), request()).estimate
    assert (estimate.rows, estimate.files) == (50, 0)


@pytest.mark.parametrize(
    ("name", "path", "kind"),
    [("audio", None, "Audio"), ("column", "a.flac", "Audio"), ("column", "a.png", "Image"), ("column", None, None)],
)
def test_a_legacy_struct_of_bytes_and_path_is_media_when_it_looks_like_it(
    hub: FaultyHub, access: Access, name: str, path: str | None, kind: str | None
) -> None:
    payload = pa.array(
        [{"bytes": wav_bytes(), "path": path}], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )
    hub.add_repo("org/set", {"x.parquet": plain_parquet(1, **{name: payload})})
    features = resolve(Hub(access()), request()).configs[0].features
    assert features is not None
    assert features[name].get("_type") == kind


@pytest.mark.parametrize("binary", [pa.binary(), pa.large_binary(), pa.binary_view()])
@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_arrow_type_of_bytes_and_path_is_known(binary: pa.DataType, text: pa.DataType) -> None:
    schema = pa.schema({"audio": pa.struct([("bytes", binary), ("path", text)]), "n": pa.int8()})
    assert features_of(schema) == {"audio": {"_type": "Audio"}, "n": {"dtype": "int8", "_type": "Value"}}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), pa.struct([("bytes", pa.binary())])])
def test_a_column_that_the_footer_declares_as_audio_is_audio_however_it_is_stored(kind: pa.DataType) -> None:
    told = json.dumps({"info": {"features": {"x": {"_type": "Audio"}, "n": {"_type": "Audio"}}}})
    schema = pa.schema({"x": kind, "n": pa.int8()}, metadata={"huggingface": told})
    assert features_of(schema) == {"x": {"_type": "Audio"}, "n": {"dtype": "int8", "_type": "Value"}}


def test_the_cards_features_and_row_counts_are_taken_where_a_footer_cannot_be_read(
    hub: FaultyHub, access: Access
) -> None:
    block = (
        "---\ndataset_info:\n  features:\n  - {name: audio, dtype: audio}\n"
        "  splits:\n  - {name: train, num_examples: 7}\n---\n"
    )
    hub.add_repo("org/set", {"x.parquet": b"no parquet at all", "README.md": block.encode()})
    plan = resolve(Hub(access()), request())
    assert plan.configs[0].splits[0].num_rows == 7
    assert (plan.configs[0].features or {})["audio"]["_type"] == "Audio"


def test_columns_that_the_card_forgets_are_taken_from_the_file(hub: FaultyHub, access: Access) -> None:
    block = (
        "---\ndataset_info:\n  features:\n  - {name: label, dtype: {class_label: {names: {'0': no, '1': yes}}}}\n---\n"
    )
    clip = pa.array(
        [{"bytes": wav_bytes(), "path": "a.wav"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )
    files = {"x.parquet": plain_parquet(1, audio=clip, label=[1]), "README.md": block.encode()}
    hub.add_repo("org/set", files)
    features = resolve(Hub(access()), request()).configs[0].features or {}
    assert (features["audio"]["_type"], features["label"]["_type"]) == ("Audio", "ClassLabel")


def test_audio_that_is_named_only_counts_with_the_files_of_the_repository(hub: FaultyHub, access: Access) -> None:
    clips = {f"clips/{number}.wav": wav_bytes(1 + number) for number in range(2)}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    shard = plain_parquet(2, audio=pa.array([{"bytes": None, "path": path} for path in clips], kind))
    block = b"---\nconfigs:\n- config_name: default\n  data_files: x.parquet\n---\n"
    hub.add_repo("org/set", {"x.parquet": shard, "README.md": block, **clips})
    estimate = resolve(Hub(access()), request()).estimate
    audio = sum(map(len, clips.values()))
    assert estimate.download_bytes == len(shard) + audio
    assert audio < estimate.landed_bytes < audio + 10_000
    assert estimate.files == 2


@pytest.mark.parametrize("count", [1, 300_000])
def test_a_server_without_ranges_gives_footers_of_small_files_only(hub: FaultyHub, access: Access, count: int) -> None:
    import random

    rows = pa.array([random.Random(number).randbytes(40) for number in range(count)])
    hub.add_repo("org/set", {"x.parquet": plain_parquet(count, payload=rows)})
    hub.fault("", "no-range", times=None, origin="cdn")
    plan = resolve(Hub(access()), request())
    assert plan.shape is Shape.PARQUET
    assert plan.configs[0].splits[0].num_rows == (1 if count == 1 else None)
    assert plan.estimate.landed_bytes > 0


def test_a_large_repository_is_sampled_and_scaled(hub: FaultyHub, access: Access) -> None:
    shard = plain_parquet(10)
    hub.page_size = hub.protocol.page_size = 50
    hub.add_repo("org/set", {f"data/train-{number:05}-of-00200.parquet": shard for number in range(200)})
    plan = resolve(Hub(access()), request())
    assert len([asked for asked in hub.requests if "/tree/" in asked.path]) > 4
    assert len([asked for asked in hub.requests if asked.origin == "cdn"]) <= 64
    assert len(plan.configs[0].splits[0].shards) == 200
    assert plan.configs[0].splits[0].num_rows is None
    assert plan.estimate.rows == 2000
    assert plan.shape_reason == "Rows and sizes are estimated from the footers of 64 of 200 files."
    assert resolve(Hub(access()), request()) == plan


def test_every_config_of_many_has_its_features(hub: FaultyHub, access: Access) -> None:
    names = [f"c{number:03}" for number in range(100)]
    listed = "".join(f'- config_name: {name}\n  data_files: "{name}.parquet"\n' for name in names)
    shard = plain_parquet(3)
    files = {f"{name}.parquet": shard for name in names}
    hub.add_repo("org/set", {**files, "README.md": f"---\nconfigs:\n{listed}---\n".encode()})
    plan = resolve(Hub(access()), request())
    assert [config.name for config in plan.configs] == names
    assert all(config.features == {"text": {"dtype": "string", "_type": "Value"}} for config in plan.configs)
    assert plan.estimate.rows == 300


# ---- shapes, known and refused

_CLIP = wav_bytes(0.02)
_TSV = b"client_id\tpath\tsentence\n"
_KNOWN: dict[str, tuple[Mapping[str, bytes], Shape, list[str]]] = {
    "audiofolder with metadata": (
        {"train/a.wav": _CLIP, "train/b.wav": _CLIP, "train/metadata.csv": b"file_name,text\na.wav,hi\n"},
        Shape.AUDIOFOLDER,
        ["default/train"],
    ),
    "audiofolder alone": ({"a.flac": _CLIP, "b.flac": _CLIP}, Shape.AUDIOFOLDER, ["default/train"]),
    "webdataset": ({"train-000.tar": b"x", "test-001.tar": b"x"}, Shape.WEBDATASET, ["default/train", "default/test"]),
    "webdataset compressed": ({"train-000.tar.gz": b"x"}, Shape.WEBDATASET, ["default/train"]),
    "common voice": (
        {
            "set.py": b"import datasets",
            "audio/ms/train/ms_train_0.tar": b"x",
            "transcript/ms/train.tsv": _TSV,
            "transcript/br/other.tsv": _TSV,
            "audio/br/other/br_other_0.tar": b"x",
        },
        Shape.CLIP_ARCHIVES,
        ["br/other", "ms/train"],
    ),
    "one archive for all splits": (
        {"clips.tar.gz": b"x", "train.tsv": _TSV, "validated.tsv": _TSV},
        Shape.CLIP_ARCHIVES,
        ["default/train", "default/validated"],
    ),
    "csv": ({"train.csv": b"a,b\n", "test.csv": b"a,b\n"}, Shape.ROWS, ["default/train", "default/test"]),
    "jsonl": ({"train.jsonl": b"{}\n"}, Shape.ROWS, ["default/train"]),
    "text": ({"a.txt": b"x"}, Shape.ROWS, ["default/train"]),
    "images": ({"cat/a.png": b"x"}, Shape.IMAGEFOLDER, ["default/train"]),
    "zip": ({"data.zip": zip_bytes({"a.wav": _CLIP, "b.wav": _CLIP})}, Shape.AUDIOFOLDER, ["default/train"]),
}


@pytest.mark.parametrize("name", _KNOWN)
def test_a_shape_is_known_by_its_files(hub: FaultyHub, access: Access, name: str) -> None:
    files, shape, found = _KNOWN[name]
    hub.add_repo("org/set", files)
    plan = resolve(Hub(access()), request())
    assert plan.shape is shape
    assert [f"{config.name}/{split.name}" for config in plan.configs for split in config.splits] == found
    assert all(split.shards for config in plan.configs for split in config.splits)
    assert plan.estimate.download_bytes > 0


_REFUSED: dict[str, tuple[Mapping[str, bytes], str]] = {
    "script": ({"set.py": b"import datasets", "lm.bin": b"x"}, "a loading script (set.py)"),
    "nothing": ({"LICENSE.docx": b"x"}, "Its layout is not known"),
    "mixed": ({"train.parquet": b"x", "test.csv": b"x"}, "the splits are in different formats"),
    "tables of a library of its own": ({"a.h5": b"x"}, "hdf5: 1 file,"),
    "Harbor tasks": ({"a/instruction.md": b"x", "a/task.toml": b"x"}, "harbor: "),
    "sequences with their features": ({"a.gbk": b"x"}, "genbank: 1 file,"),
    "logs of evaluations": ({"a.eval": b"x"}, "eval: 1 file,"),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_a_shape_that_is_not_landed_is_named_with_the_files_seen(hub: FaultyHub, access: Access, name: str) -> None:
    files, told = _REFUSED[name]
    hub.add_repo("org/set", files)
    plan = resolve(Hub(access()), request())
    assert plan.shape is Shape.UNSUPPORTED
    assert told in plan.shape_reason
    assert f"Files seen: {sorted(files)[0]}" in plan.shape_reason
    assert plan.configs == ()
    assert plan.estimate.download_bytes == 0


def test_an_empty_repository_is_named_as_such(hub: FaultyHub, access: Access) -> None:
    hub.add_repo("org/set", {})
    assert "It holds no files." in resolve(Hub(access()), request()).shape_reason


def test_many_files_are_shown_by_ten_and_their_number(hub: FaultyHub, access: Access) -> None:
    hub.add_repo("org/set", {f"{number:02}.docx": b"x" for number in range(30)})
    reason = resolve(Hub(access()), request()).shape_reason
    assert "09.docx, … (30 files)" in reason
    assert "10.docx" not in reason


def test_a_language_and_a_split_of_clip_archives_are_chosen_beside_a_script(hub: FaultyHub, access: Access) -> None:
    hub.add_repo("org/set", _KNOWN["common voice"][0])
    plan = resolve(Hub(access()), request(subset="ms", split="train"))
    assert splits(plan) == {"ms/train": [("audio/ms/train/ms_train_0.tar", None)]}
    assert "set.py is not run" in plan.shape_reason
    with pytest.raises(HFSubsetNotFoundError, match=r"'fr'\. It has br, ms"):
        resolve(Hub(access()), request(subset="fr"))


@pytest.mark.parametrize(
    ("converted", "told"),
    [({"en/partial-train/0000.parquet": b"x"}, "is partial"), ({"x.txt": b"x"}, "is empty"), (None, "no conversion")],
)
def test_a_script_repository_without_a_whole_conversion_is_refused(
    hub: FaultyHub, access: Access, converted: dict[str, bytes] | None, told: str
) -> None:
    hub.add_repo("org/set", {"set.py": b"import datasets"})
    if converted:
        hub.commit("org/set", converted, branch="refs/convert/parquet")
    plan = resolve(Hub(access()), request())
    assert plan.shape is Shape.UNSUPPORTED
    assert told in plan.shape_reason


def test_a_script_repository_lands_as_the_hub_converted_it_and_says_so(hub: FaultyHub, access: Access) -> None:
    own = hub.add_repo("org/set", {"set.py": b"import datasets"})
    converted = hub.commit("org/set", _CONVERTED, branch="refs/convert/parquet")
    plan = resolve(Hub(access()), request(subset="en", split="train"))
    assert plan.shape is Shape.PARQUET
    assert (plan.commit, plan.state.files_commit) == (own, converted)
    assert splits(plan) == {"en/train": [("en/train/0000.parquet", 2)]}
    assert plan.shape_reason.startswith("NOT THE ORIGINAL FILES") and converted in plan.shape_reason
    for fields in ({}, {"subset": "de"}, {"subset": "de", "split": "train"}):
        assert "is partial" in resolve(Hub(access()), request(**fields)).shape_reason


_CONVERTED = {
    "en/train/0000.parquet": plain_parquet(2),
    "en/test/0000.parquet": plain_parquet(1),
    "de/partial-train/0000.parquet": plain_parquet(3),
}


def test_a_conversion_asked_for_has_a_config_a_folder(hub: FaultyHub, access: Access) -> None:
    hub.add_repo("org/set", {"set.py": b"import datasets"})
    hub.commit("org/set", _CONVERTED, branch="refs/convert/parquet")
    plan = resolve(Hub(access()), request(revision="refs/convert/parquet", subset="en"))
    assert plan.shape is Shape.PARQUET
    assert splits(plan) == {
        "en/test": [("en/test/0000.parquet", 1)],
        "en/train": [("en/train/0000.parquet", 2)],
    }


def test_a_partial_conversion_is_refused_not_landed_as_if_whole(hub: FaultyHub, access: Access) -> None:
    hub.add_repo("org/set", {"set.py": b"import datasets"})
    hub.commit("org/set", _CONVERTED, branch="refs/convert/parquet")
    for fields in ({}, {"subset": "de"}):
        plan = resolve(Hub(access()), request(revision="refs/convert/parquet", **fields))
        assert plan.shape is Shape.UNSUPPORTED
        assert "only the first 5 GB of de/partial-train" in plan.shape_reason


def test_a_hub_that_lists_hostile_paths_is_not_believed(access: Access) -> None:
    answer = {"type": "file", "path": "../../api/whoami-v2", "size": 1, "oid": "0" * 40}
    with pytest.raises(ValueError, match="path"):
        _source_file(answer)


# ---- looking at a repository and at files


def test_state_is_one_call(hub: FaultyHub, access: Access, tmp_path: Path) -> None:
    commit = hub.add_repo("org/set", speech_files(tmp_path))
    state = Hub(access()).state("org/set")
    assert (state.repo_id, state.commit, state.license) == ("org/set", commit, "cc0-1.0")
    assert state.repo_oid and state.last_modified
    assert len(hub.requests) == 1


def test_file_info_names_what_is_there(hub: FaultyHub, access: Access) -> None:
    files = {f"{number:04}.wav": bytes([number % 256]) for number in range(1200)}
    commit = hub.add_repo("org/set", files)
    found = Hub(access()).file_info("org/set", commit, [*files, "missing.wav"])
    assert found.keys() == files.keys()
    assert all(file.sha256 and file.git_sha1 is None for file in found.values())
    assert len(hub.requests) == 3


def test_pieces_of_a_file_are_its_own_or_refused(hub: FaultyHub, access: Access) -> None:
    commit = hub.add_repo("org/set", {"a.txt": b"hello", "b.txt": b"x" * 100_000})
    asked = Hub(access(retries=0))
    whole, large = asked.files("org/set", commit)
    assert asked.read_range("org/set", commit, whole, 0, 2) == b"he"
    hub.fault("a.txt", "flip")
    assert asked.read_range("org/set", commit, whole, 0, 99) == b"hello"
    hub.fault("b.txt", "html")
    assert asked.read_range("org/set", commit, large, 0, 9) == b"x" * 9
    hub.fault("b.txt", "html", times=None)
    with pytest.raises(HFIntegrityError, match=r"gives other bytes of b\.txt in org/set"):
        asked.read_range("org/set", commit, large, 0, 9)
    with pytest.raises(HFDownloadError, match=r"c\.txt is not in org/set"):
        asked.read_range("org/set", commit, whole.model_copy(update={"path": "c.txt"}), 0, 2)


@pytest.mark.parametrize("kind", ["flip", "html", "close", "wrong-length"])
def test_a_damaged_card_is_not_believed(hub: FaultyHub, access: Access, kind: Any) -> None:
    hub.add_repo("org/set", {"README.md": card("cc0-1.0"), "x.parquet": plain_parquet(1)})
    clean = resolve(Hub(access()), request())
    hub.fault("README.md", kind)
    assert resolve(Hub(access()), request()) == clean
