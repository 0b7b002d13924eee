"""Tar archives whose members belong together by key."""

from __future__ import annotations

from hugflow_assets.shapes.file_lists import counted
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight


def webdataset(sight: Sight) -> Recognised | None:
    """Tar archives whose members belong together by key."""
    if sight.layout.module != "webdataset":
        return None
    return Recognised(Shape.WEBDATASET, f"WebDataset: {counted(sight.data_files, 'tar archive')}")
