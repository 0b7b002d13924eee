"""Rules as Dagster's asset checks: specs that are known without running anything, and verdicts as results."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Protocol

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, MetadataValue, PreviewWarning

from hugflow_assets.orchestration.assets.partitions import DATASETS
from hugflow_assets.rules import Severity, Verdict

DATASET = AssetKey("dataset")
HUB_DATASET = AssetKey("hub_dataset")
GROUP = "hugflow"

_SEVERITIES = {Severity.ERROR: AssetCheckSeverity.ERROR}


class KnownRule(Protocol):
    """What a check spec needs of a rule."""

    name: str
    about: str
    severity: Severity


def check_specs(rules: Iterable[Any], *, blocking: bool) -> list[AssetCheckSpec]:
    """One partitioned check on ``dataset`` a rule; unpartitioned, one dataset's pass would hide another's failure."""
    # Checks with partitions are a preview; the minor version of Dagster is pinned for them.
    with warnings.catch_warnings(action="ignore", category=PreviewWarning):
        return [
            AssetCheckSpec(
                rule.name,
                asset=DATASET,
                description=rule.about,
                blocking=blocking and rule.severity is Severity.ERROR,
                partitions_def=DATASETS,
            )
            for rule in rules
        ]


def check_result(verdict: Verdict) -> AssetCheckResult:
    """A verdict as the UI shows it. Only what blocks is an error there; INFO never fails a check."""
    return AssetCheckResult(
        asset_key=DATASET,
        check_name=verdict.name,
        passed=verdict.passed or verdict.severity is Severity.INFO,
        severity=_SEVERITIES.get(verdict.severity, AssetCheckSeverity.WARN),
        description=verdict.message,
        metadata=_facts(verdict),
    )


def _facts(verdict: Verdict) -> dict[str, MetadataValue[Any]]:
    facts: dict[str, MetadataValue[Any]] = {"message": MetadataValue.text(verdict.message)}
    if not verdict.evaluated:
        facts["evaluated"] = MetadataValue.bool(False)
    if verdict.code:
        facts["code"] = MetadataValue.text(verdict.code)
    if verdict.remedy:
        facts["remedy"] = MetadataValue.text(verdict.remedy)
    if verdict.details:
        facts["details"] = MetadataValue.json(verdict.details)
    return facts
