"""What the first bytes of a table say of it: how it is written, its columns, and which of them names clips."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from posixpath import basename
from typing import Any

from hugflow_assets.hub.footers import AUDIO_ENDINGS

TABLE_ENDINGS = (".tsv", ".csv", ".jsonl", ".ndjson", ".json", ".txt")
PATH_COLUMNS = (
    *("path", "file_name", "filename", "audio_path", "audio_file", "audio_filename", "audio_filepath"),
    *("clip", "file", "file_path", "filepath", "wav_path", "wav_filename", "wav", "audio"),
)
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_HEADERLESS = ("id", "text", "normalized_text")  # as LJSpeech and its many likes have it


@dataclass(frozen=True)
class Table:
    """A table of clips. ``headerless``: the columns are ours, its first line is a row already.

    ``delimiter`` is empty for JSON lines; their columns are those of the rows seen.
    """

    columns: tuple[str, ...]
    path_column: str
    delimiter: str
    headerless: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """What the reader of the table has to be told."""
        return {"delimiter": self.delimiter, "columns": list(self.columns) if self.headerless else None}


def clip_table(head: bytes, path: str, clips: Collection[str]) -> Table | None:
    """The table that a file is, if it has a column that names clips.

    Args:
        head: its first bytes.
        path: its place, whose ending says whether it is csv, tsv or JSON lines.
        clips: names of clips that there are, with and without their endings, by which a table without header is known.
    """
    ending = path[path.rfind(".") :].lower()
    if ending in _JSON_ENDINGS:
        return _json_table(head)
    line = first_line(head)
    for delimiter in ("\t",) if ending == ".tsv" else (",", "\t", "|", ";"):
        columns = split_line(line, delimiter)
        if ending != ".txt" and len(columns) > 1 and (column := path_column(columns)):
            return Table(tuple(columns), column, delimiter)
    for delimiter in ("|", "\t"):
        fields = line.split(delimiter)
        if 1 < len(fields) <= len(_HEADERLESS) and basename(fields[0].strip()) in clips:
            return Table(_HEADERLESS[: len(fields)], _HEADERLESS[0], delimiter, headerless=True)
    columns = split_line(line, "\t" if ending == ".tsv" else ",")
    column = None if ending == ".txt" else path_column(columns)
    return Table(tuple(columns), column, "\t" if ending == ".tsv" else ",") if column else None


def path_column(columns: Collection[str]) -> str | None:
    """The first of ``PATH_COLUMNS`` among the columns, as it is spelt there."""
    by_lower = {name.lower(): name for name in reversed(list(columns))}
    return next((by_lower[name] for name in PATH_COLUMNS if name in by_lower), None)


def names_files(columns: Collection[str]) -> bool:
    """Whether the metadata of a folder has a column that `datasets` takes for names of files."""
    return any(re.fullmatch(r"(?:.*_)?file_names?", name) for name in columns)


def first_line(head: bytes) -> str:
    """The first line of a text file, without a byte order mark."""
    return re.split(r"\r?\n", head.decode("utf-8-sig", "replace"), maxsplit=1)[0]


def split_line(line: str, delimiter: str) -> list[str]:
    """The fields of a line of csv; tabs and bars have no quoting."""
    if delimiter in "\t|":
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def json_rows(head: bytes) -> list[dict[str, Any]]:
    """The rows of JSON lines that are whole in the first bytes of a file; none where it is written otherwise."""
    rows = []
    for line in head.decode("utf-8-sig", "replace").split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def _json_table(head: bytes) -> Table | None:
    rows = json_rows(head)
    column = path_column(rows[0]) if rows else None
    if column is None:
        return None
    named = rows[0][column]
    if not isinstance(named, str) or not named.lower().endswith(tuple(AUDIO_ENDINGS)):
        return None
    return Table(tuple(dict.fromkeys(name for row in rows for name in row)), column, "")


def fields_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Features as far as rows of JSON show them: of structs what is in them, of all else the name."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            inner = value[0] if isinstance(value, list) and value else value
            if isinstance(inner, dict) and inner:
                found[name] = {**(found.get(name) or {}), **fields_of([inner])}
            else:
                found.setdefault(name, {"dtype": "string", "_type": "Value"})
    return found


def columns_seen(head: bytes, path: str, media: str | None = None) -> dict[str, Any] | None:
    """The columns of a csv, tsv or JSON lines file by its first bytes, as features; None where these do not tell.

    Args:
        media: the feature of files that a column names, where the file is metadata of a media folder.
    """
    ending = path[path.rfind(".") :].lower()
    if ending in (".csv", ".tsv"):
        names = split_line(first_line(head), "\t" if ending == ".tsv" else ",")
        found = fields_of([dict.fromkeys(names)]) if all(names) else {}
    else:
        found = fields_of(json_rows(head)) if ending in _JSON_ENDINGS else {}
    return (_named_media(found, media) if media else found) or None


def _named_media(found: dict[str, Any], media: str) -> dict[str, Any]:
    """Columns that name files, under the names that they land as."""
    made: dict[str, Any] = {}
    for name, feature in found.items():
        match = re.fullmatch(r"(?:(.*)_)?file_name(s?)", name)
        if match is None:
            made[name] = _named_media(feature, media) if not isinstance(feature.get("_type"), str) else feature
        else:
            made[match[1] or f"{media.lower()}{match[2]}"] = {"_type": media}
    return made
