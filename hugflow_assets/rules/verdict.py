"""What a rule says: one model for asset checks, the command line, the pull-request comment and Slack."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake.models import Frozen


class Severity(StrEnum):
    """``ERROR`` blocks a landing, ``WARNING`` is shown, ``INFO`` informs."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(Frozen):
    """One rule's word on one dataset. ``code`` is the error's code when the rule failed with one.

    A rule that could not be judged (``evaluated`` False: the Hub did not answer, nothing is landed yet) has not
    passed, and says so as a WARNING: what is missing is the fault of another rule, and that one blocks.
    """

    name: str
    passed: bool
    severity: Severity = Severity.ERROR
    message: str
    remedy: str = ""
    code: str = ""
    transient: bool = False
    evaluated: bool = True
    details: dict[str, Any] = {}

    @property
    def blocks(self) -> bool:
        return not self.passed and self.severity is Severity.ERROR

    @classmethod
    def of_error(cls, name: str, error: HugflowError, *, severity: Severity = Severity.ERROR) -> Verdict:
        """The rule ``name`` failed with this error: its message, code and remedy."""
        return cls(
            name=name,
            passed=False,
            severity=severity,
            message=error.message,
            remedy=error.remedy,
            code=error.code,
            transient=error.transient,
            details=dict(error.details),
        )


def blocking(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts that keep a dataset from landing."""
    return [verdict for verdict in verdicts if verdict.blocks]
