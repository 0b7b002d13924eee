"""What a person asks for by name: a newer commit, a version back from the trash, a landing from local files."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dagster import AssetMaterialization, DagsterInstance

from hugflow_assets.errors import RemovalInForceError
from hugflow_assets.orchestration.assembly import definitions
from hugflow_assets.orchestration.assets.check_specs import DATASET
from hugflow_assets.orchestration.assets.dataset import requested
from hugflow_assets.orchestration.assets.hub_dataset import runless_tags
from hugflow_assets.orchestration.assets.metadata import found_metadata
from hugflow_assets.orchestration.assets.partitions import DATASETS_NAME, register
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.plan_tick import run_request
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets.orchestration.sync.results import SyncResult, result_of
from hugflow_assets.orchestration.sync.run_here import execute
from hugflow_assets.orchestration.sync.run_outcome import outcome_of
from hugflow_assets.store import Manifest, TrashEntry


def materialize(
    names: Sequence[str], *, update: bool = False, instance: DagsterInstance | None = None
) -> list[SyncResult]:
    """Materialize datasets in this process, one after the other: land, or repair where they are, or ``update``.

    Raises:
        UnknownDatasetError: a name that no request and no landed dataset has; then nothing is begun.
        RequestSourceError, SettingsError, StorageError: nothing can be looked at.
    """
    if instance is None:
        with project_instance() as own:
            return materialize(names, update=update, instance=own)
    platform = Platform()
    snapshot, store = platform.snapshot(), platform.store()
    asked = [requested(name, snapshot, store) for name in names]
    defs, done = definitions(), []
    for add in asked:
        register(instance, DATASETS_NAME, [add.name])
        began = time.monotonic()
        run = run_request(add.name, add, f"manual-{time.time_ns()}", snapshot.commit, update=update)
        result = execute(defs, instance, run)
        done.append(result_of(add, outcome_of(instance, result.run_id, time.monotonic() - began), snapshot))
    return done


def restore(name: str, *, entry_id: str | None = None, instance: DagsterInstance | None = None) -> TrashEntry:
    """Bring a removed dataset back from the trash, and its partition back to the list.

    Raises:
        RemovalInForceError: a removal file withdraws it; the message names the file.
        UnknownDatasetError: the trash has no such version.
        StorageError: a version of that name is landed. LeaseHeldError: somebody is at work on it.
    """
    if instance is None:
        with project_instance() as own:
            return restore(name, entry_id=entry_id, instance=own)
    platform = Platform()
    store = platform.store()
    _refuse_withdrawn(platform, name, entry_id)
    entry = store.restore(name, entry_id=entry_id)
    manifest = store.manifest(name)
    register(instance, DATASETS_NAME, [name])
    if manifest is not None:
        instance.report_runless_asset_event(restored_event(instance, manifest, platform))
    return entry


def restored_event(instance: DagsterInstance, manifest: Manifest, platform: Platform) -> AssetMaterialization:
    """What the UI shows of a dataset that is back."""
    return AssetMaterialization(
        DATASET,
        partition=manifest.name,
        description="Restored from the trash.",
        metadata=found_metadata(manifest, platform.store()),
        tags=runless_tags(instance, manifest),
    )


def _refuse_withdrawn(platform: Platform, name: str, entry_id: str | None) -> None:
    store, snapshot = platform.store(), platform.snapshot()
    entries = [one for one in store.trash.entries(name) if entry_id in (None, one.id)]
    manifests = [found for one in entries if (found := store.trash.manifest(one)) is not None]
    asked = snapshot.add(name)
    requests = [one.request for one in manifests] + ([asked.request] if asked else [])
    for request in requests:
        if removals := snapshot.removals_of(request):
            paths = ", ".join(one.path for one in removals)
            raise RemovalInForceError(
                f"{name} is withdrawn by {paths} ({removals[0].request.reason}).",
                remedy=f"Delete {paths}, then restore it; or leave it to land again by itself.",
                name=name,
            )
