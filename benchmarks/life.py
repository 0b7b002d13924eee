"""How long a look takes when much is there: ``python -m benchmarks.life [--requests 10000] [--landed 2000]``.

Makes so many request files and landed datasets (small, but complete: manifest, record, checksum list), then measures a
sensor tick without change and ``hugflow status``, each as the median of several, and writes the figures to LIFE.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hugflow_assets.intake import DatasetRequest, storage_name
from hugflow_assets.store import (
    ConfigRecord,
    Counts,
    EventKind,
    Fingerprint,
    Manifest,
    RepoRecord,
    ShardRecord,
    SplitRecord,
    Store,
    Volatile,
    now_text,
)

AIM_TICK_S, AIM_STATUS_S = 0.3, 2.0
COMMIT = "a" * 40


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="hugflow-life-") as folder:
        root = Path(folder)
        os.environ.update(
            HUGFLOW_PROJECT_DIR=folder,
            DAGSTER_HOME=str(root / "dagster"),
            HF_ENDPOINT="http://127.0.0.1:9",
            HUB_RETRIES="0",
        )
        (root / "dagster").mkdir()
        began = time.monotonic()
        _make(root, asked.requests, asked.landed)
        print(f"made in {time.monotonic() - began:.0f} s", flush=True)
        ticks = _ticks(asked.repeats)
        first_s = _seconds(lambda: _status(root, keep=False))
        seen = resource.getrusage(resource.RUSAGE_CHILDREN)
        before = seen.ru_utime + seen.ru_stime
        statuses = [_seconds(lambda: _status(root)) for _ in range(asked.repeats)]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor_s = (used.ru_utime + used.ru_stime - before) / asked.repeats
    _write(asked, ticks, statuses, processor_s, first_s)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.life", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--landed", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("LIFE.md"))
    return parser.parse_args()


def _make(root: Path, requests: int, landed: int) -> None:
    (root / "requests/add").mkdir(parents=True)
    (root / "requests/remove").mkdir()
    store = Store(root / "datasets", root / ".hugflow-state")
    store.index.names()
    for number in range(requests):
        text = f"hf_id: org{number % 100}/set{number}\ndescription: Number {number}.\nowner: team{number % 20}\n"
        (root / f"requests/add/{number:05}.yaml").write_text(text, encoding="utf-8")
        if number < landed:
            _land(store, number)


def _land(store: Store, number: int) -> None:
    request = DatasetRequest(
        hf_id=f"org{number % 100}/set{number}", description=f"Number {number}.", owner=f"team{number % 20}"
    )
    folder = store.layout.dataset(storage_name(request))
    (folder / "json").mkdir(parents=True)
    record = b'{"text": "x"}\n'
    (folder / "json/train.jsonl").write_bytes(record)
    (folder / "XXH128SUMS").write_bytes(b"")
    counts = Counts(rows=1, json_bytes=len(record))
    shard = ShardRecord(
        index=0, sources=(), folders=(), json_offset=0, json_bytes=len(record), json_xxh128="", sums_xxh128="",
        counts=counts,
    )  # fmt: skip
    split = SplitRecord(name="train", record_path="json/train.jsonl", shards=(shard,), counts=counts)
    views = ("nemo", "lhotse", "datasets")
    manifest = Manifest(
        name=folder.name,
        request=request,
        repo=RepoRecord(endpoint="http://127.0.0.1:9", id=request.hf_id, commit=COMMIT),
        fingerprint=Fingerprint.of(request, COMMIT, "xxh128", views),
        shape="parquet",
        checksums="xxh128",
        configs=(ConfigRecord(name="default", splits=(split,)),),
        counts=counts,
        size_bytes=len(record),
        files=2,
        inodes=5,
        volatile=Volatile(landed_at=now_text(), updated_at=now_text()),
    )
    (folder / "hugflow.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    if number % 10 == 0:
        store.events.append(EventKind.LANDED, folder.name, rows=1)


def _ticks(repeats: int) -> list[float]:
    """Seconds of ticks without change, in one process, as the daemon's code server makes them."""
    from dagster import DagsterInstance, SkipReason

    from hugflow_assets.orchestration.assets.platform import Platform
    from hugflow_assets.orchestration.reconcile.requests_sensor import Cursor, look

    with DagsterInstance.get() as instance:
        cursor = Cursor(only=())  # nothing is to be run: what is measured is a tick without change
        while not isinstance(seen := look(instance, cursor, Platform(), time.time()), SkipReason):
            cursor = Cursor.of(seen.cursor).model_copy(update={"look_at": time.time() + 3600})
        found = []
        for _ in range(repeats):
            began = time.monotonic()
            look(instance, cursor, Platform(), time.time())
            found.append(time.monotonic() - began)
        return found


def _status(root: Path, *, keep: bool = True) -> None:
    """``keep`` False: as if no process had parsed the request files before."""
    if not keep:
        for kept in (root / ".hugflow-state").glob("parsed-*.json"):
            kept.unlink()
    command = [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "status"]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)


def _seconds(act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _write(
    asked: argparse.Namespace, ticks: list[float], statuses: list[float], processor_s: float, first_s: float
) -> None:
    lines = [
        "# Much is there",
        "",
        f"Made by `python -m benchmarks.life --requests {asked.requests} --landed {asked.landed} "
        f"--repeats {asked.repeats}` with Python {platform.python_version()} on {os.cpu_count()} cores: "
        f"{asked.requests:,} requests, {asked.landed:,} landed datasets.",
        "",
        "| what | median | slowest | aim |",
        "|---|---:|---:|---:|",
        f"| sensor tick without change | {statistics.median(ticks):.3f} s | {max(ticks):.3f} s | < {AIM_TICK_S} s |",
        f"| `hugflow status`, the whole command | {statistics.median(statuses):.2f} s | {max(statuses):.2f} s "
        f"| < {AIM_STATUS_S:.0f} s |",
        f"| the same, processor time | {processor_s:.2f} s | | |",
        f"| the same, when every request file has to be parsed | {first_s:.2f} s | | < {AIM_STATUS_S:.0f} s |",
        "",
        f"The machine had a load of {os.getloadavg()[0]:.1f} meanwhile.",
        "",
    ]
    asked.out.write_text("\n".join(lines), encoding="utf-8")
    print(asked.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
