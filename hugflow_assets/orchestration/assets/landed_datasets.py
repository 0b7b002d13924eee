"""The asset ``dataset`` as another code location sees it: what may be named as an input there."""

from __future__ import annotations

from dagster import AssetSpec

from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.assets.dataset import STORAGE_KEY
from hugflow_assets.orchestration.assets.partitions import DATASETS


def landed_datasets(io_manager_key: str = STORAGE_KEY) -> AssetSpec:
    """What landed, for the definitions of a code location of one's own; Hugflow's own materializes it.

    Args:
        io_manager_key: the resource there that is a ``LandingIOManager``.
    """
    return AssetSpec(DATASET, partitions_def=DATASETS).with_io_manager_key(io_manager_key)
