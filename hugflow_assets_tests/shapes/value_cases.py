"""Small repositories whose values are easily changed on the way: the rows that they mean, or why they are refused."""

from __future__ import annotations

import gzip
from typing import Any

import pyarrow as pa

from hugflow_assets.shapes.models import Shape
from hugflow_assets_tests.datasets_made import tar_bytes
from hugflow_assets_tests.shapes.shape_cases import CLIPS, Case, Rows, parquet_bytes

_CLIPS = {"a.wav": CLIPS[0], "b.wav": CLIPS[1], "c.wav": CLIPS[2]}


def _rows(files: dict[str, bytes], rows: Rows, **extra: int) -> Case:
    return Case(files, Shape.ROWS, {"train.jsonl": rows}, extra=extra)


def _card(options: str) -> bytes:
    return f"---\nconfigs:\n- config_name: default\n  data_files: train.csv\n  {options}\n---\n".encode()


def _folder(name: str, table: bytes, *rows: dict[str, Any], **extra: int) -> Case:
    landed: Rows = [{"audio": clip, **row} for clip, row in zip(_CLIPS.values(), rows, strict=False)]
    clips = dict(list(_CLIPS.items())[: len(rows)])
    return Case({**clips, name: table}, Shape.AUDIOFOLDER, {"train.jsonl": landed}, extra=extra)


def _chat(*more: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "é ☀"}, *more]}


_CALL = {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"x": 1, "y": ["z", None]}}]}
_CELLS = ("null", "NA", "None", "nan", "007", "+49123", "true", "1.50", "1e5", "2020-01-02", " x ", "1,5")

