"""The thin Dagster layer: assets, checks, partitions, IO manager, sensor. What it does is done in the rooms below."""

from hugflow_assets.orchestration.assembly import definitions
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets.orchestration.sync.run_here import SyncResult, sync

__all__ = ["SyncResult", "definitions", "project_instance", "sync"]
