"""A landed dataset is exported for other toolkits; audio stays where it lies, and nothing is half written."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import ExportRefusedError
from hugflow_assets.reading import Dataset, open_dataset
from hugflow_assets.reading.exports import FORMATS, export
from hugflow_assets_tests.datasets_made import write_parquet
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import clip

TEXT = {"dtype": "string", "_type": "Value"}
FEATURES = {
    "audio": {"_type": "Audio"},
    "text": TEXT,
    "speaker_id": TEXT,
    "audio_of": {"take": {"dtype": "int64", "_type": "Value"}},
}
SPEAKERS = ("b", "a", "ab", None, "b")


def source_rows() -> list[dict[str, Any]]:
    """Wav and flac, odd names and texts, a speaker each but for one, a row without a clip."""
    rows: list[dict[str, Any]] = [
        {
            "audio": {
                "bytes": clip(n, "FLAC" if n == 2 else "WAV"),
                "path": f"it's {n} $x.{'flac' if n == 2 else 'wav'}",
            },
            "text": [f"line one\n  two {n}", "über", "", None, 'a "quoted", text'][n],
            "speaker_id": SPEAKERS[n],
            "audio_of": {"take": n},
        }
        for n in range(5)
    ]
    return [*rows, {"audio": None, "text": "no clip", "speaker_id": "a", "audio_of": {"take": 9}}]


@pytest.fixture(params=["files", "packed"])
def speech(request: pytest.FixtureRequest, house: House, repo: Callable[..., str], tmp_path: Path) -> Dataset:
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", source_rows(), FEATURES)})
    return open_dataset(house.land(house.plan(form=request.param)).path)


def table(path: Path) -> dict[str, str]:
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def test_every_form_holds_every_clip_with_its_text_and_its_bytes(speech: Dataset, tmp_path: Path) -> None:
    source = source_rows()[:5]
    is_packed = speech.manifest["form"] == "packed"

    kaldi = export(speech, "kaldi", tmp_path / "kaldi")
    assert (kaldi.clips, kaldi.left_out, kaldi.copied) == (5, 0, 5 if is_packed else 0)
    scp, texts = table(tmp_path / "kaldi/train/wav.scp"), table(tmp_path / "kaldi/train/text")
    names = list(scp)
    assert names == sorted(names, key=str.encode) == list(texts) == list(table(tmp_path / "kaldi/train/utt2spk"))
    assert {name.rpartition("-train-")[0] for name in names} == {"a", "ab", "b", ""}
    for name, opened in scp.items():
        row = source[int(name[-7:])]
        assert texts[name] == " ".join((row["text"] or "").split())
        if opened.endswith("|"):
            heard = subprocess.run(opened.removesuffix("|"), shell=True, capture_output=True, check=True).stdout
            assert heard.startswith(b"RIFF")
        else:
            assert Path(opened).read_bytes() == row["audio"]["bytes"]
    speakers = {
        line.split()[0]: line.split()[1:] for line in (tmp_path / "kaldi/train/spk2utt").read_text().splitlines()
    }
    assert [len(speakers[one]) for one in ("a", "ab", "b")] == [1, 1, 2] and len(speakers) == 4
    listed = [json.loads(line) for line in (tmp_path / "kaldi/train/data.list").read_text().splitlines()]
    assert [Path(one["wav"]).read_bytes() for one in listed] == [row["audio"]["bytes"] for row in source]

    found = export(speech, "webdataset", tmp_path / "wds")
    assert (found.clips, found.copied) == (5, 5)
    with tarfile.open(tmp_path / "wds/train-000000.tar") as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    samples = [
        {name.partition(".")[2]: data for name, data in members.items() if name.startswith(f"train-{n:07d}.")}
        for n in range(5)
    ]
    assert [one.get("wav") or one["flac"] for one in samples] == [row["audio"]["bytes"] for row in source]
    assert [one.get("txt", b"").decode() for one in samples] == [row["text"] or "" for row in source]
    assert [json.loads(one["json"])["audio_of"] for one in samples] == [row["audio_of"] for row in source]


def test_forms_of_files_name_the_audio_where_it_lies(house: House, repo: Callable[..., str], tmp_path: Path) -> None:
    rows = [row for row in source_rows() if row["audio"]]
    for at, row in enumerate(rows):
        row["audio"]["path"] = f"{at}.wav"
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", rows, FEATURES)})
    speech = open_dataset(house.land().path)
    done = export(speech.select(split="train"), "csv", tmp_path / "csv")
    with (tmp_path / "csv/train.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [(one["wrd"], one["spk_id"]) for one in found] == [
        (row["text"] or "", row["speaker_id"] or "") for row in rows
    ]
    assert [Path(one["wav"]).read_bytes() for one in found] == [row["audio"]["bytes"] for row in rows]
    assert (done.clips, done.copied) == (5, 0) and list(done.path.iterdir()) == [done.path / "train.csv"]
    export(speech, "lhotse-shar", tmp_path / "shar")
    with gzip.open(tmp_path / "shar/train/cuts.000000.jsonl.gz") as lines:
        cuts = [json.loads(line) for line in lines]
    paths = [Path(one["recording"]["sources"][0]["source"]) for one in cuts]
    assert [path.read_bytes() for path in paths] == [row["audio"]["bytes"] for row in rows]
    assert all(path.is_relative_to(speech.path) for path in paths)


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo({"data/train.jsonl": b'{"text":"a"}\n'})
    words = open_dataset(house.land().path)
    with pytest.raises(ExportRefusedError, match="no audio"):
        export(words, "kaldi", tmp_path / "out")
    with pytest.raises(ExportRefusedError, match="no format 'wav'") as refused:
        export(words, "wav", tmp_path / "out")
    assert all(form in str(refused.value) for form in FORMATS)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_croissant_names_the_records_by_their_hashes_and_the_plain_columns(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo({"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", source_rows(), FEATURES)})
    speech = open_dataset(house.land().path)
    told = json.loads((export(speech, "croissant", tmp_path / "out").path / "croissant.json").read_text())
    (record,), (rows,) = told["distribution"], told["recordSet"]
    path = Path(record["contentUrl"])
    assert (
        hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] and path == speech.path / "json/train.jsonl"
    )
    assert [(one["name"], one["dataType"]) for one in rows["field"]] == [("text", "sc:Text"), ("speaker_id", "sc:Text")]
    assert (told["license"], told["conformsTo"][-3:]) == ("cc0-1.0", "1.1") and told["url"].endswith("/acme/speech")
    with pytest.raises(ExportRefusedError, match="whole splits"):
        export(speech[:2], "croissant", tmp_path / "part")


def test_a_folder_that_is_there_is_left_alone_and_an_export_that_fails_leaves_none(
    speech: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/kept").write_text("kept")
    with pytest.raises(ExportRefusedError, match="is there already"):
        export(speech, "kaldi", tmp_path / "mine")
    assert (tmp_path / "mine/kept").read_text() == "kept"
    damaged = next(one for one in sorted(speech.path.rglob("audio/**/*")) if one.suffix in (".tar", ".wav"))
    damaged.parent.chmod(0o750)
    damaged.unlink()
    with pytest.raises(Exception, match=damaged.name.replace("$", r"\$")):
        export(speech, "webdataset", tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
