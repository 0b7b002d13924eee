"""Which column holds the transcript: the usual names, and what a request means by ``text_column: text``."""

from __future__ import annotations

from collections.abc import Collection

TEXT_COLUMNS = ("text", "sentence", "transcription", "transcript", "normalized_text", "txt")


def usual_text_column(names: Collection[str]) -> str | None:
    """The first of ``TEXT_COLUMNS`` that exists, at the top or in the JSON of a WebDataset; None if there is none."""
    wanted = (*TEXT_COLUMNS, *(f"json.{name}" for name in TEXT_COLUMNS))
    return next((name for name in wanted if name in names), None)


def meant_text_column(asked: str, names: Collection[str]) -> str:
    """The column that ``text_column`` means.

    A column of that name, if there is one. Else ``text`` alone is an alias, "the transcript": it means the column that
    would be found by itself. Any other name stays as it is, to be refused.
    """
    if asked != "text" or asked in names:
        return asked
    return usual_text_column(names) or asked
