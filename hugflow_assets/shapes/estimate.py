"""What a landing costs, where no footers tell it."""

from __future__ import annotations

from collections.abc import Sequence

from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape, ShardSource

_CLIP_BYTES = 40_000  # of a clip in an archive, as far as anything can be said
_LINE_BYTES = 1_200  # a row in the record, the views and the checksum list


def estimate(configs: Sequence[ConfigPlan]) -> Estimate:
    """Bytes and files of a landing: those of whole files exactly, the rows and clips in archives by experience."""
    shards = [shard for config in configs for split in config.splits for shard in split.shards]
    fetched = {
        (one.archive or one).path: (one.archive or one).size_bytes
        for shard in shards
        for one in (*shard.files, *shard.beside)
    }
    landed = sum(shard.size_bytes for shard in shards)
    files = 0
    for shard in shards:
        if shard.shape in BASE_COLUMNS or shard.shape is Shape.CLIP_FILES:
            files += (shard.num_rows or len(shard.files)) or -(-shard.named_bytes // _CLIP_BYTES)
        elif shard.shape is not Shape.ROWS:
            files += -(-shard.size_bytes // _CLIP_BYTES)
    counts = [split.num_rows for config in configs for split in config.splits]
    return Estimate(
        download_bytes=sum(fetched.values()) + sum(shard.named_bytes for shard in shards if not _zipped(shard)),
        landed_bytes=landed + files * _LINE_BYTES,
        files=files,
        rows=None if None in counts else sum(count or 0 for count in counts),
    )


def _zipped(shard: ShardSource) -> bool:
    return any(file.archive is not None for file in shard.beside)
