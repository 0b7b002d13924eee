"""What the first bytes of a table tell: how it is written, its columns, and which of them names clips."""

from __future__ import annotations

import pytest

from hugflow_assets.formats.tables import clip_table, columns_seen

FLEURS = "id path raw_transcription transcription characters num_samples gender"
CLIPS = frozenset({"a", "a.wav", "b", "b.wav"})


@pytest.mark.parametrize(
    ("path", "head", "columns", "names", "delimiter", "headerless"),
    [
        ("x.tsv", b"client_id\tpath\tsentence\n", "client_id path sentence", "path", "\t", False),
        ("x.csv", b"\xef\xbb\xbffile_name,text\r\n", "file_name text", "file_name", ",", False),
        ("x.csv", b"audio_file|text|speaker_name\n", "audio_file text speaker_name", "audio_file", "|", False),
        ("x.csv", b"path;text\na.wav;x, y\n", "path text", "path", ";", False),
        ("x.csv", b"path\na.wav\n", "path", "path", ",", False),
        ("metadata.csv", b"a|Printing, in|printing\n", "id text normalized_text", "id", "|", True),
        ("metadata.csv", b"gone|x\nb|y\n", "id text", "id", "|", True),
        ("train.txt", b"wavs/a.wav|x\n", "id text", "id", "|", True),
        ("x.tsv", b"7\ta.wav\tx\t16000\n", "column_1 column_2 column_3 column_4", "column_2", "\t", True),
        ("x.tsv", b"x/a.wav\tx\n", "id text", "id", "\t", True),
        ("x.csv", b"utt,words\na,x\n", "utt words", "utt", ",", False),
        ("x.csv", b"b,text\na,x\n", "b text", "b", ",", False),
        ("x.json", b'[ {"path": "q.wav",\n"n": 1}, {"pa', "path n", "path", "", False),
        ("train.tsv", b"1\ta.wav\tX\tx\tx |\t16\tMALE\n", FLEURS, "path", "\t", True),
        ("x.jsonl", b'{"text": "x", "audio_filepath": "q.flac"}\n', "text audio_filepath", "audio_filepath", "", False),
        ("x.json", b'{"key": "a", "n": 1}\n{"key": "b"}\n', "key n", "key", "", False),
    ],
)
def test_a_table_of_clips_is_known_by_its_first_bytes(
    path: str, head: bytes, columns: str, names: str, delimiter: str, headerless: bool
) -> None:
    found = clip_table(head, path, CLIPS)
    assert found is not None
    assert (" ".join(found.columns), found.path_column) == (columns, names)
    assert (found.delimiter, found.headerless) == (delimiter, headerless)


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("x.csv", b"label,n\nyes,1\n"),
        ("x.csv", b""),
        ("x.txt", b"a word on the clips\n"),
        ("x.json", b'[{"path": "train-0000.tar"}]'),
        ("x.txt", b"a x\nb y\n"),
        ("x.jsonl", b'{"path": "train-0000.tar"}\n'),
        ("x.jsonl", b'{"path": 7}\n'),
    ],
)
def test_a_table_that_names_no_clips_is_none_of_them(path: str, head: bytes) -> None:
    assert clip_table(head, path, CLIPS) is None


def test_columns_are_seen_through_structs_and_under_the_names_that_they_land_as() -> None:
    value, audio = {"dtype": "string", "_type": "Value"}, {"_type": "Audio"}
    head = b'{"file_name": "a.wav", "x": {"noise_file_name": "b.wav", "t": 1}}\n{"late": 1}\n{"cut": '
    found = columns_seen(head, "metadata.jsonl", "Audio")
    assert found == {"audio": audio, "x": {"noise": audio, "t": value}, "late": value}
    assert columns_seen(b"a,b\n1,2\n", "x.csv") == {"a": value, "b": value}
    assert columns_seen(b"[\n", "x.json") is None
