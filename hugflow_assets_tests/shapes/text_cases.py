"""Corpora whose texts lie beside their clips, as known ones have them: each text with its clip, or with none."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.shapes.models import Shape
from hugflow_assets_tests.datasets_made import tar_bytes, zip_bytes
from hugflow_assets_tests.shapes.shape_cases import CLIPS, Case, Rows

A, B, C, D = CLIPS[:4]
_PCM = bytes(range(90))


def _folder(files: dict[str, bytes], rows: Rows, **extra: int) -> Case:
    return Case(files, Shape.AUDIOFOLDER, {"train.jsonl": rows}, extra=extra)


def _said(clip: bytes, text: str | None, **more: str | None) -> dict[str, object]:
    return {"audio": clip, **more, "text": text}


def _listed(clip: bytes, name: str | None, text: str | None) -> dict[str, object]:
    return {"audio": clip, "id": name, "text": text}


_LOST = {
    "wav48/A/000.wav": A,
    "wav48/A/001.wav": B,
    "wav48/A/002.wav": C,
    "txt/B/000.txt": b"B's",
    "txt/A/001.txt": b"A's",
}
_ROOTED = (
    b"/data/corpus/id1/0.wav one\n/data/corpus/id1/1.wav two\n/data/corpus/id2/0.wav three\n/data/corpus/id3/0.wav no\n"
)
_TREE = {"id1/0.wav": A, "id1/1.wav": B, "id2/0.wav": C}


def _sample(clip: bytes, key: str, **fields: str | None) -> dict[str, object]:
    return {"wav": clip, **fields, "__key__": key, "__url__": "c.tar"}


def _without_statistics() -> bytes:
    out = io.BytesIO()
    audio = pa.array(
        [{"bytes": None, "path": f"audio/{name}.wav"} for name in "ab"],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    pq.write_table(pa.table({"audio": audio, "t": ["x", "y"]}), out, write_statistics=False)
    return out.getvalue()


def _with_a_dictionary() -> bytes:
    out = io.BytesIO()
    names = pa.array(["audio/a.wav", "audio/b.wav"]).dictionary_encode()
    pq.write_table(pa.table({"file": names, "t": ["x", "y"]}), out)
    return out.getvalue()


TEXT_CASES: dict[str, Case] = {
    "a text whose clip is lost, and a clip whose text is": _folder(
        _LOST, [_said(A, None), _said(B, "A's"), _said(C, None)], texts_of_no_clip=1
    ),
    "the same in a zip": Case(
        {"c.zip": zip_bytes(_LOST)},
        Shape.AUDIOFOLDER,
        {"train.jsonl": [_said(A, None), _said(B, "A's"), _said(C, None)]},
        extra={"texts_of_no_clip": 1},
    ),
    "the same in a tar": Case(
        {"c.tar": tar_bytes(_LOST)},
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                _sample(A, "wav48/A/000", txt=None),
                _sample(B, "wav48/A/001", txt="A's"),
                _sample(C, "wav48/A/002", txt=None),
            ]
        },
        extra={"texts_of_no_clip": 1},
    ),
    "texts beside clips of one speaker, and of one who has no clips": _folder(
        {"c/A/0.wav": A, "c/A/1.wav": B, "c/A/1.txt": b"A's", "c/B/0.txt": b"B's"},
        [_said(A, None), _said(B, "A's")],
        texts_of_no_clip=1,
    ),
    "texts of lost clips alone": _folder(
        {"wav/A/0.wav": A, "wav/A/1.wav": B, "wav/A/2.wav": C, "txt/B/0.txt": b"B's"},
        [_said(A, None), _said(B, None), _said(C, None)],
        texts_of_no_clip=1,
    ),
    "a list whose paths have a root of their own": _folder(
        {**_TREE, "list.txt": _ROOTED},
        [
            {"audio": A, "label": 0, "id": "/data/corpus/id1/0.wav", "text": "one"},
            {"audio": B, "label": 0, "id": "/data/corpus/id1/1.wav", "text": "two"},
            {"audio": C, "label": 1, "id": "/data/corpus/id2/0.wav", "text": "three"},
        ],
        table_rows=4,
        rows_joined=3,
        rows_absent=1,
    ),
    "the same list in a zip with the clips": _folder(
        {"c.zip": zip_bytes({**_TREE, "list.txt": _ROOTED})},
        [
            {"audio": A, "label": 0, "id": "/data/corpus/id1/0.wav", "text": "one"},
            {"audio": B, "label": 0, "id": "/data/corpus/id1/1.wav", "text": "two"},
            {"audio": C, "label": 1, "id": "/data/corpus/id2/0.wav", "text": "three"},
        ],
        rows_absent=1,
    ),
    "the same list in a tar with the clips": Case(
        {"c.tar": tar_bytes({**_TREE, "list.txt": _ROOTED})},
        Shape.WEBDATASET,
        {
            "train.jsonl": [
                _sample(A, "id1/0", id="/data/corpus/id1/0.wav", text="one"),
                _sample(B, "id1/1", id="/data/corpus/id1/1.wav", text="two"),
                _sample(C, "id2/0", id="/data/corpus/id2/0.wav", text="three"),
            ]
        },
        extra={"table_rows": 4, "rows_joined": 3, "rows_absent": 1},
    ),
    "a list of ids with colons, as JSUT has it": _folder(
        {
            "basic/wav/B_1.wav": A,
            "basic/wav/B_2.wav": B,
            "basic/transcript_utf8.txt": "B_1:水、買う。\nB_2:五時: 六\n".encode(),
        },
        [_listed(A, "B_1", "水、買う。"), _listed(B, "B_2", "五時: 六")],
    ),
    "a list in brackets, as CMU Arctic has it": _folder(
        {
            **{f"{name}/wav/a_1.wav": clip for name, clip in {"bdl": A, "slt": B}.items()},
            **{f"{name}/etc/txt.done.data": f'( a_1 "{name}, etc." )\n'.encode() for name in ("bdl", "slt")},
        },
        [_listed(A, "a_1", "bdl, etc."), _listed(B, "a_1", "slt, etc.")],
        table_rows=2,
        rows_joined=2,
    ),
    "prompts beside the folder of their clips, as VoxForge has them": _folder(
        {
            **{f"{name}/wav/a1.wav": clip for name, clip in {"anon": A, "ralf": B}.items()},
            **{f"{name}/etc/PROMPTS": f"{name}/mfc/a1 {name}\n".encode() for name in ("anon", "ralf")},
        },
        [_listed(A, "anon/mfc/a1", "anon"), _listed(B, "ralf/mfc/a1", "ralf")],
    ),
    "prompts beside those in capitals, and sentences before their ids, as Sphinx has them": _folder(
        {
            **{f"anon/wav/{name}.wav": clip for name, clip in {"a1": A, "a2": B}.items()},
            "anon/etc/PROMPTS": b"anon/mfc/a1 AY\nanon/mfc/a2 BEE\n",
            "anon/etc/prompts-original": b"a1 Ay.\na2 Bee.\n",
            "an4/wav/c1.wav": C,
            "an4/etc/an4.transcription": b"<s> see (a) sea </s> (c1)\n",
        },
        [_listed(C, "c1", "see (a) sea"), _listed(A, "anon/mfc/a1", "AY"), _listed(B, "anon/mfc/a2", "BEE")],
        table_rows=3,
        rows_joined=3,
    ),
    "an id with two texts in a list": _folder(
        {"a.wav": A, "b.wav": B, "c.wav": C, "transcripts.txt": b"a one\na other\nb two\nc three\n"},
        [_listed(A, None, None), _listed(B, "b", "two"), _listed(C, "c", "three")],
        rows_ambiguous=2,
        rows_joined=2,
    ),
    "a list a split, whose clips are numbered anew": Case(
        {
            **{
                "wav/train/0.wav": A,
                "wav/test/0.wav": B,
                "text/train.txt": b"0 train's\n",
                "text/test.txt": b"0 test's\n",
            },
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [{"id": "0", "audio": A, "text": "train's"}],
            "test.jsonl": [{"id": "0", "audio": B, "text": "test's"}],
        },
    ),
    "raw samples with texts, as KsponSpeech has them": _folder(
        {
            f"K_1/K_{at}.{ending}": data
            for at in (1, 2)
            for ending, data in {"pcm": _PCM, "txt": f"아 {at}\n".encode()}.items()
        },
        [_said(_PCM, "아 1"), _said(_PCM, "아 2")],
    ),
    "texts in the encoding of the card": _folder(
        {
            "k/a.wav": A,
            "k/a.txt": "소리야".encode("cp949"),
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_files: k/*.wav\n  encoding: cp949\n---\n",
        },
        [_said(A, "소리야")],
    ),
    "a table between tabs with a header, called txt": Case(
        {
            "train/38/a.wav": A,
            "train/38/b.wav": B,
            "train/TRANS.txt": b"UtteranceID\tSpeakerID\tTranscription\na.wav\t38\tay\nb.wav\t38\tbee\n",
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"UtteranceID": "a.wav", "audio": A, "SpeakerID": 38, "Transcription": "ay"},
                {"UtteranceID": "b.wav", "audio": B, "SpeakerID": 38, "Transcription": "bee"},
            ]
        },
    ),
    "ids, speakers and texts between tabs": Case(
        {"data/a.wav": A, "data/b.wav": B, "utt_spk_text.tsv": b"a\tx1\tay\nb\tx2\tbee\n"},
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"column_1": "a", "audio": A, "column_2": "x1", "column_3": "ay"},
                {"column_1": "b", "audio": B, "column_2": "x2", "column_3": "bee"},
            ]
        },
    ),
    "lists with the times of their clips beside, as MLS has them": Case(
        {
            "fr/train/audio/1/2/1_2_0.wav": A,
            "fr/train/audio/1/2/1_2_1.wav": B,
            "fr/train/transcripts.txt": b"1_2_0\tun\n1_2_1\tdeux\n",
            "fr/train/segments.txt": b"1_2_0\thttp://x\t1\t2\n1_2_1\thttp://x\t2\t3\n",
        },
        Shape.CLIP_FILES,
        {"train.jsonl": [{"id": "1_2_0", "audio": A, "text": "un"}, {"id": "1_2_1", "audio": B, "text": "deux"}]},
    ),
    "texts by the names of files in an object called text": Case(
        {"wavs/a.wav": A, "wavs/b.wav": B, "text.json": json.dumps({"a.wav": "ay", "b.wav": "bee"}).encode()},
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"file_name": "a.wav", "audio": A, "text": "ay"},
                {"file_name": "b.wav", "audio": B, "text": "bee"},
            ]
        },
    ),
    "texts beside clips and a table of them a chapter, as LibriTTS has them": Case(
        {
            f"{split}/1/2/1_2_0.{ending}": data
            for split, clip in {"train-clean-100": A, "test-clean": B}.items()
            for ending, data in {
                "wav": clip,
                "normalized.txt": split.encode(),
                "original.txt": split.upper().encode(),
            }.items()
        }
        | {f"{split}/1/2/1_2.trans.tsv": b"1_2_0\tx\tx\n" for split in ("train-clean-100", "test-clean")},
        Shape.AUDIOFOLDER,
        {
            "train.jsonl": [
                {"audio": A, "normalized_text": "train-clean-100", "original_text": "TRAIN-CLEAN-100"},
            ],
            "test.jsonl": [{"audio": B, "normalized_text": "test-clean", "original_text": "TEST-CLEAN"}],
        },
    ),
    "tables in folders whose names speak of splits": Case(
        {
            f"{split}/{name}": data
            for split, clip in {"train-clean": A, "test-clean": B}.items()
            for name, data in {"wavs/0.wav": clip, "labels.csv": f"path,text\n0.wav,{split}\n".encode()}.items()
        },
        Shape.CLIP_FILES,
        {
            "train.jsonl": [{"path": "0.wav", "audio": A, "text": "train-clean"}],
            "test.jsonl": [{"path": "0.wav", "audio": B, "text": "test-clean"}],
        },
    ),
    "metadata in the encoding of the card": _folder(
        {
            "d/a.wav": A,
            "d/metadata.csv": "file_name,text\na.wav,カタカナ\n".encode("shift_jis"),
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_dir: d\n  encoding: shift_jis\n---\n",
        },
        [_said(A, "カタカナ")],
    ),
    "parquet of paths that are written once for many rows": Case(
        {"audio/a.wav": A, "audio/b.wav": B, "data.parquet": _with_a_dictionary()},
        Shape.CLIP_FILES,
        {
            "train.jsonl": [
                {"file": "audio/a.wav", "audio": A, "t": "x"},
                {"file": "audio/b.wav", "audio": B, "t": "y"},
            ]
        },
    ),
    "parquet of paths without statistics": Case(
        {"audio/a.wav": A, "audio/b.wav": B, "data.parquet": _without_statistics()},
        Shape.CLIP_FILES,
        {"train.jsonl": [{"audio": A, "t": "x"}, {"audio": B, "t": "y"}]},
    ),
}
