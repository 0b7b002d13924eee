"""The message of each kind of event, in plain words; Slack and GitHub only differ in how they print it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

from hugflow_assets.errors import HFDownloadError, HFRateLimitedError, HFUnreachableError, PlanTimedOutError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store import Event, EventKind, Phase, Progress
from hugflow_assets.wording import human_duration, human_size


class State(StrEnum):
    """How a request stands; the words of a commit status, and ``info`` for what changes nothing."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    INFO = "info"


class RequestMessage(Frozen):
    """What happened to one dataset. ``facts`` are pairs of label and value; nothing in it is escaped yet."""

    name: str
    state: State
    headline: str
    facts: tuple[tuple[str, str], ...] = ()
    body: str = ""
    remedy: str = ""


class Coded(Protocol):
    """A verdict, for the code of its error."""

    @property
    def code(self) -> str: ...


# What is no fault of a request, but of the Hub or the way to it, and passes.
PASSING_CODES = frozenset(
    {
        HFUnreachableError.code,
        HFRateLimitedError.code,
        HFDownloadError.code,
        PlanTimedOutError.code,
    }
)


def passes_by_itself(verdict: Coded) -> bool:
    """Whether what a verdict says against a request is the Hub's silence, and no fault of the request."""
    return verdict.code in PASSING_CODES


def message_of(event: Event) -> RequestMessage:
    """The message of an event of the audit log. Data that another version wrote otherwise are passed over."""
    try:
        return _MESSAGES[event.kind](_subject(event), event.data)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return RequestMessage(name=event.name, state=State.INFO, headline=event.kind.value.capitalize())


def _subject(event: Event) -> str:
    """What people know it by: the dataset; for a removal that has not removed anything yet, its file."""
    path = event.data.get("path")
    is_removal = event.kind in (EventKind.REQUESTED, EventKind.FAILED) and str(path).startswith("remove/")
    return str(path) if is_removal else event.name


def message_of_progress(progress: Progress) -> RequestMessage:
    """The message of a landing that is under way: how far, how fast, how long still."""
    done, total = progress.bytes_done, progress.bytes_total
    percent = f"{100 * done / total:.0f} %" if total else "started"
    facts = [("Bytes", f"{human_size(done)} of {human_size(total)}" if total else human_size(done))]
    facts.append(("Shards", f"{progress.shards_done:,} of {progress.shards_total:,}"))
    if progress.bytes_per_s > 0:
        facts.append(("Speed", f"{human_size(int(progress.bytes_per_s))}/s"))
    if progress.eta_s is not None:
        facts.append(("Left", human_duration(progress.eta_s)))
    state = State.FAILURE if progress.phase is Phase.FAILED else State.PENDING
    return RequestMessage(
        name=progress.name, state=state, headline=f"{progress.phase.capitalize()}: {percent}", facts=tuple(facts)
    )


def _requested(name: str, data: Mapping[str, Any]) -> RequestMessage:
    facts = _facts(data, path="Request", owner="Owner", by="By")
    return RequestMessage(
        name=name, state=State.PENDING, headline="Queued again" if data.get("again") else "Queued", facts=facts
    )


def _rejected(name: str, data: Mapping[str, Any]) -> RequestMessage:
    verdicts = [one for one in data.get("verdicts", []) if isinstance(one, dict)]
    passes = bool(verdicts) and all(str(one.get("code")) in PASSING_CODES for one in verdicts)
    reasons = "\n".join(f"{one.get('name', '')}: {one.get('message', '')}" for one in verdicts)
    codes = ", ".join(dict.fromkeys(str(one["code"]) for one in verdicts if one.get("code")))
    remedy = " ".join(dict.fromkeys(str(one["remedy"]) for one in verdicts if one.get("remedy")))
    facts = (*_facts(data, request="Request"), *((("Code", codes),) if codes else ()))
    return RequestMessage(
        name=name,
        state=State.ERROR if passes else State.FAILURE,
        headline="Cannot begin now; it is tried again" if passes else _refused_as(data),
        facts=facts,
        body=reasons,
        remedy=remedy,
    )


def _refused_as(data: Mapping[str, Any]) -> str:
    is_removal = str(data.get("request")).startswith("remove/")
    return "Refused: nothing was removed" if is_removal else "Refused before download"


def _started(name: str, data: Mapping[str, Any]) -> RequestMessage:
    facts = _facts(data, commit="Commit", action="Action", bytes_total="To fetch")
    return RequestMessage(name=name, state=State.PENDING, headline="Started", facts=facts)


def _landed(name: str, data: Mapping[str, Any]) -> RequestMessage:
    headline = _WITHOUT_FETCHING.get(str(data.get("action")), "Landed")
    return RequestMessage(name=name, state=State.SUCCESS, headline=headline, facts=_landed_facts(data))


