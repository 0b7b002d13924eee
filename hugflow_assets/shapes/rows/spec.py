"""What the reader of tables and text has to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hugflow_assets.shapes.spec import ShardSpec


class RowsSpec(ShardSpec):
    """The builder of `datasets` that reads the files, and what the card and their endings say to it."""

    module: str
    params: dict[str, Any] = {}

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {"module": self.module, "params": self.params}
