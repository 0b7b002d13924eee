"""What the reader of a media folder has to know: labels and texts of its files, or which rows of its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hugflow_assets.shapes.media_folders.splits import SplitPart
from hugflow_assets.shapes.spec import ShardSpec
from hugflow_assets.shapes.texts.spec import TextsSpec


class FolderFilesSpec(ShardSpec):
    """Files as rows.

    Attributes:
        column: where the files go.
        labels: the names of the labels, in order; a file's label is the name of its folder.
        texts: the texts beside the files; None where there are none.
    """

    column: str
    labels: tuple[str, ...] = ()
    texts: TextsSpec | None = None

    def rows_depend_on(self) -> Mapping[str, Any]:
        texts = None if self.texts is None else self.texts.rows_depend_on()
        return {"column": self.column, "labels": list(self.labels), "texts": texts}


class FolderListsSpec(FolderFilesSpec):
    """Files as rows, of which lists of ids and texts speak."""

    version: ClassVar[int] = 3  # 2: lines by the join of all shapes; 3: no clips of other languages


class FolderMetadataSpec(ShardSpec):
    """A range of the rows of a metadata file.

    Attributes:
        column: where the files go that the rows name.
        start, end: the rows; None: all that follow.
        split: only rows whose files are of this split are meant, or would be; for the first of ``parts`` those of none.
        parts: which files are of which split; empty where all rows are meant.
        files_beside: how many media files lie beside the metadata, to be counted by this shard.
        encoding: of the metadata, where the card says it.
    """

    version: ClassVar[int] = 4  # 2: clips by the join; 3: rows of no file in the split they name; 4: no other languages
    column: str
    start: int
    end: int | None
    split: str = ""
    parts: tuple[SplitPart, ...] = ()
    files_beside: int = 0
    encoding: str | None = None

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {
            "column": self.column,
            "start": self.start,
            "end": self.end,
            "split": self.split if self.parts else "",
            "parts": [part.model_dump(mode="json") for part in self.parts],
            "files_beside": self.files_beside,
            "encoding": self.encoding,
        }
