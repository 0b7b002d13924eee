"""What would land of a request: frozen, picklable, without a token in it."""

from __future__ import annotations

from hugflow_assets.hub.models import RepoState
from hugflow_assets.intake.models import DatasetRequest, Frozen
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape
from hugflow_assets.store.models import Manifest


class Version(Frozen):
    """Which version of a repository: its commit, and that of the Hub's conversion, where that is what lands."""

    commit: str
    files_commit: str | None = None

    @classmethod
    def of(cls, manifest: Manifest) -> Version:
        return cls(commit=manifest.repo.commit, files_commit=manifest.repo.files_commit)


class LandingPlan(Frozen):
    """What a request means on the Hub at one commit: everything that landing needs to know, nothing fetched yet.

    ``name`` is the storage name. ``whole`` is whether all configs were asked for (no ``subset`` in the request): with
    several of them each config gets a folder of its own. ``over`` is the landed version that the plan was made for,
    None where nothing was landed: a plan moves no other version than that.
    """

    request: DatasetRequest
    name: str
    endpoint: str
    state: RepoState
    shape: Shape
    shape_reason: str = ""  # for UNSUPPORTED: why, with the files seen; for others: what is worth saying loudly
    configs: tuple[ConfigPlan, ...] = ()
    estimate: Estimate
    over: Version | None = None

    @property
    def version(self) -> Version:
        return Version(commit=self.state.commit, files_commit=self.state.files_commit)

    @property
    def commit(self) -> str:
        return self.state.commit

    @property
    def upstream_files(self) -> int:
        """How many files of the repository are read, an archive once; those that only rows name are not known yet."""
        shards = [shard for config in self.configs for split in config.splits for shard in split.shards]
        return len({(file.archive or file).path for shard in shards for file in (*shard.files, *shard.beside)})

    @property
    def several_configs(self) -> bool:
        """Whether the layout has a folder a config: more than one lands."""
        return len(self.configs) > 1
