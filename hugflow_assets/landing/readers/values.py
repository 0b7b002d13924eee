"""Texts of single files as values of the record."""

from __future__ import annotations

import json

import orjson

from hugflow_assets.errors import BadSourceError


def plain_text(data: bytes) -> str:
    """The text of a file without the line end that files of text have."""
    return data.decode("utf-8-sig", "replace").rstrip("\r\n")


def json_value(data: bytes, told: str) -> str:
    """The JSON of a file on one line.

    Args:
        told: what the file is called upstream.
    Raises:
        BadSourceError: it is none.
    """
    try:
        return json_text(data)
    except ValueError as error:
        raise BadSourceError(f"{told} is not what its name says: {error}", file=told) from error


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
