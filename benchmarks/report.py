"""``RESULTS.md``: medians of interleaved repeats, ratios within one run, the machine and the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.corpora import Corpus
from benchmarks.measure import Sample

NOTES = Path(__file__).with_name("NOTES.md")
PACKAGES = ("hugflow", "datasets", "huggingface_hub", "pyarrow", "orjson")


@dataclass(frozen=True)
class Race:
    """Contestants over one corpus: name -> a sample a repeat. ``against`` are (contestant, bound) of the first one."""

    title: str
    corpus: Corpus
    total_bytes: int
    samples: dict[str, list[Sample]]
    titles: dict[str, str]
    aims: dict[str, str]

    def ratio(self, name: str) -> float:
        """Median over the repeats of (this contestant's seconds / the first one's), pair by pair."""
        first = next(iter(self.samples.values()))
        return median(one.seconds / ours.seconds for one, ours in zip(self.samples[name], first, strict=True))


@dataclass(frozen=True)
class Memory:
    """One landing whose memory and disk were watched. ``landed_bytes`` is what the storage holds in the end."""

    corpus: Corpus
    sample: Sample
    total_bytes: int
    landed_bytes: int


def write(races: Sequence[Race], memory: Sequence[Memory], path: Path, *, scale: float, repeats: int) -> None:
    """Write the whole page anew."""
    lines = [
        "# Results",
        "",
        "Made by `make benchmark`. Seconds are medians of interleaved repeats; *times Hugflow* is the median of the "
        "ratios within each repeat, so above 1 is slower than Hugflow. Memory is the peak of the whole process tree "
        "(proportional set size).",
        "",
        f"Machine: {os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}. " + ", ".join(f"{name} {version(name)}" for name in PACKAGES) + ".",
        f"Scale {scale:g}, {repeats} repeats, as far as the time allowed.",
    ]
    for race in races:
        lines += ["", f"## {race.title}", "", *_table(race)]
    if memory:
        lines += ["", "## Memory and disk", "", *_memory_table(memory)]
    if NOTES.exists():
        lines += ["", NOTES.read_text(encoding="utf-8").rstrip()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _table(race: Race) -> list[str]:
    rows = [
        f"{race.corpus.clips:,} rows, {race.total_bytes / 1e6:,.0f} MB of parquet.",
        "",
        "| contestant | seconds | MB/s | rows/s | peak MiB | times Hugflow | to reach |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, samples in race.samples.items():
        seconds = median(sample.seconds for sample in samples)
        rows.append(
            f"| {race.titles[name]} | {seconds:.2f} | {race.total_bytes / seconds / 1e6:,.0f} "
            f"| {race.corpus.clips / seconds:,.0f} | {max(s.peak_bytes for s in samples) / 2**20:,.0f} "
            f"| {race.ratio(name):.2f} | {race.aims.get(name, '')} |"
        )
    return rows


def _memory_table(memory: Sequence[Memory]) -> list[str]:
    rows = [
        f"Clips of {memory[0].corpus.clip_bytes / 1e3:g} KB in shards of {memory[0].corpus.shard_bytes / 1e6:g} MB, "
        "fetched over HTTP and landed; memory and disk are looked at all the time, so the seconds are no measure.",
        "",
        "| clips | parquet MB | peak MiB | times the first | landed MB | peak disk MB | shards above landed |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in memory:
        above = max(0, one.sample.peak_disk_bytes - one.landed_bytes) / one.corpus.shard_bytes
        rows.append(
            f"| {one.corpus.clips:,} | {one.total_bytes / 1e6:,.0f} | {one.sample.peak_bytes / 2**20:,.0f} "
            f"| {one.sample.peak_bytes / memory[0].sample.peak_bytes:.2f} | {one.landed_bytes / 1e6:,.0f} "
            f"| {one.sample.peak_disk_bytes / 1e6:,.0f} | {above:.1f} |"
        )
    return rows


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
