"""Xet storage against plain HTTP, one file and several at once: ``python -m benchmarks.xet [--sizes 1,8,128]``.

All fetch, hash and write the same files from the local Hub: noise, as audio is, and text, which Xet keeps compressed.
The Hub is near, or 50 ms away: with 50 MB/s a connection (far), 5 MB/s a connection (slow), 20 MB/s for all of them
together (line). Each run is a process of its own.
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import Request
from hugflow_assets.demo.serving import Connection
from hugflow_assets.demo.xet_folder import XetFolder
from hugflow_assets.hub import Hub, HubAccess, SourceFile
from hugflow_assets.landing.shards.shard import FAST_BYTES_PER_S
from hugflow_assets.transfer.bandwidth_limit import Bandwidth
from hugflow_assets.transfer.to_disk import fetch

REPO = "bench/xet"
WORLDS = {"near": (0.0, None), "far": (0.05, 50e6), "slow": (0.05, 5e6), "line": (0.05, None)}
LINE_BYTES_PER_S = 20e6
MODES = ("off", "on")
CONNECTIONS = 8
WORDS = [random.Random(at).randbytes(3).hex()[: 3 + at % 4].encode() for at in range(256)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.xet", description=__doc__)
    parser.add_argument("--sizes", default="1,8,32,128,512,512t", help="of one file, in MB; t: of text")
    parser.add_argument("--several", default="2x256,8x32", help="files at once, and the size of each")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workdir", default=None)
    parser.add_argument("--one", default=None, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_fetch(json.loads(asked.one))))
        return
    cases = [(1, size) for size in asked.sizes.split(",") if size]
    cases += [(int(count), size) for count, size in (one.split("x") for one in asked.several.split(",") if one)]
    print("| files | MB each | Hub | XET=off: MB/s, CPU s, peak MB | on |")
    print("|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory(prefix="hugflow-xet-", dir=asked.workdir) as folder,
        _Hub(xet=XetFolder(Path(folder) / "xet")) as hub,
    ):
        for count, size in cases:
            commit = _add(hub, Path(folder), count, size)
            for world in asked.worlds.split(","):
                hub.latency_s, hub.bytes_per_s = WORLDS[world]
                hub.line = Bandwidth(LINE_BYTES_PER_S) if world == "line" else None
                _race(hub.url, commit, Path(folder), count, size, world, asked.repeats)


@dataclass
class _Hub(LocalHub):
    """A Hub at the end of a line that all connections share."""

    line: Bandwidth | None = None

    def respond(self, request: Request, connection: Connection) -> None:
        if self.line is None or request.method == "HEAD":
            super().respond(request, connection)
            return
        delivery = self.prepare(request, self.answer(request))
        connection.send_head(request, delivery.status, delivery.headers)
        for piece in delivery.chunks(1 << 16):
            self.line.take(len(piece))
            connection.connection.sendall(piece)


def _mb(size: str) -> int:
    return int(size.rstrip("t"))


def _add(hub: _Hub, folder: Path, count: int, size: str) -> str:
    made: dict[str, bytes | Path] = {}
    for at in range(count):
        path = made[f"{at}.bin"] = folder / f"{count}-{size}-{at}.bin"
        noise = random.Random(f"{count} {size} {at}")
        with path.open("wb") as file:
            for _ in range(_mb(size)):
                data = noise.randbytes(1_000_000)
                file.write(b" ".join(WORDS[one] for one in data[:200_000])[:1_000_000] if "t" in size else data)
    return hub.add_repo(f"{REPO}-{count}-{size}", made)


def _race(endpoint: str, commit: str, folder: Path, count: int, size: str, world: str, repeats: int) -> None:
    told: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    for _ in range(repeats):
        for mode in MODES:
            to = folder / "fetched"
            case = {"endpoint": endpoint, "commit": commit, "to": str(to), "count": count, "size": size, "xet": mode}
            command = [sys.executable, "-m", "benchmarks.xet", "--one", json.dumps(case)]
            out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
            told[mode].append(json.loads(out))
            subprocess.run(["rm", "-r", str(to)], check=True)
    row = [str(count), size, world]
    for runs in told.values():
        seconds, cpu_s, peak_mb = (statistics.median(run[key] for run in runs) for key in ("s", "cpu_s", "peak_mb"))
        row.append(f"{count * _mb(size) / seconds:.0f}, {cpu_s:.2f}, {peak_mb:.0f}")
    print(f"| {' | '.join(row)} |", flush=True)


def _fetch(case: dict[str, Any]) -> dict[str, float]:
    """The child: fetch all files, with the first token and connection to be opened yet."""
    access = HubAccess(case["endpoint"], xet=case["xet"])
    repo = f"{REPO}-{case['count']}-{case['size']}"
    files = Hub(access).file_info(repo, case["commit"], [f"{at}.bin" for at in range(case["count"])])
    before, began = os.times(), time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(_fetch_one, access, repo, case), files.values()))
    after, seconds = os.times(), time.monotonic() - began
    cpu_s = after.user + after.system - before.user - before.system
    return {"s": seconds, "cpu_s": cpu_s, "peak_mb": _peak_mb()}


def _fetch_one(access: HubAccess, repo: str, case: dict[str, Any], file: SourceFile) -> None:
    to = Path(case["to"]) / file.path
    fetch(access, repo, case["commit"], file, to, connections=_connections)


def _connections(bytes_per_s: float | None) -> int:
    """More than one where one is seen to be slow, as a landing has them."""
    return 1 if bytes_per_s is None or bytes_per_s >= FAST_BYTES_PER_S else CONNECTIONS


def _peak_mb() -> float:
    """Of this process since it began; ``ru_maxrss`` would have the parent's in it."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1000 for line in told.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
