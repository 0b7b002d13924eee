"""What a shape plans: splits of shards, each the files that one worker reads alone."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from hugflow_assets.hub.models import SourceFile
from hugflow_assets.intake.models import Frozen
from hugflow_assets.shapes.spec import ShardSpec


class Shape(StrEnum):
    """How a repository's files are laid out, which decides the reader. ``UNSUPPORTED`` is refused before download."""

    PARQUET = "parquet"
    AUDIOFOLDER = "audiofolder"
    IMAGEFOLDER = "imagefolder"
    VIDEOFOLDER = "videofolder"
    PDFFOLDER = "pdffolder"
    NIFTIFOLDER = "niftifolder"
    MESHFOLDER = "meshfolder"
    STRUCTUREFOLDER = "structurefolder"  # of molecules: pdb, mmcif
    WEBDATASET = "webdataset"
    CLIP_ARCHIVES = "clip-archives"  # Common Voice style: archives of clips beside csv/tsv tables
    CLIP_FILES = "clip-files"  # likewise, the clips being files of the repository
    LHOTSE_SHAR = "lhotse-shar"  # lists of cuts beside tars of their recordings
    ROWS = "rows"  # csv, json, text, arrow … through the rows that `datasets` streams
    UNSUPPORTED = "unsupported"


class ShardSource(Frozen):
    """One unit of landing: the files that one worker reads alone, in order. ``num_rows`` None: not known upstream.

    ``shape`` picks the reader, and ``spec`` is what that has to know besides. ``beside`` are files that speak of
    ``files`` and that other shards read too (tables, metadata); ``named_bytes`` is the size, as far as it is known, of
    the files that its rows name. ``others`` are files whose names have to be known to tell what the rows mean; what is
    in them lands with other shards.
    """

    index: int
    files: tuple[SourceFile, ...]
    num_rows: int | None = None
    shape: Shape = Shape.PARQUET
    beside: tuple[SourceFile, ...] = ()
    others: tuple[SourceFile, ...] = ()
    spec: ShardSpec = ShardSpec()
    named_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files) + self.named_bytes


class SplitPlan(Frozen):
    """One split: its shards in upstream order."""

    name: str
    shards: tuple[ShardSource, ...]
    num_rows: int | None = None


class ConfigPlan(Frozen):
    """One config (subset). ``features`` as ``datasets.Features.to_dict()`` gives them, in column order.

    ``seen``: where nothing tells the features, those of the first rows, of which only the names can be trusted.
    """

    name: str
    splits: tuple[SplitPlan, ...]
    features: dict[str, Any] | None = None
    seen: dict[str, Any] | None = None


class Estimate(Frozen):
    """What a landing would cost and give, known before any data is fetched. None: not known upstream.

    ``files`` are media files that land.
    """

    download_bytes: int
    landed_bytes: int
    files: int
    rows: int | None = None
    hours: float | None = None
