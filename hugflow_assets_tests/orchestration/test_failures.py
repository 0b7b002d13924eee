"""What a run says of itself when it fails."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, job, op

from hugflow_assets.errors import HFUnreachableError
from hugflow_assets.orchestration.assets.failures import ERROR_TAG, failing_by_name
from hugflow_assets.orchestration.reconcile.retry_policy import may_pass_by_itself
from hugflow_assets.orchestration.sync.run_outcome import outcome_of


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (HFUnreachableError("nobody answers"), "hub-unreachable", "nobody answers"),
        (ZeroDivisionError("what is that"), "unexpected", "ZeroDivisionError: what is that"),
    ],
)
def test_every_error_ends_a_run_by_name_and_whether_it_is_tried_again(
    error: Exception, code: str, message: str
) -> None:
    @op
    def breaks(context) -> None:  # type: ignore[no-untyped-def]  # Dagster reads no annotations that are strings
        with failing_by_name(context.instance, context.run_id):
            raise error

    @job
    def broken() -> None:
        breaks()

    with DagsterInstance.ephemeral() as instance:
        broken.execute_in_process(instance=instance, raise_on_error=False)
        (record,) = instance.get_run_records()
        assert record.dagster_run.tags[ERROR_TAG] == code
        assert may_pass_by_itself(record)
        outcome = outcome_of(instance, record.dagster_run.run_id)
        assert (outcome.error_code, outcome.message, outcome.transient) == (code, message, True)
