"""File names: the original where it is harmless, one harmless component always, never two alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.landing.media.file_names import MAX_NAME_BYTES, FolderNames, safe_name
from hugflow_assets_tests.landing.corpus import clip

WAV = clip(0)[:64]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a.wav", "a.wav"),
        ("clips/a b.FLAC", "a b.FLAC"),
        ("../../etc/x.wav", "x.wav"),
        ("/abs/olute/x.mp3", "x.mp3"),
        ("C:\\clips\\x.ogg", "x.ogg"),
        ("a\u202egpj.wav", "a_gpj.wav"),
        ("\u2066a\u2069\ufeff\u200b.wav", "_a___.wav"),
        ("\u0646\u200c\u0645.wav", "\u0646\u200c\u0645.wav"),
        ("..", "000007.wav"),
        ("a/..", "000007.wav"),
        ("", "000007.wav"),
        (None, "000007.wav"),
        ("   ", "000007.wav"),
        (".hidden.wav", "_hidden.wav"),
        ("-rf.wav", "_rf.wav"),
        ("a\x00b\nc.wav", "a_b_c.wav"),
        ("x[1]*?.wav", "x_1___.wav"),
        ("CON.wav", "_CON.wav"),
        ("aux", "_aux.wav"),
        ("noextension", "noextension.wav"),
        ("speaker1.utt2", "speaker1.utt2.wav"),
        ("wrong.mp3", "wrong.mp3"),
        ("trailing.wav ", "trailing.wav"),
        ("e\u0301.wav", "é.wav"),
        ("日本語.wav", "日本語.wav"),
        ("http://host/a::b.wav", "a__b.wav"),
    ],
)
def test_names_of_wav_files(source: str | None, name: str) -> None:
    assert safe_name(source, 7, WAV, "audio") == name


@pytest.mark.parametrize(("kind", "extension"), [("WAV", "wav"), ("FLAC", "flac"), ("OGG", "ogg"), ("MP3", "mp3")])
def test_a_missing_extension_is_read_off_the_bytes(kind: str, extension: str) -> None:
    assert safe_name("a", 0, clip(1, kind)[:64], "audio") == f"a.{extension}"


def test_bytes_that_say_nothing_get_a_plain_extension() -> None:
    assert safe_name("a", 0, b"?", "audio") == "a.bin"
    assert safe_name("a.xyz", 0, b"?", "audio") == "a.xyz"


def test_long_names_are_cut_before_their_extension() -> None:
    name = safe_name("ä" * 300 + ".wav", 0, WAV, "audio")
    assert name.endswith("ä.wav") and len(name.encode()) <= MAX_NAME_BYTES


@given(st.none() | st.text(st.characters(), max_size=400), st.binary(max_size=32))
def test_any_path_becomes_one_harmless_component(source: str | None, head: bytes) -> None:
    name = safe_name(source, 3, head, "audio")
    assert name.encode() and len(name.encode()) <= MAX_NAME_BYTES
    assert "/" not in name and "\\" not in name and name not in (".", "..")
    assert name[0] not in ".-~ " and name == name.strip()
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    assert not set(name) & set('[]*?<>|":')


@given(st.lists(st.sampled_from(["a.wav", "A.wav", "a-2.wav", "a-2-2.wav", "É.wav", "é.WAV", "x" * 96 + ".wav"])))
def test_no_two_names_of_a_folder_are_alike(names: list[str]) -> None:
    folder = FolderNames()
    given_out = [folder.take(name) for name in names]
    assert len({name.casefold() for name in given_out}) == len(names)
    assert all(len(name.encode()) <= MAX_NAME_BYTES for name in given_out)
    again = FolderNames()
    assert [again.take(name) for name in names] == given_out


def test_a_hundred_thousand_equal_names_are_told_apart_in_linear_time() -> None:
    folder = FolderNames()
    names = [folder.take("audio.wav") for _ in range(100_000)]
    assert names[0] == "audio.wav" and names[-1] == "audio-100000.wav"
