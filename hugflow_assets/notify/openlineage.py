"""OpenLineage: what a landing reads and writes, told to a lineage server such as Marquez; a reader of the audit log.

A landing is a run of the job ``dataset``: from the repository on the Hub, at its commit, to its folder on the storage.
The same event told twice is the same run in the same state, so repeating one does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from hugflow_assets.notify.channel_errors import delivery_error
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, EventKind

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.generated.base import DatasetFacet
    from openlineage.client.transport.http import HttpTransport

PRODUCER = "https://pypi.org/project/hugflow"
_TIMEOUT_S = 5.0
_STATES = {
    EventKind.STARTED: ("dataset", "START"),
    EventKind.LANDED: ("dataset", "COMPLETE"),
    EventKind.FAILED: ("dataset", "FAIL"),
    EventKind.REJECTED: ("dataset", "FAIL"),
    EventKind.REMOVED: ("removed_dataset", "COMPLETE"),
}


class OpenLineageChannel:
    """One HTTP call an event, at most five seconds long; what is not taken is told later, and no landing waits for it.

    Args:
        repository_of: the id on the Hub of a storage name; None where nobody knows it any more.
    """

    name = "openlineage"
    blind = False

    def __init__(self, settings: Settings, repository_of: Callable[[str], str | None]) -> None:
        self._settings, self._repository_of = settings, repository_of

    def send(self, event: Event, *, again: bool = False) -> bool:
        """Tell a run's beginning or end; every other event is none of lineage's business."""
        if event.kind not in _STATES:
            return False
        secrets = [key.get_secret_value()] if (key := self._settings.openlineage_api_key) is not None else []
        try:
            self._transport.emit(self._told(event))
        except ImportError:
            raise delivery_error(
                "OpenLineage", "client", reason="openlineage-python is missing; install hugflow[openlineage]",
                permanent=False, taken=False,
            ) from None  # fmt: skip
        except Exception as error:  # noqa: BLE001  the client passes on whatever requests raises
            response = getattr(error, "response", None)
            raise delivery_error(
                "OpenLineage", "lineage", status=getattr(response, "status_code", None),
                reason=f"{type(error).__name__}: {error}", headers=getattr(response, "headers", None), secrets=secrets,
            ) from None  # fmt: skip
        return True

    @cached_property
    def _transport(self) -> HttpTransport:
        from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

        key = self._settings.openlineage_api_key
        auth = TokenProvider({}) if key is None else ApiKeyTokenProvider({"apiKey": key.get_secret_value()})
        url = str(self._settings.openlineage_url)
        # Its own retries know nothing of the cursor, and would hold up a tick.
        return HttpTransport(HttpConfig(url=url, timeout=_TIMEOUT_S, auth=auth, retry={"total": 0}))

    def _told(self, event: Event) -> RunEvent:
        from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import (
            dataset_version_dataset,
            error_message_run,
            output_statistics_output_dataset,
        )

        data, (job, state) = event.data, _STATES[event.kind]
        version: dict[str, DatasetFacet] = {}
        if commit := data.get("commit"):
            version["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(commit))
        inputs, outputs = [], []
        repository = self._repository_of(event.name)
        if repository is not None and job == "dataset":
            inputs.append(
                InputDataset(namespace=self._settings.hf_endpoint, name=f"datasets/{repository}", facets=version)
            )
        if event.kind is EventKind.LANDED:
            size = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=data.get("rows"), size=data.get("size_bytes"), fileCount=data.get("files")
            )
            folder = str(self._settings.storage_root / event.name)
            outputs.append(
                OutputDataset(namespace="file", name=folder, facets=version, outputFacets={"outputStatistics": size})
            )
        run: dict[str, Any] = {}
        if state == "FAIL":
            message = error_message_run.ErrorMessageRunFacet(message=_reason(event), programmingLanguage="python")
            run["errorMessage"] = message
        return RunEvent(
            eventTime=event.time,
            producer=PRODUCER,
            eventType=RunState[state],
            run=Run(runId=_run_id(event), facets=run),
            job=Job(namespace=self._settings.openlineage_namespace, name=job),
            inputs=inputs,
            outputs=outputs,
        )


def _run_id(event: Event) -> str:
    """The run's own id; of what no run did, one that is always the same for this event."""
    try:
        return str(UUID(str(event.data.get("run_id"))))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"{PRODUCER}#{event.id or event.seq}"))


def _reason(event: Event) -> str:
    said = event.cause
    return f"[{said.get('code') or said.get('name') or 'failed'}] {said.get('message') or ''}".strip()
