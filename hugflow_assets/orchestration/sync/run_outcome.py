"""What a finished run says, read from its events: verdicts, action, and why it failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
)

from hugflow_assets.errors import UnexpectedError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.orchestration.assets.check_specs import DATASET, SAID
from hugflow_assets.rules import Severity, Verdict


class Outcome(Frozen):
    """One run: what it did, or the name of what stopped it. ``error_code`` is empty when it succeeded."""

    action: str
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
    error_code: str = ""
    message: str = ""
    remedy: str = ""
    transient: bool = False
    run_id: str = ""


def outcome_of(instance: DagsterInstance, run_id: str, seconds: float | None = None) -> Outcome:
    """Read what the instance has of a run that ended, in whatever process; ``seconds`` that it took, if known."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise UnexpectedError(f"run {run_id} is gone from Dagster's database.")
    run = record.dagster_run
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event is not None]
    if seconds is None:
        seconds = (record.end_time or 0.0) - (record.start_time or record.end_time or 0.0)
    return _outcome(events, run.run_id, seconds, success=run.status is DagsterRunStatus.SUCCESS)


def verdicts_of(instance: DagsterInstance, run_id: str) -> dict[str, Verdict]:
    """The verdicts that a run has recorded so far, by name."""
    entries = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    return {
        event.asset_check_evaluation_data.check_name: _verdict(event.asset_check_evaluation_data) for event in events
    }


def _outcome(events: Sequence[DagsterEvent], run_id: str, seconds: float, *, success: bool) -> Outcome:
    failed = next((event for event in events if event.event_type is DagsterEventType.STEP_FAILURE), None)
    checks = {  # what is said after a landing replaces what was said before it
        event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data
        for event in events
        if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION
    }
    outcome = Outcome(
        action=_action(events),
        verdicts=tuple(map(_verdict, checks.values())),
        seconds=round(seconds, 3),
        run_id=run_id,
    )
    return outcome if success else outcome.model_copy(update=_error(failed))


def _action(events: Sequence[DagsterEvent]) -> str:
    for event in events:
        if event.event_type is not DagsterEventType.ASSET_MATERIALIZATION:
            continue
        found = event.materialization.metadata.get("action")
        if event.asset_key == DATASET and found is not None:
            return str(found.value)
        if event.asset_key != DATASET and "removed" in event.materialization.metadata:
            return "remove"
    return "none"


def _error(failed: DagsterEvent | None) -> dict[str, Any]:
    """Code, message and remedy of a ``Failure``; any other end is a fault of ours and says so."""
    data = failed.step_failure_data if failed is not None else None
    metadata = data.user_failure_data.metadata if data and data.user_failure_data else {}
    if "code" not in metadata:
        message = data.error.message.strip() if data and data.error else "the run ended without a word"
        return {"error_code": UnexpectedError.code, "message": message, "remedy": "See the run in the UI."}
    return {
        "error_code": metadata["code"].value,
        "message": metadata["message"].value,
        "remedy": metadata["remedy"].value,
        "transient": bool(metadata["transient"].value),
    }


def _verdict(evaluation: AssetCheckEvaluation) -> Verdict:
    def text(key: str) -> str:
        found = evaluation.metadata.get(key)
        return str(found.value) if found is not None else ""

    error = evaluation.severity is AssetCheckSeverity.ERROR
    return Verdict(
        name=evaluation.check_name,
        passed=evaluation.passed,
        severity=Severity.ERROR if error else Severity.WARNING,
        message=text("message"),
        remedy=text("remedy"),
        code=text("code"),
        details={key: found.value for key, found in evaluation.metadata.items() if key not in SAID},
    )
