"""Shards of a WebDataset: one a tar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hugflow_assets.shapes.file_by_file import Files, Infos, file_by_file
from hugflow_assets.shapes.models import ConfigPlan, Shape
from hugflow_assets.shapes.sight import ConfigFiles
from hugflow_assets.shapes.spec import ShardSpec


def archive_configs(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, seen: Mapping[str, dict[str, Any]]
) -> tuple[ConfigPlan, ...]:
    """WebDataset: a shard a tar. ``seen``: the fields of the first samples, by config."""
    made = file_by_file(configs, files, info, Shape.WEBDATASET, lambda _: ShardSpec())
    return tuple(one if one.features else one.model_copy(update={"seen": seen.get(one.name)}) for one in made)
