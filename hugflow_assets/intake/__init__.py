"""What people ask for: YAML text becomes models, models get storage names."""

from hugflow_assets.intake.folder import FolderSource, read_file
from hugflow_assets.intake.git_branch import GitSource
from hugflow_assets.intake.models import (
    AddFile,
    DatasetRequest,
    FileCommit,
    Kind,
    Problem,
    RemovalRequest,
    RemoveFile,
    RequestSnapshot,
    RequestSource,
    UnreadRemoval,
    matches,
)
from hugflow_assets.intake.names import escape_component, storage_name
from hugflow_assets.intake.request_file import read_request, read_request_file, to_yaml
from hugflow_assets.intake.schema import json_schema, schema_text
from hugflow_assets.intake.source import source_of

__all__ = [
    "AddFile",
    "DatasetRequest",
    "FileCommit",
    "FolderSource",
    "GitSource",
    "Kind",
    "Problem",
    "RemovalRequest",
    "RemoveFile",
    "RequestSnapshot",
    "RequestSource",
    "UnreadRemoval",
    "escape_component",
    "json_schema",
    "matches",
    "read_file",
    "read_request",
    "read_request_file",
    "schema_text",
    "source_of",
    "storage_name",
    "to_yaml",
]
