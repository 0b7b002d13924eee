"""Checks that a run announced and never judged: their announcement is taken back.

Dagster notes every selected check when it makes a run. Of a run that fails it shows those without a verdict as
"Execution failed", also where the dataset was refused long before there was anything to check; and it hides what an
earlier run found. Dagster has no way to take a note back, so the rows of its table are deleted here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import and_, delete
from sqlalchemy.sql.elements import ColumnElement

from hugflow_assets.orchestration.assets.check_specs import DATASET


def forget_unjudged(instance: DagsterInstance, run_id: str, names: Collection[str] | None = None) -> None:
    """Take back what a run announced of the checks of ``dataset`` and did not judge; ``names``: only of these."""
    table = AssetCheckExecutionsTable.c
    where = and_(table.run_id == run_id, table.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value)
    _delete(instance, where if names is None else and_(where, table.check_name.in_(list(names))))


@contextmanager
def forgetting_unjudged(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Take back what a run announced and did not judge when an error ends it; the error goes on."""
    try:
        yield
    except Exception:
        forget_unjudged(instance, run_id)
        raise


def forget_partition(instance: DagsterInstance, name: str) -> None:
    """Delete what checks said of a dataset that is there no longer."""
    _delete(instance, AssetCheckExecutionsTable.c.partition == name)


def _delete(instance: DagsterInstance, where: ColumnElement[bool]) -> None:
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):  # any other one shows more than is so, and nothing less
        ours = AssetCheckExecutionsTable.c.asset_key == DATASET.to_string()
        with storage.index_connection() as connection:
            connection.execute(delete(AssetCheckExecutionsTable).where(and_(ours, where)))
