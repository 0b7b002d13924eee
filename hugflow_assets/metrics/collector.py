"""The numbers of a storage at the moment they are asked for, read from its index, progress files and audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hugflow_assets.hub import HubAccess
from hugflow_assets.hub.answer_counts import answer_counts
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.settings import Settings
from hugflow_assets.status.history import HistoryEntry, entries_of
from hugflow_assets.status.report import State, StatusReport, status_report
from hugflow_assets.store import Store

_DAY_S = 86_400
_IN_FLIGHT = State.LANDING


class StorageCollector(Collector):
    """Everything anew at each scrape: nothing is kept between two, and nothing of a landing waits for it.

    Args:
        snapshot: the requests at this moment.
    """

    def __init__(self, snapshot: Callable[[], RequestSnapshot], store: Store, settings: Settings) -> None:
        self._snapshot, self._store, self._settings = snapshot, store, settings

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: to be registered must not take a look at the storage."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics of this moment.

        Raises:
            HugflowError: requests or storage cannot be read; the scrape fails, which Prometheus tells by ``up``.
        """
        report = status_report(self._snapshot(), self._store, self._settings)
        yield _datasets(report)
        yield from self._storage(report)
        yield from _hub(self._settings)
        yield from _history(entries_of(self._store.events.recent()), datetime.now(UTC))

    def _storage(self, report: StatusReport) -> Iterator[Metric]:
        room, usage = self._store.quota.headroom(), report.usage
        at_work = [one.progress for one in report.datasets if one.state is _IN_FLIGHT and one.progress is not None]
        told: tuple[tuple[str, str, float | None], ...] = (
            ("landed_bytes", "Bytes of all landed datasets.", report.totals.size_bytes),
            ("landed_rows", "Rows of all landed datasets.", report.totals.rows),
            ("landed_audio_hours", "Hours of audio of all landed datasets.", report.totals.hours),
            ("storage_used_bytes", "Bytes of datasets, staging and trash.", usage.size_bytes),
            ("storage_trash_bytes", "Bytes in the trash.", usage.trash_bytes),
            ("storage_reserved_bytes", "Bytes promised to landings in flight.", usage.reserved_bytes),
            ("storage_quota_bytes", "STORAGE_QUOTA, where it is set.", room.quota_bytes),
            ("storage_soft_limit_bytes", "STORAGE_SOFT_LIMIT, where it is set.", room.soft_limit_bytes),
            ("storage_free_bytes", "Free bytes of the file system.", room.free_bytes),
            ("storage_available_bytes", "The largest landing that still fits, in bytes.", room.available_bytes),
            ("storage_used_inodes", "Files and folders of datasets, staging and trash.", room.used_inodes),
            ("storage_max_inodes", "STORAGE_MAX_INODES, where it is set.", room.max_inodes),
            ("storage_free_inodes", "Free inodes of the file system, where it tells them.", room.free_inodes),
            ("landings_in_flight", "Datasets that are landing now.", len(at_work)),
            ("landings_bytes_per_second", "What they land together.", sum(one.bytes_per_s for one in at_work)),
        )
        for name, about, value in told:
            if value is not None:
                yield GaugeMetricFamily(f"hugflow_{name}", about, value=value)


def _hub(settings: Settings) -> Iterator[Metric]:
    counts = answer_counts(HubAccess.of(settings).rate_dir or settings.hugflow_state_dir)
    yield CounterMetricFamily("hugflow_hub_requests", "Requests that the Hub answered on this machine.", counts.answers)
    yield CounterMetricFamily(
        "hugflow_hub_rate_limited", "Those it answered by 429, too many requests.", counts.rate_limited
    )


def _datasets(report: StatusReport) -> Metric:
    """All states, those that nothing is in too: a rule must see a zero, not nothing."""
    counted = Counter(one.state for one in report.datasets)
    found = GaugeMetricFamily(
        "hugflow_datasets", "Datasets by their state, as hugflow status says it.", labels=("state",)
    )
    for state in State:
        found.add_metric((state.value,), counted[state])
    return found


def _history(entries: list[HistoryEntry], now: datetime) -> Iterator[Metric]:
    failed = Counter(
        one.code or one.outcome
        for one in entries
        if one.outcome in ("failed", "rejected") and _age_s(one.ended_at, now) <= _DAY_S
    )
    failures = GaugeMetricFamily(
        "hugflow_failures_last_day", "Landings and removals that failed or were refused, by code.", labels=("code",)
    )
    for code, number in sorted(failed.items()):
        failures.add_metric((code,), number)
    yield failures
    waiting = [_age_s(one.asked_at, now) for one in entries if one.outcome == "open" and one.told == "queued"]
    yield GaugeMetricFamily("hugflow_queue_length", "Requests that are queued and not begun.", value=len(waiting))
    yield GaugeMetricFamily(
        "hugflow_queue_age_seconds", "How long the oldest of them has waited.", value=max(waiting, default=0.0)
    )
    landed = [one.ended_at for one in entries if one.outcome == "landed"]
    if landed:
        last = datetime.fromisoformat(max(landed)).timestamp()
        yield GaugeMetricFamily("hugflow_last_landing_timestamp_seconds", "When a dataset landed last.", value=last)


def _age_s(moment: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds()) if moment else 0.0
