"""What a rule about a landed dataset may look at."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hugflow_assets.errors import (
    HugflowError,
)
from hugflow_assets.hub.models import RepoState
from hugflow_assets.intake.models import Frozen
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Rule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.settings import Settings
from hugflow_assets.store.capacity.space import Headroom
from hugflow_assets.store.models import Manifest


class TextFacts(Frozen):
    """How many rows have a transcript. ``column`` None: no text column was found."""

    column: str | None
    rows: int
    with_text: int


class Leak(Frozen):
    """Clips that are in a split for testing and in one that is not, which may be of another dataset."""

    first: str
    second: str
    count: int


class OnDisk(Frozen):
    """What re-hashing found, as plain data."""

    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    checked: int = 0

    @classmethod
    def of(cls, found: Any) -> OnDisk:
        return cls(
            missing=tuple(found.missing),
            damaged=tuple(found.damaged),
            extra=tuple(found.extra),
            checked=int(found.checked),
        )


@dataclass(frozen=True)
class LandedCase:
    """Everything a post-landing rule may look at. Exactly one of ``manifest`` and ``missing`` is given."""

    name: str
    folder: Path
    manifest: Manifest | None
    missing: HugflowError | None
    settings: Settings
    room: Headroom | HugflowError
    plan: LandingPlan | None = None
    verification: OnDisk | None = None
    texts: TextFacts | None = None
    leaks: tuple[Leak, ...] | None = None
    upstream: RepoState | HugflowError | None = None


class LandedRule(Rule[LandedCase]):
    """A rule that needs a manifest."""

    def judge(self, case: LandedCase) -> Verdict:
        if case.manifest is None:
            return self.without_manifest(case)
        return self.judge_manifest(case, case.manifest)

    def without_manifest(self, case: LandedCase) -> Verdict:
        return self.not_evaluated("there is no readable landing.", code=case.missing.code if case.missing else "")

    @abstractmethod
    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict: ...
