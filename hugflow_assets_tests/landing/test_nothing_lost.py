"""A repository with audio of which nothing would land is refused, by name and with what to do; what is left is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hugflow_assets.errors import BadSourceError, HugflowError, NothingLandedError, UnsupportedShapeError
from hugflow_assets.formats.archives.parts import archive_parts
from hugflow_assets.notify.plan_facts import plan_facts
from hugflow_assets_tests.datasets_made import encoded_bytes, tar_bytes, wav_bytes, zip_bytes
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.shapes.shape_cases import parquet_bytes

CLIPS = [wav_bytes(0.05, hz=300.0 + 40 * number) for number in range(4)]
MP3 = encoded_bytes("mp3", 0.05)
TABLE = b"path,text\na.wav,ay\nb.wav,bee\n"
TAR = tar_bytes({"a.wav": CLIPS[0], "b.wav": CLIPS[1]})
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 88244\n"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a tar cut by split": ({"c.tgz.part-aa": TAR[:900], "c.tgz.part-ab": TAR[900:], "train.csv": TABLE}, "cut in"),
    "a tar cut, and nothing else": ({"c.tar.aa": TAR[:900], "c.tar.ab": TAR[900:]}, "cut in"),
    "a zip cut by numbers": ({"c.zip.001": b"PK\3\4", "c.zip.002": b"x", "train.csv": TABLE}, r"c\.zip\.001.*cut in"),
    "a zip over several disks": ({"c.z01": b"PK\3\4", "c.zip": b"x" * 90, "train.csv": TABLE}, "cut in|read as zip"),
    "one archive of two cut": (
        {"train.tar": TAR, "test.tar.00": TAR[:900], "test.tar.01": TAR[900:], "train.csv": TABLE}, "cut in",
    ),
    "7z": ({"clips.7z": b"7z\xbc\xaf'\x1c", "train.csv": TABLE}, r"clips\.7z: of a kind that"),
    "rar": ({"clips.part1.rar": b"Rar!", "train.csv": TABLE}, "cut in"),
    "a tar that is packed as nothing here unpacks": ({"clips.tar.zst": b"(\xb5/\xfd", "train.csv": TABLE}, "of a kind"),
    "clips packed each": ({"a.wav.gz": b"\x1f\x8b", "train.csv": TABLE}, "of a kind"),
    "a table that is a pointer": ({"audio/train.tar": TAR, "train.tsv": POINTER}, r"train\.tsv is a git-lfs pointer"),
    "an archive that is a pointer": ({"train.tar": POINTER, "train.tsv": b"path\ttext\na\tb\n"}, "git-lfs pointer"),
    "parquet that is a pointer": ({"data/train-0.parquet": POINTER}, "git-lfs pointer"),
    "clips that are pointers": ({"a.wav": POINTER, "b.wav": POINTER, "train.csv": TABLE}, "pointer"),
    "rows that name no clip": (
        {"train.jsonl": b'{"who": 1, "text": "x"}\n', "wavs/a.wav": CLIPS[0], "wavs/b.wav": CLIPS[1]}, "names no clip",
    ),
    "rows beside a tar that they do not name": ({"texts.json": b'[{"t": "x"}]', "clips.tar": TAR}, "names no clip"),
    "rows beside a zip that they do not name": (
        {**{f"{at}.jsonl": b'{"t": "x"}\n' for at in range(3)}, "clips.zip": zip_bytes({"a.wav": CLIPS[0]})},
        "names no clip",
    ),
    "parquet of texts beside clips": ({"data.parquet": parquet_bytes([{"t": 1}] * 9), "x/a.wav": CLIPS[0]}, "no clip|"),
    "images that outvote clips": (
        {**{f"{at}.png": b"\x89PNG" for at in range(5)}, "a.wav": CLIPS[0], "b.wav": CLIPS[1]}, "read as imagefolder",
    ),
    "a zip in a zip": ({"all.zip": zip_bytes({"a.zip": zip_bytes({"a.wav": CLIPS[0]})})}, "archives inside"),
    "an archive in an archive beside a table": (
        {"all.tar": tar_bytes({"a.tar": TAR, "c.wav": CLIPS[2]}), "t.csv": b"path,text\nc.wav,x\n"}, "another archive",
    ),
    "Kaldi's ids that lead to clips called otherwise": (
        {"a/0.wav": CLIPS[0], "a/1.wav": CLIPS[1], "data/train/wav.scp": b"0 a/1.wav\n1 a/0.wav\n",
         "data/train/text": b"0 ay\n1 bee\n"}, r"wav\.scp alone says which clip",
    ),
    "Kaldi's clips made by commands": (
        {"a/u.sph": CLIPS[0], "data/train/wav.scp": b"u sph2pipe a/u.sph |\n", "data/train/text": b"u ay\n"},
        "by commands",
    ),
    "Kaldi's segments of recordings": (
        {"a/r.wav": CLIPS[0], "data/train/wav.scp": b"r a/r.wav\n", "data/train/segments": b"r-1 r 0 1\n",
         "data/train/text": b"r-1 ay\n"}, "segments: texts of parts",
    ),
    "a table whose paths lead nowhere": (
        {"a.tar": TAR, "train.csv": b"path,text\n/data/x.wav,x\n/data/y.wav,y\n"}, "holds audio",
    ),
    "loose clips whose table's paths lead nowhere": (
        {"w/a.wav": CLIPS[0], "train.csv": b"path,text\nx.wav,x\ny.wav,y\n"}, "none of them with its audio",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_audio_that_would_be_lost_is_refused_by_name(house: House, name: str) -> None:
    files, told = REFUSED[name]
    house.hub.add_repo("acme/speech", files)
    with pytest.raises((UnsupportedShapeError, NothingLandedError, BadSourceError), match=told) as refused:
        house.land()
    assert isinstance(refused.value, HugflowError) and refused.value.exit_status == 1 and refused.value.remedy
    assert house.store.index.names() == []


LANDS: dict[str, dict[str, Any]] = {
    "parts beside parquet that holds its audio": {
        "data/train-0.parquet": parquet_bytes([{"audio": {"bytes": CLIPS[0], "path": "a.wav"}, "text": "ay"}]),
        "raw/clips.tar.gz.part-aa": b"x",
        "raw/old.7z": b"7z",
    },
    "rows without any audio": {"train.jsonl": b'{"t": "x"}\n', "tables.zip": zip_bytes({"x.csv": b"a\n1\n"})},
    "a signature beside an archive": {"train.tar": TAR, "train.tar.asc": b"x", "train.tar.sha256": b"x"},
    "parquet of bytes that are no audio": {"data/train-0.parquet": parquet_bytes([{"blob": b"x", "t": "x"}])},
    "samples of texts": {"train.tar": tar_bytes({"a.txt": b"x", "a.json": b"{}"})},
}


@pytest.mark.parametrize("name", LANDS)
def test_what_holds_nothing_to_lose_lands(house: House, name: str) -> None:
    house.hub.add_repo("acme/speech", LANDS[name])
    assert house.land().manifest.counts.rows > 0


def test_the_files_that_are_not_read_are_counted_and_named_beforehand(house: House) -> None:
    files = {
        "a.wav": CLIPS[0],
        "b.wav": CLIPS[1],
        "README.md": b"# x",
        "LICENSE": b"x",
        "notes.pdf": b"%PDF",
        "x.db": b"x",
    }
    house.hub.add_repo("acme/speech", files)
    plan = house.plan()
    assert (plan.coverage.files, plan.coverage.read, plan.coverage.left) == (4, 2, ("notes.pdf", "x.db"))
    assert dict(plan_facts(plan, None, None))["Left out"] == "2 of 4 files: notes.pdf, x.db"
    extra = house.land(plan).manifest.counts.extra
    assert {name: extra[name] for name in ("files_in_repository", "files_read", "files_left")} == {
        "files_in_repository": 4, "files_read": 2, "files_left": 2,
    }  # fmt: skip


def test_parquet_whose_audio_is_null_upstream_lands_as_it_is(house: House) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    told = {"info": {"features": {"audio": {"_type": "Audio"}, "t": {"dtype": "string", "_type": "Value"}}}}
    schema = pa.schema([("audio", kind), ("t", pa.string())], metadata={"huggingface": json.dumps(told)})
    out = io.BytesIO()
    pq.write_table(pa.table({"audio": pa.nulls(2, kind), "t": ["a", "b"]}, schema=schema), out)
    house.hub.add_repo("acme/speech", {"data/train-0.parquet": out.getvalue()})
    assert house.land().manifest.counts.null_audio == 2


@pytest.mark.parametrize(
    ("name", "is_part"),
    [
        *(
            (name, True)
            for name in ("c.tar.gz.aa", "c.tar.gzaa", "c.zip.1", "x/c.7z.001", "c.z01", "c.r00", "c_part_aa")
        ),
        *(
            (name, False)
            for name in ("c.tar.gz.asc", "c.tar.idx", "c.part1.tar.gz", "part-00000", "a.wav.001", "c.zip")
        ),
    ],
)
def test_parts_of_archives_are_known_by_their_names(name: str, is_part: bool) -> None:
    assert archive_parts([name]) == ([name] if is_part else [])
