"""The shapes of repositories that land: how each is recognised, cut into shards, and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hugflow_assets.errors import UnsupportedShapeError
from hugflow_assets.shapes.clip_tables.archive_reader import ClipReader
from hugflow_assets.shapes.clip_tables.loose_reader import ClipFileReader
from hugflow_assets.shapes.clip_tables.recognise import clip_archives, clip_files
from hugflow_assets.shapes.clip_tables.shards import clip_configs, loose_configs
from hugflow_assets.shapes.estimate import estimate
from hugflow_assets.shapes.lhotse_shar.layout import shar_configs
from hugflow_assets.shapes.lhotse_shar.reader import SharReader
from hugflow_assets.shapes.lhotse_shar.recognise import lhotse_shar
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.reader import FolderReader
from hugflow_assets.shapes.media_folders.recognise import media_folder
from hugflow_assets.shapes.media_folders.shards import folder_configs
from hugflow_assets.shapes.models import ConfigPlan, Shape
from hugflow_assets.shapes.parquet.reader import ParquetReader
from hugflow_assets.shapes.parquet.recognise import parquet
from hugflow_assets.shapes.parquet.shards import parquet_configs
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.refused import archives_in_zip, other_media, partial_conversion, script
from hugflow_assets.shapes.rows.reader import RowReader
from hugflow_assets.shapes.rows.recognise import rows
from hugflow_assets.shapes.rows.shards import row_configs
from hugflow_assets.shapes.sight import Chosen, Cut, Recognised, Sight
from hugflow_assets.shapes.webdataset.reader import WebDatasetReader
from hugflow_assets.shapes.webdataset.recognise import webdataset
from hugflow_assets.shapes.webdataset.shards import archive_configs

Recogniser = Callable[[Sight], Recognised | None]


@dataclass(frozen=True)
class RepositoryShape:
    """One way in which repositories are laid out: its names, its recogniser, its planner, its reader."""

    names: tuple[Shape, ...]
    recognise: Recogniser
    shards: Callable[[Chosen], Cut]
    reader: type[Reader]


def _at_usual_cost(configs: Callable[[Chosen], tuple[ConfigPlan, ...]]) -> Callable[[Chosen], Cut]:
    """A planner whose shards cost what such files usually do."""

    def cut(chosen: Chosen) -> Cut:
        made = configs(chosen)
        return Cut(made, estimate(made))

    return cut


def _parquet_shards(chosen: Chosen) -> Cut:
    one = chosen
    configs, note, cost = parquet_configs(one.access, one.state, one.configs, one.files, one.infos)
    return Cut(configs, cost, note)


@_at_usual_cost
def _clip_archive_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    return clip_configs(chosen.clips, chosen.files)


@_at_usual_cost
def _clip_file_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    return loose_configs(chosen.clips, chosen.files)


@_at_usual_cost
def _shar_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    return shar_configs(chosen.shar, chosen.files)


@_at_usual_cost
def _webdataset_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    return archive_configs(chosen.configs, chosen.files, chosen.infos, chosen.seen)


@_at_usual_cost
def _folder_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    return folder_configs(chosen)


@_at_usual_cost
def _row_shards(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    layout = chosen.layout
    return row_configs(chosen.configs, chosen.files, chosen.infos, str(layout.module), layout.params)


CLIP_ARCHIVES = RepositoryShape((Shape.CLIP_ARCHIVES,), clip_archives, _clip_archive_shards, ClipReader)
CLIP_FILES = RepositoryShape((Shape.CLIP_FILES,), clip_files, _clip_file_shards, ClipFileReader)
LHOTSE_SHAR = RepositoryShape((Shape.LHOTSE_SHAR,), lhotse_shar, _shar_shards, SharReader)
PARQUET = RepositoryShape((Shape.PARQUET,), parquet, _parquet_shards, ParquetReader)
WEBDATASET = RepositoryShape((Shape.WEBDATASET,), webdataset, _webdataset_shards, WebDatasetReader)
MEDIA_FOLDER = RepositoryShape(tuple(BASE_COLUMNS), media_folder, _folder_shards, FolderReader)
ROWS = RepositoryShape((Shape.ROWS,), rows, _row_shards, RowReader)

SHAPES = (LHOTSE_SHAR, CLIP_ARCHIVES, CLIP_FILES, PARQUET, WEBDATASET, MEDIA_FOLDER, ROWS)
_BY_NAME = {name: shape for shape in SHAPES for name in shape.names}
LANDABLE = frozenset(_BY_NAME)

# In the order in which they are asked; the first match is taken. What comes before the layout has subsets and splits of
# its own, the others have those that `datasets` would find; what has a name and no reader is refused by it.
BEFORE_LAYOUT: tuple[Recogniser, ...] = (LHOTSE_SHAR.recognise, CLIP_ARCHIVES.recognise, script)
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


def shards_of(chosen: Chosen) -> Cut:
    """The shards of what is asked for, as its shape cuts them."""
    return _BY_NAME[chosen.shape].shards(chosen)


def open_reader(shard: Shard, sources: Sources) -> Reader:
    """The reader of a shard's shape."""
    if shard.source.shape not in _BY_NAME:
        raise UnsupportedShapeError(f"No reader for the shape {shard.source.shape.value}.")
    return _BY_NAME[shard.source.shape].reader(shard, sources)


__all__ = [
    "BEFORE_LAYOUT",
    "BY_LAYOUT",
    "LANDABLE",
    "SHAPES",
    "Reader",
    "RepositoryShape",
    "first_match",
    "open_reader",
    "shards_of",
]
