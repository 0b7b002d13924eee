"""What a rule says: one model for asset checks, the command line, the pull-request comment and Slack."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from hugflow_assets.intake.models import Frozen


class Severity(StrEnum):
    """``ERROR`` blocks a landing, ``WARNING`` is shown, ``INFO`` informs."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(Frozen):
    """One rule's word on one dataset. ``code`` is the error's code when the rule failed with one."""

    name: str
    passed: bool
    severity: Severity = Severity.ERROR
    message: str
    remedy: str = ""
    code: str = ""
    transient: bool = False
    details: dict[str, Any] = {}

    @property
    def blocks(self) -> bool:
        return not self.passed and self.severity is Severity.ERROR
