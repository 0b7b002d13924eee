"""``removed_dataset``: a removal request carried out. Its partitions are removal files, not datasets."""

from collections.abc import Iterable

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    asset,
)

from hugflow_assets.errors import HugflowError, RequestInvalidError, UnknownDatasetError
from hugflow_assets.intake import DatasetRequest, RemoveFile, RequestSnapshot, matches
from hugflow_assets.orchestration.assets.check_specs import DATASET, GROUP
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.metadata import Metadata, cell
from hugflow_assets.orchestration.assets.partitions import DATASETS_NAME, REMOVALS, REMOVALS_NAME, register
from hugflow_assets.orchestration.assets.planned_checks import forget_partition
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.requests import REQUESTS
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.orchestration.reconcile.closing_events import close_removed, closing_failure
from hugflow_assets.rules import cuts
from hugflow_assets.store import Store, Tombstone

REMOVED = AssetKey("removed_dataset")


@asset(
    key=REMOVED,
    partitions_def=REMOVALS,
    group_name=GROUP,
    deps=[REQUESTS],
    kinds={"yaml"},
    owners=descriptions.OWNERS,
    tags={"about": "removed"},
    pool="disk",
    description=descriptions.REMOVED,
)
def removed_dataset(context: AssetExecutionContext, platform: Platform) -> MaterializeResult[None]:
    """Move every landing that the removal matches to the trash. Safe to repeat after any interruption."""
    with failing_by_name(context.instance, context.run.run_id):
        store = platform.store()
        with closing_failure(store, context.partition_key, context.run.run_id):
            snapshot = platform.snapshot()
            removal = requested_removal(context.partition_key, snapshot)
            register(context.instance, REMOVALS_NAME, [removal.key])
            refuse_cuts(removal, store)
            buried = [
                bury(context.instance, store, name, removal, by=one.owner or "")
                for name, one in hits(removal, snapshot, store).items()
            ]
            earlier = [one for one in store.trash.archived() if one.removal_path == removal.path and one not in buried]
            if not buried and not earlier:
                raise nothing_removed(removal)
            close_removed(store, removal.path)
            return MaterializeResult(metadata=removal_metadata(removal, buried or earlier))


def requested_removal(key: str, snapshot: RequestSnapshot) -> RemoveFile:
    """The removal file of this partition key.

    Raises:
        UnknownDatasetError: there is none.
    """
    for removal in snapshot.removals:
        if removal.key == key:
            return removal
    raise UnknownDatasetError(
        f"no removal request is called {key[:200]!r}.",
        remedy="Add a file to requests/remove/, or take a key that the source has.",
        name=key[:200],
    )


def hits(removal: RemoveFile, snapshot: RequestSnapshot, store: Store) -> dict[str, DatasetRequest]:
    """Name -> request of everything that the removal matches: what is landed, and what is landing now."""
    found = {name: landed.asked for name, landed in store.index.landed().items()}
    names = set(store.index.names())  # of those whose manifest is unreadable, the request is all there is to go by
    for add in snapshot.adds:
        there = add.name in names or store.leases.holder(add.name) is not None
        if there and add.name not in found and matches(removal.request, add.request):
            found[add.name] = add.request
    return {name: request for name, request in sorted(found.items()) if matches(removal.request, request)}


def bury(instance: DagsterInstance, store: Store, name: str, removal: RemoveFile, *, by: str) -> Tombstone:
    """Remove one dataset, leave a tombstone on its partition, and take the partition off the list. In this order."""
    tombstone = store.remove(name, reason=removal.request.reason, by=by, removal_path=removal.path)
    instance.report_runless_asset_event(
        AssetMaterialization(
            DATASET,
            partition=name,
            description=f"Removed by {removal.path}: {tombstone.reason}",
            metadata={
                "action": MetadataValue.text("removed"),
                "reason": MetadataValue.text(tombstone.reason),
                "removal": MetadataValue.text(removal.path),
                "frees_bytes": MetadataValue.int(tombstone.size_bytes),
                "frees_at": MetadataValue.text(tombstone.frees_at),
                "dagster/row_count": MetadataValue.int(0),
                "dagster/partition_row_count": MetadataValue.int(0),
            },
        )
    )
    forget_partition(instance, name)
    instance.delete_dynamic_partition(DATASETS_NAME, name)
    return tombstone


def refuse_cuts(removal: RemoveFile, store: Store) -> None:
    """Refuse a removal that would cut a piece out of a wider landing, whatever else it matches.

    Raises:
        RequestInvalidError: it does.
    """
    wider = [
        name for name, landed in store.index.landed().items() if cuts(removal.request, landed.asked, landed.selection)
    ]
    if wider:
        raise RequestInvalidError(
            f"{removal.path} asks for a part of what is landed as a whole ({', '.join(wider)}); "
            "a part is never cut out of a landing, and nothing was removed.",
            remedy="Remove the whole, and request the parts that are to stay.",
            names=wider,
        )


def nothing_removed(removal: RemoveFile) -> HugflowError:
    """A removal that matches nothing."""
    return UnknownDatasetError(
        f"{removal.path} matches nothing that is landed.", remedy="Delete the file, or correct what it names."
    )


def removal_metadata(removal: RemoveFile, buried: Iterable[Tombstone]) -> Metadata:
    """What was removed, whose it was, how much it frees and when."""
    rows = list(buried)
    lines = ["| dataset | owner | rows | hours | bytes | freed at |", "|---|---|---:|---:|---:|---|"]
    lines += [
        f"| {cell(one.name)} | {cell(one.owner or '')} | {one.rows:,} | {one.hours:,.2f} | {one.size_bytes:,} "
        f"| {one.frees_at} |"
        for one in rows
    ]
    return {
        "request": MetadataValue.text(removal.path),
        "reason": MetadataValue.text(removal.request.reason),
        "datasets": MetadataValue.int(len(rows)),
        "frees_bytes": MetadataValue.int(sum(one.size_bytes for one in rows)),
        "removed": MetadataValue.md("\n".join(lines)),
    }
