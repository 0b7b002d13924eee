"""Xet storage against plain HTTP, one file and several at once: ``python -m benchmarks.xet [--sizes 1,8,64,256]``.

All fetch, hash and write the same noise from the local Hub, near and far. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.xet_folder import XetFolder

REPO = "bench/xet"
FAR_LATENCY_S, FAR_BYTES_PER_S = 0.05, 50e6
MODES = ("off", "on", "auto")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.xet", description=__doc__)
    parser.add_argument("--sizes", default="1,8,32,128,512", help="of one file, in MB")
    parser.add_argument("--several", default="2x256,8x32", help="files at once, and the size of each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workdir", default=None)
    parser.add_argument("--one", default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_fetch(json.loads(asked.one))))
        return
    cases = [(1, int(size)) for size in asked.sizes.split(",")]
    cases += [(int(count), int(size)) for count, size in (one.split("x") for one in asked.several.split(",") if one)]
    print("| files | MB each | Hub | XET=off: MB/s, CPU s, peak MB | on | auto |")
    print("|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory(prefix="hugflow-xet-", dir=asked.workdir) as folder,
        LocalHub(xet=XetFolder(Path(folder) / "xet")) as hub,
    ):
        for count, size in cases:
            commit = _add(hub, Path(folder), count, size)
            for far in (False, True):
                hub.latency_s, hub.bytes_per_s = (FAR_LATENCY_S, FAR_BYTES_PER_S) if far else (0.0, None)
                _race(hub.url, commit, Path(folder), count, size, far, asked.repeats)


def _add(hub: LocalHub, folder: Path, count: int, size: int) -> str:
    made: dict[str, bytes | Path] = {}
    for at in range(count):
        path = made[f"{at}.bin"] = folder / f"{count}-{size}-{at}.bin"
        noise = random.Random(f"{count} {size} {at}")
        with path.open("wb") as file:
            for _ in range(size):
                file.write(noise.randbytes(1_000_000))
    return hub.add_repo(f"{REPO}-{count}-{size}", made)


def _race(endpoint: str, commit: str, folder: Path, count: int, size: int, far: bool, repeats: int) -> None:
    told: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    for _ in range(repeats):
        for mode in MODES:
            to = folder / "fetched"
            case = {"endpoint": endpoint, "commit": commit, "to": str(to), "count": count, "size": size, "xet": mode}
            command = [sys.executable, "-m", "benchmarks.xet", "--one", json.dumps(case)]
            out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
            told[mode].append(json.loads(out))
            subprocess.run(["rm", "-r", str(to)], check=True)
    row = [str(count), str(size), "far" if far else "near"]
    for runs in told.values():
        seconds, cpu_s, peak_mb = (statistics.median(run[key] for run in runs) for key in ("s", "cpu_s", "peak_mb"))
        row.append(f"{count * size / seconds:.0f}, {cpu_s:.2f}, {peak_mb:.0f}")
    print(f"| {' | '.join(row)} |", flush=True)


def _fetch(case: dict[str, Any]) -> dict[str, float]:
    """The child: fetch all files, with the first token and connection to be opened yet."""
    from hugflow_assets.hub import Hub, HubAccess, fetch

    access = HubAccess(case["endpoint"], xet=case["xet"])
    repo = f"{REPO}-{case['count']}-{case['size']}"
    files = Hub(access).file_info(repo, case["commit"], [f"{at}.bin" for at in range(case["count"])])
    before, began = os.times(), time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda one: fetch(access, repo, case["commit"], one, Path(case["to"]) / one.path), files.values())
        )
    after, seconds = os.times(), time.monotonic() - began
    cpu_s = after.user + after.system - before.user - before.system
    return {"s": seconds, "cpu_s": cpu_s, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """Of this process since it began; ``ru_maxrss`` would have the parent's in it."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1000 for line in told.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
