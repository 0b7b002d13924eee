"""Texts of single files as values of the record."""

from __future__ import annotations

from collections import Counter

from hugflow_assets.formats.lfs_pointer import refuse_pointer_in
from hugflow_assets.formats.text.json_values import one_line
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252, decoded


def whole_text(data: bytes, place: str, counts: Counter[str], declared: str | None = None) -> str:
    """The text of a file, or of a member of an archive; ``counts`` tells of one whose encoding was guessed.

    Args:
        declared: the encoding that the dataset's card says.
    Raises:
        BadSourceError: its encoding cannot be told, or it is a pointer of git-lfs.
    """
    refuse_pointer_in(data, place)
    text, is_guess = decoded(data, place, declared)
    counts[TEXTS_CP1252] += is_guess
    return text


def plain_text(data: bytes, place: str, counts: Counter[str], declared: str | None = None) -> str:
    """Likewise, without the line end that files of text have."""
    return whole_text(data, place, counts, declared).rstrip("\r\n")


def json_text(data: bytes, place: str, counts: Counter[str]) -> str:
    """The JSON on one line, every number as it is written; what JSON does not have is counted.

    Raises:
        ValueError: it is no JSON.
    """
    return one_line(whole_text(data, place, counts), counts)
