"""A few rows of a landed dataset, for people to look at."""

from __future__ import annotations

from itertools import islice
from typing import Any

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.update_in_place import not_landed
from hugflow_assets.store import Store


def sample_rows(store: Store, name: str, n: int = 5) -> list[dict[str, Any]]:
    """The first ``n`` rows of the record, splits in upstream order.

    Raises:
        UnknownDatasetError: it is not landed.
    """
    manifest = store.manifest(name)
    if manifest is None:
        raise not_landed(name)
    rows: list[dict[str, Any]] = []
    root = store.layout.dataset(name)
    with disk_errors(root):
        for config in manifest.configs:
            for split in config.splits:
                with (root / split.record_path).open("rb") as lines:
                    rows += [loads(line) for line in islice(lines, n - len(rows))]
                if len(rows) >= n:
                    return rows
    return rows
