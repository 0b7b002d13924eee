"""A project of its own for each test: requests, storage, a Hub over HTTP, a real Dagster instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.store import Store
from hugflow_assets_tests.datasets_made import speech_files
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.migrations import read_once

SPEECH = "org__speech__rev_main"

read_once()


@dataclass
class Project:
    """Folders of a project, and the Hub that it is pointed at."""

    root: Path
    hub: FaultyHub
    instance: DagsterInstance

    @property
    def storage(self) -> Path:
        return self.root / "datasets"

    @property
    def store(self) -> Store:
        return Platform().store()

    def add(self, stem: str = "speech", hf_id: str = "org/speech", description: str = "Speech.", **fields: str) -> Path:
        return self.write(f"add/{stem}.yaml", {"hf_id": hf_id, "description": description, **fields})

    def remove(self, stem: str = "speech", hf_id: str = "org/speech", reason: str = "Done.", **fields: str) -> Path:
        return self.write(f"remove/{stem}.yaml", {"hf_id": hf_id, "reason": reason, **fields})

    def write(self, path: str, content: dict[str, str] | str) -> Path:
        target = self.root / "requests" / path
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return target

    def everything(self) -> dict[str, bytes]:
        """Every file of the project but Dagster's, by path: what "nothing was written" is compared with."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".hugflow-state" not in path.parts
        }


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """In memory, which takes a third of the time that a run takes with SQLite; tests of several processes have that."""
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def hub() -> Iterator[FaultyHub]:
    """A Hub over real HTTP that can also be slow, silent or down."""
    with FaultyHub() as hub:
        yield hub


@pytest.fixture
def project(tmp_path: Path, hub: FaultyHub, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    for folder in ("requests/add", "requests/remove"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("HUGFLOW_PROJECT_DIR", str(root))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HUB_RETRIES", "0")
    for variable in ("STORAGE_ROOT", "HUGFLOW_STATE_DIR", "REQUESTS_DIR", "HF_TOKEN", "STORAGE_QUOTA"):
        monkeypatch.delenv(variable, raising=False)
    return Project(root, hub, instance)


@pytest.fixture
def speech(project: Project, tmp_path: Path) -> Project:
    """A project with one request for a small speech dataset that is on the Hub."""
    project.hub.add_repo("org/speech", speech_files(tmp_path / "made"))
    project.add()
    return project
