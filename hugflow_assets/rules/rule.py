"""What every rule is: a name, a severity, a sentence, and one judgement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import AddFile, RequestSnapshot
from hugflow_assets.planning.models import Forecast, LandingPlan
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.settings import Settings
from hugflow_assets.shapes.models import Shape
from hugflow_assets.store.capacity.space import Headroom
from hugflow_assets.store.models import IndexRow

CaseT = TypeVar("CaseT")


class Rule(ABC, Generic[CaseT]):
    """One rule. ``name`` and ``severity`` are known without running it; ``about`` is what it asserts, one sentence."""

    name: ClassVar[str]
    about: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR

    @abstractmethod
    def judge(self, case: CaseT) -> Verdict:
        """Judge one case. Raises nothing on purpose but ``HugflowError``, which ``verdict`` turns into a failure."""

    def verdict(self, case: CaseT) -> Verdict:
        """Judge, with an error on the way (a storage that cannot be read) as the rule's own failure."""
        try:
            return self.judge(case)
        except HugflowError as error:
            return Verdict.of_error(self.name, error, severity=self.severity)

    def passed(self, message: str, **details: Any) -> Verdict:
        return Verdict(name=self.name, passed=True, severity=self.severity, message=message, details=details)

    def failed(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        severity: Severity | None = None,
        transient: bool = False,
        **details: Any,
    ) -> Verdict:
        return Verdict(
            name=self.name,
            passed=False,
            severity=self.severity if severity is None else severity,
            message=message,
            remedy=remedy,
            code=code,
            transient=transient,
            details=details,
        )

    def not_evaluated(self, reason: str, *, transient: bool = False, code: str = "") -> Verdict:
        return Verdict(
            name=self.name,
            passed=False,
            severity=Severity.WARNING,
            message=f"Not evaluated: {reason}",
            code=code,
            transient=transient,
            evaluated=False,
        )


@dataclass(frozen=True)
class Case:
    """Everything a pre-flight rule may look at. Exactly one of ``plan`` and ``error`` is given.

    ``index`` is what is landed, damaged ones too. ``forecast`` is given with every plan: what landing it would do and
    take, or why the storage cannot tell.
    """

    request_file: AddFile
    snapshot: RequestSnapshot
    plan: LandingPlan | None
    error: HugflowError | None
    index: Mapping[str, IndexRow] | HugflowError
    room: Headroom | HugflowError
    settings: Settings
    forecast: Forecast | HugflowError | None = None
    landable: Collection[Shape] | None = None
    plans: Mapping[str, LandingPlan] = field(default_factory=dict)


class PlanRule(Rule[Case]):
    """A pre-flight rule about what the Hub holds.

    ``errors`` are the kinds of failed resolution that this rule is about; ``proved_by`` are failures that can only
    happen once this rule's question was answered with yes (a missing split proves that the revision exists).
    """

    errors: ClassVar[tuple[type[HugflowError], ...]] = ()
    proved_by: ClassVar[tuple[type[HugflowError], ...]] = ()

    def judge(self, case: Case) -> Verdict:
        if case.plan is not None:
            return self.judge_plan(case, case.plan)
        error = case.error
        if error is not None and self.owns(error):
            return Verdict.of_error(self.name, error, severity=self.severity)
        if isinstance(error, self.proved_by):
            return self.passed(f"{self.about} The Hub's answer shows it.")
        code = error.code if error else ""
        return self.not_evaluated(
            f"the request could not be resolved ({code}).", transient=bool(error and error.transient), code=code
        )

    def owns(self, error: HugflowError) -> bool:
        return isinstance(error, self.errors)

    @abstractmethod
    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict: ...
