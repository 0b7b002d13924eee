"""Whose a text is, by names alone: joined where nothing else can be meant, and with nobody where something can."""

from __future__ import annotations

import pytest

from hugflow_assets.formats.text.transcripts import is_list, side_columns, split_id
from hugflow_assets.shapes.texts.found import texts_by_name, transcripts_of
from hugflow_assets.shapes.texts.text_places import side_texts

_MICS = ("p/wav/1_mic1.wav", "p/wav/1_mic2.wav")


@pytest.mark.parametrize(
    ("paths", "joined"),
    [
        ("a.wav a.txt", {"a.wav": "a.txt"}),
        ("A.WAV A.TXT", {"A.WAV": "A.TXT"}),
        ("x.y.wav x.y.txt x.txt", {"x.y.wav": "x.y.txt"}),
        ("a.wav a.wav.trn", {"a.wav": "a.wav.trn"}),
        ("d/a.wav d/a.flac d/a.txt", {"d/a.wav": "d/a.txt", "d/a.flac": "d/a.txt"}),
        ("wav/p1/1.wav wav/p2/1.wav txt/p2/1.txt", {"wav/p2/1.wav": "txt/p2/1.txt"}),
        ("p/wav/1_mic1.wav p/wav/1_mic2.wav p/txt/1.txt", dict.fromkeys(_MICS, "p/txt/1.txt")),
        ("deep/er/a.wav texts/a.txt", {"deep/er/a.wav": "texts/a.txt"}),
        ("a.zip/x/1.wav b.zip/x/1.wav c.zip/y/1.txt", {}),
        ("w.zip/p1/1.wav w.zip/p2/1.wav txt.zip/p2/1.txt", {"w.zip/p2/1.wav": "txt.zip/p2/1.txt"}),
        ("p1/1.wav p1/1.txt p2/1.wav", {"p1/1.wav": "p1/1.txt"}),
        ("p1/1.wav p2/2.wav p2/1.txt", {}),
        ("train/1.wav test/1.wav text/1.txt", {}),
        ("wav/1.wav txt/1.txt txt_old/1.txt", {}),
        ("wav/1.wav txt/1.txt wav/1.txt", {"wav/1.wav": "wav/1.txt"}),
        ("a.wav README.txt b.txt a.md", {}),
        ("a.png a.txt", {}),
        ("wav/A/0.wav txt/B/0.txt", {}),
        ("wav/A/0.wav wav/A/1.wav txt/B/0.txt txt/A/1.txt", {"wav/A/1.wav": "txt/A/1.txt"}),
        ("A/0.wav A/1.wav A/1.txt B/0.txt", {"A/1.wav": "A/1.txt"}),
        ("A/0.wav B/0.txt", {}),
        ("A/wav/0.wav A/txt/0.txt B/wav/0.wav C/txt/0.txt", {"A/wav/0.wav": "A/txt/0.txt"}),
        ("wav/p1/p1_0.wav txt/p1_0.txt", {"wav/p1/p1_0.wav": "txt/p1_0.txt"}),
        ("wav/p1_0.wav txt/p1/p1_0.txt", {"wav/p1_0.wav": "txt/p1/p1_0.txt"}),
        ("VCTK/wav48/p1/0.wav VCTK/txt/p1/0.txt txt/p2/0.txt", {"VCTK/wav48/p1/0.wav": "VCTK/txt/p1/0.txt"}),
        ("rec_1.wav rec_1.5.txt", {}),
        ("p1/1.wav 1.txt", {"p1/1.wav": "1.txt"}),
        ("wav.zip/wav/p1/1.wav txt.zip/txt/p1/1.txt", {"wav.zip/wav/p1/1.wav": "txt.zip/txt/p1/1.txt"}),
        ("a.pcm a.txt", {"a.pcm": "a.txt"}),
    ],
)
def test_a_file_that_is_called_as_a_clip_is_belongs_to_it_unless_another_could_be_meant(
    paths: str, joined: dict[str, str]
) -> None:
    found = side_texts(tuple(paths.split()))
    assert {clip: path for clip, sides in found.items() for path in sides.values()} == joined


def test_a_repository_of_text_with_a_clip_in_it_stays_one_of_text() -> None:
    assert texts_by_name(("train_transcripts.txt", "test_transcripts.txt", "sample.wav")) == frozenset()
    assert texts_by_name(("train/transcripts.txt", "a.wav", "a.txt")) == {"train/transcripts.txt", "a.txt"}
    assert texts_by_name(("transcripts.txt",)) == frozenset()


def test_the_lists_of_a_clip_are_those_that_may_speak_of_its_folder_the_nearest_first() -> None:
    paths = ["s/1/a.wav", "s/1/x.trans.txt", "s/2/b.wav", "s/all.txt", "lists/c.txt", "lists/notes.txt"]
    heads = {"s/1/x.trans.txt": b"a x\n", "s/all.txt": b"b y\n", "lists/c.txt": b"a z\nb w\n", "lists/notes.txt": b"Hi"}
    found = transcripts_of(paths, heads.__getitem__)
    assert found.lists_of("s/1/a.wav") == ["s/1/x.trans.txt", "s/all.txt", "lists/c.txt"]
    assert found.lists_of("s/2/b.wav") == ["s/all.txt", "lists/c.txt"]
    assert found.scopes == {"s/1/x.trans.txt": "s/1", "s/all.txt": "s", "lists/c.txt": ""}


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"a one\nb two\n", True),
        (b"a\tone\nwav/b.wav\ttwo\n", True),
        (b"a one\nnobody two\n", True),
        (b"a one\nnobody two\nnor me\n", False),
        (b"a one\na two\n", False),
        (b"a one\na two\nb three\n", True),
        ("a:水、買う\nb:五時: 六\n".encode(), True),
        (b'( a "One, two." )\n( b "Three." )\n', True),
        (b"a\tspeaker\tone\nb\tspeaker\ttwo\n", False),
        (b"a one\nb tw", True),
        (b"", False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_a_list_begins_its_lines_with_the_names_of_clips(head: bytes, known: bool) -> None:
    assert is_list(head, {"a", "b"}.__contains__) is known


def test_a_line_is_an_id_and_a_text_as_the_form_of_its_list_has_it() -> None:
    assert split_id(" a  one two \n") == ("a", "one two")
    assert split_id("wav/a.wav\tone two") == ("wav/a.wav", "one two")
    assert split_id("a:one: two", ":") == ("a", "one: two")
    assert split_id('( a "He said \\"no\\"." )', "(") == ("a", 'He said "no".')


def test_texts_of_several_endings_get_columns_of_their_own() -> None:
    endings = [".lab", ".txt", ".normalized.txt", ".json", ".original.txt"]
    assert side_columns(endings) == {
        ".txt": "text",
        ".lab": "lab",
        ".normalized.txt": "normalized_text",
        ".original.txt": "original_text",
        ".json": "json",
    }
    assert side_columns([".lab"]) == {".lab": "text"}
