"""The thin Dagster layer: assets, checks, partitions, IO manager, sensor. What it does is done in the rooms below."""

from hugflow_assets.orchestration.assembly import definitions

__all__ = ["definitions"]
