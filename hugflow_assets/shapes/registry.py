"""The shapes of repositories that land: how each is recognised, and how its shards become rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hugflow_assets.errors import UnsupportedShapeError
from hugflow_assets.shapes.clip_tables.archive_reader import ClipReader
from hugflow_assets.shapes.clip_tables.loose_reader import ClipFileReader
from hugflow_assets.shapes.clip_tables.recognise import clip_archives, clip_files
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.reader import FolderReader
from hugflow_assets.shapes.media_folders.recognise import media_folder
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.parquet.reader import ParquetReader
from hugflow_assets.shapes.parquet.recognise import parquet
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.refused import archives_in_zip, other_media, partial_conversion, script
from hugflow_assets.shapes.rows.reader import RowReader
from hugflow_assets.shapes.rows.recognise import rows
from hugflow_assets.shapes.sight import Recognised, Sight
from hugflow_assets.shapes.webdataset.reader import WebDatasetReader
from hugflow_assets.shapes.webdataset.recognise import webdataset

Recogniser = Callable[[Sight], Recognised | None]


@dataclass(frozen=True)
class RepositoryShape:
    """One way in which repositories are laid out: its names, its recogniser, its reader."""

    names: tuple[Shape, ...]
    recognise: Recogniser
    reader: type[Reader]


CLIP_ARCHIVES = RepositoryShape((Shape.CLIP_ARCHIVES,), clip_archives, ClipReader)
CLIP_FILES = RepositoryShape((Shape.CLIP_FILES,), clip_files, ClipFileReader)
PARQUET = RepositoryShape((Shape.PARQUET,), parquet, ParquetReader)
WEBDATASET = RepositoryShape((Shape.WEBDATASET,), webdataset, WebDatasetReader)
MEDIA_FOLDER = RepositoryShape(tuple(BASE_COLUMNS), media_folder, FolderReader)
ROWS = RepositoryShape((Shape.ROWS,), rows, RowReader)

SHAPES = (CLIP_ARCHIVES, CLIP_FILES, PARQUET, WEBDATASET, MEDIA_FOLDER, ROWS)
_READERS = {name: shape.reader for shape in SHAPES for name in shape.names}
LANDABLE = frozenset(_READERS)

# In the order in which they are asked; the first match is taken. What comes before the layout has subsets and splits of
# its own, the others have those that `datasets` would find; what has a name and no reader is refused by it.
BEFORE_LAYOUT: tuple[Recogniser, ...] = (CLIP_ARCHIVES.recognise, script)
BY_LAYOUT: tuple[Recogniser, ...] = (
    partial_conversion,
    PARQUET.recognise,
    archives_in_zip,
    WEBDATASET.recognise,
    MEDIA_FOLDER.recognise,
    ROWS.recognise,
    other_media,
)


def first_match(recognisers: tuple[Recogniser, ...], sight: Sight) -> Recognised | None:
    """What the first recogniser that knows the repository makes of it; None: none does."""
    return next(filter(None, (recognise(sight) for recognise in recognisers)), None)


def open_reader(shard: Shard, sources: Sources) -> Reader:
    """The reader of a shard's shape."""
    if shard.source.shape not in _READERS:
        raise UnsupportedShapeError(f"No reader for the shape {shard.source.shape.value}.")
    return _READERS[shard.source.shape](shard, sources)


__all__ = [
    "BEFORE_LAYOUT",
    "BY_LAYOUT",
    "LANDABLE",
    "SHAPES",
    "Reader",
    "RepositoryShape",
    "first_match",
    "open_reader",
]
