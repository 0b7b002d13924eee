"""Errors as Dagster shows them: by name, with what to do next, and never retried by Dagster itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import DagsterError, DagsterInstance, Failure, MetadataValue

from hugflow_assets.errors import UnexpectedError
from hugflow_assets.rules import Verdict

ERROR_TAG = "hugflow/error"
TRANSIENT_TAG = ".dagster/hugflow_transient"


def failure(code: str, message: str, remedy: str = "", *, transient: bool = False) -> Failure:
    """A failed step that says the error's name, what happened and what to do."""
    return Failure(
        description=f"[{code}] {message} {remedy}".strip(),
        metadata={
            "code": code,
            "message": message,
            "remedy": MetadataValue.text(remedy),
            "transient": MetadataValue.bool(transient),
            "tried again": "by itself, for a day" if transient else "when the request changes, or by hand",
        },
        allow_retries=False,
    )


def rejection(blocking: list[Verdict]) -> Failure:
    """The failure that blocking verdicts amount to: the first one's name, every one's message."""
    first = blocking[0]
    others = "; ".join(f"{one.name}: {one.message}" for one in blocking[1:])
    return failure(
        first.code or first.name,
        f"{first.message} (also {others})" if others else first.message,
        first.remedy,
        transient=all(one.transient for one in blocking),
    )


@contextmanager
def failing_by_name(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Turn an error of Hugflow into a ``Failure``, and tag the run with its code so that sensor and people find it."""
    try:
        yield
    except (DagsterError, Failure):
        raise  # the framework's own
    except Exception as fault:  # noqa: BLE001  raised again, under its name
        error = UnexpectedError.of(fault)
        tag_failure(instance, run_id, error.code, error.transient)
        failed = failure(error.code, error.message, error.remedy, transient=error.transient)
        raise failed from (None if error is fault else fault)


def tag_failure(instance: DagsterInstance, run_id: str, code: str, transient: bool) -> None:
    """Mark a run with why it failed."""
    instance.add_run_tags(run_id, {ERROR_TAG: code, TRANSIENT_TAG: str(transient).lower()})
