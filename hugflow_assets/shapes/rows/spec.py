"""What the reader of tables and text has to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hugflow_assets.shapes.spec import ShardSpec


class RowsSpec(ShardSpec):
    """The builder of `datasets` that reads the files, and what the card and their endings say to it."""

    version: ClassVar[int] = 2  # 2: rows of JSON and cells of tables as they are written

    module: str
    params: dict[str, Any] = {}

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {"module": self.module, "params": self.params}
