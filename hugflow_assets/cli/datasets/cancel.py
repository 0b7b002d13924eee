"""``hugflow cancel``: stop a landing, and do not try its request again."""

from __future__ import annotations

from hugflow_assets.cli.datasets.holding import hold
from hugflow_assets.cli.datasets.names import NAMES


def cancel(names: NAMES) -> None:
    """Stop the landing in flight, and do not try this request again until it is edited or resumed."""
    hold(names, "cancelled")
