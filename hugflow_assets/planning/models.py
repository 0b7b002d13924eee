"""What would land of a request: frozen, picklable, without a token in it."""

from __future__ import annotations

from hugflow_assets.hub.models import RepoState
from hugflow_assets.intake.models import DatasetRequest, Frozen
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape


class LandingPlan(Frozen):
    """What a request means on the Hub at one commit: everything that landing needs to know, nothing fetched yet.

    ``name`` is the storage name. ``whole`` is whether all configs were asked for (no ``subset`` in the request): with
    several of them each config gets a folder of its own.
    """

    request: DatasetRequest
    name: str
    endpoint: str
    state: RepoState
    shape: Shape
    shape_reason: str = ""  # for UNSUPPORTED: why, with the files seen; for others: what is worth saying loudly
    configs: tuple[ConfigPlan, ...] = ()
    estimate: Estimate

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
