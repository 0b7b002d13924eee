from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.pin import plan
from hugflow_assets.store import Store

REPO = "acme/speech"


@dataclass
class House:
    """A local Hub, a storage, and the way from one to the other."""

    hub: LocalHub
    folder: Path
    options: LandingOptions = field(default_factory=lambda: LandingOptions(progress_interval_s=0.05))

    @property
    def access(self) -> HubAccess:
        return HubAccess(endpoint=self.hub.url, retries=1, backoff_s=0.01)

    @property
    def store(self) -> Store:
        (self.folder / "storage").mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        return Store(self.folder / "storage", self.folder / "state")

    def plan(self, hf_id: str = REPO, *, update: bool = False, **asked: Any) -> LandingPlan:
        request = DatasetRequest(hf_id=hf_id, **{"description": "Speech.", **asked})
        landed = self.store.manifest(storage_name(request))
        return plan(Hub(self.access), request, landed=landed, update=update)

    def land(self, plan: LandingPlan | None = None, **options: Any) -> LandedDataset:
        return land(plan or self.plan(), self.store, self.access, self.options, **options)

    def elsewhere(self, name: str) -> House:
        """The same Hub, another storage."""
        return House(self.hub, self.folder / name, self.options)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        yield hub


@pytest.fixture
def house(hub: LocalHub, tmp_path: Path) -> House:
    return House(hub, tmp_path)


@pytest.fixture
def repo(hub: LocalHub) -> Callable[..., str]:
    """Make a repository of files and give its commit."""

    def make(files: dict[str, Any], repo_id: str = REPO) -> str:
        return hub.add_repo(repo_id, {"README.md": b"---\nlicense: cc0-1.0\n---\n# Speech\n", **files})

    return make
