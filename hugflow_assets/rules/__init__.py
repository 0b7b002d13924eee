"""Every validation and quota rule, once: each says a ``Verdict``."""

from hugflow_assets.rules.landed_rules import TextFacts
from hugflow_assets.rules.postlanding import POSTLANDING_RULES, judge_landed, postlanding
from hugflow_assets.rules.preflight import PREFLIGHT_RULES, preflight
from hugflow_assets.rules.removals import (
    LandsAgain,
    RemovalHit,
    RemovalPreview,
    lands_again,
    removal_hits,
    removal_preview,
)
from hugflow_assets.rules.review import OFFLINE_RULES, offline, offline_problems
from hugflow_assets.rules.rule import Rule
from hugflow_assets.rules.stock import Landed, Stock
from hugflow_assets.rules.verdict import Severity, Verdict, blocking

__all__ = [
    "OFFLINE_RULES",
    "POSTLANDING_RULES",
    "PREFLIGHT_RULES",
    "Landed",
    "LandsAgain",
    "RemovalHit",
    "RemovalPreview",
    "Rule",
    "Severity",
    "Stock",
    "TextFacts",
    "Verdict",
    "blocking",
    "judge_landed",
    "lands_again",
    "offline",
    "offline_problems",
    "postlanding",
    "preflight",
    "removal_hits",
    "removal_preview",
]
