"""What would land of a request: frozen, picklable, without a token in it."""

from __future__ import annotations

from enum import StrEnum

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


class Action(StrEnum):
    """What has to be done so that a dataset is landed as asked."""

    NOOP = "no-op"
    DESCRIPTION = "description"  # the manifest alone
    VIEWS = "views"  # rebuilt from the record, nothing fetched
    LAND = "land"
    RESTORE = "restore"  # the same data were in the trash; nothing fetched
    REPAIR = "repair"  # the same commit, missing or damaged shards fetched again
    UPDATE = "update"  # another commit (or layout), shards that are equal linked

    @property
    def fetches(self) -> bool:
        return self in (Action.LAND, Action.REPAIR, Action.UPDATE)


class KnownFiles(Frozen):
    """How many of a plan's distinct files, and how many bytes of them, another landed dataset was made of, too."""

    name: str
    files: int
    of_files: int
    size_bytes: int


class Forecast(Frozen):
    """What carrying out a plan does, and takes of the storage: the numbers that rules judge and landing reserves.

    ``download_bytes`` None: a repair fetches what is missing or damaged, which only hashing every file can tell.
    ``stays_bytes`` is what the storage holds more of afterwards; ``peak_bytes`` and ``peak_inodes`` are needed while it
    lands, what stays included. ``files_inodes`` and ``packed_inodes`` are what the whole of it takes in either form.
    ``known``: what the storage knows already of a dataset that has not landed, where people are shown the plan.
    """

    action: Action
    download_bytes: int | None = 0
    stays_bytes: int = 0
    peak_bytes: int = 0
    peak_inodes: int = 0
    files_inodes: int = 0
    packed_inodes: int = 0
    known: tuple[KnownFiles, ...] = ()


class Coverage(Frozen):
    """What a plan reads of a repository's data files; the card, the licence and their like are none.

    ``left`` names some of the files that are not read. ``has_audio`` says that audio has to land: without any it is no
    success.
    """

    files: int = 0
    read: int = 0
    left: tuple[str, ...] = ()
    has_audio: bool = False

    @property
    def left_files(self) -> int:
        return self.files - self.read

    def counts(self) -> dict[str, int]:
        """For the manifest."""
        return {"files_in_repository": self.files, "files_read": self.read, "files_left": self.left_files}


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
    remedy: str = ""  # for UNSUPPORTED: what to do, where there is more to say than of every such repository
    configs: tuple[ConfigPlan, ...] = ()
    estimate: Estimate
    over: Version | None = None
    coverage: Coverage = Coverage()

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
