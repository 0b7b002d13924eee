"""What a reader is: the rows of one shard as Arrow batches, and the media that its rows name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from hugflow_assets.shapes.columns import MediaTree, media_columns
from hugflow_assets.shapes.join.row_names import Names
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.spec import ShardSpec
from hugflow_assets.shapes.values.json_lines import JsonLines

BATCH_BYTES = 16 << 20
Spec = TypeVar("Spec", bound=ShardSpec)


def spec_of(shard: Shard, kind: type[Spec]) -> Spec:
    """The spec of a shard, which has to be of the reader's own kind."""
    spec = shard.source.spec
    if not isinstance(spec, kind):
        raise TypeError(f"{shard.source.shape} was planned with {type(spec).__name__}, not {kind.__name__}.")
    return spec


class Reader:
    """Reads one shard. A subclass yields its rows; memory must not grow with their number.

    ``counts`` holds what only this shape counts. ``features`` is what the reader found the rows to be, for
    shapes whose features are not known before; ``Features.to_dict()`` or None. ``kinds`` are those of columns of
    text, see ``number_columns``: other shards of the config may have others. ``unmatched`` names some of the rows that
    got no clip.
    """

    def __init__(self, shard: Shard, sources: Sources) -> None:
        self.shard, self.sources = shard, sources
        self.counts: Counter[str] = Counter()
        self.features: dict[str, Any] | None = None
        self.kinds: dict[str, str] = {}
        self.unmatched: Names = {}

    def batches(self) -> Iterator[pa.RecordBatch | JsonLines]:
        """The rows in upstream order, as columns or as lines of JSON.

        Media are structs of bytes and path; a path alone is given to ``resolve``.
        """
        raise NotImplementedError

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        """Which columns of a batch hold media."""
        return media_columns(schema, self.shard.features)

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        """Local files, the caller's to take away, for paths without bytes; what does not exist is left out."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files; called whatever happened, once or twice."""
        self.sources.archives.close()
