"""What is known of datasets beside their data, as phrases for people: failures, holds, upstream, damage, expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from hugflow_assets.intake import DatasetRequest, RequestSnapshot
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, EventKind, Held, Hold, IndexRow, Scrub, Store, Trouble, Upstream

# How far back the audit log is read for the last word on what has not landed.


@dataclass(frozen=True)
class Known:
    """Everything at one moment. ``was_there``: name -> when it landed last, for what no removal took away since."""

    failures: Mapping[str, str]
    was_there: Mapping[str, str]
    holds: Mapping[str, Hold]
    upstream: Mapping[str, Upstream]
    scrubs: Mapping[str, Scrub]
    snapshot: RequestSnapshot
    settings: Settings
    today: date

    @classmethod
    def of(cls, snapshot: RequestSnapshot, store: Store, settings: Settings) -> Known:
        """Read it."""
        failures, was_there = _history(store)
        return cls(
            failures=failures,
            was_there=was_there,
            holds=store.holds.all(),
            upstream=store.upstream.all() if settings.upstream_policy != "ignore" else {},
            scrubs=store.scrubs.all(),
            snapshot=snapshot,
            settings=settings,
            today=datetime.now(UTC).date(),
        )

    def held(self, name: str, request: DatasetRequest | None) -> Hold | None:
        """The hold in force on this request."""
        hold = self.holds.get(name)
        if hold is None or (hold.held is Held.RESUMED) or (request is not None and not hold.holds(request)):
            return None
        return hold

    def damage(self, row: IndexRow) -> str:
        """What is wrong with the files of this very version; empty when nothing is known to be."""
        scrub = self._scrub(row)
        return "" if scrub is None or scrub.whole else f"{scrub.story()} (found {scrub.at[:10]})"

    def is_stale(self, row: IndexRow) -> bool:
        mark = self._upstream(row)
        return mark is not None and mark.is_stale(row.commit)

    def trouble(self, row: IndexRow) -> Trouble | None:
        """What has become of the repository upstream; None when nothing bad is known."""
        mark = self._upstream(row)
        return mark.trouble if mark is not None else None

    def notes(self, row: IndexRow, request: DatasetRequest | None) -> list[str]:
        """What a person should know of a landed dataset, beside its state."""
        remarks = []
        mark = self._upstream(row)
        if mark is not None:
            if mark.trouble is not None:
                remarks.append(f"upstream {mark.trouble.value}: {mark.told.rstrip('.')}; the data stay")
            if mark.is_stale(row.commit):
                newest = f"{mark.revision} is at {mark.commit[:12]} upstream"
                remarks.append(f"{newest}: `hugflow update {row.name}` lands it")
        if (hold := self.held(row.name, request)) is not None:
            remarks.append(hold_story(hold))
        if expiry := self._expiry(request.keep_until if request else row.keep_until):
            remarks.append(expiry)
        scrub = self._scrub(row)
        if scrub is not None and scrub.extra:
            remarks.append(f"{len(scrub.extra)} files in it did not land (first: {scrub.extra[0]})")
        if row.name in self.failures:
            remarks.append(f"the last try to change it: {self.failures[row.name]}")
        return remarks

    def _upstream(self, row: IndexRow) -> Upstream | None:
        mark = self.upstream.get(row.name)
        return mark if mark is not None and mark.revision == row.revision else None

    def _scrub(self, row: IndexRow) -> Scrub | None:
        scrub = self.scrubs.get(row.name)
        return scrub if scrub is not None and scrub.is_of(row.commit, row.landed_at) else None

    def _expiry(self, keep_until: str | None) -> str:
        if not keep_until:
            return ""
        last = date.fromisoformat(keep_until)
        if self.today > last:
            return f"keep_until {keep_until} is past; it stays until a removal request names it"
        return f"keep_until {keep_until} is near" if self.today >= last - self.settings.keep_until_warning else ""

    def withheld(self, request: DatasetRequest) -> str:
        """Why nothing is even tried for a request that has not landed; empty when it is."""
        paths = ", ".join(one.path for one in self.snapshot.might_withdraw(request))
        return f"{paths} cannot be read and could withdraw it; correct or delete that first" if paths else ""


def hold_story(hold: Hold) -> str:
    """``paused by ana on 2026-01-01; `hugflow resume NAME` goes on``."""
    by = f" by {hold.by}" if hold.by else ""
    return f"{hold.held.value}{by} on {hold.at[:10]}; `hugflow resume {hold.name}` goes on"


def _history(store: Store) -> tuple[dict[str, str], dict[str, str]]:
    """Why the last attempt of each name failed, where it did; when each name landed last, where it was not removed."""
    failures: dict[str, str] = {}
    was_there: dict[str, str] = {}
    for event in store.events.recent():
        if event.kind in (EventKind.FAILED, EventKind.REJECTED):
            failures[event.name] = _reason(event)
        elif event.kind in _LAST_WORDS:
            failures.pop(event.name, None)
        if event.kind in (EventKind.LANDED, EventKind.RESTORED):
            was_there[event.name] = event.time
        elif event.kind is EventKind.REMOVED:
            was_there.pop(event.name, None)
    return failures, was_there


_LAST_WORDS = {
    EventKind.REQUESTED,
    EventKind.STARTED,
    EventKind.LANDED,
    EventKind.REMOVED,
    EventKind.RESTORED,
    EventKind.RESUMED,
}


def _reason(event: Event) -> str:
    """Code and message of a failure or of the first verdict that blocked, and whether it is tried again by itself."""
    facts = event.cause
    code = facts.get("code") or facts.get("error_code") or event.kind.value
    reason = f"[{code}] {facts.get('message', '')} {facts.get('remedy', '')}".strip()
    passing = [one.get("transient") for one in event.refusals] or [event.data.get("transient")]
    if event.data.get("cancelled") or None in passing:
        return reason
    said = "" if "tried again" in reason else "it is tried again by itself"
    if not all(passing):
        said = "it waits for an edit of its request"
    return f"{reason.rstrip('.')}; {said}" if said else reason
