"""What every room's tests share. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hugflow_assets.demo import LocalHub


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """An empty Hub over real HTTP on the loopback; fill it with ``hub.add_repo``."""
    with LocalHub() as hub:
        yield hub
