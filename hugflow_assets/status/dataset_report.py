"""Everything that is known of one dataset: its state, what its checks said last, and its history."""

from __future__ import annotations

from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.settings import Settings
from hugflow_assets.status.history import ChecksTold, HistoryEntry, checks_told, entries_of
from hugflow_assets.status.report import DatasetStatus, status_report
from hugflow_assets.store import Store


class DatasetReport(Frozen):
    """``hugflow status NAME --json``."""

    schema_version: int = 1
    dataset: DatasetStatus
    license: str | None = None
    checks: ChecksTold | None = None
    history: tuple[HistoryEntry, ...] = ()  # the newest last


def dataset_reports(name: str, snapshot: RequestSnapshot, store: Store, settings: Settings) -> list[DatasetReport]:
    """Of the dataset of this storage name, or of all of an id of the Hub; none where nothing is called so.

    Raises:
        StorageError: the storage root cannot be read.
    """
    found = [one for one in status_report(snapshot, store, settings).datasets if name in (one.name, one.hf_id)]
    if not found:
        return []
    events = list(store.events.recent())
    told, checked, rows = entries_of(events), checks_told(events), store.index.rows()
    return [
        DatasetReport(
            dataset=one,
            license=rows[one.name].license if one.name in rows else None,
            checks=checked.get(one.name),
            history=tuple(entry for entry in told if entry.name == one.name),
        )
        for one in found
    ]
