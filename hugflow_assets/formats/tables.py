"""What the first bytes of a table say of it: how it is written, its columns, and which of them names clips."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import Any, Protocol

from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.text.json_tables import json_table
from hugflow_assets.formats.text.text_columns import TEXT_COLUMNS
from hugflow_assets.formats.text.text_encoding import decoded_head
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, is_clip, is_list

TABLE_ENDINGS = (".tsv", ".csv", ".jsonl", ".ndjson", ".json", ".txt")
PATH_COLUMNS = (
    *("path", "file_name", "filename", "audio_path", "audio_file", "audio_filename", "audio_filepath"),
    *("clip", "file", "file_path", "filepath", "wav_path", "wav_filename", "wav", "audio"),
)
_SPACE = re.compile(r"[\s,]*")
PARQUET = ".parquet"
JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_LJSPEECH = ("id", "text", "normalized_text")  # and its many likes
_FLEURS = ("id", "path", "raw_transcription", "transcription", "characters", "num_samples", "gender")
_ROWS_LOOKED_AT = 50
_MOST_OF_NULLS = 64  # bytes of a column chunk, and a quarter of one a row
_HEADER_WORDS = frozenset(
    (
        *(*PATH_COLUMNS, *TEXT_COLUMNS, "id", "utt_id", "utterance_id", "clip_id", "audio_id", "segment_id", "name"),
        *("raw_text", "speaker", "speaker_id", "label", "duration", "language", "gender", "split", "start", "end"),
    )
)


class Names(Protocol):
    """Names of clips that there are, with and without their endings."""

    def __contains__(self, name: object, /) -> bool: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Table:
    """A table of clips. ``headerless``: the columns are ours, its first line is a row already.

    ``delimiter`` is empty for JSON lines; their columns are those of the rows seen.
    """

    columns: tuple[str, ...]
    path_column: str
    delimiter: str
    headerless: bool = False
    rows: str = ""  # where the rows are in JSON, as ``json_tables`` says it; empty where each is an object on its own

    @property
    def told(self) -> dict[str, Any]:
        """What the reader of the table has to be told."""
        columns = list(self.columns) if self.headerless else None
        return {"delimiter": self.delimiter, "columns": columns, **({"rows": self.rows} if self.rows else {})}


def clip_table(head: bytes, path: str, clips: Names, *, lists: bool = False) -> Table | None:
    """The table that a file is, if it has a column that names clips.

    Args:
        head: its first bytes; of parquet the last.
        path: its place, whose ending says whether it is csv, tsv or JSON lines.
        clips: names of clips that there are, with and without their endings, by which a table without header is known.
        lists: whether a list of ids and texts with a space in between is a table too.
    """
    ending = path[path.rfind(".") :].lower() if "." in basename(path) else ".txt"
    if ending in JSON_ENDINGS:
        return _json_table(head, clips)
    if ending == PARQUET:
        return _parquet_table(head, clips)
    lines = decoded_head(head).splitlines()[:_ROWS_LOOKED_AT]
    delimiters = ("\t",) if ending == ".tsv" else ("|", "\t") if ending == ".txt" else (",", "\t", "|", ";")
    tables = [[split_line(line, delimiter) for line in lines] for delimiter in delimiters]
    for delimiter, (columns, *_) in zip(delimiters, tables if lines and ending != ".txt" else (), strict=False):
        if (len(columns) > 1 or delimiter == delimiters[0]) and (column := path_column(columns)):
            return Table(tuple(columns), column, delimiter)
    for delimiter, (columns, *rows) in zip(delimiters, tables if lines and clips else (), strict=False):
        at, below = _naming([columns], clips), _naming(rows, clips)
        at = below if at is None else at
        if at is None or at >= len(columns):
            continue
        if _is_row(columns, columns[at] in clips or is_clip(columns[at].strip()) or delimiter == "|"):
            return _headerless(columns, at, delimiter)
        is_even = len(columns) > 2 and all(len(row) == len(columns) for row in rows[:-1])
        if below is not None and below < len(columns) and (ending != ".txt" or (is_even and delimiter == "\t")):
            return Table(tuple(columns), columns[below], delimiter)
    if lists and ending == ".txt" and is_list(head, clips.__contains__):
        return Table(LIST_COLUMNS, LIST_COLUMNS[0], " ", headerless=True)
    return None


def lists_files_alone(table: Table, head: bytes) -> bool:
    """Whether a list says of its files no more than that they are in it.

    Args:
        head: its first bytes.
    """
    lines = decoded_head(head).split("\n")[:_ROWS_LOOKED_AT]
    return table.delimiter == " " and table.headerless and all(len(line.split()) < 2 for line in lines)


def _naming(rows: list[list[str]], clips: Names) -> int | None:
    """The column that names clips that there are; a single column names nothing that can be told of them."""
    return next((at for row in rows for at, cell in enumerate(row) if len(row) > 1 and _is_one_of(cell, clips)), None)


def _is_row(line: list[str], may_be: bool) -> bool:
    """Whether the first line is a row: a header may have a clip's name by chance, but it has words of headers too."""
    return may_be and not any(cell.strip().lower() in _HEADER_WORDS for cell in line)


