"""``hugflow pause``: let nothing land or change for a dataset until it is resumed."""

from __future__ import annotations

from hugflow_assets.cli.datasets.holding import hold
from hugflow_assets.cli.datasets.names import NAMES


def pause(names: NAMES) -> None:
    """Let nothing land or change for these datasets until they are resumed; a landing in flight stops, keeping all."""
    hold(names, "paused")
