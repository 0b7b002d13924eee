"""``storage_catalogue``: everything that is landed, as one table, with what it takes of the quota."""

import hashlib
from collections.abc import Mapping

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    TableRecord,
    asset,
)

from hugflow_assets.errors import RequestSourceError
from hugflow_assets.orchestration.assets.check_specs import DATASET, GROUP
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.metadata import Metadata
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.status.report import State, landed_states
from hugflow_assets.store import Store

CATALOGUE = AssetKey("storage_catalogue")
_SHOWN = 1000


@asset(
    key=CATALOGUE,
    deps=[DATASET],
    group_name=GROUP,
    kinds={"table"},
    owners=descriptions.OWNERS,
    tags={"about": "storage"},
    description=descriptions.CATALOGUE,
)
def storage_catalogue(context: AssetExecutionContext, platform: Platform) -> MaterializeResult[None]:
    """List what is landed, largest first."""
    with failing_by_name(context.instance, context.run.run_id):
        return MaterializeResult(metadata=catalogue_metadata(platform.store(), states_now(platform)))


def states_now(platform: Platform) -> dict[str, State]:
    """The state of every landed dataset; empty while the requests cannot be read, which ``requests`` says."""
    try:
        return landed_states(platform.snapshot(), platform.store(), platform.settings())
    except RequestSourceError:
        return {}


def catalogue_event(instance: DagsterInstance, store: Store, states: Mapping[str, State]) -> AssetMaterialization:
    """What the asset would say, as an event without a run.

    It points at the latest landing it knows of: without that, Dagster calls it outdated as long as one request fails.
    """
    latest = instance.fetch_materializations(DATASET, limit=1).records
    tags = {
        "dagster/code_version": "told",
        "dagster/input_data_version/dataset": "landed",
        "dagster/input_event_pointer/dataset": str(latest[0].storage_id if latest else 0),
    }
    return AssetMaterialization(CATALOGUE, metadata=catalogue_metadata(store, states), tags=tags)


def catalogue_digest(store: Store, states: Mapping[str, State]) -> str:
    """Changes when, and only when, what is landed does, or its state."""
    rows = sorted(
        (row.name, row.commit, row.landed_at, row.size_bytes, row.owner, str(states.get(row.name, row.state)))
        for row in store.index.rows().values()
    )
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def catalogue_metadata(store: Store, states: Mapping[str, State]) -> Metadata:
    """Totals, quota, and a row a dataset (the largest 1,000) with the state that ``hugflow status`` says."""
    rows = sorted(store.index.rows().values(), key=lambda one: (-one.size_bytes, one.name))
    room = store.quota.headroom()
    records = [
        TableRecord(
            {
                "dataset": row.name,
                "hours": round(row.hours, 2),
                "rows": row.rows,
                "bytes": row.size_bytes,
                "owner": row.owner or "",
                "licence": row.license or "",
                "state": str(states.get(row.name, row.state)),
                "landed": row.landed_at[:16],
                "commit": row.commit[:12],
                "files": row.files,
            }
        )
        for row in rows[:_SHOWN]
    ]
    facts: Metadata = {
        "datasets": MetadataValue.int(len(rows)),
        "orphaned": MetadataValue.int(sum(states.get(row.name) is State.ORPHANED for row in rows)),
        "rows": MetadataValue.int(sum(row.rows for row in rows)),
        "hours": MetadataValue.float(round(sum((row.hours for row in rows), 0.0), 2)),
        "size_bytes": MetadataValue.int(sum(row.size_bytes for row in rows)),
        "used_bytes": MetadataValue.int(room.used_bytes),
        "reserved_bytes": MetadataValue.int(room.reserved_bytes),
        "free_bytes": MetadataValue.int(room.free_bytes),
        "root": MetadataValue.path(str(store.root)),
    }
    if room.quota_bytes is not None:
        facts["quota_bytes"] = MetadataValue.int(room.quota_bytes)
        facts["quota_used_percent"] = MetadataValue.float(round(100 * room.used_bytes / max(room.quota_bytes, 1), 2))
    if records:
        facts["catalogue"] = MetadataValue.table(records)
    return facts
