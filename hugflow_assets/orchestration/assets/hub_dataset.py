"""``hub_dataset``: the upstream repositories, one partition a dataset; the data version is the Hub's commit.

For Dagster to call a landing stale when, and only when, its branch has moved, a landing must point at an observation
that was recorded before the materialization and outside of its step (an observation logged inside the step leaves it
stale for ever, none at all leaves it fresh for ever).
"""

import warnings
from collections.abc import Iterable

import orjson
from dagster import (
    AssetExecutionContext,
    AssetObservation,
    AssetRecordsFilter,
    BetaWarning,
    DagsterInstance,
    DataVersion,
    DataVersionsByPartition,
    SourceAsset,
    observable_source_asset,
)
from dagster._utils.tags import is_valid_tag_key

from hugflow_assets.orchestration.assets.check_specs import GROUP, HUB_DATASET
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.partitions import DATASETS
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.requests import AS_ASKED, DATA_VERSION_TAG
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.orchestration.reconcile.upstream_drift import Watched, watch
from hugflow_assets.settings import Settings
from hugflow_assets.store import Fingerprint, Manifest

CODE_VERSION_TAG = "dagster/code_version"
_LOOK_BACK = 25


def observe(context: AssetExecutionContext, platform: Platform) -> DataVersionsByPartition:
    """Ask the Hub, once a repository and revision, at which commit every landed or requested dataset is."""
    with failing_by_name(context.instance, context.run.run_id):
        seen = watch(platform.hub(), platform.store(), platform.snapshot())
        for name, why in seen.unanswered.items():
            context.log.warning("%s: %s", name, why)
        commits: dict[str, str | DataVersion] = dict(seen.commits)
        return DataVersionsByPartition(commits)


def look_upstream(instance: DagsterInstance, platform: Platform) -> Watched:
    """The same without an asset's run: an observation is recorded only where it differs from the last one."""
    seen = watch(platform.hub(), platform.store(), platform.snapshot())
    for name, commit in seen.commits.items():
        latest = _observations(instance, name, limit=1)
        if not latest or latest[0][1] != commit:
            _observe(instance, name, commit)
    return seen


def hub_dataset(ids: Iterable[str] = ()) -> SourceAsset:
    """The external asset. ``ids`` are tags of it: the UI's search goes over the tags of assets, not over partitions."""
    tags = {one: "" for one in sorted(set(ids)) if is_valid_tag_key(one)}
    with warnings.catch_warnings(action="ignore", category=BetaWarning):  # the minor version is pinned for it
        return observable_source_asset(
            key=HUB_DATASET,
            partitions_def=DATASETS,
            group_name=GROUP,
            tags={"dagster/kind/huggingface": "", "about": "upstream", **tags},
            description=descriptions.HUB_DATASET,
        )(observe)


def landed_ids(settings: Settings) -> list[str]:
    """The ids of what was landed when this machine last looked: a file of its own, the storage is not touched."""
    try:
        document = orjson.loads((settings.hugflow_state_dir / "active.json").read_bytes())
        return [str(row["hf_id"]) for row in document["datasets"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def upstream_tags(instance: DagsterInstance, name: str, commit: str, *, newest: bool = False) -> dict[str, str]:
    """Tags of a materialization that say which upstream commit it holds.

    Args:
        newest: the branch was just asked, and is at ``commit``: that is recorded as an observation. What is repaired or
            known by its manifest alone says nothing about the branch: an older observation of the commit is pointed
            at; is there none, one is recorded, and what was observed last is repeated after it.
    """
    seen = _observations(instance, name)
    last = seen[0][1] if seen else None
    known = seen[:1] if newest else seen
    pointer = next((storage_id for storage_id, version in known if version == commit), None)
    if pointer is None:
        _observe(instance, name, commit)
        pointer = _observations(instance, name, limit=1)[0][0]
        if last is not None and not newest:
            _observe(instance, name, last)
    return AS_ASKED | {
        f"dagster/input_data_version/{HUB_DATASET.to_user_string()}": commit,
        f"dagster/input_event_pointer/{HUB_DATASET.to_user_string()}": str(pointer),
    }


def runless_tags(instance: DagsterInstance, manifest: Manifest) -> dict[str, str]:
    """The same for a materialization without a run, to which Dagster adds no version: without one it stays fresh."""
    return upstream_tags(instance, manifest.name, manifest.commit) | {
        DATA_VERSION_TAG: data_version(manifest.fingerprint).value,
        CODE_VERSION_TAG: "landed-before",
    }


def data_version(fingerprint: Fingerprint) -> DataVersion:
    """The data version of a landing: equal ones leave what is made from it, the profile and the catalogue, up to date.

    The description is no part of it; who asked and what for is in the catalogue alone, which is told anew by itself.
    """
    return DataVersion(f"{fingerprint.data}-{fingerprint.views}")


def _observe(instance: DagsterInstance, name: str, commit: str) -> None:
    instance.report_runless_asset_event(
        AssetObservation(HUB_DATASET, partition=name, tags={DATA_VERSION_TAG: commit}, metadata={"commit": commit})
    )


def _observations(instance: DagsterInstance, name: str, limit: int = _LOOK_BACK) -> list[tuple[int, str]]:
    """Storage id and commit of the latest observations of a dataset, newest first."""
    found = instance.fetch_observations(AssetRecordsFilter(HUB_DATASET, asset_partitions=[name]), limit=limit)
    return [
        (record.storage_id, record.asset_observation.tags.get(DATA_VERSION_TAG, ""))
        for record in found.records
        if record.asset_observation is not None
    ]
