"""Datasets of every kind that a landed folder must give back to `datasets` as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from datasets import (
    Array2D,
    Audio,
    ClassLabel,
    Features,
    Image,
    Json,
    LargeList,
    List,
    Translation,
    TranslationVariableLanguages,
    Value,
)

from hugflow_assets_tests.landing.corpus import clip

Rows = list[dict[str, Any]]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63600000000200014 8afa471".replace(" ", "")
    + "0000000049454e44ae426082"
)


@dataclass
class Case:
    """A repository of parquet files: ``configs`` maps config to features and to the rows of each split, by shard.

    ``same_features`` maps features to what the landed folder's are, where they cannot be equal.
    """

    configs: dict[str, tuple[Features, dict[str, list[Rows]]]]
    same_features: Callable[[Features], Features] = field(default=lambda features: features)


def audio(number: int, kind: str = "WAV", name: str | None = None) -> dict[str, Any]:
    return {"bytes": clip(number, kind), "path": name or f"clip-{number}.{kind.lower()}"}


def _plain(rows: int, start: int = 0, **more: Any) -> Rows:
    return [{"audio": audio(n), "text": f"text {n}", **more} for n in range(start, start + rows)]


SPEECH = Features({"audio": Audio(sampling_rate=16000), "text": Value("string")})
TYPES = Features(
    {
        "audio": Audio(),
        "date": Value("string"),
        "id": Value("string"),
        "small": Value("int8"),
        "half": Value("float32"),
        "number": Value("float64"),
        "yes": Value("bool"),
        "label": ClassLabel(names=["no", "yes"]),
        "when": Value("timestamp[us, tz=UTC]"),
        "local": Value("timestamp[ns]"),
        "day": Value("date32"),
        "clock": Value("time64[us]"),
        "span": Value("duration[ms]"),
        "price": Value("decimal128(10, 2)"),
        "raw": Value("binary"),
        "both": Translation(languages=["de", "en"]),
        "several": TranslationVariableLanguages(languages=["de", "en"]),
        "turns": List({"who": Value("string"), "at": List(Value("float32"))}),
        "large": LargeList(Value("int64")),
        "three": List(Value("int32"), length=3),
        "grid": Array2D(shape=(2, 2), dtype="int32"),
        "any": Json(),
        "nothing": Value("null"),
        "struct": {"a": Value("int64"), "b": {"c": Value("string")}},
    }
)


def _typed(n: int) -> dict[str, Any]:
    return {
        "audio": audio(n),
        "date": "2020-01-01",
        "id": f"00{n}",
        "small": -n,
        "half": 0.1,
        "number": 1 / 3,
        "yes": bool(n % 2),
        "label": n % 2,
        "when": dt.datetime(2020, 1, 1, 12, 30, 0, n, tzinfo=dt.UTC),
        "local": dt.datetime(1999, 12, 31, 23, 59, 59, 500),
        "day": dt.date(1900, 1, n + 1),
        "clock": dt.time(1, 2, 3, n),
        "span": dt.timedelta(seconds=90, milliseconds=n),
        "price": Decimal("12.30"),
        "raw": bytes([0, 255, n]),
        "both": {"de": "eins", "en": "one"},
        "several": {"language": ["de", "en"], "translation": ["eins", "one"]},
        "turns": [{"who": "a", "at": [0.5, None]}, {"who": None, "at": None}],
        "large": [2**60, n],
        "three": [1, 2, n],
        "grid": [[1, 2], [3, n]],
        "any": {"a": [1, "two", None], "n": n} if n % 2 else "only text",
        "nothing": None,
        "struct": {"a": n, "b": {"c": None}},
    }


BIG = Features({**TYPES, "big": Value("uint64")})


def _big(n: int) -> dict[str, Any]:
    return {"big": 2**64 - 1 - n}


def _without_audio(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "audio"}


def _all_null(n: int) -> dict[str, Any]:
    return {name: None for name in TYPES if name not in ("three", "grid")} | {
        "audio": audio(n),
        "three": [0, 0, 0],
        "grid": [[0, 0], [0, 0]],
    }


def _renamed(features: Features) -> Features:
    """``file_name`` beside audio is a name that the builder of `datasets` keeps for itself."""
    return Features({"src_file_name" if name == "file_name" else name: one for name, one in features.items()})


def cases() -> dict[str, Case]:
    """Every case by its name."""
    hidden = [{"audio": audio(n), "text": None} for n in range(3)]
    named = ["a.b.c.m4a", "clip.v2.aac", "über [1] 50%.wav", "-x.opus", "..", "train_1.flac", "UP.WAV", "no_ending"]
    turns = Features(
        {"turns": List({"audio": Audio(sampling_rate=8000), "text": Value("string")}), "clips": List(Audio())}
    )
    many = Features(
        {"mp3": Audio(), "wav": Audio(sampling_rate=16000), "flac": Audio(decode=False), "id": Value("int64")}
    )
    photos = Features({"image": Image(), "caption": Value("string"), "file_name": Value("string")})
    seen = Features({"audio": Audio(), "image": Image(), "images": List(Image()), "text": Value("string")})
    picture = {"bytes": PNG, "path": "one.png"}
    words = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])})
    return {
        "two shards and a test split": Case(
            {"default": (SPEECH, {"train": [_plain(3), _plain(2, 3)], "test": [_plain(1, 9)]})}
        ),
        "hidden transcripts": Case({"default": (SPEECH, {"train": [_plain(3)], "test": [hidden]})}),
        "hidden first": Case({"default": (SPEECH, {"test": [hidden], "train": [_plain(3)]})}),
        "every type, null in the test split": Case(
            {"default": (TYPES, {"train": [[_typed(n) for n in range(4)]], "test": [[_all_null(n) for n in range(2)]]})}
        ),
        "every type without audio": Case(
            {
                "default": (
                    Features({name: one for name, one in BIG.items() if name != "audio"}),
                    {
                        "train": [
                            [_without_audio(_typed(n) | _big(n)) for n in range(4)],
                            [_without_audio(_all_null(9) | {"big": None})],
                        ]
                    },
                )
            }
        ),
        "integers of 64 bits unsigned beside audio": Case(
            {"default": (BIG, {"train": [[_typed(n) | _big(n) for n in range(4)]]})},
            lambda features: Features({**features, "big": Json()}),
        ),
        "a split without rows": Case({"default": (SPEECH, {"train": [_plain(2)], "empty": [[]]})}),
        "a split without audio": Case(
            {"default": (SPEECH, {"train": [_plain(2)], "test": [[{"audio": None, "text": "t"}]]})}
        ),
        "no row has audio": Case({"default": (SPEECH, {"train": [[{"audio": None, "text": "t"}] * 3]})}),
        "two configs, one of text": Case(
            {
                "words": (
                    words,
                    {"train": [[{"text": "2020-01-01", "label": 1}]], "dev": [[{"text": None, "label": 0}]]},
                ),
                "speech.v1": (SPEECH, {"train": [_plain(2)]}),
            }
        ),
        "names of every kind": Case(
            {
                "default": (
                    SPEECH,
                    {"train": [[{"audio": audio(n, name=name), "text": name} for n, name in enumerate(named)]]},
                )
            }
        ),
        "several audio columns": Case(
            {
                "default": (
                    many,
                    {
                        "train": [
                            [
                                {"mp3": audio(0, "MP3"), "wav": None, "flac": None, "id": 0},
                                {"mp3": None, "wav": audio(1), "flac": None, "id": 1},
                                {"mp3": None, "wav": audio(2), "flac": audio(2, "FLAC"), "id": 2},
                                {"mp3": None, "wav": None, "flac": None, "id": 3},
                            ]
                        ]
                    },
                )
            }
        ),
        "turns and lists of clips": Case(
            {
                "default": (
                    turns,
                    {
                        "train": [
                            [
                                {
                                    "turns": [{"audio": audio(0), "text": "a"}, {"audio": None, "text": None}],
                                    "clips": [],
                                },
                                {"turns": [], "clips": [audio(1), audio(2)]},
                            ]
                        ]
                    },
                )
            }
        ),
        "a column called file_name": Case(
            {
                "default": (
                    Features({"file_name": Value("string"), **SPEECH}),
                    {"train": [[{"file_name": f"up/{n}.wav", **row} for n, row in enumerate(_plain(3))]]},
                )
            },
            _renamed,
        ),
        "photos": Case(
            {
                "default": (
                    photos,
                    {
                        "train": [
                            [
                                {"image": picture, "caption": "one", "file_name": "x"},
                                {"image": None, "caption": None, "file_name": None},
                            ]
                        ]
                    },
                )
            },
            _renamed,
        ),
        "photos beside audio": Case(
            {
                "default": (
                    seen,
                    {
                        "train": [
                            [
                                {"audio": audio(0), "image": picture, "images": [picture], "text": "a"},
                                {"audio": None, "image": None, "images": None, "text": None},
                            ]
                        ]
                    },
                )
            },
            lambda features: Features(
                {**features, "images": List({"path": Value("string"), "source_path": Value("string")})}
            ),
        ),
        "text alone": Case(
            {
                "default": (
                    words,
                    {
                        "train": [[{"text": "2020-01-01", "label": 0}], [{"text": "00:01", "label": 1}]],
                        "test": [[{"text": None, "label": -1}]],
                    },
                )
            }
        ),
        "text in two configs": Case(
            {
                "a": (words, {"train": [[{"text": "x", "label": 0}]]}),
                "b-c": (Features({"n": Value("decimal128(5, 1)")}), {"train": [[{"n": Decimal("1.5")}]]}),
            }
        ),
    }
