"""What the UI asks its server: GraphQL over a real instance and our definitions, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from dagster import DagsterInstance, partition_loading_context
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_graphql.schema import create_schema

_CHECKS = """
{ assetNodeOrError(assetKey: {path: ["dataset"]}) { ... on AssetNode { assetChecksOrError { ... on AssetChecks {
  checks { name description canExecuteIndividually jobNames
    partitionStatuses { ... on AssetCheckDefaultPartitionStatuses { succeededPartitions failedPartitions
      inProgressPartitions skippedPartitions executionFailedPartitions } } } } } } } }
"""


_schema = cache(create_schema)  # a second's work


class UI:
    """The answers that pages are made of."""

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self._workspace = workspace
        self._schema = _schema()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """A query or mutation; errors fail."""
        context = self._workspace.create_request_context()
        with partition_loading_context(dynamic_partitions_store=self._workspace.instance):
            told = asyncio.run(self._schema.execute_async(query, context_value=context, variable_values=variables))
        assert not told.errors, told.errors
        found: dict[str, Any] = told.data
        return found

    def checks(self) -> list[dict[str, Any]]:
        """The rows of the Checks tab of ``dataset``."""
        found: list[dict[str, Any]] = self.ask(_CHECKS)["assetNodeOrError"]["assetChecksOrError"]["checks"]
        return found

    def check_states(self, partition: str) -> dict[str, str]:
        """Check -> how the tab shows it for one partition."""
        found = {}
        for one in self.checks():
            states = [state for state, keys in one["partitionStatuses"].items() if partition in keys]
            found[one["name"]] = states[0].removesuffix("Partitions") if states else "missing"
        return found


@contextmanager
def ui_of(instance: DagsterInstance) -> Iterator[UI]:
    """The server's side of the UI over an instance."""
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="hugflow_assets.definitions"), location_name="hugflow"
    )
    with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace:
        yield UI(workspace)
