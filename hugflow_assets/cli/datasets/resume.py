"""``hugflow resume``: let a dataset go on that was paused, cancelled, or waits after failures."""

from __future__ import annotations

from hugflow_assets.cli.datasets.holding import hold
from hugflow_assets.cli.datasets.names import NAMES


def resume(names: NAMES) -> None:
    """Let them go on: what was paused or cancelled, and what waits after failures, is tried again now."""
    hold(names, "resumed")
