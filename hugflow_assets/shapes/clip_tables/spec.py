"""What the readers of clips and their tables have to know: which column names the clips, how the tables are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hugflow_assets.shapes.spec import ShardSpec


class ClipTableSpec(ShardSpec):
    """Tables that name clips.

    Attributes:
        path_column: names the clips.
        audio_column: where the clips go, beside the path or in its place.
        delimiter: between the cells of a table; empty for JSON.
        columns: the names of the columns where the first line of a table is a row already, else None.
        scope: which config and split the tables are of, and which there are: ``config``, ``split``, ``configs``,
            ``splits``; see ``join.rows.Scope``.
        rows: where the rows are in JSON that is not one row after the other; see ``formats.json_tables``.
    """

    version: ClassVar[int] = 4  # 2: all rows, in table order, as written; 3, 4: no clips of others, of any language
    path_column: str
    audio_column: str
    delimiter: str
    columns: tuple[str, ...] | None = None
    scope: dict[str, Any]
    rows: str = ""

    @property
    def table(self) -> dict[str, Any]:
        """How the tables are written."""
        columns = None if self.columns is None else list(self.columns)
        return {"delimiter": self.delimiter, "columns": columns, **({"rows": self.rows} if self.rows else {})}

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {
            "path_column": self.path_column,
            "audio_column": self.audio_column,
            "table": self.table,
            "scope": self.scope,
        }


class ClipArchiveSpec(ClipTableSpec):
    """Tables and one archive of clips, of those that they speak of.

    Attributes:
        shared: other splits read this archive too, so what is no row's here is likely theirs.
        apart: the tables are in the archive, and no other shard reads them.
        first: this shard lands the rows that have no clip; of several ``parts`` those that speak of ``part``, and with
            the first part also those that speak of none.
        at: the number of the archive among all that the tables speak of.
        others: a digest of the other archives, whose names decide about the rows too.
    """

    shared: bool = False
    apart: bool = False
    first: bool = False
    parts: tuple[str, ...] = ()
    part: str = ""
    at: int = 0
    others: str | None = None

    @property
    def are_files_shared(self) -> bool:
        return self.shared

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {
            **super().rows_depend_on(),
            "shared": self.shared,
            "apart": self.apart,
            "first": self.first,
            "parts": list(self.parts) if self.first else [],
            "part": self.part if self.first else "",
            "others": self.others,
        }


class ClipFileSpec(ClipTableSpec):
    """A range of the rows of tables whose clips are files of the repository.

    Attributes:
        start, end: the rows; None: all that follow.
        parts: the splits of the tables, where the folders of clips tell these apart.
        part: of which of them rows are meant: by their clips, else by their paths, else they are of the first.
    """

    start: int
    end: int | None
    parts: tuple[str, ...] = ()
    part: str = ""

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {
            **super().rows_depend_on(),
            "start": self.start,
            "end": self.end,
            "parts": list(self.parts),
            "part": self.part,
        }
