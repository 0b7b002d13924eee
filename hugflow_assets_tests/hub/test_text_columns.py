"""What ``text_column`` means: a column of that name, and ``text`` as an alias for the transcript."""

from __future__ import annotations

import pytest

from hugflow_assets.formats.text.text_columns import meant_text_column, usual_text_column


@pytest.mark.parametrize(
    ("asked", "names", "meant"),
    [
        ("text", ["sentence", "text"], "text"),
        ("text", ["id", "sentence"], "sentence"),
        ("text", ["id", "json", "json.text"], "json.text"),
        ("text", ["id"], "text"),
        ("sentense", ["sentence"], "sentense"),
        ("transcript", ["sentence"], "transcript"),
    ],
)
def test_only_text_is_an_alias_and_only_where_no_column_is_called_so(asked: str, names: list[str], meant: str) -> None:
    assert meant_text_column(asked, names) == meant


def test_the_usual_names_are_tried_in_order() -> None:
    assert usual_text_column(["transcript", "sentence"]) == "sentence"
    assert usual_text_column(["speaker"]) is None
