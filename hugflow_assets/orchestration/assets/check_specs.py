"""Rules as Dagster's asset checks: specs that are known without running anything, and verdicts as results."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from math import isfinite
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetRecordsFilter,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    MetadataValue,
    PreviewWarning,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from hugflow_assets.orchestration.assets.partitions import DATASETS
from hugflow_assets.rules import Rule, Severity, Verdict

DATASET = AssetKey("dataset")
HUB_DATASET = AssetKey("hub_dataset")
GROUP = "hugflow"

SAID = frozenset({"message", "code", "remedy"})  # of a check's metadata; every other one is a detail


def check_specs(rules: Iterable[Rule[Any]], *, blocking: bool, again: str) -> list[AssetCheckSpec]:
    """One partitioned check on ``dataset`` a rule; unpartitioned, one dataset's pass would hide another's failure.

    Args:
        again: how it is run again, for the description: Dagster offers no button for one check of one partition.
    """
    # Checks with partitions are a preview; the minor version of Dagster is pinned for them.
    with warnings.catch_warnings(action="ignore", category=PreviewWarning):
        return [
            AssetCheckSpec(
                rule.name,
                asset=DATASET,
                description=f"{rule.about} {again}",
                blocking=blocking and rule.severity is Severity.ERROR,
                partitions_def=DATASETS,
            )
            for rule in rules
        ]


def check_results(verdicts: Iterable[Verdict], selected: Set[str]) -> Iterator[AssetCheckResult]:
    """The verdicts that a run may record: of the checks it selects, those that were judged.

    What was not judged (the Hub did not answer, a rule before it refused) is no failure of the dataset's.
    """
    for verdict in verdicts:
        if verdict.evaluated and verdict.name in selected:
            yield AssetCheckResult(
                asset_key=DATASET,
                check_name=verdict.name,
                passed=_passed(verdict),
                severity=_severity(verdict),
                description=verdict.message,
                metadata=_facts(verdict),
            )


def report_verdicts(
    instance: DagsterInstance, run: DagsterRun, name: str, verdicts: Iterable[Verdict], selected: Set[str]
) -> None:
    """Record verdicts on a dataset where a step cannot yield them: it may fail, or is about several datasets."""
    latest = instance.fetch_materializations(AssetRecordsFilter(DATASET, asset_partitions=[name]), limit=1).records
    target = AssetCheckEvaluationTargetMaterializationData(
        storage_id=latest[0].storage_id, run_id=latest[0].run_id, timestamp=latest[0].timestamp
    ) if latest else None  # fmt: skip
    for verdict in verdicts:
        if not verdict.evaluated or verdict.name not in selected:
            continue
        evaluation = AssetCheckEvaluation(
            asset_key=DATASET,
            check_name=verdict.name,
            passed=_passed(verdict),
            metadata=_facts(verdict),
            target_materialization_data=target,
            severity=_severity(verdict),
            description=verdict.message,
            partition=name,
        )
        event = DagsterEvent(
            event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
            job_name=run.job_name,
            message=f"{name}: {verdict.name}: {verdict.message}",
            event_specific_data=evaluation,
        )
        instance.report_dagster_event(event, run.run_id)


def _passed(verdict: Verdict) -> bool:
    return verdict.passed or verdict.severity is Severity.INFO


def _severity(verdict: Verdict) -> AssetCheckSeverity:
    """Only what blocks is an error in the UI; INFO never fails a check."""
    return AssetCheckSeverity.ERROR if verdict.severity is Severity.ERROR else AssetCheckSeverity.WARN


def _facts(verdict: Verdict) -> dict[str, MetadataValue[Any]]:
    """Message, code and remedy, and each detail under its own name: numbers as numbers, which the UI plots."""
    facts = {key: _detail(value) for key, value in verdict.details.items() if key not in SAID}
    facts["message"] = MetadataValue.text(verdict.message)
    if verdict.code:
        facts["code"] = MetadataValue.text(verdict.code)
    if verdict.remedy:
        facts["remedy"] = MetadataValue.text(verdict.remedy)
    return facts


def _detail(value: Any) -> MetadataValue[Any]:
    if isinstance(value, bool):
        return MetadataValue.bool(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return MetadataValue.int(value)
    if isinstance(value, float) and isfinite(value):
        return MetadataValue.float(value)
    if isinstance(value, Mapping | list | tuple):
        return MetadataValue.json(dict(value) if isinstance(value, Mapping) else list(value))
    return MetadataValue.null() if value is None else MetadataValue.text(str(value))
