"""The picture of a profile, and what is named beside it: drawn from lines that a landing writes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hugflow_assets.profile import figure_png, measure
from hugflow_assets.profile.scripts import foreign
from hugflow_assets_tests.profile.test_measure import clip, landed


def spoken(number: int, seconds: float | None, text: str | None, speaker: str = "anna") -> dict[str, Any]:
    return {"audio": clip(seconds) | {"path": f"audio/{number}.wav"}, "text": text, "speaker_id": speaker}


ROWS = [spoken(number, 1 + number / 10, f"line number {number}", f"s{number % 3}") for number in range(40)]


def test_clips_rows_and_characters_that_want_a_look_are_named(tmp_path: Path) -> None:
    odd = [spoken(90, 0.0, "no sound"), spoken(91, 99.0, None), spoken(92, 0.2, "odd \ufffd sign"), {"text": " "}]
    profile = measure(tmp_path, landed(tmp_path, {"train": [*ROWS, *odd], "test": ROWS[:2]}))
    audio, text, speakers = profile.audio, profile.text, profile.speakers
    assert audio is not None and text is not None and speakers is not None
    assert (audio.empty_clips, audio.empty_examples) == (1, ("audio/90.wav",))
    assert audio.longest[0] == (99.0, "audio/91.wav")
    assert audio.shortest[:2] == ((0.2, "audio/92.wav"), (1.0, "audio/0.wav"))
    assert text.empty_examples == ("audio/91.wav", "default/train, line 44")
    assert text.foreign == (("\ufffd", 1, "audio/92.wav"),)
    assert audio.hours_by_split["default/test"] == pytest.approx(2.1 / 3600)
    assert audio.durations is not None
    assert sum(audio.durations.counts) + audio.durations.beyond == 45
    assert text.characters_per_s is not None and sum(text.characters_per_s.counts) == 43
    assert (speakers.number, speakers.rows[0][0]) == (4, "s0")


def test_letters_of_a_script_that_hardly_occurs_do_not_belong_and_those_of_one_language_do() -> None:
    assert foreign({"a": 9_000, "é": 5, "\u0430": 2, "5": 1, ",": 1, " ": 99}) == ["\u0430"]  # Cyrillic, looks like a
    assert foreign({"日": 9_000, "の": 2, "カ": 1, "\u200b": 3}) == ["\u200b"]
    assert foreign({"a": 60, "б": 40}) == []
    assert foreign({}) == []


@pytest.mark.parametrize(
    ("rows", "panels"),
    [
        ([], 1),
        ([{"text": "only words, $5 and 日本"}] * 3, 2),
        (ROWS, 5),
        ([spoken(1, 2.0, "same", "$one$")], 5),
        ([spoken(1, None, None)], 2),
    ],
    ids=["nothing", "text", "speech", "one clip", "header not understood"],
)
def test_a_picture_has_the_panels_that_there_are_numbers_for(
    tmp_path: Path, rows: Sequence[dict[str, Any]], panels: int
) -> None:
    png = figure_png(measure(tmp_path, landed(tmp_path, {"train": rows})))
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.width == 960
        assert image.height == 235 * panels
        red, green, blue = image.convert("RGB").getpixel((2, 2))  # type: ignore[misc]
    assert min(red, green, blue) > 240, "the picture brings its own light ground, for pages that are dark"
    assert len(png) < 100_000
