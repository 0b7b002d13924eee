"""Repositories whose data files are all parquet."""

from __future__ import annotations

from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight

_ENDINGS = (".parquet", ".geoparquet", ".gpq")


def parquet(sight: Sight) -> Recognised | None:
    """All data files are parquet."""
    files = sight.data_files
    if sight.layout.module == "parquet" and files and all(path.lower().endswith(_ENDINGS) for path in files):
        return Recognised(Shape.PARQUET, "parquet files")
    return None
