"""What the planners of several shapes need: a shard a file, and how large a shard of single files gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.models import ConfigPlan, Shape, ShardSource, SplitPlan
from hugflow_assets.shapes.sight import ConfigFiles
from hugflow_assets.shapes.spec import ShardSpec

MOST_FILES = 256  # of a shard of single files
MOST_BYTES = 256 << 20
STRING = {"dtype": "string", "_type": "Value"}
Files = Mapping[str, SourceFile]
Infos = Mapping[str, Mapping[str, Any]]


def file_by_file(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, shape: Shape, spec_of: Callable[[ConfigFiles], ShardSpec]
) -> tuple[ConfigPlan, ...]:
    """The configs with a shard a file, and the features that the card tells."""
    made = []
    for config in configs:
        spec = spec_of(config)
        splits = tuple(
            SplitPlan(
                name=name,
                shards=tuple(
                    ShardSource(index=index, files=(files[path],), shape=shape, spec=spec)
                    for index, path in enumerate(paths)
                ),
            )
            for name, paths in config.splits
        )
        made.append(ConfigPlan(name=config.name, splits=splits, features=info.get(config.name, {}).get("features")))
    return tuple(made)
