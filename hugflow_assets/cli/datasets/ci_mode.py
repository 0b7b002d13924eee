"""``hugflow sync --ci-mode``: one reconciliation for a workflow: results.json, step outputs, job summary.

The same works on any machine: what a workflow would have and is not there (outputs, tokens) is left out and said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer
from pydantic import BaseModel, ConfigDict, Field

from hugflow_assets.cli.terminal.console import duration, size
from hugflow_assets.cli.terminal.exit_status import exit_status_of
from hugflow_assets.cli.terminal.github_actions import (
    OUTPUT_VARIABLE,
    SUMMARY_VARIABLE,
    html_summary,
    write_outputs,
    write_summary,
)
from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import HugflowError
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from hugflow_assets.orchestration.sync.run_here import SyncResult

AT_FAULT = ("failed", "malformed")
_COUNTED = ("landed", "landing", "held", "withdrawn", "removed", *AT_FAULT)


class RequestResult(BaseModel):
    """What became of one request file."""

    model_config = ConfigDict(extra="ignore")

    path: str = Field(description="The file, relative to the requests folder: add/x.yaml.")
    name: str = Field(description="The storage name, or the key of a removal; empty for a file that cannot be read.")
    action: str = Field(description="no-op, land, views, description, repair, update, remove, or none.")
    state: str = Field(
        description="landed, landing (by another run), held (by hand), removed, withdrawn, failed or malformed."
    )
    verdicts: list[dict[str, Any]] = Field(description="What every rule said: name, passed, message, …")
    bytes: int = Field(description="Bytes of the dataset that lie on the storage.")
    seconds: float = Field(description="How long its run took; 0 when there was none.")
    error_code: str = Field(description="The error's stable code; empty when nothing failed.")
    message: str = Field(description="What happened, one sentence.")
    remedy: str = Field(description="What to do next.")
    transient: bool = Field(description="Whether it may pass by itself and is tried again.")
    run_id: str = Field(description="The Dagster run.")


class Fault(BaseModel):
    """Why nothing could be looked at at all."""

    code: str
    message: str
    remedy: str


class NotDelivered(BaseModel):
    """One channel that has not heard of everything."""

    channel: str = Field(description="slack or github.")
    events: int = Field(description="How many events it has not heard of.")
    problem: str


class Results(BaseModel):
    """``results.json``. Keys are added in later versions, never taken away; ``schema_version`` counts the others."""

    schema_version: int = 1
    started_at: str = Field(description="ISO 8601 UTC.")
    seconds: float
    mode: Literal["daemon", "alone"] = Field(description="Whether a running daemon landed, or this command itself.")
    exit_status: int = Field(description="0 fine, 1 a request or dataset is at fault, 3 the environment is.")
    skipped: list[str] = Field(description="What could not be done here for want of a setting, one sentence each.")
    not_delivered: list[NotDelivered] = Field(
        default=[], description="What Slack or GitHub could not be told before this ended; it is told later."
    )
    error: Fault | None = None
    results: list[RequestResult]


def run_in_ci(
    names: Sequence[str] | None, settings: Settings, path: Path, *, wait_s: float, as_json: bool = False
) -> int:
    """Reconcile, tell of it, write everything that a workflow reads, and return the exit status.

    Args:
        wait_s: how long to wait for other runs that are at work.
        as_json: results.json on stdout as well; what else is said goes to stderr.
    """
    began = datetime.now(UTC)
    mode: Literal["daemon", "alone"] = "alone"
    found: list[SyncResult] = []
    fault: Fault | None = None
    undelivered: list[NotDelivered] = []
    status = 0
    try:
        mode, found = _reconciled(names, wait_s, err=as_json)
        status = max((exit_status_of(one.error_code) for one in found if one.state in AT_FAULT), default=0)
    except HugflowError as error:
        fault = Fault(code=error.code, message=error.message, remedy=error.remedy)
        status = error.exit_status
        typer.echo(f"error[{error.code}]: {error.message} {error.remedy}", err=True)
    if mode == "alone":
        undelivered = _delivered(settings)
    results = Results(
        started_at=began.isoformat(timespec="seconds"),
        seconds=round((datetime.now(UTC) - began).total_seconds(), 3),
        mode=mode,
        exit_status=status,
        skipped=skipped(settings),
        not_delivered=undelivered,
        error=fault,
        results=[RequestResult.model_validate(one.model_dump(mode="json")) for one in found],
    )
    atomic_write(path, (results.model_dump_json(indent=2) + "\n").encode(), mode=0o644, sync=False)
    if as_json:
        typer.echo(results.model_dump_json(indent=2))
    _tell(results, path, err=as_json)
    return status


def _delivered(settings: Settings) -> list[NotDelivered]:
    """Tell Slack and GitHub before this ends, since no daemon does; what they could not be told."""
    from hugflow_assets.orchestration.sync.delivery_here import deliver_here

    try:
        left = deliver_here()
    except HugflowError as error:
        typer.echo(f"error[{error.code}]: {error.message} {error.remedy}", err=True)
        return []
    return [NotDelivered.model_validate(one.model_dump()) for one in left]


def _reconciled(
    names: Sequence[str] | None, wait_s: float, *, err: bool
) -> tuple[Literal["daemon", "alone"], list[SyncResult]]:
    from hugflow_assets.orchestration.sync.daemon import sensor_daemon_alive
    from hugflow_assets.orchestration.sync.run_here import sync as reconcile
    from hugflow_assets.orchestration.sync.wait_for_daemon import wait_for_daemon

    def say(result: SyncResult) -> None:
        typer.echo(f"{result.path}: {result.state} ({result.action}) {result.error_code}".rstrip(), err=err)

    if sensor_daemon_alive():
        typer.echo("a daemon is at work: asking it, and waiting", err=err)
        waited = wait_for_daemon(names, still_alive=sensor_daemon_alive, on_result=say)
        if waited is not None:
            return "daemon", waited
        typer.echo("the daemon has stopped: going on alone", err=True)
    return "alone", reconcile(names, wait_s=wait_s, on_result=say)


def skipped(settings: Settings) -> list[str]:
    """What is not done here, one sentence each."""
    missing = {
        "HF_TOKEN is not set: gated and private datasets cannot land.": settings.hf_token is None,
        "GITHUB_TOKEN or GITHUB_REPOSITORY is not set: no comment, no commit status.": (
            settings.github_token is None or settings.github_repository is None
        ),
        "Slack is not configured: no message.": (
            settings.slack_webhook_url is None and (settings.slack_bot_token is None or settings.slack_channel is None)
        ),
        "Not in a workflow: no step outputs.": not os.environ.get(OUTPUT_VARIABLE),
        "Not in a workflow: no job summary.": not os.environ.get(SUMMARY_VARIABLE),
    }
    return [sentence for sentence, is_so in missing.items() if is_so]


def _tell(results: Results, path: Path, *, err: bool) -> None:
    counts = {state: sum(one.state == state for one in results.results) for state in _COUNTED}
    changed = sum(one.action not in ("no-op", "none") for one in results.results)
    summary = f"{len(results.results)} requests, {changed} changed"
    summary += "".join(f", {number} {state}" for state, number in counts.items() if number)
    typer.echo(f"{summary}; {path}", err=err)
    for sentence in results.skipped:
        typer.echo(f"skipped: {sentence}", err=err)
    for one in results.not_delivered:
        typer.echo(f"not delivered: {one.channel} has not heard of {one.events:,} events yet: {one.problem}", err=err)
    write_outputs(
        {
            "results": str(path.absolute()),
            "mode": results.mode,
            "exit-status": str(results.exit_status),
            "changed": str(changed),
            "failed": str(counts["failed"] + counts["malformed"]),
        }
    )
    rows = [
        (
            one.path, one.name or "-", one.state, one.action, size(one.bytes) if one.bytes else "-",
            duration(one.seconds), f"{one.error_code}: {one.message} {one.remedy}" if one.error_code else one.message,
        )
        for one in sorted(results.results, key=lambda one: one.state not in AT_FAULT)
    ]  # fmt: skip
    header = ("request", "dataset", "state", "action", "size", "time", "")
    fault = f" {results.error.code}: {results.error.message} {results.error.remedy}" if results.error else ""
    write_summary(html_summary("Datasets", summary + fault, header, rows[:500], len(rows)))


def schema_text() -> str:
    """The text of ``docs/results.schema.json``."""
    made = Results.model_json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=2) + "\n"
