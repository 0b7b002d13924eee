"""What lands is what `datasets` reads whole and without decoding; where it is not, docs/differences.md says why."""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import (
    Audio,
    ClassLabel,
    DownloadManager,
    Image,
    List,
    get_dataset_config_names,
    load_dataset_builder,
)
from datasets.builder import ArrowBasedBuilder

from hugflow_assets_tests.datasets_made import encoded_bytes, tar_bytes, wav_bytes, zip_bytes
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import rows_of

CLIPS = [wav_bytes(0.05, hz=250.0 + 40 * number) for number in range(6)]
FLAC, MP3 = encoded_bytes("flac", 0.05), encoded_bytes("mp3", 0.05)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
DIFFERENCES = Path(__file__).parents[2] / "docs/differences.md"
Files = Mapping[str, bytes]
Records = dict[str, list[dict[str, Any]]]


def _appended(members: Files, name: str, data: bytes) -> bytes:
    """A tar to which a newer copy of a member was added."""
    out = io.BytesIO(tar_bytes(members))
    with tarfile.open(fileobj=out, mode="a") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def _stored(members: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _card(**configs: str) -> bytes:
    told = "".join(f"- {{config_name: {name}, data_files: {files}}}\n" for name, files in configs.items())
    return f"---\nconfigs:\n{told}---\n".encode()


def _lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


_META = b"file_name,text,score\nb.wav,bee,0.5\na.wav,ay,1.5\n"
_TWO = {"a.wav": CLIPS[0], "b.wav": CLIPS[1]}
_AUDIO = pa.array(
    [{"bytes": CLIPS[0], "path": "a.wav"}, None], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
)
_SAMPLES = {"a.flac": FLAC, "a.json": b'{"text": "ay"}', "a.txt": b"x", "b.flac": FLAC}
_SAMPLES |= {"b.json": b'{"text": "bee"}', "b.txt": b"y"}

ALIKE: dict[str, Files] = {
    "parquet": {"data/train-0.parquet": _parquet(audio=_AUDIO, text=["ay", None], n=[1, 2])},
    "parquet, splits by name": {
        "data/train-0.parquet": _parquet(audio=_AUDIO, n=[1, 2]),
        "data/test-0.parquet": _parquet(audio=_AUDIO, n=[3, 4]),
    },
    "csv": {"train.csv": b"text,n\nay,1\nbee,2\n", "test.csv": b"text,n\nsee,3\n"},
    "tsv": {"train.tsv": b"text\tn\nay\t1\nbee\t2\n"},
    "JSON lines": {"train.jsonl": _lines({"t": "ay", "x": {"y": [1, 2]}}, {"t": None, "x": {"y": []}})},
    "a list of JSON": {"train.json": json.dumps([{"t": "ay", "n": 1}, {"t": "bee", "n": 2}], indent=1).encode()},
    "text": {"train.txt": "ay\nbee ☀\n".encode()},
    "audio without anything": {**_TWO, "c.flac": FLAC},
    "audio in folders of labels": {"yes/a.wav": CLIPS[0], "no/b.wav": CLIPS[1], "no/c.mp3": MP3},
    "audio with metadata.csv": {**_TWO, "metadata.csv": _META},
    "audio with metadata.jsonl": {
        **_TWO,
        "metadata.jsonl": _lines({"file_name": "a.wav", "m": {"s": "x"}}, {"file_name": "b.wav", "m": {"s": "y"}}),
    },
    "audio with metadata in each split": {
        f"{split}/{name}": data
        for split in ("train", "test")
        for name, data in {**_TWO, "metadata.csv": _META}.items()
    },
    "audio with metadata.parquet": {**_TWO, "metadata.parquet": _parquet(file_name=["a.wav", "b.wav"], n=[1, 2])},
    "two clips in a row": {
        **_TWO, "metadata.jsonl": _lines({"one_file_name": "a.wav", "two_file_name": "b.wav", "t": "x"}),
    },
    "lists of clips": {**_TWO, "metadata.jsonl": _lines({"file_names": ["b.wav", "a.wav"], "t": "x"})},
    "images with metadata": {"a.png": PNG, "b.png": PNG, "metadata.csv": b"file_name,text\nb.png,bee\na.png,ay\n"},
    "a zip of audio with metadata": {"data.zip": _stored({**_TWO, "metadata.csv": _META})},
    "a zip a split": {"train.zip": zip_bytes({"a.wav": CLIPS[0]}), "test.zip": zip_bytes({"b.wav": CLIPS[1]})},
    "webdataset": {
        "train-0.tar": tar_bytes(_SAMPLES),
        "train-1.tar": tar_bytes({"c.flac": FLAC, "c.json": b'{"text": ""}', "c.txt": b"z"}),
    },
    "configs of the card": {
        "README.md": _card(en="en/*.csv", de="de/*.csv"),
        "en/a.csv": b"text\nay\n",
        "de/b.csv": b"text\nbeh\n",
    },
}  # fmt: skip

# By the title under which docs/differences.md says why.
DIFFER: dict[str, Files] = {
    "Numbers in csv": {"train.csv": b"id,n\n007,1\n008,2\n"},
    "Words for nothing": {"train.csv": b"text,n\nNA,1\nnull,2\n"},
    "Types of a config": {"train.csv": b"n\n1\n", "test.csv": b"n\none\n"},
    "Other encodings": {"train.csv": "t\nBär\n".encode("cp1252")},
    "Dates in JSON": {"train.jsonl": _lines({"d": "2015-01-01"}, {"d": "2016-01-01"})},
    "Numbers beyond 64 bits": {"train.jsonl": _lines({"n": 18446744073709551617}, {"n": 1})},
    "Folders of splits": {"train/a.wav": CLIPS[0], "train/b.wav": CLIPS[1], "test/c.flac": FLAC},
    "Texts beside clips": {"a.wav": CLIPS[0], "a.txt": b"ay", "b.wav": CLIPS[1], "b.txt": b"bee"},
    "Tables that name clips": {"clips/a.wav": CLIPS[0], "train.csv": b"path,text\na.wav,x\n"},
    "JSON keyed by clip": {"a.wav": CLIPS[0], "train.json": b'{"a.wav": "ay"}'},
    "Members that a tar holds twice": {"train.tar": _appended(_SAMPLES, "a.flac", CLIPS[0])},
    "Files that two splits could claim": {
        "train_0.wav": CLIPS[0], "test_0.wav": CLIPS[1], "metadata.csv": b"file_name,t\ntrain_0.wav,x\ntest_0.wav,y\n",
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path speaks of no split; `datasets` looks at all of it."""
    return tmp_path_factory.mktemp("repository") / "files"


@pytest.mark.parametrize("name", ALIKE)
def test_what_lands_is_what_datasets_reads(house: House, folder: Path, name: str) -> None:
    assert _landed(house, ALIKE[name]) == _read(folder, ALIKE[name])


@pytest.mark.parametrize("name", DIFFER)
def test_what_lands_otherwise_does_so_on_purpose(house: House, folder: Path, name: str) -> None:
    try:
        theirs = _read(folder, DIFFER[name])
    except (ValueError, OSError) as error:  # it gives no rows
        theirs = {"refused": [{"because": str(error)}]}
    assert _landed(house, DIFFER[name]) != theirs
    assert f"| {name} |" in DIFFERENCES.read_text()


def test_every_difference_that_is_written_down_is_tested() -> None:
    assert set(re.findall(r"^\| ([A-Z][^|]*?) \|", DIFFERENCES.read_text(), re.MULTILINE)) - {"What"} == set(DIFFER)


def _landed(house: House, files: Files) -> Records:
    house.hub.add_repo("acme/speech", files)
    found = house.land()
    folder = found.path / "json"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): [
            _plain(row, found.path) for row in rows_of(found, f"json/{path.relative_to(folder)}")
        ]
        for path in folder.rglob("*.jsonl")
    }


def _read(folder: Path, files: Files) -> Records:
    """What `datasets` reads. Its examples are taken before they are encoded, which would need libraries that decode."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    found = {}
    names = get_dataset_config_names(str(folder))
    for config in names:
        builder = load_dataset_builder(str(folder), config, cache_dir=str(folder.with_name("cache")))
        for split in builder._split_generators(DownloadManager()):
            if isinstance(builder, ArrowBasedBuilder):
                tables = [table for _, table in builder._generate_tables(**split.gen_kwargs)]
                rows = [row for table in tables for row in table.to_pylist()]
            else:
                examples = builder._generate_examples(**split.gen_kwargs)
                rows = [_encoded(example, builder.info.features) for _, example in examples]
            place = f"{config}/{split.name}" if len(names) > 1 else str(split.name)
            found[place] = [_plain(row, folder) for row in rows]
    return found


def _encoded(value: Any, feature: Any) -> Any:
    """As ``encode_example`` of a feature has it, for those that the cases have."""
    if value is None:
        return None
    if isinstance(feature, (Audio, Image)):
        return {"bytes": None, "path": value} if isinstance(value, str) else value
    if isinstance(feature, ClassLabel):
        return feature.str2int(value)
    if isinstance(feature, List):
        return [_encoded(one, feature.feature) for one in value]
    return (
        {name: _encoded(value.get(name), one) for name, one in feature.items()} if isinstance(feature, dict) else value
    )


def _plain(value: Any, root: Path) -> Any:
    """A value with its media as their bytes; where a tar lies is no matter."""
    if isinstance(value, dict) and {"path", "source_path"} <= set(value):
        return (root / value["path"]).read_bytes() if value["path"] else None
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        return value["bytes"] if value["bytes"] is not None else _bytes_at(value["path"])
    if isinstance(value, dict):
        return {name: _plain(one, root) for name, one in value.items() if name != "__url__"}
    return [_plain(one, root) for one in value] if isinstance(value, list) else value


def _bytes_at(path: str) -> bytes:
    """The bytes of a file, which may be in a zip as `datasets` names that."""
    with fsspec.open(path, "rb") as file:
        return bytes(file.read())
