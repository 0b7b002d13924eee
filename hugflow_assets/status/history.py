"""What was asked for and what came of it, told from the audit log: one entry an act, the newest last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hugflow_assets.intake.models import Frozen
from hugflow_assets.store import Event, EventKind, Store
from hugflow_assets.wording import human_duration, human_size

_ENDS = frozenset({EventKind.LANDED, EventKind.FAILED, EventKind.REJECTED, EventKind.REMOVED, EventKind.RESTORED})


class HistoryEntry(Frozen):
    """One act. ``asked_at`` and ``by`` are empty where nobody asked: it came by itself, or the log begins later.

    ``outcome`` is the kind of the event that ended it, or ``open``; ``told`` says it in a sentence.
    """

    schema_version: int = 1
    seq: int
    name: str
    act: str
    asked_at: str = ""
    by: str = ""
    request: str = ""  # its file, relative to the requests folder
    outcome: str = "open"
    ended_at: str = ""
    code: str = ""
    told: str = ""


class ChecksTold(Frozen):
    """What the checks of the newest landing said, as its event told it."""

    at: str
    passed: int = 0
    failed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()


def history(store: Store, name: str | None = None) -> list[HistoryEntry]:
    """What the log knows, of one dataset or of all, in the order in which it ended.

    Raises:
        StorageError: the log cannot be read.
    """
    told = entries_of(store.events.recent())
    return told if name is None else [one for one in told if one.name == name]


def checks_told(events: Iterable[Event]) -> dict[str, ChecksTold]:
    """The last word of the checks on each dataset, where they were judged by a run."""
    found: dict[str, ChecksTold] = {}
    for event in events:
        if event.kind is EventKind.CHECKED and isinstance(checks := event.data.get("checks"), dict):
            known = {key: checks[key] for key in ("passed", "failed", "warnings", "not_judged") if key in checks}
            found[event.name] = ChecksTold(at=event.time, **known)
    return found


def entries_of(events: Iterable[Event]) -> list[HistoryEntry]:
    """Requests with the events that ended them, and what happened without one."""
    opened: dict[str, Event] = {}
    done: list[HistoryEntry] = []
    for event in events:
        if event.kind is EventKind.REQUESTED:
            opened[event.name] = event
        elif event.kind is EventKind.STARTED:
            opened.setdefault(event.name, event)
        elif event.kind in _ENDS:
            done.append(_ended(event, _beginning(opened, event)))
        else:
            done.append(_alone(event))
    return [*done, *map(_open, opened.values())]


def _beginning(opened: dict[str, Event], end: Event) -> Event | None:
    """The request that an event ends; a removal's is called by its own key, and known by its file."""
    path = end.data.get("removal_path")
    if path and (key := next((name for name, one in opened.items() if one.data.get("path") == path), None)):
        return opened[key]  # it may take several datasets: the others are of it, too
    return opened.pop(end.name, None)


def _open(event: Event) -> HistoryEntry:
    return HistoryEntry(
        seq=event.seq,
        name=event.name,
        act=_asked_for(event),
        asked_at=event.time,
        by=_by(event.data),
        request=str(event.data.get("path") or ""),
        told="at work" if event.kind is EventKind.STARTED else "queued",
    )


def _ended(event: Event, begin: Event | None) -> HistoryEntry:
    asked = begin if begin is not None and begin.kind is EventKind.REQUESTED else None
    facts = asked.data if asked is not None else {}
    return HistoryEntry(
        seq=event.seq,
        name=event.name,
        act=_asked_for(begin) if begin is not None and event.kind in _UNSUCCESSFUL else _ACTS[event.kind],
        asked_at=begin.time if begin is not None else "",
        by=_by(facts) or _by(event.data),
        request=str(facts.get("path") or event.data.get("removal_path") or event.data.get("request") or ""),
        outcome=event.kind.value,
        ended_at=event.time,
        code=str(event.cause.get("code") or "") if event.kind in _UNSUCCESSFUL else "",
        told=_told(event),
    )


def _alone(event: Event) -> HistoryEntry:
    return HistoryEntry(
        seq=event.seq,
        name=event.name,
        act=event.kind.value,
        by=_by(event.data),
        outcome=event.kind.value,
        ended_at=event.time,
        told=_told(event),
    )


_UNSUCCESSFUL = frozenset({EventKind.FAILED, EventKind.REJECTED})
_ACTS = {
    EventKind.LANDED: "land",
    EventKind.FAILED: "land",
    EventKind.REJECTED: "land",
    EventKind.REMOVED: "remove",
    EventKind.RESTORED: "restore",
}


def _asked_for(event: Event) -> str:
    return "remove" if str(event.data.get("path")).startswith("remove/") else "land"


def _by(data: dict[str, Any]) -> str:
    return str(data.get("by") or data.get("author") or data.get("owner") or "")


def _told(event: Event) -> str:
    data = event.data
    match event.kind:
        case EventKind.LANDED:
            return _landed(data)
        case EventKind.FAILED | EventKind.REJECTED:
            said = event.cause
            return " ".join(filter(None, (str(said.get("message") or ""), str(said.get("remedy") or ""))))
        case EventKind.REMOVED:
            return f"{data.get('reason') or 'removed'} ({human_size(int(data.get('size_bytes') or 0))})"
        case EventKind.CHECKED:
            return _checked(data.get("checks") or {})
        case EventKind.SCRUBBED:
            hurt = [*(data.get("damaged") or ()), *(data.get("missing") or ())]
            return f"{len(hurt)} files damaged or missing, first {hurt[0]}" if hurt else "every file is as it landed"
        case EventKind.DRIFTED:
            return str(data.get("message") or data.get("what") or "changed upstream")
        case EventKind.FREED:
            return f"{human_size(int(data.get('size_bytes') or 0))} freed"
        case EventKind.EXPIRING:
            return f"keep_until {data.get('keep_until')} is {data.get('stage')}"
        case EventKind.QUOTA:
            return f"{human_size(int(data.get('taken_bytes') or 0))} taken: above the soft limit"
        case _:
            return ""


def _landed(data: dict[str, Any]) -> str:
    rows, size_bytes = int(data.get("rows") or 0), int(data.get("size_bytes") or 0)
    action = str(data.get("action") or "land")
    told = f"{rows:,} rows, {human_size(size_bytes)}"
    told = told if action == "land" else f"{action}: {told}"
    return f"{told} in {human_duration(float(data['seconds']))}" if data.get("seconds") else told


def _checked(checks: dict[str, Any]) -> str:
    wrong = [*checks.get("failed", ()), *checks.get("not_judged", ()), *checks.get("warnings", ())]
    told = f"{checks.get('passed', 0)} checks passed"
    return f"{told}; {'; '.join(map(str, wrong))}" if wrong else told
