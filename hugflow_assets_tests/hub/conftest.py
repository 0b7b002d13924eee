"""A Hub that can misbehave, and an access that does not wait long for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import HubAccess
from hugflow_assets_tests.faulty_hub import FaultyHub

Access = Callable[..., HubAccess]


@pytest.fixture
def hub() -> Iterator[FaultyHub]:
    with FaultyHub(tokens={"hf_reader": "reader", "hf_stranger": "stranger"}) as hub:
        yield hub


@pytest.fixture
def access(hub: LocalHub) -> Access:
    """``access(token=…, retries=…)`` to the hub of the test, with hardly a pause between two tries."""

    def make(**options: object) -> HubAccess:
        patient = {"connect_timeout_s": 5, "read_timeout_s": 5, "retries": 3, "backoff_s": 0.01}
        return HubAccess(**{"endpoint": hub.url, **patient, **options})  # type: ignore[arg-type]

    return make
