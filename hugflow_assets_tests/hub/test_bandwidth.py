"""MAX_BANDWIDTH holds over processes, and stopping does not wait for it."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import Hub, HubAccess, fetch
from hugflow_assets.hub.bandwidth import Bandwidth
from hugflow_assets.intake import DatasetRequest
from hugflow_assets_tests.datasets_made import speech_files

RATE = 2_000_000.0


def draw(path: str, count: int) -> None:
    limit = Bandwidth(RATE, Path(path))
    for _ in range(count):
        limit.take(20_000)


def test_the_limit_is_shared_by_all_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=draw, args=(str(tmp_path / "bandwidth"), 25)) for _ in range(4)]
    began = time.monotonic()
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    seconds = time.monotonic() - began
    assert 4 * 25 * 20_000 / RATE - 0.5 < seconds < 10


def test_a_damaged_or_far_future_file_is_no_debt(tmp_path: Path) -> None:
    path = tmp_path / "bandwidth"
    for content in (b"x", b"\xff" * 8, b"\x00\x00\x00\x00\x00\x00\xf0\x7f"):
        path.write_bytes(content)
        began = time.monotonic()
        Bandwidth(RATE, path).take(1000)
        assert time.monotonic() - began < 1


def test_a_stop_is_heeded_while_waiting(tmp_path: Path) -> None:
    limit = Bandwidth(1000, tmp_path / "bandwidth")
    began = time.monotonic()
    limit.take(1_000_000)  # drawn at once, from nothing promised
    limit.take(1_000_000, should_stop=lambda: True)
    assert time.monotonic() - began < 2


def test_a_fetch_keeps_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big.parquet").write_bytes(b"x" * 600_000)
    with LocalHub() as hub:
        hub.add_repo("org/speech", {**speech_files(tmp_path / "made"), "big.parquet": tmp_path / "big.parquet"})
        access = HubAccess(endpoint=hub.url, rate_dir=tmp_path / "rate", bytes_per_s=400_000)
        plan = Hub(access).resolve(DatasetRequest(hf_id="org/speech", description="d"))
        file = Hub(access).file_info("org/speech", plan.commit, ["big.parquet"])["big.parquet"]
        began = time.monotonic()
        fetch(access, "org/speech", plan.commit, file, tmp_path / "one")
        fetch(access, "org/speech", plan.commit, file, tmp_path / "two")
        assert time.monotonic() - began > 2 * 600_000 / 400_000 - 1.0 - 0.6
