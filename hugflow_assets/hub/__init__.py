"""What the Hub holds: resolve a request, find its shape, LandingPlan, fetch and verify a file."""

from hugflow_assets.hub.access import HubAccess, file_url, repo_url
from hugflow_assets.hub.card import license_of
from hugflow_assets.hub.fetch import FetchReceipt, fetch
from hugflow_assets.hub.models import (
    ConfigPlan,
    Estimate,
    LandingPlan,
    RepoState,
    Shape,
    ShardSource,
    SourceFile,
    SplitPlan,
)
from hugflow_assets.hub.repository import Hub

__all__ = [
    "ConfigPlan",
    "Estimate",
    "FetchReceipt",
    "Hub",
    "HubAccess",
    "LandingPlan",
    "RepoState",
    "Shape",
    "ShardSource",
    "SourceFile",
    "SplitPlan",
    "fetch",
    "file_url",
    "license_of",
    "repo_url",
]
