"""What lies where in a landed dataset, relative to its folder."""

from __future__ import annotations

from dataclasses import dataclass

from hugflow_assets.intake.names import escape_component
from hugflow_assets.planning.models import LandingPlan

FEATURES = "features.json"
CARD = "README.md"
UNNAMED = {"Audio": "silence.wav", "Image": "blank.png", "Video": "blank.mp4", "Pdf": "blank.pdf"}


def tar_name(kind: str, number: int) -> str:
    """What the tars of a split are called, as NeMo's readers want it: ``audio_0.tar``."""
    return f"{kind}_{number}.tar"


def is_view(path: str) -> bool:
    """Whether a file of a dataset's folder is made from the record, by this version or an earlier one."""
    if "/" in path:
        return path.startswith("manifests/")
    return path.endswith((".jsonl", ".parquet")) or path in UNNAMED.values()


@dataclass(frozen=True)
class Folders:
    """The paths of one config. ``config`` is None where only one lands: its name is then in no path."""

    config: str | None

    @classmethod
    def of(cls, plan: LandingPlan, config: str) -> Folders:
        return cls(config if plan.several_configs else None)

    @property
    def features(self) -> str:
        return f"json/{self._below()}{FEATURES}"

    def record(self, split: str) -> str:
        return f"json/{self._below()}{escape_component(split)}.jsonl"

    def shard(self, split: str, index: int) -> str:
        """Below ``audio/`` and its siblings."""
        return f"{self._below()}{escape_component(split)}/{index:05d}"

    def view(self, view: str, split: str) -> str:
        """The manifest of a split for NeMo or Lhotse."""
        return f"manifests/{view}/{self._below()}{escape_component(split)}.jsonl"

    def tar_view(self, view: str, split: str, number: int) -> str:
        """The manifest of one tar of a split, as NeMo's readers want it called."""
        return f"manifests/{view}/{self._below()}{escape_component(split)}/manifest_{number}.json"

    def table(self, split: str, at: int, of: int) -> str:
        """A file of the view for `datasets`, the ``at``-th of ``of``; in the root, from where it names the media."""
        config = f"{escape_component(self.config)}__" if self.config is not None else ""
        number = f"-{at:05d}-of-{of:05d}" if of > 1 else ""
        return f"{config}{escape_component(split)}{number}.parquet"

    def _below(self) -> str:
        return f"{escape_component(self.config)}/" if self.config is not None else ""


@dataclass(frozen=True)
class ViewSplit:
    """A split to make views of; ``shards`` are the offsets and sizes of its shards' lines in the record.

    ``audio_tars`` are its tars with audio, by their numbers.
    """

    folders: Folders
    config: str
    split: str
    shards: tuple[tuple[int, int], ...] = ()
    is_packed: bool = False
    audio_tars: tuple[str, ...] = ()

    @property
    def record(self) -> str:
        """The record's path."""
        return self.folders.record(self.split)
