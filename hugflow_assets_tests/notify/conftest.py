from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hugflow_assets.store import Store
from hugflow_assets_tests.doubles.github import GitHubDouble
from hugflow_assets_tests.doubles.slack import SlackDouble


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "datasets", tmp_path / "state")


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    with GitHubDouble() as double:
        double.open_pull(1)
        yield double


@pytest.fixture
def slack() -> Iterator[SlackDouble]:
    with SlackDouble() as double:
        yield double
