"""Rows of formats whose modules in `datasets` 5.2 fail on files that are as they should be: the rows that it means.

Its ``xml`` opens no file at all, its ``eval`` none whose first samples differ in a type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from posixpath import basename, dirname
from typing import Any
from zipfile import ZipFile

import pyarrow as pa

from hugflow_assets.formats.archive_members import members

_ROWS_AT_ONCE = 64
_SAMPLE = re.compile(r"(\d+)_epoch_(\d+)\.json")
Params = dict[str, Any]


def xml_rows(local: Path, params: Params) -> Iterator[pa.Table]:
    """A row a file: its text."""
    text = local.read_text(encoding=params.get("encoding") or "utf-8", errors=params.get("encoding_errors"))
    yield pa.table({"xml": pa.array([text], pa.large_string())})


def eval_rows(local: Path, _: Params) -> Iterator[pa.Table]:
    """A row a sample of an Inspect log, by epoch and number; what is nested in it as JSON text."""
    places = {}
    for member in members(local, local.name):
        found = _SAMPLE.fullmatch(basename(member.name))
        if found and basename(dirname(member.name)) == "samples":
            places[member.name] = (int(found[2]), int(found[1]))
    rows: list[dict[str, Any]] = []
    with ZipFile(local) as archive:
        for name in sorted(places, key=places.__getitem__):
            rows.append({field: _flat(value) for field, value in json.loads(archive.read(name)).items()})
            if len(rows) == _ROWS_AT_ONCE:
                yield _table(rows)
                rows = []
    if rows:
        yield _table(rows)


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: [row.get(name) for row in rows] for name in dict.fromkeys(chain.from_iterable(rows))})


def _flat(value: Any) -> Any:
    if isinstance(value, list):
        return [json.dumps(one) for one in value]
    return json.dumps(value) if isinstance(value, dict) else value


OWN_ROWS: dict[str, Callable[[Path, Params], Iterator[pa.Table]]] = {"xml": xml_rows, "eval": eval_rows}
