"""Tables that speak about clips and are no split of them: durations, sizes, what was reported."""

from __future__ import annotations

import re

from hugflow_assets.formats.names import stem_of
from hugflow_assets.formats.tables import Table

_ABOUT_CLIPS = frozenset(
    ("clip_durations", "durations", "reported", "validated_sentences", "unvalidated_sentences", "segments", "handles")
)
_MEASURES = frozenset(
    (
        *("duration", "duration ms", "duration s", "duration sec", "durations", "length", "seconds", "frames"),
        *("num samples", "num frames", "samples", "sample rate", "sampling rate", "sr", "channels", "num channels"),
        *("size", "bytes", "size bytes", "file size", "md", "sha", "checksum", "bits", "bit depth", "format"),
    )
)


def only_measures(path: str, table: Table) -> bool:
    """Whether a table speaks about clips and is no split of them: their durations and sizes, or what was reported."""
    if stem_of(path).lower() in _ABOUT_CLIPS:
        return True
    said = [re.sub(r"[^a-z]+", " ", name.lower()).strip() for name in table.columns if name != table.path_column]
    return bool(said) and not table.headerless and all(name in _MEASURES for name in said)