def _is_one_of(cell: Any, clips: Names) -> bool:
    return isinstance(cell, str) and basename(cell.strip().replace("\\", "/")) in clips


def _headerless(row: list[str], at: int, delimiter: str) -> Table:
    """A table whose first line is a row: columns between bars or two as in LJSpeech, seven as in FLEURS.

    Others are called by number: the second of three may be the text, or the speaker.
    """
    if at == 1 and len(row) == len(_FLEURS) and row[5].isdigit() and row[6].strip().isupper():
        return Table(_FLEURS, _FLEURS[at], delimiter, headerless=True)
    names = _LJSPEECH[: len(row)] if at == 0 and len(row) <= (len(_LJSPEECH) if delimiter == "|" else 2) else None
    names = names or tuple(f"column_{number}" for number in range(1, len(row) + 1))
    return Table(names, names[at], delimiter, headerless=True)


def path_column(columns: Collection[str]) -> str | None:
    """The first of ``PATH_COLUMNS`` among the columns, as it is spelt there."""
    by_lower = {name.lower(): name for name in reversed(list(columns))}
    return next((by_lower[name] for name in PATH_COLUMNS if name in by_lower), None)


def names_files(columns: Collection[str]) -> bool:
    """Whether the metadata of a folder has a column that `datasets` takes for names of files."""
    return any(re.fullmatch(r"(?:.*_)?file_names?", name) for name in columns)


def first_line(head: bytes) -> str:
    """The first line of a text file, without a byte order mark."""
    return re.split(r"\r?\n", decoded_head(head), maxsplit=1)[0]


def delimiter_seen(head: bytes, path: str) -> str:
    """What stands between the fields of a csv or tsv file, by its ending and its first bytes.

    Of several that the first line has, the one that gives all lines seen as many fields; else the most usual one.
    """
    if path.lower().endswith((".tsv", ".tsv.gz")):
        return "\t"
    lines = [line for line in decoded_head(head).splitlines()[: _ROWS_LOOKED_AT + 1] if line]
    lines = lines[:-1] if len(lines) > 2 and head[-1:] not in (b"\n", b"\r") else lines  # it may be cut off
    seen = [one for one in (",", "\t", ";", "|") if lines and one in lines[0]]
    even = [one for one in seen if len({len(split_line(line, one)) for line in lines}) == 1]
    return next(iter((even if len(lines) > 1 else []) or seen), ",")


def split_line(line: str, delimiter: str) -> list[str]:
    """The fields of a line of csv; tabs and bars have no quoting."""
    if delimiter in "\t|":
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def json_rows(head: bytes) -> list[dict[str, Any]]:
    """The rows of JSON lines, or of a list, that are whole in the first bytes of a file; none in anything else."""
    rows: list[dict[str, Any]] = []
    text = decoded_head(head).lstrip()
    if text.startswith("["):
        return [row for row, _, _ in list_items(text[1:]) if isinstance(row, dict)]
    for line in text.split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def list_items(text: str) -> Iterator[tuple[Any, int, int]]:
    """The items of a JSON list that are whole in its text from behind the bracket on, with where they begin and end."""
    at, decoder = 0, json.JSONDecoder()
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        try:
            item, end = decoder.raw_decode(text, at)
        except ValueError:
            return
        yield item, at, end
        at = end


