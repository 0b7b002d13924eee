"""What is compared: each function fetches or writes one repository into `out` and gives the seconds it took.

Run as `python -m benchmarks.contestants NAME '{"repo": …, "out": …}'`; imports are not timed, for nobody.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hugflow_assets.planning.resolve import resolve


def hugflow(repo: str, out: str, **_: str) -> float:
    """Hugflow: download, verify, land, index."""
    return _landed(repo, out, "files")


def hugflow_packed(repo: str, out: str, **_: str) -> float:
    """Hugflow, packed into tars."""
    return _landed(repo, out, "packed")


def _landed(repo: str, out: str, form: str) -> float:
    import datasets  # noqa: F401  planning needs it; imports are not timed

    from hugflow_assets.hub import Hub, HubAccess
    from hugflow_assets.intake import DatasetRequest
    from hugflow_assets.landing.land import land
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.settings import load_settings
    from hugflow_assets.store import Store

    Path(out).mkdir(parents=True)
    settings = load_settings(
        storage_root=Path(out) / "datasets", hugflow_state_dir=Path(out) / "state", landing_form=form
    )
    access = HubAccess.of(settings)
    started = time.perf_counter()
    plan = resolve(Hub(access), DatasetRequest(hf_id=repo, description="benchmark"))
    land(plan, Store.of(settings), access, LandingOptions.of(settings))
    return time.perf_counter() - started


def hf_download(repo: str, out: str, **_: str) -> float:
    """(a) `hf download`: the repository's bytes, nothing verified, extracted or indexed."""
    from huggingface_hub import snapshot_download

    started = time.perf_counter()
    snapshot_download(repo, repo_type="dataset", local_dir=out)
    return time.perf_counter() - started


def hf_download_synced(repo: str, out: str, **_: str) -> float:
    """(a) and a `sync`, so that it survives a power cut, as what Hugflow lands does."""
    from hugflow_assets.durable import sync_tree

    started = time.perf_counter()
    hf_download(repo, out)
    sync_tree(Path(out))
    return time.perf_counter() - started


def load_dataset_loop(repo: str, out: str, **_: str) -> float:
    """(b) `datasets.load_dataset` and a loop that writes files and JSON lines."""
    import datasets

    started = time.perf_counter()
    loaded = datasets.load_dataset(repo, split="train", cache_dir=f"{out}/cache")
    if "audio" in loaded.column_names:
        loaded = loaded.cast_column("audio", datasets.Audio(decode=False))
    _write_rows(loaded, Path(out))
    return time.perf_counter() - started


def streaming_loop(repo: str, out: str, **_: str) -> float:
    """(c) the same with `streaming=True`."""
    import datasets

    started = time.perf_counter()
    loaded = datasets.load_dataset(repo, split="train", streaming=True)
    _write_rows(loaded.decode(False) if "audio" in (loaded.features or {}) else loaded, Path(out))
    return time.perf_counter() - started


def write_from_memory(source: str, out: str, **_: str) -> float:
    """(d) the same files from memory: what the disk itself takes."""
    import pyarrow.parquet as pq

    seconds = 0.0
    for index, path in enumerate(sorted(Path(source).glob("*.parquet"))):
        folder = Path(out) / f"{index:05d}"
        folder.mkdir(parents=True)
        for batch in pq.ParquetFile(path).iter_batches(columns=["audio"], batch_size=256):
            clips = batch.column(0)
            names = clips.field("path").to_pylist()
            values = [value.as_buffer() for value in clips.field("bytes")]
            seconds += _timed_writes(folder, names, values)
    return seconds


def land_local(source: str, out: str, endpoint: str, repo: str, **_: str) -> float:
    """Hugflow's landing of parquet that is on the disk already: read, extract, index; nothing fetched."""
    from benchmarks.local import land_shards

    return land_shards(Path(source), Path(out))


def to_json(source: str, out: str, **_: str) -> float:
    """`Dataset.to_json` of local parquet."""
    import pyarrow.parquet as pq
    from datasets import Dataset
    from datasets.table import InMemoryTable

    Path(out).mkdir(parents=True)
    started = time.perf_counter()
    loaded = Dataset(InMemoryTable(pq.read_table(sorted(Path(source).glob("*.parquet")))))
    loaded.to_json(f"{out}/train.jsonl")
    return time.perf_counter() - started


def _timed_writes(folder: Path, names: list[str], values: list[Any]) -> float:
    started = time.perf_counter()
    for name, value in zip(names, values, strict=True):
        handle = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(handle, value)
        os.close(handle)
    return time.perf_counter() - started


def _write_rows(rows: Iterable[dict[str, Any]], out: Path) -> None:
    audio = out / "audio"
    audio.mkdir(parents=True, exist_ok=True)
    with (out / "train.jsonl").open("w", encoding="utf-8") as lines:
        for row in rows:
            if "audio" in row:
                name = row["audio"]["path"]
                (audio / name).write_bytes(row["audio"]["bytes"])
                row = {**row, "audio": {"path": f"audio/{name}"}}
            lines.write(json.dumps(row) + "\n")


CONTESTANTS: dict[str, Callable[..., float]] = {
    function.__name__: function
    for function in (
        hugflow,
        hugflow_packed,
        hf_download,
        hf_download_synced,
        load_dataset_loop,
        streaming_loop,
        write_from_memory,
        land_local,
        to_json,
    )
}

if __name__ == "__main__":
    print(CONTESTANTS[sys.argv[1]](**json.loads(sys.argv[2])))
