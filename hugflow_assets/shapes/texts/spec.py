"""What a reader has to know of the texts of its clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hugflow_assets.intake.models import Frozen


class TextsSpec(Frozen):
    """Texts in files that are called as the clips are, and in lists.

    Attributes:
        columns: by ending of the files, the column that they land in.
        has_lists: whether any lists may speak of the clips of the config.
        elsewhere: folders of lists that do not lie around the clips.
        namesakes: clips that share their name with others, which an id in a list elsewhere does not tell apart.
        own: the lists that speak of this split alone.
        counted: those of them whose lines this shard counts.
    """

    columns: dict[str, str]
    has_lists: bool
    elsewhere: tuple[str, ...] = ()
    namesakes: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()

    def rows_depend_on(self) -> Mapping[str, Any]:
        """What the rows depend on, as JSON; these names are on the storages of others and stay."""
        return {
            "columns": self.columns,
            "lists": self.has_lists,
            "elsewhere": list(self.elsewhere),
            "namesakes": list(self.namesakes),
            "own": list(self.own),
            "counted": list(self.counted),
        }
