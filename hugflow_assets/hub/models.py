"""What the Hub holds, and what would land: frozen, picklable, without a token in it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.models import Frozen


class Shape(StrEnum):
    """How a repository's files are laid out, which decides the reader. ``UNSUPPORTED`` is refused before download."""

    PARQUET = "parquet"
    AUDIOFOLDER = "audiofolder"
    IMAGEFOLDER = "imagefolder"
    VIDEOFOLDER = "videofolder"
    PDFFOLDER = "pdffolder"
    NIFTIFOLDER = "niftifolder"
    MESHFOLDER = "meshfolder"
    STRUCTUREFOLDER = "structurefolder"  # of molecules: pdb, mmcif
    WEBDATASET = "webdataset"
    CLIP_ARCHIVES = "clip-archives"  # Common Voice style: archives of clips beside csv/tsv tables
    CLIP_FILES = "clip-files"  # likewise, the clips being files of the repository
    ROWS = "rows"  # csv, json, text, arrow … through the rows that `datasets` streams
    TASKS = "tasks"  # Harbor: a folder with task.toml and instruction.md
    UNSUPPORTED = "unsupported"


class SourceFile(Frozen):
    """A file of a repository at a commit, with the hash the Hub promises: sha256 (LFS, Xet) or git's blob sha1.

    A member of a zip archive is one too: its path is the archive's with the member's name behind it, and its promise is
    the archive's hash.
    """

    path: str
    size_bytes: int
    sha256: str | None = None
    git_sha1: str | None = None
    xet_hash: str | None = None
    commit: str | None = None  # where it is, if not at the plan's commit (the Hub's conversion of the repository)
    archive: SourceFile | None = None  # the zip archive that it is a member of
    member: str = ""  # its name in there, as the archive says it


class ShardSource(Frozen):
    """One unit of landing: the files that one worker reads alone, in order. ``num_rows`` None: not known upstream.

    ``shape`` picks the reader. ``beside`` are files that speak of ``files`` and that other shards read too (tables,
    metadata); ``options`` is what the reader has to be told, as JSON; ``named_bytes`` is the size, as far as it can be
    told, of the files that its rows name.
    """

    index: int
    files: tuple[SourceFile, ...]
    num_rows: int | None = None
    shape: Shape = Shape.PARQUET
    beside: tuple[SourceFile, ...] = ()
    options: dict[str, Any] = {}
    named_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files) + self.named_bytes


class SplitPlan(Frozen):
    """One split: its shards in upstream order."""

    name: str
    shards: tuple[ShardSource, ...]
    num_rows: int | None = None


class ConfigPlan(Frozen):
    """One config (subset). ``features`` as ``datasets.Features.to_dict()`` gives them, in column order.

    ``seen``: where nothing tells the features, those of the first rows, of which only the names can be trusted.
    """

    name: str
    splits: tuple[SplitPlan, ...]
    features: dict[str, Any] | None = None
    seen: dict[str, Any] | None = None


class Estimate(Frozen):
    """What a landing would cost and give, known before any data is fetched. None: not known upstream.

    ``files`` are media files that land.
    """

    download_bytes: int
    landed_bytes: int
    files: int
    rows: int | None = None
    hours: float | None = None


class RepoState(Frozen):
    """A repository at a revision, without its data. ``repo_oid`` is the Hub's ``_id``: it survives renames."""

    repo_id: str
    repo_oid: str | None
    commit: str
    license: str | None = None
    gated: str | None = None  # None, "auto" or "manual"
    private: bool = False
    disabled: bool = False
    last_modified: str | None = None
    files_commit: str | None = None  # of the Hub's conversion, where that is what lands
    files_hash: str | None = None  # of the paths and hashes of all files but README.md
    card_text: str = ""  # README.md without its YAML block
    card_data: dict[str, Any] = {}  # the YAML block


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
