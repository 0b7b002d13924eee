"""What the reader of a shard of Lhotse Shar has to know: which of its files is what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hugflow_assets.shapes.spec import ShardSpec


class SharSpec(ShardSpec):
    """The files of a shard are its cuts, then a tar for each field of ``audio``, then a list for each of ``lists``."""

    audio: tuple[str, ...]
    lists: tuple[str, ...] = ()

    def rows_depend_on(self) -> Mapping[str, Any]:
        return {"audio": list(self.audio), "lists": list(self.lists)}
