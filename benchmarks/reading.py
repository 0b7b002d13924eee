"""How fast a landed dataset is read: ``python -m benchmarks.reading [--rows 200000]``.

Rows of a tiny clip and a text land from a local Hub; each way of reading runs in a process of its own, with an empty
cache of `datasets`, and never decodes audio. Printed as a table: seconds, rows a second, and the most memory held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Audio, Features, Value

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.reading import open_dataset
from hugflow_assets_tests.datasets_made import wav_bytes
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing.conftest import House

_RANDOM = 20_000


def land(to: Path, rows: int) -> Path:
    """A dataset of so many rows, in shards of 50,000."""
    features = Features({"id": Value("int64"), "audio": Audio(), "text": Value("string"), "speaker": Value("string")})
    clip = wav_bytes(0.001)
    files: dict[str, object] = {"README.md": b"# Rows\n"}
    count = max(1, -(-rows // 50_000))
    for at in range(count):
        numbers = range(at * rows // count, (at + 1) * rows // count)
        table = pa.table(
            {
                "id": list(numbers),
                "audio": [{"bytes": clip, "path": f"{n}.wav"} for n in numbers],
                "text": [f"sentence number {n} of some length, as they are" for n in numbers],
                "speaker": [f"s{n % 97}" for n in numbers],
            },
            schema=features.arrow_schema,
        )
        path = to / f"train-{at:05d}-of-{count:05d}.parquet"
        pq.write_table(table, path)
        files[f"data/{path.name}"] = path
    with LocalHub() as hub:
        hub.add_repo("acme/rows", files)
        house = House(hub, to)
        return house.land(house.plan("acme/rows")).path


def load(folder: Path) -> int:
    """``load_dataset(folder)``, whose first call makes its cache."""
    from datasets import load_dataset

    with torch_there():
        return len(load_dataset(str(folder), split="train"))


def loop_over_load(folder: Path) -> int:
    """The same, and a loop over its rows."""
    from datasets import load_dataset

    with torch_there():
        found = load_dataset(str(folder), split="train").cast_column("audio", Audio(decode=False))
        return sum(1 for _ in found)


def loop_over_open(folder: Path) -> int:
    """``open_dataset(folder)``, and a loop over its rows."""
    return sum(1 for _ in open_dataset(folder))


def by_number(folder: Path) -> int:
    """Rows of ``open_dataset`` by random numbers."""
    rows = open_dataset(folder)
    numbers = random.Random(1)
    for _ in range(_RANDOM):
        rows[numbers.randrange(len(rows))]
    return _RANDOM


def own_read(folder: Path) -> int:
    """The same lines read from the file by their places, and nothing else."""
    record = folder / "json/train.jsonl"
    starts, at = [0], 0
    for line in record.open("rb"):
        at += len(line)
        starts.append(at)
    numbers, file = random.Random(1), os.open(record, os.O_RDONLY)
    for _ in range(_RANDOM):
        row = numbers.randrange(len(starts) - 1)
        os.pread(file, starts[row + 1] - starts[row], starts[row])
    return _RANDOM


def to_arrow(folder: Path) -> int:
    """``open_dataset(folder).to_arrow()``."""
    return int(open_dataset(folder).to_arrow().num_rows)


WAYS: dict[str, Callable[[Path], int]] = {
    one.__name__: one for one in (load, loop_over_load, loop_over_open, to_arrow, by_number, own_read)
}


def measure(way: str, folder: Path) -> None:
    """Run one way here, and print what it took as JSON."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: it was this process's parent's
    begin, before = time.perf_counter(), _peak_kib()
    rows = WAYS[way](folder)
    seconds = time.perf_counter() - begin
    print(json.dumps({"rows": rows, "seconds": seconds, "grown_mib": (_peak_kib() - before) / 1024}))


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--way", choices=sorted(WAYS))
    parser.add_argument("--folder", type=Path, help="a folder that was landed by this")
    asked = parser.parse_args()
    if asked.way:
        measure(asked.way, asked.folder)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or land(Path(made), asked.rows)
        print(f"| {asked.rows:,} rows | seconds | rows/s | memory grown, MiB |\n|---|---|---|---|")
        for way, body in WAYS.items():
            with tempfile.TemporaryDirectory() as cache:
                call = [sys.executable, "-m", "benchmarks.reading", "--way", way, "--folder", str(folder)]
                done = subprocess.run(
                    call, env=os.environ | {"HF_DATASETS_CACHE": cache}, capture_output=True, text=True, check=True
                )
            told = json.loads(done.stdout.splitlines()[-1])
            what = (body.__doc__ or "").rstrip(".")
            speed = told["rows"] / told["seconds"]
            print(f"| {what} | {told['seconds']:.2f} | {speed:,.0f} | {told['grown_mib']:.0f} |")


if __name__ == "__main__":
    main()
