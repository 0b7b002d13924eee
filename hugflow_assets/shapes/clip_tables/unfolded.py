"""Tables whose JSON is not a row an object, written as JSON lines before they are read like all others."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.json_rows import NoRowsError
from hugflow_assets.formats.text.json_tables import rows_of
from hugflow_assets.formats.text.text_encoding import TextFile


def unfolded(local: Path, source_path: str, rows: str, key_column: str, to: Path) -> Path:
    """The rows of a table as JSON lines.

    Args:
        source_path: what it is called upstream, for errors.
        rows: where in the JSON they are, as ``formats.json_tables`` says it.
        key_column: where the name of a member goes.
        to: the new file.
    Raises:
        BadSourceError: it is no JSON of that kind.
    """
    try:
        with closing(TextFile(local, source_path).open()) as file, to.open("wb") as out:
            for row in rows_of(file, rows, key_column):
                out.write(row + b"\n")
    except (NoRowsError, UnicodeDecodeError) as error:
        raise BadSourceError(
            f"{source_path} cannot be read as the table that its beginning shows: {error}.",
            remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
            file=source_path,
        ) from error
    return to