_WITHOUT_FETCHING = {
    "no-op": "Landed as asked already",
    "description": "Description updated",
    "views": "Views made anew",
}


def _landed_facts(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    labels = {"rows": "Rows", "hours": "Hours", "size_bytes": "Size", "files": "Files"}
    facts = [*_facts(data, **labels, folder="Path", commit="Commit", seconds="Time")]
    seconds, fetched = data.get("seconds"), data.get("bytes_fetched")
    if isinstance(seconds, int | float) and isinstance(fetched, int) and seconds > 0 and fetched:
        facts.append(("Speed", f"{human_size(int(fetched / seconds))}/s"))
    return tuple(facts)


def _checked(name: str, data: Mapping[str, Any]) -> RequestMessage:
    """What landed, once more, with what its checks said: the last word on a landing."""
    said = data.get("checks")
    checks: Mapping[str, Any] = said if isinstance(said, dict) else {}
    failed = bool(checks.get("failed"))
    parts, lines = [f"{checks.get('passed', 0):,} passed"], []
    for kind in ("failed", "warnings", "not_judged"):
        found = [str(one) for one in checks.get(kind) or ()]
        lines += found
        if found:
            word = "warning" if kind == "warnings" and len(found) == 1 else kind.replace("_", " ")
            parts.append(f"{len(found):,} {word}: {', '.join(one.partition(':')[0] for one in found)}")
    return RequestMessage(
        name=name,
        state=State.FAILURE if failed else State.SUCCESS,
        headline="Landed, but fails a check" if failed else "Landed and checked",
        facts=(*_landed_facts(data), ("Checks", "; ".join(parts))),
        body="\n".join(lines),
        remedy=str(checks.get("remedy") or ""),
    )


def _failed(name: str, data: Mapping[str, Any]) -> RequestMessage:
    if data.get("cancelled"):
        return RequestMessage(name=name, state=State.ERROR, headline="Stopped", body=str(data.get("message", "")))
    transient = bool(data.get("transient"))
    return RequestMessage(
        name=name,
        state=State.ERROR if transient else State.FAILURE,
        headline="Failed; it is tried again" if transient else "Failed",
        facts=_facts(data, code="Code", commit="Commit"),
        body=str(data.get("message", "")),
        remedy=str(data.get("remedy", "")),
    )


def _removed(name: str, data: Mapping[str, Any]) -> RequestMessage:
    if data.get("held_back"):
        return RequestMessage(
            name=name, state=State.SUCCESS, headline="In force: nothing of it had landed",
            facts=_facts(data, held_back="Keeps from landing"), body=str(data.get("reason", "")),
            remedy=f"What it names lands once {name} is deleted.",
        )  # fmt: skip
    facts = _facts(data, size_bytes="Frees", frees_at="On", by="By", rows="Rows", removal_path="Request")
    return RequestMessage(
        name=name, state=State.SUCCESS, headline="Removed", facts=facts, body=str(data.get("reason", "")),
        remedy=f"To take it back before it is freed: hugflow restore {name}",
    )  # fmt: skip


def _restored(name: str, data: Mapping[str, Any]) -> RequestMessage:
    return RequestMessage(name=name, state=State.SUCCESS, headline="Restored", facts=_facts(data, commit="Commit"))


_DRIFTS = {
    "moved": "Upstream moved",
    "gone": "Gone upstream",
    "disabled": "Disabled upstream",
    "renamed": "Renamed upstream",
    "relicensed": "Licence changed upstream",
    "revision-gone": "Revision gone upstream",
    "no-access": "No access upstream any more",
    "as-landed": "Upstream is as it landed again",
    "edited": "Changed by hand on the storage",
}


def _drifted(name: str, data: Mapping[str, Any]) -> RequestMessage:
    """Upstream is no longer as it landed, or the landed folder was changed by hand; ``what`` says which."""
    what = str(data.get("what", ""))
    return RequestMessage(
        name=name,
        state=State.INFO,
        headline=_DRIFTS.get(what, "Drifted"),
        facts=_facts(data, landed_commit="Landed", commit="Upstream", path="Path", code="Code"),
        body=str(data.get("message", "")),
        remedy=str(data.get("remedy") or (f"To take it: hugflow update {name}" if what == "moved" else "")),
    )


def _scrubbed(name: str, data: Mapping[str, Any]) -> RequestMessage:
    bad = [*data.get("damaged", []), *data.get("missing", [])] if _listed(data) else []
    facts = _facts(data, checked="Checked")
    if not bad:
        return RequestMessage(name=name, state=State.INFO, headline="Verified: every file is as landed", facts=facts)
    body = "\n".join(str(one) for one in bad[:20])  # the lists are cut, the counts are not
    counts = [data.get("damaged_count"), data.get("missing_count")]
    number = max(len(bad), sum(one for one in counts if isinstance(one, int)))
    return RequestMessage(
        name=name,
        state=State.FAILURE,
        headline=f"Damaged: {number:,} file{'' if number == 1 else 's'}",
        facts=facts,
        body=body,
        remedy="Materialize the dataset: what is damaged is fetched anew.",
    )


def _listed(data: Mapping[str, Any]) -> bool:
    return all(isinstance(data.get(key, []), list) for key in ("damaged", "missing"))


def _quota(name: str, data: Mapping[str, Any]) -> RequestMessage:
    facts = _facts(
        data, taken_bytes="Taken", need_bytes="Of it new", soft_limit_bytes="Soft limit", quota_bytes="Quota"
    )
    return RequestMessage(
        name=name, state=State.INFO, headline="The soft limit of the storage is passed", facts=facts,
        remedy="Think of what can be removed (requests/remove/), or empty the trash.",
    )  # fmt: skip


_STAGES = {"soon": "Its keep_until is near", "past": "Its keep_until is past"}


def _expiring(name: str, data: Mapping[str, Any]) -> RequestMessage:
    stage = _STAGES.get(str(data.get("stage")), "Its keep_until is near or past")
    return RequestMessage(
        name=name,
        state=State.INFO,
        headline=f"{stage}; nothing is deleted",
        facts=_facts(data, keep_until="Keep until", owner="Owner", size_bytes="Size"),
        remedy="Move keep_until in the request, or withdraw the dataset (requests/remove/).",
    )


def _merged(name: str, data: Mapping[str, Any]) -> RequestMessage:
    """A pull request that was merged by itself; its datasets have messages of their own."""
    return RequestMessage(
        name=f"#{data.get('pull_request')}",
        state=State.INFO,
        headline="Merged by itself: every guard of AUTO_MERGE agreed",
        facts=_facts(data, title="Title", author="By"),
    )


def _freed(name: str, data: Mapping[str, Any]) -> RequestMessage:
    what = "An earlier version was freed for good" if data.get("why") == "replaced" else "Freed for good"
    return RequestMessage(name=name, state=State.INFO, headline=what, facts=_facts(data, size_bytes="Size", by="By"))


def _withdrawn(name: str, data: Mapping[str, Any]) -> RequestMessage:
    """Rows that a person took out for good; the values that they were known by are told to nobody."""
    return RequestMessage(
        name=name,
        state=State.INFO,
        headline="Rows withdrawn for good",
        facts=_facts(data, rows="Rows", rows_left="Rows left", column="By column", values="Values", by="By"),
        body=str(data.get("reason", "")),
        remedy="Whoever has a copy of it deletes these rows there, too: hugflow stage, and exports.",
    )


def _command(headline: str, remedy: str = "") -> Callable[[str, Mapping[str, Any]], RequestMessage]:
    """What a person did with a command; ``stopped_a_landing`` tells whether one was under way."""

    def message(name: str, data: Mapping[str, Any]) -> RequestMessage:
        stopped = "The landing that was under way was stopped; what it has is kept."
        return RequestMessage(
            name=name,
            state=State.INFO,
            headline=headline,
            facts=_facts(data, by="By"),
            body=stopped if data.get("stopped_a_landing") else "",
            remedy=remedy.format(name=name),
        )

    return message


_MESSAGES: dict[EventKind, Callable[[str, Mapping[str, Any]], RequestMessage]] = {
    EventKind.REQUESTED: _requested,
    EventKind.REJECTED: _rejected,
    EventKind.STARTED: _started,
    EventKind.LANDED: _landed,
    EventKind.CHECKED: _checked,
    EventKind.FAILED: _failed,
    EventKind.REMOVED: _removed,
    EventKind.RESTORED: _restored,
    EventKind.DRIFTED: _drifted,
    EventKind.SCRUBBED: _scrubbed,
    EventKind.QUOTA: _quota,
    EventKind.PAUSED: _command("Paused", "To let it go on: hugflow resume {name}"),
    EventKind.RESUMED: _command("Resumed"),
    EventKind.CANCELLED: _command("Cancelled", "It lands when its request is edited, or after: hugflow resume {name}"),
    EventKind.FREED: _freed,
    EventKind.WITHDRAWN: _withdrawn,
    EventKind.MERGED: _merged,
    EventKind.EXPIRING: _expiring,
}


def _facts(data: Mapping[str, Any], **labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(_told(data, labels))


def _told(data: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, label in labels.items():
        value = data.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, bool | dict | list):
            continue
        if key in ("size_bytes", "bytes_total") or key.endswith("_bytes"):
            yield label, human_size(int(value))
        elif key == "seconds":
            yield label, human_duration(float(value))
        elif key in ("commit", "landed_commit"):
            yield label, str(value)[:12]
        elif key.endswith("_at"):
            yield label, str(value)[:10]
        else:
            yield label, f"{value:,}" if isinstance(value, int | float) else str(value)
