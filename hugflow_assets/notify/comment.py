"""The sticky comment of a pull request: one section a dataset, each replaced alone.

The comment is its own memory: what it says is read back, one section is replaced, and it is written only when that
changed something. So an event that is delivered twice leaves one comment with one section.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from hugflow_assets.notify.markdown import code, fenced, plain
from hugflow_assets.notify.plan_facts import CODE_FACTS, does, plan_facts
from hugflow_assets.notify.request_messages import RequestMessage, State
from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.store import Headroom

MARKER = "<!-- hugflow:requests -->"
LIMIT = 65_000  # GitHub refuses 65,536 characters
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


def _joined(sections: Mapping[str, str]) -> str:
    return "\n\n".join([MARKER, *(_FRAME.format(key=key, text=text) for key, text in sections.items())])


def sections_of(body: str) -> dict[str, str]:
    """The sections of an earlier comment by key, in order."""
    return dict(_SECTION.findall(body.replace("\r\n", "\n")))


def with_section(body: str | None, name: str, text: str, *, instead_of: str = "") -> str:
    """The comment with the section of one dataset replaced or appended; that of ``instead_of`` is left out."""
    sections = sections_of(body or "")
    sections.pop(section_key(instead_of), None)
    sections[section_key(name)] = text.strip()
    return comment_body(sections)


def section_key(name: str) -> str:
    """The key of a dataset's section: no name of a stranger's choosing stands in a marker."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


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


def plan_comment(
    name: str,
    verdicts: Iterable[Judged],
    *,
    plan: LandingPlan | None = None,
    forecast: Forecast | None = None,
    room: Headroom | None = None,
    path: str = "",
    differs: str = "",
) -> str:
    """What would land, as a section: commit, size, files, rows, licence, quota before and after, and the verdicts.

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
    stops = any(one.blocks for one in judged)
    lines = [f"### {'❌ Would not land' if stops else f'✅ {_heading(forecast)}'}: {code(name)}"]
    if differs:
        lines.append(fenced(differs[:8000]))
    if facts := plan_facts(plan, forecast, room, path):
        lines.append("\n".join(["| | |", "|---|---|", *(f"| {one} | {_fact(one, two)} |" for one, two in facts)]))
    if judged:
        rows = [f"| {_icon(one)} | {plain(one.name)} | {plain(one.message[:1000])} |" for one in judged]
        lines.append("\n".join(["| | rule | |", "|---|---|---|", *rows]))
    remedies = dict.fromkeys(one.remedy for one in judged if not one.passed and one.remedy)
    lines += [f"- {plain(remedy[:1000])}" for remedy in remedies]
    return "\n\n".join(lines)


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
