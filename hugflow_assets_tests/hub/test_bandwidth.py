"""MAX_BANDWIDTH holds over processes, and stopping does not wait for it."""

from __future__ import annotations

import multiprocessing
import struct
import time
from pathlib import Path

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.transfer.bandwidth_limit import Bandwidth
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets_tests.datasets_made import speech_files

RATE = 2_000_000.0
AHEAD_S = 0.5  # burst and what one draw has in hand


class Clock:
    """Time that passes only while somebody naps."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def nap(self, seconds: float) -> None:
        self.now += seconds


def promised_until(path: Path) -> float:
    return float(struct.unpack("<d", path.read_bytes())[0])


def draw(path: str, count: int) -> None:
    limit = Bandwidth(RATE, Path(path))
    for _ in range(count):
        limit.take(20_000)


def test_whoever_takes_waits_until_the_bytes_are_allowed(tmp_path: Path) -> None:
    clock = Clock()
    began = clock()
    one, other = (Bandwidth(RATE, tmp_path / "bandwidth", clock, clock.nap) for _ in range(2))
    for _ in range(50):
        one.take(20_000)
        other.take(20_000)
    assert 1.0 - AHEAD_S <= clock() - began <= 1.0


def test_the_limit_is_shared_by_all_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    path = tmp_path / "bandwidth"
    began = time.time()
    processes = [context.Process(target=draw, args=(str(path), 25)) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert promised_until(path) >= began + 4 * 25 * 20_000 / RATE - AHEAD_S


def test_a_damaged_or_far_future_file_is_no_debt(tmp_path: Path) -> None:
    path, clock = tmp_path / "bandwidth", Clock()
    for content in (b"x", b"\xff" * 8, b"\x00\x00\x00\x00\x00\x00\xf0\x7f"):
        path.write_bytes(content)
        began = clock()
        Bandwidth(RATE, path, clock, clock.nap).take(1000)
        assert clock() == began


def test_a_stop_is_heeded_while_waiting(tmp_path: Path) -> None:
    clock = Clock()
    limit = Bandwidth(1000, tmp_path / "bandwidth", clock, clock.nap)
    limit.take(1_000_000)  # drawn at once, from nothing promised
    began = clock()
    limit.take(1_000_000, should_stop=lambda: True)
    assert clock() == began


def test_a_fetch_takes_every_byte_from_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big.parquet").write_bytes(b"x" * 600_000)
    with LocalHub() as hub:
        hub.add_repo("org/speech", {**speech_files(tmp_path / "made"), "big.parquet": tmp_path / "big.parquet"})
        access = HubAccess(endpoint=hub.url, rate_dir=tmp_path / "rate", bytes_per_s=1_200_000)
        plan = resolve(Hub(access), DatasetRequest(hf_id="org/speech", description="d"))
        file = Hub(access).file_info("org/speech", plan.commit, ["big.parquet"])["big.parquet"]
        began = time.time()
        fetch(access, "org/speech", plan.commit, file, tmp_path / "one")
        fetch(access, "org/speech", plan.commit, file, tmp_path / "two")
        assert promised_until(tmp_path / "rate" / "bandwidth") >= began + 1.0 - AHEAD_S
