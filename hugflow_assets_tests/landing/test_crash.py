"""A landing killed at any moment leaves nothing visible, and the next one makes the same tree."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.landing import land, verify
from hugflow_assets.store import Store
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import write_speech
from hugflow_assets_tests.landing.trees import tree_of

KILLS = 4


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_and_started_again_the_tree_is_that_of_a_clean_run(
    house: House, repo: Callable[..., str], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    repo(
        {
            f"data/train-{at:05d}-of-00006.parquet": write_speech(tmp_path / f"src/{at}.parquet", at * 40, 40)
            for at in range(6)
        }
    )
    clean = tree_of(house.elsewhere("clean").land().path)
    house.hub.bytes_per_s = 2_000_000  # slow enough that kills meet every phase
    assert house.store.names() == []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "hugflow_assets_tests.landing.crashing", house.hub.url, str(house.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = Store(house.folder / "storage", house.folder / "state")
        for name in store.names():
            assert verify(store, name).whole
    house.hub.bytes_per_s = None

    store = Store(house.folder / "storage", house.folder / "state", lease_ttl_s=1)
    plan = house.plan()
    with store.lease(plan.name, purpose="waiting for the dead run's silence", wait_s=20):
        pass
    landed = land(plan, store, house.access, house.options)

    assert tree_of(landed.path) == clean
    assert verify(store, plan.name).extra == ()
