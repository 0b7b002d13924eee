"""Repositories of every shape, and the rows that they mean: media as their bytes, everything else as JSON."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.shapes.models import Shape
from hugflow_assets_tests.datasets_made import (
    common_voice_clip,
    common_voice_files,
    common_voice_rows,
    encoded_bytes,
    tar_bytes,
    tsv_bytes,
    wav_bytes,
    zip_bytes,
)

Rows = list[dict[str, Any]]
CLIPS = [wav_bytes(0.05, hz=200.0 + 30 * number) for number in range(8)]
FLAC = encoded_bytes("flac", 0.05)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(60))
PDF = b"%PDF-1.4\n" + bytes(range(60))


@dataclass(frozen=True)
class Case:
    """``records``: path of each record below ``json/`` to its rows. ``extra`` must be among the counts."""

    files: Mapping[str, Any]
    shape: Shape
    records: Mapping[str, Rows]
    asked: Mapping[str, Any] = field(default_factory=dict)
    hf_id: str = "acme/speech"
    extra: Mapping[str, int] = field(default_factory=dict)
    converted: Mapping[str, Any] = field(default_factory=dict)


def parquet_bytes(rows: Rows) -> bytes:
    """Rows with an audio column of bytes and path."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def arrow_bytes(rows: Rows) -> bytes:
    """Rows as `datasets` saves them to a disk."""
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _cv(language: str, split: str, count: int) -> Rows:
    rows: Rows = [
        {name: cell or None for name, cell in row.items()} for row in common_voice_rows(language, split, count)
    ]
    for row in rows:
        row |= {name: int(row[name]) for name in ("up_votes", "down_votes")}
        row["audio"] = common_voice_clip(row["path"])
    return rows


_CV_ID = "mozilla-foundation/common_voice_11_0"
_CV = common_voice_files()
_FEW = common_voice_rows("ms", "train", 4)
_OF_TEST = common_voice_rows("ms", "test", 2)
_CORPUS = {
    "ms/train.tsv": tsv_bytes(_FEW),
    "ms/test.tsv": tsv_bytes(_OF_TEST),
    **{f"ms/clips/{row['path']}": common_voice_clip(row["path"]) for row in (*_FEW, *_OF_TEST)},
}
_JSON_ROW = {"text": "satu", "n": 12345678901234567, "x": [1, None]}
_SAMPLES = {
    "a/one.flac": FLAC,
    "a/one.json": json.dumps(_JSON_ROW).encode(),
    "a/one.txt": "selamat pagi ☀".encode(),
    "a/one.cls": b"3",
    "a/two.flac": CLIPS[1],
    "a/two.second.wav": CLIPS[2],
    "a/two.json": b'{"text": "dua"}',
    "a/two.txt": b"two",
    "a/two.cls": b"4",
}
_SAMPLE_ROWS: Rows = [
    {
        "flac": FLAC, "json": _JSON_ROW, "txt": "selamat pagi ☀", "cls": 3, "second.wav": None, "__key__": "a/one",
    },
    {
        "flac": CLIPS[1], "json": {"text": "dua"}, "txt": "two", "cls": 4, "second.wav": CLIPS[2], "__key__": "a/two",
    },
]  # fmt: skip


def _samples(path: str) -> Rows:
    return [{**row, "__url__": path} for row in _SAMPLE_ROWS]


_FILLER = bytes(range(256)) * (5 << 10)


def _at(key: str) -> dict[str, str]:
    return {"__key__": key, "__url__": "cv.tar"}


def _sample(key: str | None, **fields: Any) -> dict[str, Any]:
    names = ("wav", "cls", "bin", "file_name", "text", "wav_in_table")
    return {**dict.fromkeys(names), **fields, "__key__": key, "__url__": "train.tar"}


_METADATA = b'file_name,text,speaker,score\nsub/b.wav,"bee, too",7,0.5\na.wav,ay,8,\n'
_METADATA_ROWS: Rows = [
    {"audio": CLIPS[1], "text": "bee, too", "speaker": 7, "score": 0.5},
    {"audio": CLIPS[0], "text": "ay", "speaker": 8, "score": None},
]
_SPEECH: Rows = [{"audio": {"bytes": CLIPS[0], "path": "a.wav"}, "text": "ay"}]

_SPOKEN = "wav flac mp3 ogg oga opus m4a aac mp4 wma amr aif aiff aifc au snd sph caf ape wv"
_IN_ANY_CASE = [*_SPOKEN.split(), *_SPOKEN.upper().split(), "Wav", "Sph"]

