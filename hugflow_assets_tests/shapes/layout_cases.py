"""Repositories whose rows are not one object a line or a table: JSON keyed by clip, lists of clips, Lhotse Shar."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hugflow_assets.shapes.models import Shape
from hugflow_assets_tests.datasets_made import encoded_bytes, tar_bytes, zip_bytes
from hugflow_assets_tests.shapes.shape_cases import CLIPS, FLAC, Case, Rows


def _json(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=False).encode()


_KEYED: dict[str, dict[str, Any]] = {
    "0001": {"text": "satu", "words": [{"w": "x", "stress": [1.5]}]},
    "0002": {"text": "dua", "words": []},
}
_KEYED_ROWS: Rows = [{"id": key, "audio": CLIPS[at], **value} for at, (key, value) in enumerate(_KEYED.items())]
_TEXTS = {"u0.wav": "nol", "u1.wav": "satu ☀\nbaris"}
_TEXT_ROWS: Rows = [
    {"file_name": name, "audio": CLIPS[at], "text": text} for at, (name, text) in enumerate(_TEXTS.items())
]
_UTTERANCES = {f"wavs/u{at}.wav": CLIPS[at] for at in range(2)}
_LISTS = [
    {
        "identifier": "a",
        "training_data": {"duration_ms": [10, 20], "label": ["x", "y"], "name": ["./a/0.flac", "a/1.flac"]},
    },
    {"identifier": "b", "training_data": {"duration_ms": [], "label": [], "name": []}},
    {"identifier": "c", "training_data": {"duration_ms": [30], "label": ["z"], "name": ["c/0.flac"]}},
]
_FLACS = [encoded_bytes("flac", 0.05, hz=300.0 + 50 * at) for at in range(3)]
_LISTED_ROWS: Rows = [
    {"identifier": "a", "duration_ms": 10, "label": "x", "name": "./a/0.flac", "audio": _FLACS[0]},
    {"identifier": "a", "duration_ms": 20, "label": "y", "name": "a/1.flac", "audio": _FLACS[1]},
    {"identifier": "c", "duration_ms": 30, "label": "z", "name": "c/0.flac", "audio": _FLACS[2]},
]


def _cut(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "start": 0, "duration": 0.05, "supervisions": [{"id": name, "text": text}], **more}


def _shar(folder: str, number: int, cuts: list[dict[str, Any]], members: dict[str, bytes]) -> dict[str, bytes]:
    lines = b"".join(_json(cut) + b"\n" for cut in cuts)
    return {
        f"{folder}cuts.{number:06d}.jsonl.gz": gzip.compress(lines, mtime=0),
        f"{folder}recording.{number:06d}.tar": tar_bytes(members),
    }


def _pair(name: str, clip: bytes) -> dict[str, bytes]:
    return {f"{name}.wav": clip, f"{name}.json": b"{}"}


_NOTHING = {"n.nodata": b"", "n.nometa": b""}
_PLAIN = [_cut("a.x-1", "satu"), _cut("spk/b", "dua", custom={"snr": 12345678901234567890123})]

LAYOUT_CASES: dict[str, Case] = {
    "JSON keyed by the names of clips, a file a split": Case(
        {
            "train.json": _json(_KEYED, indent=1),
            "test.json": _json({"0003": {"text": "tiga", "words": []}}),
            **{f"WAVE/SPEAKER1/{key}.WAV": CLIPS[at] for at, key in enumerate([*_KEYED, "0003"])},
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": _KEYED_ROWS,
            "test.jsonl": [{"id": "0003", "audio": CLIPS[2], "text": "tiga", "words": []}],
        },
    ),
    "texts by the names of files in one object": Case(
        {**_UTTERANCES, "transcripts.json": _json(_TEXTS, indent=1)}, Shape.CLIP_FILES, {"train.jsonl": _TEXT_ROWS}
    ),
    "texts by the names of files, an object a line": Case(
        {**_UTTERANCES, "train.json": b"".join(_json({name: text}) + b"\n" for name, text in _TEXTS.items())},
        Shape.CLIP_FILES,
        {"train.jsonl": _TEXT_ROWS},
    ),
    "texts by the names of files, larger than a look": Case(
        {**_UTTERANCES, "train.json": _json({name: text * 5000 for name, text in _TEXTS.items()})},
        Shape.CLIP_FILES,
        {"train.jsonl": [{**row, "text": row["text"] * 5000} for row in _TEXT_ROWS]},
    ),
    "texts by the names of files beside a tar": Case(
        {"train.tar": tar_bytes(_UTTERANCES), "train.json": _json(_TEXTS)},
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": _TEXT_ROWS},
    ),
    "texts by the names of files in the tar": Case(
        {"train.tar": tar_bytes({**_UTTERANCES, "texts.json": _json(_TEXTS)})},
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"wav": row["audio"], "file_name": row["file_name"], "text": row["text"], "__key__": f"wavs/u{at}"}
                | {"__url__": "train.tar"}
                for at, row in enumerate(_TEXT_ROWS)
            ]
        },
    ),
    "texts by the names of files in the zip": Case(
        {"data.zip": zip_bytes({**_UTTERANCES, "texts.json": _json(_TEXTS)})},
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": _TEXT_ROWS},
    ),
    "rows in a member of one object": Case(
        {
            "clips/a.wav": CLIPS[0],
            "clips/b.wav": CLIPS[1],
            "annotations.json": _json(
                {"info": {"v": 1}, "data": [{"path": "clips/b.wav", "t": 1.5}, {"path": "clips/a.wav", "t": None}]}, 2
            ),
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"path": "clips/b.wav", "audio": CLIPS[1], "t": 1.5},
                {"path": "clips/a.wav", "audio": CLIPS[0], "t": None},
            ]
        },
    ),
    "rows that list names and labels": Case(
        {
            "train/clean.json": b"".join(_json(row) + b"\n" for row in _LISTS),
            "train/clean/clean_000000.tar": tar_bytes({"a/0.flac": _FLACS[0], "a/1.flac": _FLACS[1]}),
            "train/clean/clean_000001.tar": tar_bytes({"c/0.flac": _FLACS[2]}),
        },
        Shape.CLIP_ARCHIVES,
        {"train.jsonl": _LISTED_ROWS},
    ),
    "lhotse shar": Case(
        {
            **_shar("shar/train/", 0, _PLAIN, {**_pair("a.x-1", CLIPS[0]), **_pair("spk/b", CLIPS[1])}),
            **_shar("shar/train/", 1, [_cut("n", "tiga"), _cut("c", "empat")], {**_NOTHING, **_pair("c", FLAC)}),
            **_shar("shar/dev/", 0, [_cut("d", "lima")], _pair("d", CLIPS[3])),
            "shar/dev/features.000000.tar": tar_bytes({"d.llc": b"x", "d.json": b"{}"}),
        },
        Shape.LHOTSE_SHAR,
        {
            "train.jsonl": [
                {**_PLAIN[0], "audio": CLIPS[0]},
                {**_PLAIN[1], "audio": CLIPS[1]},
                {**_cut("n", "tiga"), "audio": None},
                {**_cut("c", "empat"), "audio": FLAC},
            ],
            "dev.jsonl": [{**_cut("d", "lima"), "audio": CLIPS[3]}],
        },
        extra={"table_rows": 5, "clips_in_source": 4, "clips_named": 4, "files_left": 1},
    ),
    "lhotse shar in another order, with a clip too many and one too few": Case(
        _shar(
            "",
            0,
            [_cut("a", "1"), _cut("b", "2"), _cut("c", "3")],
            {**_pair("c", CLIPS[2]), **_pair("z", CLIPS[3]), **_pair("a", CLIPS[0])},
        ),
        Shape.LHOTSE_SHAR,
        {
            "train.jsonl": [
                {**_cut("a", "1"), "audio": CLIPS[0]},
                {**_cut("b", "2"), "audio": None},
                {**_cut("c", "3"), "audio": CLIPS[2]},
            ]
        },
        extra={"rows_absent": 1, "clips_in_source": 3, "clips_named": 2, "clips_unnamed": 1},
    ),
    "lhotse shar of which a tar is missing": Case(
        {
            **_shar("train/", 0, [_cut("a", "1")], _pair("a", CLIPS[0])),
            "train/cuts.000001.jsonl.gz": gzip.compress(_json(_cut("b", "2")), mtime=0),
        },
        Shape.LHOTSE_SHAR,
        {"train.jsonl": [{**_cut("a", "1"), "audio": CLIPS[0]}, {**_cut("b", "2"), "audio": None}]},
        extra={"rows_absent": 1},
    ),
    "lhotse shar with audio and lists of other fields": Case(
        {
            **_shar("train/", 0, [_cut("a", "1"), _cut("b", "2")], {**_pair("a", CLIPS[0]), **_pair("b", CLIPS[1])}),
            "train/target.000000.tar": tar_bytes({**_pair("a", CLIPS[2]), **_pair("b", CLIPS[3])}),
            "train/codes.000000.jsonl.gz": gzip.compress(b'{"cut_id": "a", "codes": [1]}\n{"cut_id": "b"}\n', mtime=0),
        },
        Shape.LHOTSE_SHAR,
        {
            "train.jsonl": [
                {**_cut("a", "1"), "codes": [1], "audio": CLIPS[0], "target": CLIPS[2]},
                {**_cut("b", "2"), "audio": CLIPS[1], "target": CLIPS[3]},
            ]
        },
    ),
}
