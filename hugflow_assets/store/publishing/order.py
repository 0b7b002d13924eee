"""``order.json`` beside the tree that is being built: which shards it will hold, in their final order.

It is there before the first shard is, so that whoever follows a landing knows which rows come next.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.intake.models import DatasetRequest, Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE
from hugflow_assets.store.publishing.staging import Staging


class OrderedSplit(Frozen):
    """A split in the making. ``lines`` are the files of its shards' lines, below ``work``, while they are apart."""

    config: str
    split: str
    record_path: str  # where they are put together, below ``tree``
    lines: tuple[str, ...]
    indexes: tuple[int, ...]  # of the shards, as their receipts have them
    features: dict[str, Any] | None = None  # None: each receipt says what its reader found


class LandingOrder(Frozen):
    """The final order of a landing: splits, and in each its shards."""

    schema_version: int = 1
    request: DatasetRequest
    commit: str
    splits: tuple[OrderedSplit, ...]


def write_order(staging: Staging, order: LandingOrder) -> None:
    """Say what comes; an earlier run may have said the same."""
    path = staging.root / "order.json"
    with disk_errors(path):
        atomic_write(path, order.model_dump_json().encode(), mode=INNER_FILE_MODE, sync=False)


def read_order(staging: Staging) -> LandingOrder | None:
    """What comes; None where nothing is being built, or by an earlier version."""
    try:
        return LandingOrder.model_validate_json((staging.root / "order.json").read_bytes())
    except (OSError, ValidationError):
        return None
