"""What people ask for: YAML text becomes models, models get storage names."""

from hugflow_assets.intake.models import (
    AddFile,
    DatasetRequest,
    Kind,
    Problem,
    RemovalRequest,
    RemoveFile,
    RequestSnapshot,
    RequestSource,
    matches,
)

__all__ = [
    "AddFile",
    "DatasetRequest",
    "Kind",
    "Problem",
    "RemovalRequest",
    "RemoveFile",
    "RequestSnapshot",
    "RequestSource",
    "matches",
]
