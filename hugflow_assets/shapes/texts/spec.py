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
        scopes: of lists that do not lie around the clips that they may speak of, the folder of these.
        counted: those of the lists whose lines without a clip this shard counts.
        unmatched, ambiguous: files called as clips are that are for none, which this shard counts.
        encoding: of the texts, where the card says it.
    """

    columns: dict[str, str]
    has_lists: bool
    scopes: dict[str, str] = {}
    counted: tuple[str, ...] = ()
    unmatched: int = 0
    ambiguous: int = 0
    encoding: str | None = None

    def rows_depend_on(self) -> Mapping[str, Any]:
        """What the rows depend on, as JSON; these names are on the storages of others and stay."""
        told: dict[str, Any] = {"columns": self.columns, "lists": self.has_lists, "counted": list(self.counted)}
        told |= {"elsewhere": [], "namesakes": [], "own": []}  # what the first version told of lists
        told |= {"scopes": self.scopes} if self.scopes else {}
        return told | ({"encoding": self.encoding} if self.encoding else {})
