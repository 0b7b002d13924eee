"""Texts of single files as values of the record."""

from __future__ import annotations

import json

import orjson


def plain_text(data: bytes) -> str:
    """The text of a file without the line end that files of text have."""
    return data.decode("utf-8-sig", "replace").rstrip("\r\n")


def json_text(data: bytes) -> str:
    """The JSON on one line; by Python's own parser where numbers are larger than 64 bits or not finite."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.dumps(json.loads(data, parse_constant=_nothing), ensure_ascii=False, separators=(",", ":"))
    if b"\n" in data or b"\r" in data:
        return orjson.dumps(value).decode()
    return data.decode("utf-8-sig").strip()


def _nothing(_: str) -> None:
    """NaN and infinities, which JSON does not have."""
