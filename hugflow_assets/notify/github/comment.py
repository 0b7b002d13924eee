"""The sticky comment of a pull request: one section a dataset, each replaced alone.

It is written only when that changes something. So an event that is delivered twice leaves one comment with one
section. Many requests are a table instead, a line each.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hugflow_assets.notify.markdown import code, fenced, plain
from hugflow_assets.notify.plan_facts import CODE_FACTS, does, plan_facts
from hugflow_assets.notify.request_messages import RequestMessage, State, passes_by_itself
from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.store import Headroom
from hugflow_assets.wording import human_size

MARKER = "<!-- hugflow:requests -->"
LIMIT = 65_000  # GitHub refuses 65,536 characters
MOST_SECTIONS = 25  # more requests are a table
MERGE_SECTION = "automatic merging"
_TABLE = ("| | request | |", "|---|---|---|")
_ICONS = {State.PENDING: "⏳", State.SUCCESS: "✅", State.FAILURE: "❌", State.ERROR: "⚠️", State.INFO: "ℹ️"}
_FRAME = "<!-- hugflow:section {key} -->\n{text}\n<!-- hugflow:end -->"
_FRAME_LENGTH = len(_FRAME) + 40
_SECTION = re.compile(r"<!-- hugflow:section ([0-9a-f]{16}) -->\n(.*?)\n<!-- hugflow:end -->", re.DOTALL)


class Judged(Protocol):
    """What a comment needs of a rule's verdict."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def evaluated(self) -> bool: ...
    @property
    def blocks(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def remedy(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


def comment_body(sections: Mapping[str, str]) -> str:
    """The whole comment: the hidden marker and the sections by their keys, at most ``LIMIT`` characters.

    When they are too long together, each gets an equal share.
    """
    body = _joined(sections)
    if len(body) > LIMIT:
        share = LIMIT // len(sections) - _FRAME_LENGTH
        body = _joined({key: _cut(text, share) for key, text in sections.items()})
    while len(body) > LIMIT:  # hundreds of sections: the oldest go
        sections = dict(list(sections.items())[len(sections) // 2 :])
        body = comment_body(sections)
    return body


@dataclass(frozen=True)
class Entry:
    """One request in a comment: as a section of its own (``text``), or as a line of a table (``summary``)."""

    name: str
    state: State
    headline: str
    summary: str
    text: str


def entries_body(entries: Sequence[Entry], others: Mapping[str, str] | None = None) -> str:
    """The whole comment: a section a request, or, of more than a few, a table of them with the problems first.

    Args:
        others: sections that come first, by their keys.
    """
    sections = {**(others or {}), **{section_key(one.name): one.text for one in entries}}
    if len(entries) <= MOST_SECTIONS and len(body := _joined(sections)) <= LIMIT:
        return body
    first = {key: _cut(text, 4000) for key, text in list((others or {}).items())[:1]}
    room = LIMIT - len(_joined(first)) - 2 * _FRAME_LENGTH
    return _joined({**first, section_key("all requests"): _requests_table(entries, room)})


def _requests_table(entries: Sequence[Entry], room: int) -> str:
    """Counts, then a line a request: what is wrong stands open, the rest is folded. What does not fit is counted."""
    wrong = [one for one in entries if one.state in (State.FAILURE, State.ERROR)]
    rest = [one for one in entries if one not in wrong]
    counts = Counter(one.headline for one in [*wrong, *rest])
    lines = ", ".join(f"{plain(headline)}: {number:,}" for headline, number in counts.most_common(12))
    parts = [f"### {len(entries):,} requests", lines]
    left = room - sum(map(len, parts)) - 400
    open_rows, left = _rows(wrong, left)
    folded_rows, left = _rows(rest, left)
    if open_rows:
        parts.append("\n".join([*_TABLE, *open_rows]))
    if folded_rows:
        table = "\n".join([*_TABLE, *folded_rows])
        parts.append(f"<details><summary>{len(rest):,} without a problem</summary>\n\n{table}\n\n</details>")
    if missing := len(entries) - len(open_rows) - len(folded_rows):
        parts.append(f"{missing:,} more have no room here; `hugflow status` lists all of them.")
    return "\n\n".join(parts)


def _rows(entries: Sequence[Entry], room: int) -> tuple[list[str], int]:
    """As many rows as there is room for, and the room that is left. Many rows are kept short."""
    longest = max(0, min(300, room // max(1, len(entries)) - 40))
    rows: list[str] = []
    for one in entries:
        summary = one.summary if len(one.summary) <= longest else f"{one.summary[: max(0, longest - len(one.name))]}…"
        row = f"| {_ICONS[one.state]} | {code(one.name)} | {plain(f'{one.headline}. {summary}'.strip(' .…'))} |"
        if len(row) + 1 > room:
            break
        rows.append(row)
        room -= len(row) + 1
    return rows, room


def _joined(sections: Mapping[str, str]) -> str:
    return "\n\n".join([MARKER, *(_FRAME.format(key=key, text=text) for key, text in sections.items())])


def sections_of(body: str) -> dict[str, str]:
    """The sections of an earlier comment by key, in order."""
    return dict(_SECTION.findall(body.replace("\r\n", "\n")))


def with_section(body: str | None, name: str, text: str) -> str:
    """The comment with one section replaced or appended; left out where its text is empty."""
    sections = {**sections_of(body or ""), section_key(name): text.strip()}
    return comment_body({key: one for key, one in sections.items() if one})


def with_kept(body: str, before: str | None, name: str) -> str:
    """A new comment with one section of the earlier one kept."""
    kept = sections_of(before or "").get(section_key(name), "")
    return with_section(body, name, kept) if kept else body


def section_key(name: str) -> str:
    """The key of a dataset's section: no name of a stranger's choosing stands in a marker."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def entry_of(message: RequestMessage) -> Entry:
    """A message as one request of a comment."""
    summary = " ".join((message.body or message.remedy).split())[:300]
    return Entry(message.name, message.state, message.headline, summary, message_section(message))


def message_section(message: RequestMessage) -> str:
    """A message as a section."""
    lines = [f"### {_ICONS[message.state]} {plain(message.headline)}: {code(message.name)}"]
    if message.facts:
        lines.append(
            "\n".join(["| | |", "|---|---|", *(f"| {plain(one)} | {_fact(one, two)} |" for one, two in message.facts)])
        )
    if message.body:
        lines.append(fenced(message.body[:8000]))
    if message.remedy:
        lines.append(f"**Next:** {plain(message.remedy[:2000])}")
    return "\n\n".join(lines)


def plan_entry(
    name: str,
    verdicts: Iterable[Judged],
    *,
    plan: LandingPlan | None = None,
    forecast: Forecast | None = None,
    room: Headroom | None = None,
    path: str = "",
    differs: str = "",
) -> Entry:
    """What would land of one request: commit, size, files, rows, licence, quota before and after, and the verdicts.

    Args:
        name: the storage name.
        verdicts: of the pre-flight rules.
        plan: left out where the request could not be resolved; the verdicts say why.
        forecast: what landing it would do and take.
        room: the storage as it is now.
        path: where it lands.
        differs: for an edit, what changes against what is landed.
    """
    judged = list(verdicts)
    blocking = [one for one in judged if one.blocks]
    state, headline = State.SUCCESS, _heading(forecast)
    if blocking:
        passes = all(passes_by_itself(one) for one in blocking)
        state = State.ERROR if passes else State.FAILURE
        headline = "Cannot be planned now; it is tried again" if passes else "Would not land"
    lines = [f"### {_ICONS[state]} {headline}: {code(name)}"]
    if differs:
        lines.append(fenced(differs[:8000]))
    if facts := plan_facts(plan, forecast, room, path):
        lines.append("\n".join(["| | |", "|---|---|", *(f"| {one} | {_fact(one, two)} |" for one, two in facts)]))
    if judged:
        rows = [f"| {_icon(one)} | {plain(one.name)} | {plain(one.message[:1000])} |" for one in judged]
        lines.append("\n".join(["| | rule | |", "|---|---|---|", *rows]))
    remedies = dict.fromkeys(one.remedy for one in judged if not one.passed and one.remedy)
    lines += [f"- {plain(remedy[:1000])}" for remedy in remedies]
    summary = "; ".join(one.message for one in blocking) or _size(plan)
    return Entry(name, state, headline, " ".join(summary.split())[:300], "\n\n".join(lines))


def _size(plan: LandingPlan | None) -> str:
    if plan is None:
        return ""
    rows = "" if plan.estimate.rows is None else f", {plan.estimate.rows:,} rows"
    return f"about {human_size(plan.estimate.landed_bytes)}{rows}"


def _heading(forecast: Forecast | None) -> str:
    return "Would land" if forecast is None or forecast.action is Action.LAND else does(forecast).capitalize()


def _fact(label: str, value: str) -> str:
    return code(value) if label in CODE_FACTS and "|" not in value else plain(value)


def _icon(verdict: Judged) -> str:
    if verdict.passed:
        return "✅"
    return "❌" if verdict.blocks else "⚠️" if verdict.evaluated else "❔"


def _cut(text: str, room: int) -> str:
    """The beginning of a section; a code block that would be left open is closed."""
    if len(text) <= room:
        return text
    kept = text[: max(0, room - 40)].rpartition("\n")[0]
    fence = ""
    for line in kept.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif found := re.match(r"`{3,}(?=text$)", line):
            fence = found[0]
    return f"{kept}\n{fence}\n\n… and more." if fence else f"{kept}\n\n… and more."
