"""What the shapes look at: names of files, the layout that `datasets` finds, first bytes on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.shapes.clip_tables.layout import ClipLayout, ClipSplit
from hugflow_assets.shapes.lhotse_shar.layout import SharSplit
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape
from hugflow_assets.shapes.texts.found import Transcripts

ZIP = "zip"


@dataclass(frozen=True)
class ConfigFiles:
    """One config: the data files of each split, in the order `datasets` reads them, as paths in the repository."""

    name: str
    splits: tuple[tuple[str, tuple[str, ...]], ...]
    params: dict[str, Any] = field(default_factory=dict, compare=False)  # what the card tells the module besides


@dataclass(frozen=True)
class Layout:
    """The data files and the `datasets` module that would read them (``zip``: decided by what is in the archives).

    ``problem`` says why there is none; ``configs`` then names at most the configs of the card.
    """

    module: str | None
    configs: tuple[ConfigFiles, ...]
    problem: str = ""
    params: dict[str, Any] = field(default_factory=dict, compare=False)  # what the endings tell the module


@dataclass(frozen=True)
class Recognised:
    """A shape in words. ``shape`` UNSUPPORTED: it has a name, but no reader.

    ``clips`` is the layout of clip archives; ``note`` is what is worth saying although it lands; ``is_script``: only a
    loading script knows what the files mean.
    """

    shape: Shape
    description: str
    clips: ClipLayout | None = None
    note: str = ""
    is_script: bool = False


@dataclass(frozen=True)
class Sight:
    """What the recognisers look at: names, the layout `datasets` finds, and the first bytes of a table on demand."""

    repo_id: str
    paths: tuple[str, ...]
    layout: Layout
    head: Callable[[str], bytes]
    converted: bool = False  # the conversion branch itself was asked for
    members: tuple[str, ...] = ()  # what is in the archives, as far as it was looked at
    lists: bool = False  # lists of ids and texts are tables of the archives, whatever they are called

    @property
    def data_files(self) -> list[str]:
        return [path for config in self.layout.configs for _, files in config.splits for path in files]

    @property
    def script(self) -> str | None:
        """The loading script, which makes `datasets` refuse the repository whatever else is in it."""
        name = f"{self.repo_id.rpartition('/')[2]}.py"
        return name if name in self.paths else None


@dataclass(frozen=True)
class Chosen:
    """What a shape cuts into shards.

    Attributes:
        layout: all configs and splits; ``configs`` are those that are asked for.
        files: of the repository, and of its archives as far as they were opened, by path.
        infos: what the card says of the configs, see ``card.dataset_infos``.
        seen: the fields of the first samples, by config, where they were looked at.
        texts: of files without metadata.
        clips: the splits of tables that name clips; ``shar``: those of Lhotse Shar.
    """

    shape: Shape
    access: HubAccess
    state: RepoState
    layout: Layout
    configs: tuple[ConfigFiles, ...]
    files: Mapping[str, SourceFile]
    infos: Mapping[str, Mapping[str, Any]]
    seen: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    texts: Transcripts = field(default_factory=Transcripts)
    clips: tuple[ClipSplit, ...] = ()
    shar: tuple[SharSplit, ...] = ()


@dataclass(frozen=True)
class Cut:
    """The configs in shards, what they cost, and what is worth saying of them."""

    configs: tuple[ConfigPlan, ...]
    estimate: Estimate
    note: str = ""
