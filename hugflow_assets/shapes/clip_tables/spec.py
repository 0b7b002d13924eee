"""What the readers of clips and their tables have to know: which column names the clips, how the tables are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hugflow_assets.shapes.spec import ShardSpec


class ClipTableSpec(ShardSpec):
    """Tables that name clips.

    Attributes:
        path_column: names the clips.
        audio_column: where the clips go, beside the path or in its place.
        delimiter: between the cells of a table; empty for JSON.
        columns: the names of the columns where the first line of a table is a row already, else None.
    """

    path_column: str
    audio_column: str
    delimiter: str
    columns: tuple[str, ...] | None = None

    @property
    def table(self) -> dict[str, Any]:
        """How the tables are written."""
        return {"delimiter": self.delimiter, "columns": None if self.columns is None else list(self.columns)}

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {"path_column": self.path_column, "audio_column": self.audio_column, "table": self.table}


class ClipArchiveSpec(ClipTableSpec):
    """Tables and one archive of clips.

    Attributes:
        shared: other splits read this archive too, so what is no row's here is likely theirs.
        apart: the tables are in the archive, and no other shard reads them.
        first: this shard counts the table's rows, from which the split's ``rows_without_clip`` follows.
    """

    shared: bool = False
    apart: bool = False
    first: bool = False

    @property
    def are_files_shared(self) -> bool:
        return self.shared

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {**super().rows_depend_on(), "shared": self.shared, "apart": self.apart, "first": self.first}


class ClipFileSpec(ClipTableSpec):
    """A range of the rows of tables whose clips are files of the repository.

    Attributes:
        folders, endings: of the repository's audio: there a clip is looked for that is neither at its path nor beside
            the table.
        start, end: the rows; None: all that follow.
    """

    folders: tuple[str, ...]
    endings: tuple[str, ...]
    start: int
    end: int | None

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {
            **super().rows_depend_on(),
            "folders": list(self.folders),
            "endings": list(self.endings),
            "start": self.start,
            "end": self.end,
        }