def _json_table(head: bytes, clips: Names) -> Table | None:
    rows = json_rows(head)[:_ROWS_LOOKED_AT]
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    named = path_column(rows[0]) if rows else None
    if named is not None and isinstance(rows[0][named], str) and is_audio(rows[0][named]):
        return Table(columns, named, "")
    if (unfolded := json_table(head, clips)) is not None:
        return Table(unfolded.columns, unfolded.path_column, "", rows=unfolded.rows)
    found = next((name for row in rows for name, value in row.items() if _is_one_of(value, clips)), None)
    return Table(columns, found, "") if found and clips else None


def _parquet_table(tail: bytes, clips: Names) -> Table | None:
    """A parquet file without media whose statistics show that a column of paths names clips.

    The column may hold the paths alone, or what `datasets` writes of audio that is not in it: paths with null bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(pa.BufferReader(tail))
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError, ValueError):
        return None
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    leaves = [(one.path_in_schema, one) for group in groups for one in map(group.column, range(group.num_columns))]
    if any(one.physical_type == "BYTE_ARRAY" and not _is_text_or_null(one, metadata.schema) for _, one in leaves):
        return None
    named = path_column(schema.names)
    if named is not None and clips and not any(_has_ends(one) for _, one in leaves):
        kind = schema.field(named).type  # nothing shows what the column holds: the join will tell
        is_struct = pa.types.is_struct(kind) and {field.name for field in kind} <= {"path", "bytes"}
        is_path = pa.types.is_string(kind) or pa.types.is_large_string(kind) or is_struct
        return Table(tuple(schema.names), named, "") if is_path else None
    if named is None:
        named = next((name for name, one in leaves if any(_is_one_of(end, clips) for end in _ends(one))), None)
        return Table(tuple(schema.names), named, "") if named is not None and named in schema.names else None
    kind = schema.field(named).type
    if pa.types.is_struct(kind) and not ({"path"} <= {field.name for field in kind} <= {"path", "bytes"}):
        return None
    of_paths = f"{named}.path" if pa.types.is_struct(kind) else named
    ends = [end for path, one in leaves if path == of_paths for end in _ends(one)]
    is_of_clips = any(_is_one_of(end, clips) or is_audio(end) for end in ends)
    return Table(tuple(schema.names), named, "") if is_of_clips else None


def _has_ends(chunk: Any) -> bool:
    return chunk.statistics is not None and (chunk.statistics.has_min_max or chunk.statistics.null_count == 0)


def _ends(chunk: Any) -> list[str]:
    """The first and the last of the texts of a column chunk, as its statistics have them."""
    shown = chunk.statistics if chunk.physical_type == "BYTE_ARRAY" else None
    return [str(shown.min), str(shown.max)] if shown is not None and shown.has_min_max else []


def _is_text_or_null(chunk: Any, schema: Any) -> bool:
    """Whether a column chunk of a parquet file holds text, or nothing but nulls: bytes may be media."""
    names = [schema.column(at).path for at in range(len(schema))]
    if str(schema.column(names.index(chunk.path_in_schema)).logical_type.type) in ("STRING", "JSON", "ENUM", "DECIMAL"):
        return True
    if 0 < chunk.total_uncompressed_size <= _MOST_OF_NULLS + chunk.num_values // 4:
        return True  # nothing but nulls takes so little
    statistics = chunk.statistics
    return bool(statistics is not None and statistics.has_null_count and statistics.null_count == chunk.num_values)


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
        names = split_line(first_line(head), delimiter_seen(head, path))
        found = fields_of([dict.fromkeys(names)]) if all(names) else {}
    else:
        found = fields_of(json_rows(head)) if ending in JSON_ENDINGS else {}
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
