"""The packed form: ``python -m benchmarks.packed [--scale 1] [--repeats 3] [--corpora 35k,200k,8m] [--clips 1000000]``.

First races over HTTP, the contestants of each repeat one after the other; printed are medians, and the median of the
ratios to the packed landing within each repeat. Then many clips of 2 KB against 10,000 of them: the inodes that landed,
and the peak memory of the process tree.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks import measure
from benchmarks.corpora import CORPORA, Corpus, make
from hugflow_assets.demo.local_hub import LocalHub

REPO = "bench/corpus"
CONTESTANTS = ("hugflow_packed", "hugflow", "hf_download", "load_dataset_loop")
FEW_CLIPS, CLIP_BYTES, CLIPS_A_SHARD = 10_000, 2_000, 5_000  # the few fill a shard a core
_TIMEOUT_S = 1_800


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packed", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of every corpus")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--corpora", default="35k,200k,8m", help="may be empty")
    parser.add_argument("--clips", type=int, default=1_000_000, help="0: leave out inodes and memory")
    parser.add_argument("--workdir", default=None, help="on the file system to measure; the default is the system's")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hugflow-packed-", dir=asked.workdir) as folder:
        for name in filter(None, asked.corpora.split(",")):
            _race(CORPORA[name].scaled(asked.scale), asked.repeats, Path(folder))
        if asked.clips:
            _many(asked.clips, Path(folder))


def _race(corpus: Corpus, repeats: int, folder: Path) -> None:
    files = make(corpus, folder / corpus.name / "source")
    samples: dict[str, list[measure.Sample]] = {name: [] for name in CONTESTANTS}
    with LocalHub() as hub:
        hub.add_repo(REPO, dict(files))
        for repeat in range(repeats):
            for name in CONTESTANTS:
                samples[name].append(_run(name, hub.url, folder / corpus.name / f"{name}-{repeat}"))
    print(f"\n{corpus.title}, {corpus.clips:,} rows\n\n| contestant | seconds | times packed |\n|---|---|---|")
    for name, found in samples.items():
        ratios = [one.seconds / packed.seconds for one, packed in zip(found, samples[CONTESTANTS[0]], strict=True)]
        seconds = statistics.median(one.seconds for one in found)
        print(f"| {name} | {seconds:.2f} | {statistics.median(ratios):.2f} |", flush=True)


def _many(clips: int, folder: Path) -> None:
    print("\n| clips of 2 KB, packed | seconds | inodes | peak MiB |\n|---|---|---|---|")
    for count in (FEW_CLIPS, clips):
        corpus = Corpus(f"many-{count}", f"{count:,} clips", count, CLIP_BYTES, "WAV", CLIP_BYTES * CLIPS_A_SHARD)
        files = make(corpus, folder / corpus.name / "source")
        with LocalHub() as hub:
            hub.add_repo(REPO, dict(files))
            out = folder / corpus.name / "out"
            found = _run("hugflow_packed", hub.url, out)
        inodes = sum(1 for _ in (out / "datasets").glob("*__rev_main/**/*"))
        print(f"| {count:,} | {found.seconds:.1f} | {inodes:,} | {found.peak_bytes >> 20:,} |", flush=True)


def _run(name: str, endpoint: str, out: Path) -> measure.Sample:
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(out.with_suffix(".home"))}
    return measure.run(name, {"repo": REPO, "out": str(out)}, environment=environment, timeout_s=_TIMEOUT_S)


if __name__ == "__main__":
    main()
