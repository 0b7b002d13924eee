"""Shards of tables and text: one a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hugflow_assets.shapes.file_by_file import Files, Infos, file_by_file
from hugflow_assets.shapes.models import ConfigPlan, Shape
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.sight import ConfigFiles


def row_configs(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, module: str, params: Mapping[str, Any]
) -> tuple[ConfigPlan, ...]:
    """Tables and text: a shard a file, read by the module that `datasets` has for it."""

    def spec(config: ConfigFiles) -> RowsSpec:
        return RowsSpec(module=module, params={**params, **config.params})

    return file_by_file(configs, files, info, Shape.ROWS, spec)
