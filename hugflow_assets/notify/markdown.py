"""Text of strangers inside GitHub's markdown: it can mention nobody, break out of nothing, and hide no marker."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&])")
_ZERO_WIDTH = "\u200b"
# Source: https://docs.github.com/get-started/writing-on-github (autolinked references and URLs).
_LIVE = re.compile(r"[@#](?=\w)|\b(?:https?|ftp|mailto|xmpp):(?=\S)|\bwww(?=\.)|\bGH-(?=\d)", re.IGNORECASE)


def plain(text: str) -> str:
    """One line of markdown that shows ``text`` as it is: no markup, no mention, no reference, no HTML comment."""
    flat = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", neutral(flat)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def neutral(text: str) -> str:
    """An invisible character breaks what GitHub would make live: mentions, references (``#1``, ``GH-1``), URLs."""
    return _LIVE.sub(rf"\g<0>{_ZERO_WIDTH}", text).replace("<!--", f"<!{_ZERO_WIDTH}--")


def code(text: str) -> str:
    """Inline code, whatever backticks the text holds."""
    flat = " ".join(neutral(text).split())
    ticks = "`" * (_longest_ticks(flat) + 1)
    pad = " " if "`" in flat else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}" if flat else ""


def fenced(text: str) -> str:
    """A code block that the text cannot end."""
    fence = "`" * max(3, _longest_ticks(text) + 1)
    return f"{fence}text\n{neutral(text)}\n{fence}"


def _longest_ticks(text: str) -> int:
    return max((len(found) for found in re.findall(r"`+", text)), default=0)
