"""Lhotse Shar among the shapes: known by the names of its files, before anything else looks at its lists and tars."""

from __future__ import annotations

from hugflow_assets.shapes.lhotse_shar.layout import is_shar
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight


def lhotse_shar(sight: Sight) -> Recognised | None:
    """Lists of cuts beside tars of their recordings."""
    return Recognised(Shape.LHOTSE_SHAR, "Lhotse Shar") if is_shar(sight.paths) else None
