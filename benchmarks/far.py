"""What a far Hub is asked before the first byte of data: ``python -m benchmarks.far [--latency-ms 50] [--repeats 3]``.

A plan and a landing of a small repository of four shapes, from a local Hub that waits before every answer, and as long
again for every new connection. Printed: requests, how many of them (and of the new connections) wait for one another,
and milliseconds, as medians; imports are not timed.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.demo.protocol import CDN, Request
from hugflow_assets.demo.serving import Connection
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.store import Store

_CLOSE_S = 0.002  # an answer that came so much later than a request was sent may still have been waited for
_CARD = b"---\nlicense: cc0-1.0\n---\n# Speech\n"


@dataclass
class _Asked:
    """One request: when it was sent, when its answer was, and whether it had to open a connection."""

    request: Request
    sent: float
    answered: float
    opened: bool


@dataclass
class _FarHub(LocalHub):
    asked: list[_Asked] = field(default_factory=list)
    known: set[Connection] = field(default_factory=set)

    def serve(self, request: Request, connection: Connection) -> None:
        opened = connection not in self.known
        self.known.add(connection)
        sent = time.monotonic()
        time.sleep(self.latency_s * (2 if opened else 1))
        self.asked.append(_Asked(request, sent, time.monotonic(), opened))
        self.respond(request, connection)


@dataclass(frozen=True)
class _Figures:
    """Requests, those that wait for one another, and milliseconds: of the plan, and of all until the first data."""

    plan_requests: float
    plan_depth: float
    plan_ms: float
    first_requests: float
    first_depth: float
    first_ms: float


def _clip(number: int = 0) -> bytes:
    """Half a second of noise, another for each number."""
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(number).normal(0, 0.1, 8_000), 16_000, format="WAV")
    return out.getvalue()


def _tar(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _repos() -> dict[str, tuple[dict[str, bytes], dict[str, str]]]:
    """Title -> files and what is asked for of them."""
    clip = _clip()
    table = pa.table({"audio": [{"bytes": _clip(n), "path": f"{n}.wav"} for n in range(800)], "text": ["words"] * 800})
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=100)
    pairs = {f"{n}.{kind}": data for n in range(20) for kind, data in (("wav", clip), ("json", b'{"text": "words"}'))}
    rows = "file_name,text\n" + "".join(f"{n}.wav,words\n" for n in range(40))
    voices: dict[str, bytes] = {}
    for language in ("br", "ms"):
        for split in ("train", "dev", "test"):
            names = [f"{language}_{split}_{n}.mp3" for n in range(5)]
            lines = "".join(f"{name}\twords\n" for name in names)
            voices[f"transcript/{language}/{split}.tsv"] = f"path\tsentence\n{lines}".encode()
            voices[f"audio/{language}/{split}/{language}_{split}_0.tar"] = _tar(dict.fromkeys(names, clip))
    folder = {f"train/{n}.wav": clip for n in range(40)} | {"train/metadata.csv": rows.encode()}
    return {
        "parquet": ({f"data/train-{n:05}-of-00004.parquet": out.getvalue() for n in range(4)}, {}),
        "audiofolder": (folder, {}),
        "Common Voice": (voices, {"subset": "ms", "split": "train"}),
        "WebDataset": ({f"train-{n:04}.tar": _tar(pairs) for n in range(4)}, {}),
    }


def _life(url: str, place: Path, asked: dict[str, str]) -> tuple[float, float]:
    """Plan and land in a process of its own; when each of them began."""
    import datasets  # noqa: F401

    import hugflow_assets.planning.plan  # noqa: F401

    access = HubAccess(url, rate_dir=place / "rate")
    for folder in ("storage", "state"):
        (place / folder).mkdir(parents=True)
    store = Store(place / "storage", place / "state")
    began = time.monotonic()
    plan = resolve(Hub(access), DatasetRequest(**{"hf_id": "acme/speech", "description": "Speech.", **asked}))
    planned = time.monotonic()
    land(plan, store, access, LandingOptions())
    return began, planned


def _depth(asked: list[_Asked]) -> int:
    """The longest chain of requests and new connections of which each was begun when the one before was answered."""
    longest: list[int] = []
    in_order = sorted(asked, key=lambda one: one.sent)
    for at, one in enumerate(in_order):
        before = (longest[n] for n in range(at) if in_order[n].answered <= one.sent + _CLOSE_S)
        longest.append(max(before, default=0) + 1 + one.opened)
    return max(longest, default=0)


def _is_data(request: Request) -> bool:
    return request.origin == CDN and request.range is None


def _measure(files: dict[str, bytes], asked: dict[str, str], place: Path, latency_s: float) -> _Figures:
    with _FarHub(latency_s=latency_s, lfs_above_bytes=10_000) as hub:
        hub.add_repo("acme/speech", {"README.md": _CARD, **files})
        os.environ.update(HF_ENDPOINT=hub.url, HF_HOME=str(place))  # for what the client library asks by itself
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            began, planned = pool.apply(_life, (hub.url, place, asked))
        first = min(one.answered for one in hub.asked if _is_data(one.request))
        plan = [one for one in hub.asked if one.sent < planned]
        until = [one for one in hub.asked if one.answered <= first]
    return _Figures(
        len(plan), _depth(plan), 1000 * (planned - began), len(until), _depth(until), 1000 * (first - began)
    )  # fmt: skip


def main() -> None:
    """Measure and print one line a shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print("| shape | plan: requests | in a row | ms | until the first data: requests | in a row | ms |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for title, (files, asked) in _repos().items():
            samples = [
                vars(_measure(files, asked, Path(folder) / f"{title}-{repeat}", given.latency_ms / 1000))
                for repeat in range(given.repeats)
            ]
            medians = (statistics.median(sample[name] for sample in samples) for name in samples[0])
            print(f"| {title} |", " | ".join(f"{value:.0f}" for value in medians), "|", flush=True)


if __name__ == "__main__":
    main()
