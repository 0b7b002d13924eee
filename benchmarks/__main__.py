"""The races: ``python -m benchmarks [--scale 0.1] [--repeats 3] [--corpora 35k,200k,8m,text] [--out FILE]``.

Every run writes to a folder of its own and nothing is deleted until the end: on ext4 without a journal the inodes of
deleted files slow down whatever is created next.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import contestants, measure
from benchmarks.corpora import CORPORA, Corpus, make
from benchmarks.report import Race, write
from hugflow_assets.demo.local_hub import LocalHub

REPO = "bench/corpus"
FAR_LATENCY_S, FAR_BYTES_PER_S = 0.05, 50e6

OVER_HTTP = ("hugflow", "hf_download", "load_dataset_loop", "streaming_loop")
LOCAL = ("land_local", "write_from_memory")
TEXT = ("land_local", "to_json")
AIMS = {
    "hf_download": "≥ 1.00 (35 KB clips: ≥ 0.80)",
    "load_dataset_loop": "≥ 3.5",
    "streaming_loop": "≥ 2",
    "write_from_memory": "≥ 0.60",
    "to_json": "≥ 2.5",
}


def main() -> None:
    asked = _arguments()
    races: list[Race] = []
    with tempfile.TemporaryDirectory(prefix="hugflow-benchmark-", dir=asked.workdir) as folder:
        for name in asked.corpora.split(","):
            corpus = CORPORA[name].scaled(asked.scale)
            races += _races(corpus, Path(folder) / name, asked.repeats, asked.far)
    write(races, asked.out, scale=asked.scale, repeats=asked.repeats)
    print(asked.out.read_text(encoding="utf-8"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of every corpus; 1 is 20,000 clips of 35 KB …")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--workdir", default=None, help="on the file system to measure; the default is the system's")
    parser.add_argument("--far", action="store_true", help="a Hub 50 ms away, 50 MB/s a connection")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    return parser.parse_args()


def _races(corpus: Corpus, folder: Path, repeats: int, far: bool) -> Iterator[Race]:
    files = make(corpus, folder / "source")
    for path in files.values():
        path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest(), encoding="ascii")
    total = sum(path.stat().st_size for path in files.values())
    where = "a Hub 50 ms away, 50 MB/s a connection" if far else "over HTTP"
    fields = OVER_HTTP[:2] if far else OVER_HTTP
    with _hub(files, far) as endpoint:
        yield _race(f"{corpus.title}, {where}", corpus, total, fields, folder / "http", repeats, endpoint)
    if not far:
        local = LOCAL if corpus.clip_bytes else TEXT
        yield _race(
            f"{corpus.title}, local parquet", corpus, total, local, folder / "local", repeats, "http://127.0.0.1:9"
        )


@contextmanager
def _hub(files: dict[str, Path], far: bool) -> Iterator[str]:
    hub = LocalHub(latency_s=FAR_LATENCY_S, bytes_per_s=FAR_BYTES_PER_S) if far else LocalHub()
    with hub:
        hub.add_repo(REPO, dict(files))
        yield hub.url


def _race(
    title: str, corpus: Corpus, total: int, names: tuple[str, ...], folder: Path, repeats: int, endpoint: str
) -> Race:
    samples: dict[str, list[measure.Sample]] = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names:
            out = folder / f"{name}-{repeat}"
            environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(out.with_suffix(".home"))}
            arguments = {"repo": REPO, "out": str(out), "source": str(folder.parent / "source"), "endpoint": endpoint}
            samples[name].append(measure.run(name, arguments, environment=environment, timeout_s=900))
            print(f"{title}: {name} {samples[name][-1].seconds:.2f} s", flush=True)
    titles = {name: (contestants.CONTESTANTS[name].__doc__ or name).splitlines()[0].rstrip(".") for name in names}
    return Race(title, corpus, total, samples, titles, AIMS)


if __name__ == "__main__":
    main()
