"""Tables as people write them. Each format gives its bytes, and says which characters it cannot hold."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Cells = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Format:
    """A way to write a table; ``forbidden`` characters become spaces in what is written and in what must land."""

    ending: str
    write: Callable[[Cells], bytes]
    forbidden: str = ""

    @property
    def is_text(self) -> bool:
        """Whether its cells have no types."""
        return self.ending in (".csv", ".tsv")

    def clean(self, text: str) -> str:
        return cleaned(text, self.forbidden)


def cleaned(text: str, forbidden: str) -> str:
    """A text that a format without quotes can hold."""
    return text.translate({ord(character): " " for character in forbidden})


def type_cells(*records: list[dict[str, Any]]) -> None:
    """Make of the cells of csv or tsv what must land of them; records that one table makes are typed together.

    Numbers where all of a column are written as numbers are; an empty field is null.
    """
    rows = list({id(row): row for every in records for row in every}.values())
    for column in {name for row in rows for name, value in row.items() if isinstance(value, str)}:
        cells = [row[column] for row in rows if row[column]]
        kind = next((one for one in (int, float) if cells and all(_is_written_as(one, cell) for cell in cells)), str)
        for row in rows:
            row[column] = kind(row[column]) if row[column] else None


def type_configs(records: Mapping[str, list[dict[str, Any]]]) -> None:
    """Likewise of records by their paths, those of one config together."""
    for config in {path.rpartition("/")[0] for path in records}:
        type_cells(*(rows for path, rows in records.items() if path.rpartition("/")[0] == config))


def _is_written_as(kind: type[int] | type[float], text: str) -> bool:
    try:
        return text.isascii() and repr(kind(text)) == text and text not in ("nan", "inf", "-inf")
    except ValueError:
        return False


def _csv(rows: Cells) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue().encode()


def _csv_dos(rows: Cells) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _tsv(rows: Cells) -> bytes:
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def _json_lines(rows: Cells) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _json_list(rows: Cells) -> bytes:
    return json.dumps(list(rows), indent=1).encode()


def parquet(rows: Cells) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), out)
    return out.getvalue()


_NO_LINES = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
CSV = Format(".csv", _csv, "\r")
CSV_DOS = Format(".csv", _csv_dos, "\r")
TSV = Format(".tsv", _tsv, "\t" + _NO_LINES)
JSONL = Format(".jsonl", _json_lines)
JSON_LIST = Format(".json", _json_list)
JSON_LINES_CALLED_JSON = Format(".json", _json_lines)
PARQUET = Format(".parquet", parquet)
FORMATS = {
    "csv": CSV,
    "csv of DOS, with a byte order mark": CSV_DOS,
    "tsv": TSV,
    "JSON lines": JSONL,
    "a JSON list": JSON_LIST,
}
LINE = "\t|" + _NO_LINES  # what a line of ids and texts cannot hold
