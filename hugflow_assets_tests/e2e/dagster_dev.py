"""``dagster dev`` of a project, as a process of its own that a test talks to over GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from hugflow_assets_tests.polling import poll

REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "hugflow"}
SENSOR = {**REPOSITORY, "sensorName": "requests_sensor"}
OVER = {"SUCCESS", "FAILURE", "CANCELED"}

_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
_RUN = """
query($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      status
      eventConnection(limit: 1000) { events {
        __typename
        ... on ExecutionStepFailureEvent { failureMetadata { description metadataEntries {
          label ... on TextMetadataEntry { text }
        } } }
      } }
    }
  }
}"""


class DagsterDev:
    """The running services of one project folder."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = root.parent / f"dagster-dev-{self.port}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(self.port)],
            cwd=root,
            env=environment,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self, within_s: float = 150) -> DagsterDev:
        """Until the code location is loaded and the daemon has started."""
        poll(self._loaded, within_s=within_s)
        return self

    def _loaded(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            found = self.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except (urllib.error.URLError, ConnectionError):
            return False
        return bool(found["repositoriesOrError"].get("nodes"))

    def stop(self) -> None:
        """As Ctrl-C does; what does not end in time is killed with its group."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """A GraphQL query or mutation; errors fail."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            told = json.load(answer)
        assert "errors" not in told, told["errors"]
        found: dict[str, Any] = told["data"]
        return found

    def launch(
        self, partition: str, config: dict[str, Any] | None = None, check: str | None = None, checks: bool = True
    ) -> str:
        """Materialize a partition of ``dataset``, or execute one of its checks alone, as the UI does; the run's id.

        Without ``checks`` the selection names none, as a client may.
        """
        asset: dict[str, Any] = {"path": ["dataset"]}
        selected: dict[str, Any] = {"assetSelection": [asset]}
        if not checks:
            selected["assetCheckSelection"] = []
        if check is not None:
            selected = {"assetSelection": [], "assetCheckSelection": [{"assetKey": asset, "name": check}]}
        params = {
            "selector": {**REPOSITORY, "pipelineName": "__ASSET_JOB", **selected},
            "mode": "default",
            "runConfigData": config or {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        launched = self.ask(_LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """Cancel a run as the UI's button does."""
        told = self.ask("mutation($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
        assert told["terminateRun"]["__typename"] == "TerminateRunSuccess", told

    def ended(self, run_id: str, within_s: float = 150) -> tuple[str, dict[str, str]]:
        """The status of a run when it is over, and what its failure says by label."""

        def over() -> Any:
            run = self.ask(_RUN, id=run_id)["runOrError"]
            return run if run["status"] in OVER else None

        run = poll(over, within_s=within_s)
        told: dict[str, str] = {}
        for event in run["eventConnection"]["events"]:
            if failure := event.get("failureMetadata"):
                told = {one["label"]: one.get("text", "") for one in failure["metadataEntries"]}
        return run["status"], told
