"""A disk that fills up stops the landing cleanly; with room again it goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hugflow_assets.errors import DiskFullError
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.settings import DownloadMode
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import write_speech
from hugflow_assets_tests.landing.trees import tree_of
from hugflow_assets_tests.small_disk import small_disk_at


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; the space reserved for a landing is there, but something else takes it."""
    with small_disk_at(tmp_path / "disk", "8m") as folder:
        yield folder


@pytest.mark.parametrize("mode", ["disk", "stream"])
def test_no_space_left_midway(
    house: House, repo: Callable[..., str], tmp_path: Path, small_disk: Path, mode: DownloadMode
) -> None:
    repo(
        {
            f"data/train-{at:05d}-of-00006.parquet": write_speech(tmp_path / f"src/{at}.parquet", at * 40, 40)
            for at in range(6)
        }
    )
    clean = tree_of(house.elsewhere("clean").land().path)
    house.folder = small_disk
    house.options = LandingOptions(workers=1, progress_interval_s=0.01, download_mode=mode)
    plan = house.plan()
    thief = small_disk / "thief"

    def steal(_: object) -> None:
        if not thief.exists() and any((small_disk / "storage/.hugflow/staging").rglob("*.wav")):
            room = os.statvfs(small_disk)
            thief.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - 200_000)))

    with pytest.raises(DiskFullError) as caught:
        house.land(plan, on_progress=steal)
    assert "No space" in caught.value.message and caught.value.remedy
    assert house.store.index.names() == []

    thief.unlink()
    landed = house.land(plan)

    assert tree_of(landed.path) == clean
    assert landed.bytes_fetched > 0
