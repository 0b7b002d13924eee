"""Messages as Slack's Block Kit, within its limits.

Source of the limits: https://docs.slack.dev/reference/block-kit/blocks (header 150, section text 3,000, ten fields of
2,000, 50 blocks). ``&``, ``<`` and ``>`` are escaped, and ``verbatim`` keeps Slack from making links of bare addresses
and channel names and mentions of ``@channel``: no text of a stranger can mention anyone or make a link.
"""

from __future__ import annotations

from typing import Any

from hugflow_assets.notify.request_messages import RequestMessage, State, message_of
from hugflow_assets.store import Event

HEADER, SECTION, FIELD, FIELDS = 150, 3000, 2000, 10
_ICONS = {
    State.PENDING: ":hourglass_flowing_sand:",
    State.SUCCESS: ":white_check_mark:",
    State.FAILURE: ":x:",
    State.ERROR: ":warning:",
    State.INFO: ":information_source:",
}


def slack_message(what: Event | RequestMessage, *, note: str = "") -> dict[str, Any]:
    """``text`` (for notifications and screen readers) and ``blocks``: the body of any Slack message.

    Args:
        note: about the message itself; stands below it.
    """
    message = message_of(what) if isinstance(what, Event) else what
    blocks = slack_blocks(message)
    if note:
        blocks.append(_section(f"_{_fit(note, SECTION - 2)}_"))
    return {"text": _fit(f"{message.headline}: {message.name}", SECTION), "blocks": blocks}


def slack_blocks(what: Event | RequestMessage) -> list[dict[str, Any]]:
    """An event or a message as Block Kit blocks."""
    message = message_of(what) if isinstance(what, Event) else what
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(message.headline, HEADER), "emoji": False}},
        _section(f"{_ICONS[message.state]} {_code(message.name)}"),
    ]
    if message.facts:
        fields = [
            {"type": "mrkdwn", "text": f"*{_fit(label, 100)}*\n{_fit(value, FIELD - 600)}", "verbatim": True}
            for label, value in message.facts[:FIELDS]
        ]
        blocks.append({"type": "section", "fields": fields})
    if message.body:
        blocks.append(_section(_fit(message.body, SECTION)))
    if message.remedy:
        blocks.append(_section(f"*Next:* {_fit(message.remedy, SECTION - 20)}"))
    return blocks


def escaped(text: str) -> str:
    """Text in which nothing means anything to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """Inline code, so that the underscores of a name stay underscores."""
    return f"`{_fit(' '.join(text.replace('`', ' ').split()) or ' ', 400)}`"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _fit(text: str, limit: int) -> str:
    """Escaped and at most ``limit`` characters, never cut inside an escape."""
    whole = escaped(text)
    if len(whole) <= limit:
        return whole
    kept, length = [], 1  # room for the ellipsis
    for letter in text:
        piece = escaped(letter)
        if length + len(piece) > limit:
            break
        kept.append(piece)
        length += len(piece)
    return "".join(kept) + "…"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
