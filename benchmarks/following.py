"""How soon the first row of a large dataset can be read: ``python -m benchmarks.following [--shards 1000]``.

A local Hub serves every shard slowly, so that the whole would take long; a reader with ``follow=True`` waits in a
process of its own. The landing is stopped when the reader has its first rows. Printed: seconds from the run's start
(planning included, and not), and how much of the dataset was there by then.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from hugflow_assets.errors import LandingCancelledError
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.conftest import REPO, House

_READER = """
import sys
from hugflow_assets import open_dataset
print("waits", flush=True)
for row in open_dataset(sys.argv[1], root=sys.argv[2], follow=True):
    print(row["id"], flush=True)
    break
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=50, help="of a shard")
    parser.add_argument("--shard-seconds", type=float, default=8.0, help="that the Hub takes for a shard")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        _measure(Path(made), asked.shards, asked.rows, asked.shard_seconds)


def _measure(to: Path, shards: int, rows: int, shard_seconds: float) -> None:
    files: dict[str, bytes | Path] = {"README.md": b"# Speech\n"}
    for at in range(shards):
        name = f"train-{at:05d}-of-{shards:05d}.parquet"
        files[f"data/{name}"] = write_parquet(to / name, clip_rows(rows, first=at * rows))
    size = (to / name).stat().st_size
    with FaultyHub(latency_s=0.05) as hub:
        hub.fault("parquet", "trickle", times=None, origin="cdn", whole=True, bytes_per_s=size / shard_seconds)
        hub.add_repo(REPO, files)
        house = House(hub, to, LandingOptions())
        house.store.layout.prepare()
        words = [sys.executable, "-c", _READER, REPO, str(house.store.layout.root)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            reader.stdout.readline()
            began = time.monotonic()
            plan = house.plan()
            planned, has_row = time.monotonic(), threading.Event()
            landing = threading.Thread(target=_land, args=(house, plan, has_row))
            landing.start()
            reader.stdout.readline()
            seconds = time.monotonic()
            has_row.set()
            landing.join()
    whole = shards * shard_seconds
    print(f"{shards:,} shards, one after the other {whole:,.0f} s: planned in {planned - began:.1f} s, the first row")
    print(f"{seconds - planned:.1f} s behind the plan, {seconds - began:.1f} s behind the run's start.")


def _land(house: House, plan: LandingPlan, has_row: threading.Event) -> None:
    try:
        house.land(plan, should_stop=has_row.is_set)
    except LandingCancelledError:
        return


if __name__ == "__main__":
    main()
