"""One reader a repository shape: how the files of a shard become rows."""

from __future__ import annotations

from hugflow_assets.errors import UnsupportedShapeError
from hugflow_assets.shapes.clip_tables.archive_reader import ClipReader
from hugflow_assets.shapes.clip_tables.loose_reader import ClipFileReader
from hugflow_assets.shapes.media_folders.reader import FolderReader
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.parquet.reader import ParquetReader
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.rows.reader import RowReader
from hugflow_assets.shapes.webdataset.reader import WebDatasetReader

_READERS: dict[Shape, type[Reader]] = {
    Shape.PARQUET: ParquetReader,
    Shape.AUDIOFOLDER: FolderReader,
    Shape.IMAGEFOLDER: FolderReader,
    Shape.VIDEOFOLDER: FolderReader,
    Shape.PDFFOLDER: FolderReader,
    Shape.NIFTIFOLDER: FolderReader,
    Shape.MESHFOLDER: FolderReader,
    Shape.STRUCTUREFOLDER: FolderReader,
    Shape.WEBDATASET: WebDatasetReader,
    Shape.CLIP_ARCHIVES: ClipReader,
    Shape.CLIP_FILES: ClipFileReader,
    Shape.ROWS: RowReader,
}
LANDABLE = frozenset(_READERS)


def open_reader(shard: Shard, sources: Sources) -> Reader:
    """The reader of a shard's shape."""
    if shard.source.shape not in _READERS:
        raise UnsupportedShapeError(f"No reader for the shape {shard.source.shape.value}.")
    return _READERS[shard.source.shape](shard, sources)


__all__ = ["LANDABLE", "Reader", "open_reader"]
