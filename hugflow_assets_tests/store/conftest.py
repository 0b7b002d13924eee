from __future__ import annotations

from pathlib import Path

import pytest

from hugflow_assets.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose root and state folder do not exist yet."""
    return Store(tmp_path / "root", tmp_path / "state")
