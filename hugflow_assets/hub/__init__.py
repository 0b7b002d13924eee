"""The Hub's API: who asks, what a repository holds, ranges of its files, refusals in words."""

from hugflow_assets.hub.access import HubAccess, file_url, repo_url
from hugflow_assets.hub.card import license_of
from hugflow_assets.hub.client import Hub
from hugflow_assets.hub.models import RepoState, SourceFile

__all__ = ["Hub", "HubAccess", "RepoState", "SourceFile", "file_url", "license_of", "repo_url"]
