"""Landing without a network: shards that are on the disk already, so that only reading and writing are timed."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets  # noqa: F401  a shard without known features is asked for them; imports are not timed

from hugflow_assets.hub import HubAccess
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.landing.shards.land_shard import land_shard
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.shapes.models import ShardSource

_SOURCE = "source-00000"


def land_shards(source: Path, out: Path) -> float:
    """Land every parquet file of ``source`` on as many threads as there are cores; seconds.

    The files are in the page cache: what it is compared with has its bytes in memory, and their reading is not timed.
    """
    paths = sorted(source.glob("*.parquet"))
    shards = [_shard(index, path, out) for index, path in enumerate(paths)]
    for path in paths:
        path.read_bytes()
    started = time.perf_counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(lambda shard: land_shard(shard, {_SOURCE: 0}), shards))
    return time.perf_counter() - started


def _shard(index: int, path: Path, out: Path) -> Shard:
    """A shard whose file lies where a fetch would have left it."""
    work = out / f"work-{index:05d}"
    work.mkdir(parents=True)
    os.link(path, work / _SOURCE)
    promised = path.with_suffix(".sha256").read_text(encoding="ascii")
    file = SourceFile(path=path.name, size_bytes=path.stat().st_size, sha256=promised)
    return Shard(
        access=HubAccess(endpoint="http://127.0.0.1:9"),
        repo_id="bench/local",
        commit="0" * 40,
        config="default",
        split="train",
        source=ShardSource(index=0, files=(file,)),
        folder=f"train/{index:05d}",
        tree=out / "tree",
        work=work,
        checksums="xxh128",
        features=None,
        file_mode=0o440,
        stop_file=work / "stop",
    )
