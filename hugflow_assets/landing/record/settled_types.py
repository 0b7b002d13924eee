"""One type a column of a config: what is numbers in one table and words in another is text in both.

A reader knows its own tables only. So each shard says of which kind its columns of text are, and its lines are written
anew where a column has numbers in them and words in another shard. A number is written as the table writes it, see
``number_columns``, so that nothing is lost either way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from hugflow_assets.formats.text.number_columns import FLOAT, LARGE, NATURAL, NOTHING, TEXT, WHOLE, both
from hugflow_assets.landing.record.json_tokens import scalar_tokens

_BLOCK_BYTES = 4 << 20
_DECODER = json.JSONDecoder(strict=False, parse_float=lambda token: repr(float(token)), parse_int=str)
_NUMBERS = {NATURAL: "int64", WHOLE: "int64", LARGE: "uint64", FLOAT: "float64"}
Kinds = Mapping[str, str]


def settled(shards: Iterable[Kinds]) -> dict[str, str]:
    """The kind of each column over all shards."""
    found: dict[str, str] = {}
    for kinds in shards:
        for name, kind in kinds.items():
            found[name] = both(found.get(name, NOTHING), kind)
    return found


def to_become_text(own: Kinds, of_config: Kinds) -> frozenset[str]:
    """The columns that are numbers in a shard and text in its config."""
    return frozenset(name for name, kind in own.items() if kind in _NUMBERS and of_config[name] == TEXT)


def write_settled(lines: Path, as_text: frozenset[str], as_numbers: frozenset[str], to: Path) -> tuple[int, str]:
    """Write a shard's lines with some columns as text, and others as numbers again; their bytes, and their hash."""
    digest, size = xxhash.xxh3_128(), 0
    with lines.open("rb") as source, to.open("wb", buffering=_BLOCK_BYTES) as out:
        for line in source:
            changed = _rewritten(line.decode("utf-8"), as_text, as_numbers).encode("utf-8")
            out.write(changed)
            digest.update(changed)
            size += len(changed)
    return size, digest.hexdigest()


def with_kinds(features: dict[str, Any] | None, kinds: Kinds) -> dict[str, Any] | None:
    """The features of a config whose columns are of these kinds."""
    if features is None:
        return None
    settled = {
        name: {"dtype": _NUMBERS.get(kinds[name], "string"), "_type": "Value"}
        for name, feature in features.items()
        if name in kinds and isinstance(feature, dict) and feature.get("_type") in ("Value", "Json")
    }
    return features | settled


def _rewritten(line: str, as_text: frozenset[str], as_numbers: frozenset[str]) -> str:
    made, at, begin = list[str](), line.index("{") + 1, 0
    while line[at] != "}":
        at = _behind(line, at, " ,")
        name, at = _DECODER.raw_decode(line, at)
        at = _behind(line, at, " :")
        value, end = _DECODER.raw_decode(line, at)
        if value is not None and (name in as_text or name in as_numbers):
            made += [line[begin:at], json.dumps(value) if name in as_text else _number(value)]
            begin = end
        at = _behind(line, end, " ")
    return "".join([*made, line[begin:]])


def _number(text: str) -> str:
    """As the record writes it."""
    is_float = not text.removeprefix("-").isdigit()
    return str(scalar_tokens(pa.array([float(text)]), Counter())[0]) if is_float else text


def _behind(line: str, at: int, what: str) -> int:
    while line[at] in what:
        at += 1
    return at
