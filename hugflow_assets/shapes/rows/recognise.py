"""Tables and text that `datasets` streams row by row."""

from __future__ import annotations

from hugflow_assets.shapes.file_lists import counted
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight

_MODULES = frozenset({"csv", "json", "text", "arrow", "xml", "conll", "fasta", "fastq"})


def rows(sight: Sight) -> Recognised | None:
    """Tables and text that `datasets` streams row by row."""
    if sight.layout.module not in _MODULES:
        return None
    return Recognised(Shape.ROWS, counted(sight.data_files, f"{sight.layout.module} file"))