VALUES: dict[str, Case] = {
    "integers of any size in JSON lines": _rows(
        {"train.jsonl": b'{"n": 18446744073709551616}\n{"n": -123456789012345678901234567890}\n'},
        [{"n": 18446744073709551616}, {"n": -123456789012345678901234567890}],
    ),
    "numbers as they are written": _rows(
        {"train.jsonl": b'{"x": 3.141592653589793}\n{"x": 0.1}\n{"x": 1e-7}\n{"x": 1.8e308}\n'},
        [{"x": 3.141592653589793}, {"x": 0.1}, {"x": 1e-7}, {"x": float("inf")}],
    ),
    "values of many types in one column": _rows(
        {"train.json": b'[{"v": 1}, {"v": "Nan"}, {"v": null}, {"v": [1, "x"]}, {"v": {"k": true}}, {}]'},
        [{"v": 1}, {"v": "Nan"}, {"v": None}, {"v": [1, "x"]}, {"v": {"k": True}}, {}],
    ),
    "chats whose objects differ": _rows(
        {
            "train.jsonl": '{"messages": [{"role": "user", "content": "é ☀"}]}\n'.encode()
            + b"\n"
            + '{"messages": [{"role": "user", "content": "é ☀"}, {"role": "assistant", "tool_calls": [{"name": "f", '
            '"arguments": {"x": 1, "y": ["z", null]}}]}]}'.encode()
        },
        [_chat(), _chat(_CALL)],
    ),
    "texts that look like times": _rows(
        {"train.jsonl": b'{"d": "2015-01-01"}\n{"d": "1999-12-31T10:00:00"}\n'},
        [{"d": "2015-01-01"}, {"d": "1999-12-31T10:00:00"}],
    ),
    "what JSON does not have, and a name twice": _rows(
        {"train.jsonl": b'{"a": NaN, "b": [Infinity, "NaN"]}\n{"a": 1, "b": [], "a": 2}\n'},
        [{"a": None, "b": [None, "NaN"]}, {"a": 2, "b": []}],
        duplicate_keys=1,
    ),
    "half a letter": _rows({"train.jsonl": b'{"t": "\\ud83d"}\n'}, [{"t": "\ud83d"}]),
    "one object a file, over several lines, with a mark and old line ends": _rows(
        {"train.json": b'\xef\xbb\xbf{\r\n  "a": {\r\n    "b": "x  y"\r\n  }\r\n}'}, [{"a": {"b": "x  y"}}]
    ),
    "a list in a field that the card names": Case(
        {
            "x.json": b'{"version": -2.5,\n "data": [{"a": 1},\n {"a": "]\\""}], "more": [{"a": 3}]}',
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_files: x.json\n  field: data\n---\n",
        },
        Shape.ROWS,
        {"train.jsonl": [{"a": 1}, {"a": ']"'}]},
    ),
    "JSON lines, compressed": _rows({"train.jsonl.gz": gzip.compress(b'{"a": 1}\n{"b": 2}')}, [{"a": 1}, {"b": 2}]),
    "a list of texts": _rows({"train.json": b'["x", "y"]'}, [{"text": "x"}, {"text": "y"}]),
    "JSON in UTF-16": _rows({"train.jsonl": '{"t": "größe"}\n'.encode("utf-16")}, [{"t": "größe"}]),
    "metadata of JSON lines with values of its own kind": _folder(
        "metadata.jsonl",
        b'{"file_name": "a.wav", "n": 18446744073709551616, "d": "2015-01-01"}\n'
        b'{"file_name": "b.wav", "m": {"k": 1}}\n',
        {"n": 18446744073709551616, "d": "2015-01-01"},
        {"m": {"k": 1}},
    ),
    **{
        f"a cell that is {cell!r}": _folder(
            "metadata.csv",
            f'file_name,t,n\na.wav,"{cell}",1\nb.wav,12,\n'.encode(),
            {"t": cell, "n": 1},
            {"t": "12", "n": None},
        )
        for cell in _CELLS
    },
    "integers with blanks": _folder(
        "metadata.csv",
        b"file_name,uid\na.wav,9007199254740993\nb.wav,\nc.wav,9007199254740995\n",
        {"uid": 9007199254740993},
        {"uid": None},
        {"uid": 9007199254740995},
    ),
    "words behind many numbers": _rows(
        {"train.csv": b"n,t\n" + b"7,x\n" * 20_000 + b"seven,x\n"},
        [*[{"n": "7", "t": "x"}] * 20_000, {"n": "seven", "t": "x"}],
    ),
    "floats, and numbers of 64 bits": _rows(
        {"train.csv": b"f,u,big\n0.5,18446744073709551615,123456789012345678901\n1e-07,3,4\n"},
        [{"f": 0.5, "u": 18446744073709551615, "big": "123456789012345678901"}, {"f": 1e-07, "u": 3, "big": "4"}],
    ),
    "fields with delimiters, quotes and line ends": _rows(
        {"train.csv": b'a,b\r\n"x, ""y""","l1\nl2"\r\nz,12"\r\n'},
        [{"a": 'x, "y"', "b": "l1\nl2"}, {"a": "z", "b": '12"'}],
    ),
    "quotes that are no quoting": _rows(
        {"train.csv": b'a,b\n1,"Hello" he said\n2,"so\n'}, [{"a": 1, "b": '"Hello" he said'}, {"a": 2, "b": '"so'}]
    ),
    "quotes between tabs": _rows(
        {"train.tsv": b'a\tb\n"x"\t"Hello\n""y""\t"\n'}, [{"a": '"x"', "b": '"Hello'}, {"a": '""y""', "b": '"'}]
    ),
    "a tsv that needs its quotes": _rows({"train.tsv": b'a\tb\n"x\ty"\t1\n'}, [{"a": "x\ty", "b": 1}]),
    "one column with commas": _rows(
        {"train.csv": b"text\nhello, world\nbye\n"}, [{"text": "hello, world"}, {"text": "bye"}]
    ),
    "rows that are too short, and empty lines": _rows(
        {"train.csv": b"a,b,c\n1,x\n\n2,y,z\n"},
        [{"a": 1, "b": "x", "c": None}, {"a": 2, "b": "y", "c": "z"}],
        short_rows=1,
    ),
    "a csv in cp1252": _rows(
        {"train.csv": "a,b\ncafé,naïve\n".encode("cp1252")}, [{"a": "café", "b": "naïve"}], texts_cp1252=1
    ),
    "a csv in UTF-16": _rows({"train.csv": "a,b\ncafé,1\n".encode("utf-16")}, [{"a": "café", "b": 1}]),
    "a csv in what its card says": Case(
        {"train.csv": "a,b\nпривет,x\n".encode("koi8-r"), "README.md": _card("encoding: koi8-r")},
        Shape.ROWS,
        {"train.jsonl": [{"a": "привет", "b": "x"}]},
    ),
    "a csv without quoting and with a word for nothing, as its card says": Case(
        {"train.csv": b'a;b\n"x;-\n', "README.md": _card('sep: ";"\n  quoting: 3\n  na_values: ["-"]')},
        Shape.ROWS,
        {"train.jsonl": [{"a": '"x', "b": None}]},
    ),
    "a csv without a header, as its card says": Case(
        {"train.csv": b"x,1\ny,2\n", "README.md": _card('column_names: ["w", "n"]')},
        Shape.ROWS,
        {"train.jsonl": [{"w": "x", "n": 1}, {"w": "y", "n": 2}]},
    ),
    "a csv whose types the card says": Case(
        {
            "train.csv": b"a,b,c\n007,1.50,1\n8,2,0\n",
            "README.md": _card("drop_labels: true").replace(
                b"---\n",
                b"---\ndataset_info:\n  features:\n  - {name: a, dtype: int64}\n  - {name: b, dtype: float64}\n"
                b"  - {name: c, dtype: string}\n",
                1,
            ),
        },
        Shape.ROWS,
        {"train.jsonl": [{"a": 7, "b": 1.5, "c": "1"}, {"a": 8, "b": 2.0, "c": "0"}]},
    ),
    "a column that is numbers in one file of a config and words in another": Case(
        {
            "data/train-0.csv": b"n,f,k,o\n7,0.5,1,\n-3,1e-07,2,\n",
            "data/train-1.csv": b"n,f,k,o\nseven,x,3,5\n",
            "data/test-0.csv": b"n,f,k,o\n12,100000.0,4,6\n",
        },
        Shape.ROWS,
        {
            "train.jsonl": [
                {"n": "7", "f": "0.5", "k": 1, "o": None},
                {"n": "-3", "f": "1e-07", "k": 2, "o": None},
                {"n": "seven", "f": "x", "k": 3, "o": 5},
            ],
            "test.jsonl": [{"n": "12", "f": "100000.0", "k": 4, "o": 6}],
        },
    ),
    "metadata of two splits, digits that are no numbers in one of them": Case(
        {
            **{f"{split}/a.wav": CLIPS[at] for at, split in enumerate(("train", "test"))},
            "train/metadata.csv": b"file_name,spk\na.wav,007\n",
            "test/metadata.csv": b"file_name,spk\na.wav,12\n",
        },
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": CLIPS[0], "spk": "007"}], "test.jsonl": [{"audio": CLIPS[1], "spk": "12"}]},
    ),
    "tables of two splits, likewise": Case(
        {
            **{f"clips/{split}.wav": CLIPS[at] for at, split in enumerate(("train", "test"))},
            "train.csv": b"path,spk\ntrain.wav,007\n",
            "test.csv": b"path,spk\ntest.wav,12\n",
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [{"path": "train.wav", "audio": CLIPS[0], "spk": "007"}],
            "test.jsonl": [{"path": "test.wav", "audio": CLIPS[1], "spk": "12"}],
        },
    ),
    "quotes behind backslashes": _rows(
        {"train.csv": b'a,b\n"he said \\"yes, no\\" x",1\n"y",2\n'},
        [{"a": 'he said "yes, no" x', "b": 1}, {"a": "y", "b": 2}],
    ),
    "backslashes that are letters": _rows(
        {"train.csv": b'a,b\nC:\\new,1\n"x, \\n",2\n'}, [{"a": "C:\\new", "b": 1}, {"a": "x, \\n", "b": 2}]
    ),
    "a comma in the header of a table between semicolons": _rows(
        {"train.csv": b"id;text, clean\n1;x\n"}, [{"id": 1, "text, clean": "x"}]
    ),
    "lines of text in cp1252": _rows(
        {"train.txt": "Bär\n\nso\n".encode("cp1252")}, [{"text": t} for t in ("Bär", "", "so")], texts_cp1252=1
    ),
    "a csv in zstd": _rows({"train.csv.zst": pa.Codec("zstd").compress(b"a\n007\n", asbytes=True)}, [{"a": "007"}]),
    "lines of text in UTF-16": _rows({"train.txt": "Bär\nso\n".encode("utf-16")}, [{"text": "Bär"}, {"text": "so"}]),
    "lines of text with a mark": _rows({"train.txt": "\ufeffBär\n".encode()}, [{"text": "Bär"}]),
    "letters in cp1252 that stand together": _rows(
        {"train.csv": "t\näöüß\ncréée\n“œuvre” …\n".encode("cp1252")},
        [{"t": t} for t in ("äöüß", "créée", "“œuvre” …")],
    ),
    "marks in cp1252": _rows(
        {"t.csv": "t\nit´s ½ £5 º\n‹so› §3¹\nl·l — 5‰ † ®\nsoft\xadly\n".encode("cp1252")},
        [{"t": text} for text in ("it´s ½ £5 º", "‹so› §3¹", "l·l — 5‰ † ®", "soft\xadly")],
    ),
    "texts of clips in several encodings": Case(
        {
            **_CLIPS,
            "a.txt": "Bär\r\n".encode("utf-16"),
            "b.txt": "Bär".encode("cp1252"),
            "c.txt": "\ufeffBär".encode(),
        },
        Shape.AUDIOFOLDER,
        {"train.jsonl": [{"audio": clip, "text": "Bär"} for clip in _CLIPS.values()]},
        extra={"texts_cp1252": 1},
    ),
    "members of a WebDataset in several encodings": Case(
        {
            "train.tar": tar_bytes(
                {"a.wav": CLIPS[0], "a.txt": "é".encode("cp1252"), "b.wav": CLIPS[1], "b.txt": "é".encode("utf-16")}
            )
        },
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                {"wav": CLIPS[0], "txt": "é", "__key__": "a", "__url__": "train.tar"},
                {"wav": CLIPS[1], "txt": "é", "__key__": "b", "__url__": "train.tar"},
            ]
        },
        extra={"texts_cp1252": 1},
    ),
    "parquet of paths with many clips beside": Case(
        {**_CLIPS, "data.parquet": parquet_bytes([{"audio": {"path": name}, "t": name[0]} for name in _CLIPS])},
        Shape.CLIP_FILES,
        {"train.jsonl": [{"audio": clip, "t": name[0]} for name, clip in _CLIPS.items()]},
    ),
}

REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "a trailing comma": (
        {**_CLIPS, "metadata.csv": b"file_name,t\na.wav,x\nb.wav,y,\n"},
        r"metadata\.csv, line 3: .*3 fields.*2",
    ),
    "a comma without quotes": ({"train.csv": b"id,text\n1,hello\n2,hello, world\n"}, r"train\.csv, line 3: "),
    "Shift-JIS that nothing tells": (
        {"train.csv": "t\nカタカナとひらがな\n".encode("shift_jis")},
        r"train\.csv, line 2: .*no words in cp1252",
    ),
    "cp1250 that nothing tells": (
        {"train.csv": "t\nzażółć gęślą jaźń\n".encode("cp1250")},
        r"train\.csv, line 2: .*no words in cp1252",
    ),
    "GBK that nothing tells": ({"train.txt": "你好世界\n今天天气\n".encode("gbk")}, r"train\.txt, line 1: .*no words"),
    "cp1251 beside a clip": (
        {"a.wav": CLIPS[0], "a.txt": "привет как дела".encode("cp1251")},
        r"a\.txt, line 1: .*no words",
    ),
    "two lists one after the other": ({"train.json": b'[{"a": 1}]\n[{"a": 2}]\n'}, r"train\.json.*follows the list"),
    "a list among lines of objects": (
        {"train.jsonl": b'{"a": 1}\n[{"a": 2}]\n'},
        r"train\.jsonl, line 2: .*no object",
    ),
    "a row that a line break cuts": (
        {"train.csv": b"a,b,c\n1,x,y\n2,hello\nworld,z\n"},
        r"train\.csv, line 4: a line break",
    ),
    "a quote that does not end": ({"train.csv": b'a,b\n1,"x\n2,"y, z"\n'}, r"train\.csv, line \d: "),
    "bytes of no encoding": ({"train.csv": b"a,b\nx,y\n\x81,z\n"}, r"train\.csv, line 3: the encoding"),
    "damaged UTF-8": ({"train.csv": "é,ü\nö,ä\n".encode() + b"\xff,z\n"}, r"train\.csv, line 3: .*UTF-8 with bytes"),
    "UTF-16 without a mark": ({"train.csv": "a,b\nc,d\n".encode("utf-16-le")}, r"train\.csv: .*UTF-16"),
    "a line that is no JSON": ({"train.jsonl": b'{"a": 1}\n{"a": }\n'}, r"train\.jsonl, line 2: "),
    "a list that is cut off": ({"train.json": b'[{"a": 1}, {"a": 2'}, r"train\.json.* cut off"),
    "a number that the card says and the file does not have": (
        {"train.csv": b"a\nx\n", "README.md": b"---\ndataset_info:\n  features:\n  - {name: a, dtype: int64}\n---\n"},
        r"train\.csv has values in the column 'a' that are not ",
    ),
}

TYPES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "columns that all rows allow": (
        b'{"i": 1, "f": 1, "s": null, "o": {"a": 1}, "l": []}\n'
        b'{"i": 2, "f": 0.5, "s": "x", "o": {"b": true}, "l": ["y"]}\n',
        {
            "i": {"dtype": "int64", "_type": "Value"},
            "f": {"dtype": "float64", "_type": "Value"},
            "s": {"dtype": "string", "_type": "Value"},
            "o": {"a": {"dtype": "int64", "_type": "Value"}, "b": {"dtype": "bool", "_type": "Value"}},
            "l": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        },
    ),
    "columns that no type allows": (
        b'{"v": 1, "w": 36893488147419103232, "u": 18446744073709551615, "l": [1, "x"]}\n'
        b'{"v": "x", "w": 1, "u": 1, "l": []}\n',
        {
            "v": {"_type": "Json"},
            "w": {"_type": "Json"},
            "u": {"dtype": "uint64", "_type": "Value"},
            "l": {"feature": {"_type": "Json"}, "_type": "List"},
        },
    ),
}
