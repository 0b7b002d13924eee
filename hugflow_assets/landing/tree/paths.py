"""What lies where in a landed dataset, relative to its folder."""

from __future__ import annotations

from dataclasses import dataclass

from hugflow_assets.intake.names import escape_component
from hugflow_assets.planning.models import LandingPlan

FEATURES = "features.json"
CARD = "README.md"


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
        if view == "datasets":
            config = f"{escape_component(self.config)}__" if self.config is not None else ""
            return f"{config}{escape_component(split)}.jsonl"
        return f"manifests/{view}/{self._below()}{escape_component(split)}.jsonl"

    def _below(self) -> str:
        return f"{escape_component(self.config)}/" if self.config is not None else ""
