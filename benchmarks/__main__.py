"""The races: ``python -m benchmarks [--scale 0.1] [--repeats 3] [--corpora 35k,200k,8m,text] [--minutes 15]``.

Every run writes to a folder of its own and nothing is deleted before the disk would be full: on ext4 without a journal
the inodes of deleted files slow down whatever is created next. Scale 1 with three repeats wants 75 GB.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import contestants, measure
from benchmarks.corpora import CORPORA, Corpus, make, memory_corpora
from benchmarks.report import Memory, Race, write
from hugflow_assets.demo.local_hub import LocalHub

REPO = "bench/corpus"
_ROOM, _LEAST_BYTES = 4, 1 << 30
_MEMORY_CLIPS = 30_000  # landed at least, in as many runs as that takes
FAR_LATENCY_S, FAR_BYTES_PER_S = 0.05, 50e6

OVER_HTTP = ("hugflow", "hf_download", "hf_download_synced", "load_dataset_loop", "streaming_loop")
FAR = ("hugflow", "hf_download")
LOCAL = ("land_local", "write_from_memory")
TEXT = ("land_local", "to_json")
AIMS = {
    "hf_download": "≥ 1.00",
    "load_dataset_loop": "≥ 3.5",
    "streaming_loop": "≥ 2",
    "write_from_memory": "≥ 0.60",
    "to_json": "≥ 2.5",
}
MEDIA_AIMS = ("hf_download", "load_dataset_loop", "streaming_loop")  # asked of corpora with audio only


def main() -> None:
    asked = _arguments()
    races: list[Race] = []
    memory: list[Memory] = []
    with tempfile.TemporaryDirectory(prefix="hugflow-benchmark-", dir=asked.workdir) as folder:
        course = Course(Path(folder), asked.repeats, time.monotonic() + asked.minutes * 60)
        for name in asked.corpora.split(","):
            corpus = CORPORA[name].scaled(asked.scale)
            races += _races(corpus, course)
            if name in asked.far.split(","):
                races += _far_race(corpus, course)
        if not asked.no_memory and not course.is_over:
            memory += [_memory(one, course) for one in memory_corpora(asked.scale)]
    write(races, memory, asked.out, scale=asked.scale, repeats=asked.repeats)
    print(asked.out.read_text(encoding="utf-8"))


@dataclass
class Course:
    """Where the races are run, how often, and until when. ``used``: what may be deleted when the disk is full."""

    folder: Path
    repeats: int
    ends: float
    used: list[Path] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.ends

    def place(self, corpus: Corpus, name: str) -> Path:
        """A new folder for one run, with room for the corpus a few times."""
        while self.used and shutil.disk_usage(self.folder).free < _ROOM * max(_LEAST_BYTES, corpus.bytes):
            print(f"The disk is nearly full: {self.used[0].name} is deleted, which slows down what comes next.")
            shutil.rmtree(self.used.pop(0))
        place = self.folder / corpus.name / name
        self.used.append(place)
        return place


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of every corpus; 1 is 20,000 clips of 35 KB …")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=15, help="no race or repeat is begun later")
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--workdir", default=None, help="on the file system to measure; the default is the system's")
    parser.add_argument("--far", default="35k,200k", help="corpora to fetch from 50 ms away at 50 MB/s a connection")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of 10,000 and 100,000 clips")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    return parser.parse_args()


def _races(corpus: Corpus, course: Course) -> Iterator[Race]:
    folder = course.folder / corpus.name
    files = make(corpus, folder / "source")
    for path in files.values():
        path.with_suffix(".sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest(), encoding="ascii")
    with _hub(files, far=False) as endpoint:
        yield from _race(f"{corpus.title}, over HTTP", corpus, OVER_HTTP, "http", course, endpoint)
    local = LOCAL if corpus.clip_bytes else TEXT
    yield from _race(f"{corpus.title}, local parquet", corpus, local, "local", course, "http://127.0.0.1:9")


def _far_race(corpus: Corpus, course: Course) -> Iterator[Race]:
    source = course.folder / corpus.name / "source"
    with _hub({f"data/{path.name}": path for path in sorted(source.glob("*.parquet"))}, far=True) as endpoint:
        title = f"{corpus.title}, from a Hub 50 ms away, 50 MB/s a connection"
        yield from _race(title, corpus, FAR, "far", course, endpoint)


def _memory(corpus: Corpus, course: Course) -> Memory:
    folder = course.folder / corpus.name
    files = make(corpus, folder / "source")
    with _hub(files, far=False) as endpoint:
        places = [course.place(corpus, f"out-{run}") for run in range(max(1, _MEMORY_CLIPS // corpus.clips))]
        samples = [_run("hugflow", folder, out, endpoint, watch=out) for out in places]
    worst = max(samples, key=lambda sample: sample.peak_bytes)  # a short run's peak is easily missed
    return Memory(corpus, worst, _size(folder / "source"), measure.folder_bytes(places[0] / "datasets"))


def _size(source: Path) -> int:
    return sum(path.stat().st_size for path in source.glob("*.parquet"))


@contextmanager
def _hub(files: dict[str, Path], far: bool) -> Iterator[str]:
    hub = LocalHub(latency_s=FAR_LATENCY_S, bytes_per_s=FAR_BYTES_PER_S) if far else LocalHub()
    with hub:
        hub.add_repo(REPO, dict(files))
        yield hub.url


def _race(
    title: str, corpus: Corpus, names: tuple[str, ...], kind: str, course: Course, endpoint: str
) -> Iterator[Race]:
    """One race; none when the time is over before it begins."""
    samples: dict[str, list[measure.Sample]] = {name: [] for name in names}
    folder = course.folder / corpus.name
    for repeat in range(course.repeats):
        if course.is_over:
            break
        for name in names:
            place = course.place(corpus, f"{kind}-{name}-{repeat}")
            samples[name].append(_run(name, folder, place, endpoint))
            print(f"{title}: {name} {samples[name][-1].seconds:.2f} s", flush=True)
    titles = {name: (contestants.CONTESTANTS[name].__doc__ or name).splitlines()[0].rstrip(".") for name in names}
    aims = {name: aim for name, aim in AIMS.items() if corpus.clip_bytes or name not in MEDIA_AIMS}
    if corpus.name == "35k":
        aims["hf_download"] = "≥ 0.80"
    if samples[names[0]]:
        yield Race(title, corpus, _size(folder / "source"), samples, titles, aims)


def _run(name: str, folder: Path, out: Path, endpoint: str, *, watch: Path | None = None) -> measure.Sample:
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(out.with_suffix(".home"))}
    arguments = {"repo": REPO, "out": str(out), "source": str(folder / "source"), "endpoint": endpoint}
    return measure.run(name, arguments, environment=environment, timeout_s=900, watch=watch)


if __name__ == "__main__":
    main()
