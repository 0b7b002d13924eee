"""Failures whose cause is gone: what waits for its next try need not wait for it then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dagster import RunRecord

from hugflow_assets.errors import (
    DiskFullError,
    HFDownloadError,
    HFRateLimitedError,
    HFUnreachableError,
    HugflowError,
    QuotaExceededError,
)
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.orchestration.assets.failures import ERROR_TAG
from hugflow_assets.orchestration.reconcile.retry_policy import Attempts, ended_at
from hugflow_assets.store import Event, EventKind, Store

LOOK_S = 60.0
_ROOM = {QuotaExceededError.code, DiskFullError.code}
_HUB = {HFUnreachableError.code, HFRateLimitedError.code, HFDownloadError.code}
_HUB_PATIENCE_S = 300.0
_LONGEST_PATIENCE_S = 3600.0
_PING_S = 3.0


def waiting_for_a_cause(attempts: Attempts) -> dict[str, RunRecord]:
    """The last run of each name that failed for something that can be looked at: room, or the Hub."""
    last = {name: records[0] for name, records in attempts.runs.items() if records}
    return {name: one for name, one in last.items() if one.dagster_run.tags.get(ERROR_TAG) in _ROOM | _HUB}


def causes_gone(store: Store, access: HubAccess, attempts: Attempts, now: float) -> frozenset[str]:
    """The names whose cause of failure is gone: there is room now, or the Hub answers again."""
    failed = waiting_for_a_cause(attempts)
    of_room = {name: one for name, one in failed.items() if one.dagster_run.tags[ERROR_TAG] in _ROOM}
    of_hub = {name: one for name, one in failed.items() if name not in of_room}
    found = set(_with_room(store, of_room)) if of_room else set()
    patient = {
        name
        for name, one in of_hub.items()
        if now - ended_at(one) > min(_HUB_PATIENCE_S * len(attempts.runs[name]), _LONGEST_PATIENCE_S)
    }
    # An answering Hub does not prove that a download succeeds: hence the patience, which grows with each failure.
    return frozenset(found | (patient if patient and _answers(access) else set()))


def _with_room(store: Store, failed: Mapping[str, RunRecord]) -> list[str]:
    needs, freed_at = _told(store, failed)
    found = []
    for name, record in failed.items():
        if name in needs:
            if store.quota.headroom(name).fits(*needs[name]):
                found.append(name)
        elif freed_at > ended_at(record):
            found.append(name)
    return found


def _told(store: Store, failed: Mapping[str, RunRecord]) -> tuple[dict[str, tuple[int, int]], float]:
    """What each name needed by the event of its refusal, and when space was last given back."""
    needs: dict[str, tuple[int, int]] = {}
    freed_at = 0.0
    for event in store.events.recent():
        if event.kind is EventKind.FREED:
            freed_at = datetime.fromisoformat(event.time).timestamp()
        elif event.name in failed and event.kind in (EventKind.REJECTED, EventKind.FAILED):
            need = _need(event)
            if need is None:
                needs.pop(event.name, None)
            else:
                needs[event.name] = need
    return needs, freed_at


def _need(event: Event) -> tuple[int, int] | None:
    for verdict in event.data.get("verdicts", ()):
        details = verdict.get("details", {})
        if verdict.get("code") == QuotaExceededError.code and "need_bytes" in details:
            return int(details["need_bytes"]), int(details.get("need_inodes", 0))
    return None


def _answers(access: HubAccess) -> bool:
    try:
        Hub(replace(access, retries=0, connect_timeout_s=_PING_S, read_timeout_s=_PING_S)).ping()
    except HugflowError:
        return False
    return True
