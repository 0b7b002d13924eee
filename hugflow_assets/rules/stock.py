"""What is landed, as the rules see it: one small model a dataset, without its shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hugflow_assets.errors import ManifestError
from hugflow_assets.hub.models import LandingPlan
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.models import Manifest

if TYPE_CHECKING:
    from hugflow_assets.store import Store

Selection = frozenset[tuple[str, str]]


class Landed(Frozen):
    """One landed dataset. ``selection`` is its pairs of config and split."""

    name: str
    request: DatasetRequest
    repo_id: str
    repo_oid: str | None
    commit: str
    license: str | None
    selection: Selection
    size_bytes: int
    files: int
    rows: int
    hours: float

    @classmethod
    def of(cls, manifest: Manifest) -> Landed:
        return cls(
            name=manifest.name,
            request=manifest.request,
            repo_id=manifest.repo.id,
            repo_oid=manifest.repo.oid,
            commit=manifest.commit,
            license=manifest.repo.license,
            selection=frozenset((config.name, split.name) for config in manifest.configs for split in config.splits),
            size_bytes=manifest.size_bytes,
            files=manifest.files,
            rows=manifest.counts.rows,
            hours=manifest.hours,
        )


def stock_of(store: Store) -> dict[str, Landed]:
    """Every landed dataset by name, in order of name. A manifest that cannot be read is left out: drift shows it."""
    found: dict[str, Landed] = {}
    for name in sorted(store.names()):
        try:
            manifest = store.manifest(name)
        except ManifestError:
            continue
        if manifest is not None:
            found[name] = Landed.of(manifest)
    return found


def selection_of(plan: LandingPlan) -> Selection:
    """The pairs of config and split that a plan would land."""
    return frozenset((config.name, split.name) for config in plan.configs for split in config.splits)


def held_bytes(plan: LandingPlan, manifest: Manifest | None) -> int:
    """How many of the plan's bytes are on the storage under the same name already and need no space again.

    At the same commit that is the whole landing; at another one, the media of every shard whose source files are
    unchanged (they are linked, not copied; the record's lines are written anew).
    """
    if manifest is None:
        return 0
    if manifest.commit == plan.commit:
        return max(manifest.size_bytes, plan.estimate.landed_bytes)  # an estimate may be above what landed
    wanted = {
        tuple(filter(None, (file.sha256 or file.git_sha1 for file in shard.files)))
        for config in plan.configs
        for split in config.splits
        for shard in split.shards
    } - {()}
    return sum(
        shard.counts.media_bytes
        for config in manifest.configs
        for split in config.splits
        for shard in split.shards
        if tuple(source.hash.partition(":")[2] for source in shard.sources) in wanted
    )