CASES: dict[str, Case] = {
    "audio of every ending that speech corpora have, in any case, each with its text": Case(
        {
            f"{number:02}.{content}": CLIPS[number % 8] if content == ending else f"text {number}".encode()
            for number, ending in enumerate(_IN_ANY_CASE)
            for content in (ending, "txt")
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[number % 8], "text": f"text {number}"} for number in range(len(_IN_ANY_CASE))
            ]
        },
    ),
    **{
        f"a folder of .{ending}": Case(
            {f"a.{ending}": CLIPS[0]}, Shape.AUDIOFOLDER, {"train.jsonl": [{"audio": CLIPS[0]}]}
        )
        for ending in ("oga", "sph", "AMR", "mp4")
    },
    "samples without a header that a table names": Case(
        {"train.csv": b"path,text\nx/a.pcm,ay\nx/b.RAW,bee\n", "x/a.pcm": CLIPS[0], "x/b.RAW": CLIPS[1]},
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"path": "x/a.pcm", "audio": CLIPS[0], "text": "ay"},
                {"path": "x/b.RAW", "audio": CLIPS[1], "text": "bee"},
            ]
        },
    ),
    "audio of any ending in a tar": Case(
        {"train.tar": tar_bytes({"a.sph": CLIPS[0], "a.txt": b"ay", "b.SPH": CLIPS[1], "b.txt": b"bee"})},
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"sph": CLIPS[0], "txt": "ay", "SPH": None, "__key__": "a", "__url__": "train.tar"},
                {"sph": None, "txt": "bee", "SPH": CLIPS[1], "__key__": "b", "__url__": "train.tar"},
            ]
        },
    ),
    "common voice, one split of one language": Case(
        _CV,
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": _cv("ms", "train", 7)},
        {"subset": "ms", "split": "train", "audio_column": "audio", "text_column": "text"},
        _CV_ID,
        {"rows_without_clip": 0, "table_rows": 7},
    ),
    "common voice, everything": Case(
        _CV,
        Shape.CLIP_ARCHIVES,
        {
            "br/train.jsonl": _cv("br", "train", 4),
            "ms/train.jsonl": _cv("ms", "train", 7),
            "ms/dev.jsonl": _cv("ms", "dev", 2),
            "ms/test.jsonl": _cv("ms", "test", 3),
            "ms/other.jsonl": _cv("ms", "other", 1),
            "ms/invalidated.jsonl": _cv("ms", "invalidated", 1),
        },
        hf_id=_CV_ID,
    ),
    "clips and rows that do not meet": Case(
        {
            "train.csv": b'path,sentence\nx/1.wav,"one, and"\n2,two\n3.wav,three\n',
            "clips.tar.gz": tar_bytes({"x/1.wav": CLIPS[0], "2.wav": CLIPS[1], "9.wav": CLIPS[2]}, compression="gz"),
        },
        Shape.CLIP_ARCHIVES,
        {
            "train.jsonl": [
                {"path": "x/1.wav", "sentence": "one, and", "audio": CLIPS[0]},
                {"path": "2", "sentence": "two", "audio": CLIPS[1]},
                {"path": "3.wav", "sentence": "three", "audio": None},
            ]
        },
        extra={"table_rows": 3, "rows_joined": 2, "rows_absent": 1, "clips_in_source": 3, "clips_unnamed": 1},
    ),
    "several rows of one clip": Case(
        {
            "test.tsv": b"file_name\tsegment\nlong.wav\t0\nlong.wav\t1\n",
            "clips.zip": zip_bytes({"long.wav": CLIPS[0]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "test.jsonl": [
                {"file_name": "long.wav", "segment": 0, "audio": CLIPS[0]},
                {"file_name": "long.wav", "segment": 1, "audio": CLIPS[0]},
            ]
        },
    ),
    "a split that lives in a shared archive": Case(
        {
            "clips.tar": tar_bytes({row["path"]: common_voice_clip(row["path"]) for row in (*_FEW, *_OF_TEST)}),
            "train.tsv": tsv_bytes(_FEW),
            "test.tsv": tsv_bytes(_OF_TEST),
        },
        Shape.CLIP_ARCHIVES,
        {"test.jsonl": _cv("ms", "test", 2)},
        {"split": "test"},
        extra={"clips_of_no_row_here": 4},
    ),
    "a zip with a whole corpus": Case(
        {"cv-corpus.zip": zip_bytes(_CORPUS)},
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": _cv("ms", "train", 4), "test.jsonl": _cv("ms", "test", 2)},
    ),
    "audio files that tables of another name speak of": Case(
        {
            "wavs/a.wav": CLIPS[0],
            "wavs/b.wav": CLIPS[1],
            "more/c.wav": CLIPS[2],
            "train.csv": b"path,text,n\nb,bee,007\nwavs/a.wav,ay,8\nz.wav,zed,9\n",
            "test.csv": b"path,text,n\nc.wav,cee,1\n",
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"path": "b", "audio": CLIPS[1], "text": "bee", "n": "007"},
                {"path": "wavs/a.wav", "audio": CLIPS[0], "text": "ay", "n": "8"},
                {"path": "z.wav", "audio": None, "text": "zed", "n": "9"},
            ],
            "test.jsonl": [{"path": "c.wav", "audio": CLIPS[2], "text": "cee", "n": "1"}],
        },
        extra={"resolved_paths": 3},
    ),
    "archives with the tables of their clips inside": Case(
        {
            "train-0.tar": tar_bytes({"PK/a.wav": CLIPS[0], "PK/metadata.csv": b"file_name,text\na.wav,ay\n"}),
            "train-1.tgz": tar_bytes(
                {"metadata.csv": b"file_name,text\na.wav,bee\nb.wav,no\n", "a.wav": CLIPS[1]}, compression="gz"
            ),
            "test-0.tar.gz": tar_bytes({"m/metadata.csv": b"file_name,text\nc.wav,cee\n", "c.wav": CLIPS[2]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "train.jsonl": [
                {"file_name": "a.wav", "audio": CLIPS[0], "text": "ay"},
                {"file_name": "a.wav", "audio": CLIPS[1], "text": "bee"},
                {"file_name": "b.wav", "audio": None, "text": "no"},
            ],
            "test.jsonl": [{"file_name": "c.wav", "audio": CLIPS[2], "text": "cee"}],
        },
        extra={"rows_without_clip": 1, "table_rows": 4},
    ),
    "tables that name clips by an id, or have no header": Case(
        {
            "ms/dev.tsv": b"id\traw_text\nu1\tHello\n",
            "ms/dev.tar": tar_bytes({"x/u1.wav": CLIPS[0]}),
            "br/test.tsv": b"7\tu2.wav\tDemat\t16000\n",
            "br/test.tar": tar_bytes({"x/u2.wav": CLIPS[1]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "ms/dev.jsonl": [{"id": "u1", "audio": CLIPS[0], "raw_text": "Hello"}],
            "br/test.jsonl": [
                {
                    "column_1": 7,
                    "column_2": "u2.wav",
                    "audio": CLIPS[1],
                    "column_3": "Demat",
                    "column_4": 16000,
                }
            ],
        },
    ),
    "tables of one name that differ": Case(
        {
            "fr/train.tsv": b"path\tother\nu3.wav\tSalut\n",
            "fr/train.tar": tar_bytes({"x/u3.wav": CLIPS[2]}),
            "de/train.tsv": b"text\tfile\nHallo\tu4.wav\n",
            "de/train.tar": tar_bytes({"x/u4.wav": CLIPS[3]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "de/train.jsonl": [{"text": "Hallo", "file": "u4.wav", "audio": CLIPS[3]}],
            "fr/train.jsonl": [{"path": "u3.wav", "audio": CLIPS[2], "other": "Salut"}],
        },
    ),
    "json lines that name clips of an archive, with types of their own": Case(
        {
            "train_manifest.json": b'{"audio_filepath": "clips/b.wav", "n": 2, "text": "bee"}\n'
            b'{"audio_filepath": "clips/a.wav", "n": 1.5, "text": "ay"}\n'
            b'{"audio_filepath": null, "n": 3, "text": "none"}\n',
            "audio_0.tar": tar_bytes({"a.wav": CLIPS[0], "b.wav": CLIPS[1], "e\u0301.wav": CLIPS[2]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "train.jsonl": [
                {"audio_filepath": "clips/b.wav", "audio": CLIPS[1], "n": 2.0, "text": "bee"},
                {"audio_filepath": "clips/a.wav", "audio": CLIPS[0], "n": 1.5, "text": "ay"},
                {"audio_filepath": None, "audio": None, "n": 3.0, "text": "none"},
            ]
        },
        {"text_column": "text"},
        extra={"rows_joined": 2, "rows_absent": 1, "clips_unnamed": 1},
    ),
    "a table without header, as LJSpeech has it, and names in two forms of Unicode": Case(
        {
            "metadata.csv": "LJ-1|Printing, in|printing\nLJ-2|two|zwei\n\u00e9|x|y\n".encode(),
            "wavs/LJ-1.wav": CLIPS[0],
            "wavs/LJ-2.wav": CLIPS[1],
            "wavs/e\u0301.wav": CLIPS[2],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"id": "LJ-1", "audio": CLIPS[0], "text": "Printing, in", "normalized_text": "printing"},
                {"id": "LJ-2", "audio": CLIPS[1], "text": "two", "normalized_text": "zwei"},
                {"id": "\u00e9", "audio": CLIPS[2], "text": "x", "normalized_text": "y"},
            ]
        },
    ),
    "audio with metadata.csv": Case(
        {
            "train/a.wav": CLIPS[0],
            "train/sub/b.wav": CLIPS[1],
            "train/metadata.csv": _METADATA,
            "train/unnamed.wav": CLIPS[3],
            "test/c.wav": CLIPS[2],
            "test/metadata.csv": b"file_name,text,speaker,score\nc.wav,cee,9,1.5\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": _METADATA_ROWS,
            "test.jsonl": [{"audio": CLIPS[2], "text": "cee", "speaker": 9, "score": 1.5}],
        },
        extra={"table_rows": 3, "rows_joined": 3, "clips_in_source": 4, "clips_named": 3, "clips_unnamed": 1},
    ),
    "audio with metadata.jsonl, nested and listed": Case(
        {
            "a.wav": CLIPS[0],
            "b.wav": CLIPS[1],
            "c.wav": CLIPS[2],
            "metadata.jsonl": b'{"file_name": "a.wav", "more": {"noise_file_name": "b.wav", "db": 3}, "file_names": '
            b'["b.wav", "c.wav"]}\n{"file_name": "c.wav", "more": {"noise_file_name": "b.wav", "db": 4}, '
            b'"file_names": []}\n',
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[0], "more": {"noise": CLIPS[1], "db": 3}, "audios": [CLIPS[1], CLIPS[2]]},
                {"audio": CLIPS[2], "more": {"noise": CLIPS[1], "db": 4}, "audios": []},
            ]
        },
    ),
    "audio with metadata.parquet": Case(
        {
            "data/a.wav": CLIPS[0],
            "data/b.wav": CLIPS[1],
            "data/c.wav": CLIPS[2],
            "data/metadata.parquet": parquet_bytes([{"file_name": "b.wav", "n": 2}, {"file_name": "a.wav", "n": 1}]),
        },
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": CLIPS[1], "n": 2}, {"audio": CLIPS[0], "n": 1}]},
    ),
    "audio with metadata above the splits": Case(
        {
            "train/a.wav": CLIPS[0],
            "train/b.wav": CLIPS[1],
            "test/c.wav": CLIPS[2],
            "metadata.csv": b"file_name,text\ntrain/b.wav,bee\ntest/c.wav,cee\ntrain/a.wav,ay\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [{"audio": CLIPS[1], "text": "bee"}, {"audio": CLIPS[0], "text": "ay"}],
            "test.jsonl": [{"audio": CLIPS[2], "text": "cee"}],
        },
        extra={"rows_of_other_splits": 3, "table_rows": 3, "clips_in_source": 3, "clips_named": 3},
    ),
    "audio in folders that are labels": Case(
        {"dog/a.wav": CLIPS[0], "cat/b.wav": CLIPS[1], "cat/a.wav": CLIPS[2]},
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[2], "label": 0},
                {"audio": CLIPS[1], "label": 0},
                {"audio": CLIPS[0], "label": 1},
            ]
        },
    ),
    "audio with endings that datasets does not know": Case(
        {"train/a.Mp3": CLIPS[0], "train/b.m4a": CLIPS[1], "train/c.wav": CLIPS[2], "notes/x.docx": b"x"},
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": CLIPS[0]}, {"audio": CLIPS[1]}, {"audio": CLIPS[2]}]},
    ),
    "audio in split folders, nothing else": Case(
        {"train/a.wav": CLIPS[0], "test/b.wav": CLIPS[1]},
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": CLIPS[0]}]},
        {"split": "train"},
    ),
    "audio with labels dropped by the card": Case(
        {
            "dog/a.wav": CLIPS[0],
            "cat/b.wav": CLIPS[1],
            "README.md": b"---\nconfigs:\n- config_name: default\n  drop_labels: true\n---\n",
        },
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": CLIPS[1]}, {"audio": CLIPS[0]}]},
    ),
    "audio with a text each, beside it or in a folder of texts": Case(
        {
            "x/a.wav": CLIPS[0],
            "x/a.txt": "\ufeffé\r\n".encode(),
            "x/a.wav.trn": b"ay",
            "x/b.wav": CLIPS[1],
            "wav48/p1/1_mic1.wav": CLIPS[2],
            "wav48/p2/1_mic1.wav": CLIPS[3],
            "wav48/p3/1_mic1.wav": CLIPS[4],
            "txt/p1/1.txt": b"one\n",
            "txt/p2/1.txt": b"eins\n",
            "one/b.txt": b"which",
            "two/b.txt": b"of these?",
            "speaker-info.txt": b"p1 23 F\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[2], "text": "one", "wav_trn": None},
                {"audio": CLIPS[3], "text": "eins", "wav_trn": None},
                {"audio": CLIPS[4], "text": None, "wav_trn": None},
                {"audio": CLIPS[0], "text": "é", "wav_trn": "ay"},
                {"audio": CLIPS[1], "text": None, "wav_trn": None},
            ]
        },
        extra={"clips_without_row": 2},
    ),
    "a zip of audio with JSON and normalized text beside it": Case(
        {
            "data.zip": zip_bytes(
                {
                    "x/a.wav": CLIPS[0],
                    "x/a.json": b'{"text": "ay", "n": 9007199254740993}',
                    "x/a.normalized.txt": b"ay",
                    "x/b.wav": CLIPS[1],
                    "x/b.json": b'{"text": "bee",\n"n": null}',
                }
            )
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[0], "normalized_text": "ay", "json": {"text": "ay", "n": 9007199254740993}},
                {"audio": CLIPS[1], "normalized_text": None, "json": {"text": "bee", "n": None}},
            ]
        },
        {"text_column": "json.text"},
    ),
    "audio with lists of ids and texts, as LibriSpeech has them": Case(
        {
            "train-clean/1/2/1-2-0.wav": CLIPS[0],
            "train-clean/1/2/1-2-1.wav": CLIPS[1],
            "train-clean/1/2/1-2.trans.txt": b"1-2-0 GO DO\n1-2-1  YOU HEAR \n1-2-7 NOTHING\n",
            "dev-clean/3/4/3-4-0.wav": CLIPS[2],
            "dev-clean/3/4/3-4-1.wav": CLIPS[3],
            "dev-clean/3/4/3-4.trans.txt": b"3-4-0 HELLO\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[0], "id": "1-2-0", "text": "GO DO"},
                {"audio": CLIPS[1], "id": "1-2-1", "text": "YOU HEAR"},
            ],
            "validation.jsonl": [
                {"audio": CLIPS[2], "id": "3-4-0", "text": "HELLO"},
                {"audio": CLIPS[3], "id": None, "text": None},
            ],
        },
        {"text_column": "text", "audio_column": "audio"},
        extra={"rows_without_clip": 1, "clips_without_row": 1},
    ),
    "a zip of audio with one list for all splits, as AISHELL has it": Case(
        {
            "data.zip": zip_bytes(
                {
                    "wav/train/s/u1.wav": CLIPS[0],
                    "wav/train/s/same.wav": CLIPS[1],
                    "wav/test/s/u2.wav": CLIPS[2],
                    "wav/test/s/same.wav": CLIPS[3],
                    "transcript/all_v0.8.txt": "u1 而 对\nu2 也\nsame x\n".encode(),
                }
            )
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[1], "id": None, "text": None},
                {"audio": CLIPS[0], "id": "u1", "text": "而 对"},
            ]
        },
        {"split": "train"},
        extra={"clips_without_row": 1},
    ),
    "a zip of audio with metadata": Case(
        {"data.zip": zip_bytes({"in/a.wav": CLIPS[0], "in/sub/b.wav": CLIPS[1], "in/metadata.csv": _METADATA})},
        Shape.AUDIOFOLDER,
        {"train.jsonl": _METADATA_ROWS},
    ),
    "a zip a split": Case(
        {"train.zip": zip_bytes({"a.wav": CLIPS[0]}), "test.zip": zip_bytes({"b.wav": CLIPS[1]})},
        Shape.AUDIOFOLDER,
        {"test.jsonl": [{"audio": CLIPS[1]}]},
        {"split": "test"},
    ),
    "a zip of parquet": Case(
        {"data.zip": zip_bytes({"train.parquet": parquet_bytes(_SPEECH), "test.parquet": parquet_bytes(_SPEECH)})},
        Shape.PARQUET,
        {"train.jsonl": [{"audio": CLIPS[0], "text": "ay"}]},
        {"split": "train"},
    ),
    "parquet whose audio is no struct of bytes and path": Case(
        {
            "data/train.parquet": parquet_bytes(
                [{"audio": CLIPS[0], "speech": {"bytes": CLIPS[1], "sampling_rate": 16000}, "vector": b"\x00\x01"}]
            )
        },
        Shape.PARQUET,
        {"train.jsonl": [{"audio": CLIPS[0], "speech": {"bytes": CLIPS[1], "sampling_rate": 16000}, "vector": "AAE="}]},
        {"audio_column": "speech.bytes"},
    ),
    "a zip of a tar": Case(
        {"data.zip": zip_bytes({"train-0.tar": tar_bytes(_SAMPLES)})},
        Shape.WEBDATASET,
        {"train.jsonl": _samples("data.zip/train-0.tar")},
    ),
    "images": Case(
        {"cat/a.png": PNG, "dog/b.png": PNG + b"2"},
        Shape.IMAGEFOLDER,
        {"train.jsonl": [{"image": PNG, "label": 0}, {"image": PNG + b"2", "label": 1}]},
    ),
    "pdfs": Case(
        {"a.pdf": PDF, "b.pdf": PDF + b"2"}, Shape.PDFFOLDER, {"train.jsonl": [{"pdf": PDF}, {"pdf": PDF + b"2"}]}
    ),
    "videos": Case(
        {"a.mkv": b"\x1aE\xdf\xa3" + PNG}, Shape.VIDEOFOLDER, {"train.jsonl": [{"video": b"\x1aE\xdf\xa3" + PNG}]}
    ),
    "nifti": Case(
        {"a.nii": PNG, "b.nii.gz": PDF}, Shape.NIFTIFOLDER, {"train.jsonl": [{"nifti": PNG}, {"nifti": PDF}]}
    ),
    "meshes": Case({"a.glb": PNG, "b.ply": PDF}, Shape.MESHFOLDER, {"train.jsonl": [{"mesh": PNG}, {"mesh": PDF}]}),
    "structures": Case(
        {"a.cif": PNG, "metadata.csv": b"file_name,r\na.cif,1.5\n"},
        Shape.STRUCTUREFOLDER,
        {"train.jsonl": [{"structure": PNG, "r": 1.5}]},
    ),
    "webdataset": Case(
        {
            "train-00.tar": tar_bytes(_SAMPLES),
            "train-01.tar": tar_bytes(_SAMPLES),
            "test-00.tar": tar_bytes({"k.txt": b"x"}),
        },
        Shape.WEBDATASET,
        {"train.jsonl": _samples("train-00.tar") + _samples("train-01.tar")},
        {"split": "train"},
    ),
    "webdataset, compressed": Case(
        {"train.tar.gz": tar_bytes({"README": b"x", **_SAMPLES}, compression="gz")},
        Shape.WEBDATASET,
        {"train.jsonl": _samples("train.tar.gz")},
        extra={"members_without_key": 1},
    ),
    "a tar with a table between its clips": Case(
        {
            "train.tar": tar_bytes(
                {
                    "a.wav": CLIPS[0],
                    "b.wav": CLIPS[1],
                    "b.cls": b"3",
                    "m.bin": _FILLER,
                    "metadata.csv": b"file_name,text,wav\na.wav,ay,x\na.wav,again,y\nc.wav,gone,z\n",
                    "n.bin": _FILLER,
                    "d.wav": CLIPS[3],
                }
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                _sample("a", wav=CLIPS[0], file_name="a.wav", text="ay", wav_in_table="x"),
                _sample("a", wav=CLIPS[0], file_name="a.wav", text="again", wav_in_table="y"),
                _sample("b", wav=CLIPS[1], cls=3),
                _sample("m", bin=base64.b64encode(_FILLER).decode()),
                _sample("n", bin=base64.b64encode(_FILLER).decode()),
                _sample("d", wav=CLIPS[3]),
                _sample(None, file_name="c.wav", text="gone", wav_in_table="z"),
            ]
        },
        {"text_column": "text", "audio_column": "wav"},
        extra={"rows_without_clip": 1, "clips_without_row": 1},
    ),
    "a tar with tables of several splits between its clips": Case(
        {
            "cv.tar": tar_bytes(
                {
                    "cv/clips/a.mp3": CLIPS[0],
                    "cv/m.cls": b"1".ljust(2 << 20),
                    "cv/train.tsv": b"path\tsentence\na.mp3\tay\n",
                    "cv/validated.tsv": b"path\tsentence\na.mp3\tay\nb.mp3\tbee\n",
                    "cv/n.cls": b"2".ljust(1 << 20),
                    "cv/clips/b.mp3": CLIPS[1],
                }
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"mp3": mp3, "cls": cls, "path": path, "sentence": sentence, "__tables__": tables, **at}
                for mp3, cls, path, sentence, tables, at in [
                    (CLIPS[0], None, "a.mp3", "ay", ["cv/train.tsv", "cv/validated.tsv"], _at("cv/clips/a")),
                    (None, 1, None, None, None, _at("cv/m")),
                    (None, 2, None, None, None, _at("cv/n")),
                    (CLIPS[1], None, "b.mp3", "bee", ["cv/validated.tsv"], _at("cv/clips/b")),
                ]
            ]
        },
    ),
    "a tar with a JSON list of its clips, and a table with bars": Case(
        {
            "cv.tar": tar_bytes(
                {
                    "w/a.wav": CLIPS[0],
                    "w/b.wav": CLIPS[1],
                    "x/index.json": b'[{"path": "w/a.wav", "n": 1}]',
                    "x/filelist.txt": b"w/b.wav|bee\n",
                    "x/about.json": b'{"path": "w/b.wav"}',
                }
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"wav": CLIPS[0], "path": "w/a.wav", "n": 1, "id": None, "text": None, **_at("w/a")},
                {"wav": CLIPS[1], "path": None, "n": None, "id": "w/b.wav", "text": "bee", **_at("w/b")},
            ]
        },
        extra={"texts_of_no_clip": 1},
    ),
    "a tar with lists of ids and texts, as LibriSpeech has them": Case(
        {
            "train-clean.tar.gz": tar_bytes(
                {
                    "L/README.TXT": b"About",
                    "L/1/2/1-2.trans.txt": b"1-2-0 GO DO\n1-2-1 HERE\n1-2-9 NOWHERE\n",
                    "L/1/2/1-2-0.flac": FLAC,
                    "L/1/2/1-2-1.flac": CLIPS[1],
                    "L/3/4/1-2-0.flac": CLIPS[2],
                    "L/3/4/3-4.trans.txt": b"1-2-0 another\n",
                },
                compression="gz",
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {
                    "flac": clip,
                    "id": name,
                    "text": text,
                    "__key__": f"L/{place}/{name}",
                    "__url__": "train-clean.tar.gz",
                }
                for clip, place, name, text in [
                    (FLAC, "1/2", "1-2-0", "GO DO"),
                    (CLIPS[1], "1/2", "1-2-1", "HERE"),
                    (CLIPS[2], "3/4", "1-2-0", "another"),
                ]
            ]
        },
        {"text_column": "text"},
        extra={"rows_without_clip": 1, "texts_of_no_clip": 1},
    ),
    "a tar with texts in a folder of their own": Case(
        {
            "train.tar": tar_bytes(
                {
                    "wav/p1/1.wav": CLIPS[0],
                    "wav/p1/2.wav": CLIPS[1],
                    "wav/p2/1.wav": CLIPS[2],
                    "txt/p1/1.txt": b"one",
                    "txt/p2/1.txt": b"eins",
                    "txt/p3/2.txt": b"zwei",
                    "old/p3/2.txt": b"or drei",
                    "txt/p2/1.json": b'{"n":\n1}',
                    "speakers.txt": b"p1 f\n",
                }
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"wav": CLIPS[0], "txt": "one", "json": None, "__key__": "wav/p1/1", "__url__": "train.tar"},
                {"wav": CLIPS[1], "txt": None, "json": None, "__key__": "wav/p1/2", "__url__": "train.tar"},
                {"wav": CLIPS[2], "txt": "eins", "json": {"n": 1}, "__key__": "wav/p2/1", "__url__": "train.tar"},
            ]
        },
        extra={"clips_without_row": 1, "texts_of_no_clip": 3},
    ),
    "lists of ids and texts beside archives, as MLS has them": Case(
        {
            "data/french/train/transcripts.txt": b"1_2_0\tle chat\n1_2_1\tle chien\n",
            "data/french/train/audio/1_2.tar.gz": tar_bytes({"1_2_0.wav": CLIPS[0]}, compression="gz"),
            "data/french/dev/transcripts.txt": b"3_4_0 bon  jour\n",
            "data/french/dev/audio/3_4.tar": tar_bytes({"3_4_0.wav": CLIPS[1]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "train.jsonl": [
                {"id": "1_2_0", "audio": CLIPS[0], "text": "le chat"},
                {"id": "1_2_1", "audio": None, "text": "le chien"},
            ],
            "dev.jsonl": [{"id": "3_4_0", "audio": CLIPS[1], "text": "bon  jour"}],
        },
        extra={"rows_without_clip": 1},
    ),
    "tables that name clips by an id, beside a script without a conversion": Case(
        {
            "speech.py": b"import datasets\n",
            "data/en/asr_train.tsv": b"id\traw_text\n9_0\tHello.\n",
            "data/en/asr_dev.tsv": b"id\traw_text\n9_1\tHi.\n",
            "data/en/train/train_part_0.tar.gz": tar_bytes({"train_part_0/9_0.wav": CLIPS[0]}, compression="gz"),
            "data/en/dev/dev_part_0.tar": tar_bytes({"dev_part_0/9_1.wav": CLIPS[1]}),
        },
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": [{"id": "9_0", "audio": CLIPS[0], "raw_text": "Hello."}]},
        {"subset": "en", "split": "train"},
    ),
    "zips of audio and of texts, and a list beside them": Case(
        {
            "wav.zip": zip_bytes({"wav/p1/1.wav": CLIPS[0], "wav/p2/1.wav": CLIPS[1], "wav/p3/u.wav": CLIPS[2]}),
            "txt.zip": zip_bytes({"txt/p1/1.txt": b"one", "txt/p2/1.txt": b"eins"}),
            "transcripts.txt": b"u uh\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": CLIPS[0], "label": 0, "id": None, "text": None, "text_beside": "one"},
                {"audio": CLIPS[1], "label": 1, "id": None, "text": None, "text_beside": "eins"},
                {"audio": CLIPS[2], "label": 2, "id": "u", "text": "uh", "text_beside": None},
            ]
        },
    ),
    "a list a split, as Kaldi has them": Case(
        {
            "data/train/text": b"u1 le chat\nu2  le chien\nu9 gone\n",
            "data/test/text": b"u3 bon\n",
            "data/train/wav.scp": b"u1 wav/u1.wav\n",
            "wav/u1.wav": CLIPS[0],
            "wav/u2.wav": CLIPS[1],
            "wav/u3.wav": CLIPS[2],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"id": "u1", "audio": CLIPS[0], "text": "le chat"},
                {"id": "u2", "audio": CLIPS[1], "text": "le chien"},
                {"id": "u9", "audio": None, "text": "gone"},
            ]
        },
        {"split": "train"},
    ),
    "parquet that names audio of the repository": Case(
        {
            "data/train.parquet": parquet_bytes([{"n": 1, "path": "b"}, {"n": None, "path": "clips/a.wav"}]),
            "clips/a.wav": CLIPS[0],
            "clips/b.wav": CLIPS[1],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"n": 1, "path": "b", "audio": CLIPS[1]},
                {"n": None, "path": "clips/a.wav", "audio": CLIPS[0]},
            ]
        },
    ),
    "a JSON list that names audio of the repository": Case(
        {
            "train.json": b'[{"audio": "clips/a.wav", "n": 9007199254740993,\n "text": "]\\n\\u00e9, {"},'
            b'\n {"audio": "b.wav"}\n]\n',
            "clips/a.wav": CLIPS[0],
            "clips/b.wav": CLIPS[1],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"audio": CLIPS[0], "n": 9007199254740993, "text": "]\né, {"},
                {"audio": CLIPS[1]},
            ]
        },
    ),
    "columns of text whose type one table of several decides": Case(
        {
            "train.csv": b"path,code,n\nw/a.wav,1,1\n",
            "test.csv": b"path,code,n\nw/b.wav,007,2\n",
            "w/a.wav": CLIPS[0],
            "w/b.wav": CLIPS[1],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [{"path": "w/a.wav", "audio": CLIPS[0], "code": "1", "n": 1}],
            "test.jsonl": [{"path": "w/b.wav", "audio": CLIPS[1], "code": "007", "n": 2}],
        },
    ),
    "columns of metadata whose type one file of several decides": Case(
        {
            "train/a.wav": CLIPS[0],
            "train/metadata.csv": b"file_name,code\na.wav,1\n",
            "test/a.wav": CLIPS[1],
            "test/metadata.csv": b"file_name,code\na.wav,+2\n",
        },
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [{"audio": CLIPS[0], "code": "1"}],
            "test.jsonl": [{"audio": CLIPS[1], "code": "+2"}],
        },
    ),
    "csv, of several files whose columns are not alike": Case(
        {"train-0.csv": b"a,b\n1,2\n", "train-1.csv": b"a,b\nx,3\n", "test.csv": b"a,b\n4,\n"},
        Shape.ROWS,
        {"train.jsonl": [{"a": "1", "b": 2}, {"a": "x", "b": 3}], "test.jsonl": [{"a": "4", "b": None}]},
    ),
    "a tar of bz2, as it is called": Case(
        {"LJ-1.tar.bz2": tar_bytes({"a.wav": CLIPS[0], "a.txt": b"ay"}, compression="bz2")},
        Shape.WEBDATASET,
        {"train.jsonl": [{"wav": CLIPS[0], "txt": "ay", "__key__": "a", "__url__": "LJ-1.tar.bz2"}]},
    ),
    "csv": Case(
        {"train.csv": b'a,b,t\n1,2.5,x\n2,,"y\nz"\n', "test.csv": b"a,b,t\n3,1.5,w\n"},
        Shape.ROWS,
        {"train.jsonl": [{"a": 1, "b": 2.5, "t": "x"}, {"a": 2, "b": None, "t": "y\nz"}]},
        {"split": "train"},
    ),
    "tsv": Case({"train.tsv": b"a\tt\n1\tx, y\n"}, Shape.ROWS, {"train.jsonl": [{"a": 1, "t": "x, y"}]}),
    "csv with a separator in the card": Case(
        {
            "x.csv": b"a;t\n1;x\n",
            "README.md": b'---\nconfigs:\n- config_name: main\n  data_files: x.csv\n  sep: ";"\n---\n',
        },
        Shape.ROWS,
        {"train.jsonl": [{"a": 1, "t": "x"}]},
    ),
    "csv, compressed": Case({"train.csv.gz": gzip.compress(b"a\n1\n")}, Shape.ROWS, {"train.jsonl": [{"a": 1}]}),
    "jsonl": Case(
        {"train.jsonl": b'{"n": 9007199254740993, "s": {"x": [1]}, "t": "\xc3\xa9"}\n{"n": 2, "s": null, "t": null}\n'},
        Shape.ROWS,
        {"train.jsonl": [{"n": 9007199254740993, "s": {"x": [1]}, "t": "é"}, {"n": 2, "s": None, "t": None}]},
    ),
    "json": Case({"train.json": b'[{"a": 1}, {"a": 2}]'}, Shape.ROWS, {"train.jsonl": [{"a": 1}, {"a": 2}]}),
    "json that names audio of the repository": Case(
        {
            "data/train.jsonl": b'{"audio": "clips/a.wav", "t": "ay"}\n{"audio": "clips/none.wav", "t": "no"}\n',
            "data/clips/a.wav": CLIPS[0],
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_files: data/train.jsonl\n"
            b"dataset_info:\n  features:\n  - {name: audio, dtype: audio}\n  - {name: t, dtype: string}\n---\n",
        },
        Shape.ROWS,
        {"train.jsonl": [{"audio": CLIPS[0], "t": "ay"}, {"audio": None, "t": "no"}]},
    ),
    "text": Case({"train.txt": "één\ntwo\n".encode()}, Shape.ROWS, {"train.jsonl": [{"text": "één"}, {"text": "two"}]}),
    "arrow, as it is saved to a disk": Case(
        {
            "train/data-00000-of-00001.arrow": arrow_bytes(_SPEECH),
            "train/state.json": b"{}",
            "dataset_dict.json": b"{}",
        },
        Shape.ROWS,
        {"train.jsonl": [{"audio": CLIPS[0], "text": "ay"}]},
        {"audio_column": "audio"},
    ),
    "conll": Case(
        {"train.conll": b"EU NNP\nsays VBZ\n\nPeter NNP\n"},
        Shape.ROWS,
        {"train.jsonl": [{"tokens": ["EU", "says"]}, {"tokens": ["Peter"]}]},
    ),
    "xml": Case({"train.xml": "<a>é</a>\n".encode()}, Shape.ROWS, {"train.jsonl": [{"xml": "<a>é</a>\n"}]}),
    "sequences": Case(
        {"train.fasta": b">s1 x\nAC\nGT\n"},
        Shape.ROWS,
        {
            "train.jsonl": [
                {
                    **{"id": "s1", "description": "x", "sequence": "ACGT"},
                    "record": {"bytes": base64.b64encode(b">s1 x\nAC\nGT\n").decode(), "path": None},
                }
            ]
        },
    ),
    "a script repository that the Hub converted": Case(
        {"speech.py": b"import datasets\n"},
        Shape.PARQUET,
        {"train.jsonl": [{"audio": CLIPS[0], "text": "ay"}]},
        {"subset": "en"},
        converted={"en/train/0000.parquet": parquet_bytes(_SPEECH), "de/train/0000.parquet": parquet_bytes(_SPEECH)},
    ),
    "paths of another machine, some of whose files are absent while a namesake is there": Case(
        {
            "train_manifest.json": b'{"audio_filepath": "/mnt/x/train/A/1.wav", "text": "gone"}\n'
            b'{"audio_filepath": "/mnt/x/train/B/1.wav", "text": "bee"}\n',
            "test_manifest.json": b'{"audio_filepath": "/mnt/x/test/A/1.wav", "text": "ay"}\n',
            "train/B/1.wav": CLIPS[0],
            "test/A/1.wav": CLIPS[1],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"audio_filepath": "/mnt/x/train/A/1.wav", "audio": None, "text": "gone"},
                {"audio_filepath": "/mnt/x/train/B/1.wav", "audio": CLIPS[0], "text": "bee"},
            ],
            "test.jsonl": [{"audio_filepath": "/mnt/x/test/A/1.wav", "audio": CLIPS[1], "text": "ay"}],
        },
        extra={"rows_absent": 1, "rows_joined": 2},
    ),
    "a table of ids beside a zip": Case(
        {"train.csv": b"id,text\nu1,ay\n", "clips.zip": zip_bytes({"x/u1.wav": CLIPS[0]})},
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": [{"id": "u1", "audio": CLIPS[0], "text": "ay"}]},
    ),
    "lists of splits, as Kaldi has them, none of whose first's clips are there": Case(
        {
            "data/test/text": b"u3 bon\nu4 jour\n",
            "data/train/text": b"u1 le chat\nu2 le chien\n",
            "wav/u1.wav": CLIPS[0],
            "wav/u2.wav": CLIPS[1],
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"id": "u1", "audio": CLIPS[0], "text": "le chat"},
                {"id": "u2", "audio": CLIPS[1], "text": "le chien"},
            ]
        },
        {"split": "train"},
    ),
    "a JSON list of ids beside a tar": Case(
        {"train.json": b'[{"id": "u 1", "text": "ay"}]', "train.tar": tar_bytes({"A/u 1.wav": CLIPS[0]})},
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": [{"id": "u 1", "audio": CLIPS[0], "text": "ay"}]},
    ),
    "parquet whose paths have backslashes": Case(
        {"train.parquet": parquet_bytes([{"audio": "w\\A\\1.wav", "n": 1}]), "w/A/1.wav": CLIPS[0]},
        Shape.CLIP_FILES,
        {"train.jsonl": [{"audio": CLIPS[0], "n": 1}]},
    ),
    "a table whose own archive is not there, beside one that has its own": Case(
        {
            "train_0.tsv": b"path\ttext\nA/1.wav\tay\n",
            "train_1.tsv": b"path\ttext\nB/1.wav\tgone\n",
            "train_0.tar": tar_bytes({"A/1.wav": CLIPS[0]}),
        },
        Shape.CLIP_ARCHIVES,
        {
            "train.jsonl": [
                {"path": "A/1.wav", "audio": CLIPS[0], "text": "ay"},
                {"path": "B/1.wav", "audio": None, "text": "gone"},
            ]
        },
        extra={"rows_joined": 1, "rows_absent": 1},
    ),
    "lists of ids and spoken digits": Case(
        {"data/train/text": b"1 7\n2 12\n", "wav/1.wav": CLIPS[0], "wav/2.wav": CLIPS[1]},
        Shape.CLIP_FILES,
        {"train.jsonl": [{"id": "1", "audio": CLIPS[0], "text": "7"}, {"id": "2", "audio": CLIPS[1], "text": "12"}]},
    ),
    "parquet whose first path is of a clip that is not there": Case(
        {
            "train.parquet": parquet_bytes(
                [{"audio": {"path": "w/1.wav"}, "n": 1}, {"audio": {"path": "w/2.wav"}, "n": 2}]
            ),
            "w/2.wav": CLIPS[0],
        },
        Shape.CLIP_FILES,
        {"train.jsonl": [{"audio": None, "n": 1}, {"audio": CLIPS[0], "n": 2}]},
        extra={"rows_joined": 1, "rows_absent": 1},
    ),
    "a list between tabs of an id and a spoken number": Case(
        {
            "data/en/train/transcripts.txt": b"A_7\t42\n",
            "data/en/train/audio/A.tar.gz": tar_bytes({"A_7.wav": CLIPS[0]}, compression="gz"),
        },
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": [{"id": "A_7", "audio": CLIPS[0], "text": "42"}]},
    ),
    "parquet with ids of clips": Case(
        {"train.parquet": parquet_bytes([{"id": "u1", "text": "ay"}]), "w/u1.wav": CLIPS[0]},
        Shape.CLIP_FILES,
        {"train.jsonl": [{"id": "u1", "audio": CLIPS[0], "text": "ay"}]},
    ),
}
