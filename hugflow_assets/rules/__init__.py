"""Every validation and quota rule, once: each says a ``Verdict``.

What is exported is imported when it is first asked for: the review of request files needs neither the Hub nor the
storage, and a runner that validates a pull request installs no client of either.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hugflow_assets.rules.before_landing import PREFLIGHT_RULES, preflight
    from hugflow_assets.rules.landed.case import Leak, TextFacts
    from hugflow_assets.rules.landed.judge import POSTLANDING_RULES, judge_landed
    from hugflow_assets.rules.removals import (
        IdleRemoval,
        LandsAgain,
        RemovalHit,
        RemovalPreview,
        idle_removals,
        lands_again,
        removal_hits,
        removal_preview,
    )
    from hugflow_assets.rules.review import OFFLINE_RULES, offline
    from hugflow_assets.rules.rule import Rule
    from hugflow_assets.rules.verdict import Severity, Verdict, blocking
    from hugflow_assets.rules.withdrawing import cuts

_HOMES = {
    "IdleRemoval": "removals",
    "LandsAgain": "removals",
    "OFFLINE_RULES": "review",
    "POSTLANDING_RULES": "landed.judge",
    "Leak": "landed.case",
    "PREFLIGHT_RULES": "before_landing",
    "RemovalHit": "removals",
    "RemovalPreview": "removals",
    "Rule": "rule",
    "Severity": "verdict",
    "TextFacts": "landed.case",
    "Verdict": "verdict",
    "blocking": "verdict",
    "cuts": "withdrawing",
    "idle_removals": "removals",
    "judge_landed": "landed.judge",
    "lands_again": "removals",
    "offline": "review",
    "preflight": "before_landing",
    "removal_hits": "removals",
    "removal_preview": "removals",
}

__all__ = [
    "OFFLINE_RULES",
    "POSTLANDING_RULES",
    "PREFLIGHT_RULES",
    "IdleRemoval",
    "LandsAgain",
    "Leak",
    "RemovalHit",
    "RemovalPreview",
    "Rule",
    "Severity",
    "TextFacts",
    "Verdict",
    "blocking",
    "cuts",
    "idle_removals",
    "judge_landed",
    "lands_again",
    "offline",
    "preflight",
    "removal_hits",
    "removal_preview",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
