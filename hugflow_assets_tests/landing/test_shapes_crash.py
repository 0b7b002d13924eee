"""A landing of archives killed at any moment is resumed to the tree of a clean run."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.landing.land import land
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.store import Store
from hugflow_assets.store.models import Form
from hugflow_assets_tests.datasets_made import tar_bytes, tsv_bytes, wav_bytes, zip_bytes
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import tree_of
from hugflow_assets_tests.polling import poll
from hugflow_assets_tests.processes import unmeasured

KILLS = 4
MODULE = "hugflow_assets_tests.landing.crashing"


def corpus() -> dict[str, bytes]:
    """Tars of two splits, a gzipped one that both need, and a table each."""
    files: dict[str, bytes] = {}
    common = {f"common/{at}.wav": wav_bytes(0.4, hz=300.0 + at) for at in range(20)}
    for split in ("train", "test"):
        clips = {f"{split}/{split}_{at:03}.wav": wav_bytes(0.3, hz=200.0 + at) for at in range(60)}
        names = list(clips)
        for part in range(3):
            files[f"audio/{split}/{split}_{part}.tar"] = tar_bytes(
                {name: clips[name] for name in names[part * 20 : part * 20 + 20]}
            )
        rows = [{"path": name, "sentence": f"of {name}"} for name in [*names, *common]]
        files[f"{split}.tsv"] = tsv_bytes(rows)
    files["common.tar.gz"] = tar_bytes(common, compression="gz")
    return files


def zipped() -> dict[str, bytes]:
    """A zip of audio and its metadata, of several shards."""
    clips = {f"{at:03}.wav": wav_bytes(0.1, hz=200.0 + at) for at in range(300)}
    metadata = "".join(f"{name},{at}\n" for at, name in enumerate(clips))
    return {"data.zip": zip_bytes({**clips, "metadata.csv": f"file_name,at\n{metadata}".encode()})}


def landing(house: House, executor: str, form: str = "files") -> subprocess.Popen[bytes]:
    """A process that has begun to land."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hugflow_assets_tests.landing.crashing",
            house.hub.url,
            str(house.folder),
            executor,
            form,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=unmeasured(),
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize(("files", "form"), [(corpus, "files"), (zipped, "packed")])
def test_archives_killed_at_random_land_as_if_never_killed(
    house: House, repo: Callable[..., str], files: Callable[[], dict[str, bytes]], form: Form
) -> None:
    chance = random.Random(7)
    repo(files())
    house.options = replace(house.options, form=form)
    clean = tree_of(house.elsewhere("clean").land().path)
    house.hub.bytes_per_s = 2_000_000  # slow enough that kills meet every phase
    for _ in range(KILLS):
        process = landing(house, "threads", form)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.1, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
    house.hub.bytes_per_s = None

    store = Store(house.folder / "storage", house.folder / "state", lease_ttl_s=1)
    plan = house.plan()
    with store.leases.take(plan.name, purpose="waiting for the dead run's silence", wait_s=20):
        pass
    landed = land(plan, store, house.access, house.options)

    assert tree_of(landed.path) == clean
    assert verify(store, plan.name).whole and verify(store, plan.name).extra == ()
    store.clean_debris()  # of a landing that was killed between its publication and its tidying up
    assert not list((house.folder / "storage/.hugflow/staging").rglob("*.arrow"))


def test_workers_do_not_outlive_a_landing_that_is_killed(house: House, repo: Callable[..., str]) -> None:
    repo(zipped())
    house.hub.bytes_per_s = 100_000
    process = landing(house, "processes")
    tasks = Path(f"/proc/{process.pid}/task")
    begun = 2  # a worker, and what it came with
    poll(
        lambda: sum(len(one.read_text().split()) for one in tasks.glob("*/children")) >= begun,
        within_s=20,
        every_s=0.01,
    )
    process.kill()
    process.communicate(timeout=20)  # its output ends with the last process that has it
