"""Sizes, durations and near names are written in one way."""

from __future__ import annotations

import pytest

from hugflow_assets.cli.terminal.console import duration, size
from hugflow_assets.notify import message_of
from hugflow_assets.store import Event, EventKind
from hugflow_assets.wording import human_duration, human_size, nearest, nearest_first


def test_a_size_and_a_duration_read_the_same_on_the_terminal_and_in_a_message() -> None:
    event = Event(
        seq=1, time="2026-01-01T00:00:00Z", kind=EventKind.LANDED, name="a",
        data={"size_bytes": 123_456_789, "seconds": 200.4},
    )  # fmt: skip
    message = message_of(event)
    assert message is not None
    told = [value for _, value in message.facts]
    assert size(123_456_789) == human_size(123_456_789) == "123.5 MB" and "123.5 MB" in told
    assert duration(200.4) == human_duration(200.4) == "3 min 20 s" and "3 min 20 s" in told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (0.43, "0.4 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (47.99 * 3600, "47 h 59 min"),
        (100 * 3600, "4 d 4 h"),
        (-5, "0 s"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, told: str) -> None:
    assert human_duration(seconds) == told


def test_near_names_come_first_whatever_their_case() -> None:
    assert nearest("Sentnce", ["path", "sentence"]) == "sentence"
    assert nearest("zzz", ["path", "sentence"]) is None
    assert nearest_first("DEV", ["test", "train", "dev"]) == ["dev", "test", "train"]
