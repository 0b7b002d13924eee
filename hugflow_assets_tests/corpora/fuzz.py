"""Look for corpora that do not land as they are: ``make fuzz``, or this module with files that it wrote, to try again.

``FUZZ_EXAMPLES`` and ``FUZZ_SECONDS`` bound it, whichever is reached first; ``FUZZ_SEED`` repeats a run, and
``FUZZ_LAYOUT`` takes one layout alone. What differs is made as small as it can be and written to ``fuzz-cases/``.
"""

from __future__ import annotations

import ast
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from pprint import pformat

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets_tests.corpora.landing import Lander
from hugflow_assets_tests.corpora.layouts import LAYOUTS
from hugflow_assets_tests.corpora.repository import Rendered

_AT_ONCE = 100  # examples of a layout before the next one's turn
_CASES = Path("fuzz-cases")
_MOST = 3  # different faults of one layout, after which it is left alone


@dataclass
class Found:
    """What a process found."""

    examples: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cases: list[str] = field(default_factory=list)


def main() -> int:
    """The exit status: 1 where something differs."""
    if sys.argv[1:]:
        return _again([Path(name) for name in sys.argv[1:]])
    first = int(os.environ.get("FUZZ_SEED") or random.randrange(1 << 31))
    examples = int(os.environ.get("FUZZ_EXAMPLES") or 100_000)
    seconds = float(os.environ.get("FUZZ_SECONDS") or 3600)
    processes = len(os.sched_getaffinity(0))
    print(f"seed {first}: at most {examples:,} examples or {seconds:,.0f} s, in {processes} processes", flush=True)
    began = time.monotonic()
    with ProcessPoolExecutor(processes) as pool:
        runs = [pool.submit(_run, first + at, examples // processes, seconds) for at in range(processes)]
        every = [run.result() for run in runs]
    total = sum((found.examples for found in every), Counter())
    refused = sum((found.refused for found in every), Counter())
    cases = sorted({case for found in every for case in found.cases})
    for layout, count in total.items():
        print(f"{count:>8,} {layout}")
    print(f"refused as they may be, or as a difference: {dict(refused)}")
    print(f"seed {first}: {total.total():,} repositories in {time.monotonic() - began:,.0f} s, {len(cases)} differ")
    print("\n".join(cases))
    return 1 if cases else 0


def _run(first: int, examples: int, seconds: float) -> Found:
    logging.getLogger("hugflow_assets").setLevel(logging.ERROR)  # rows without clips are many here, and meant
    found, end, turn = Found(), time.monotonic() + seconds, 0
    wanted = os.environ.get("FUZZ_LAYOUT")
    layouts = {name: strategy for name, strategy in LAYOUTS.items() if wanted in (None, name)}
    faults: Counter[str] = Counter()
    with LocalHub() as hub, tempfile.TemporaryDirectory() as folder:
        lander = Lander(hub, Path(folder) / "landed")
        while lander.made < examples and time.monotonic() < end and layouts:
            turn += 1
            for name, strategy in list(layouts.items()):
                before = lander.made
                case = _look(lander, name, strategy, first * 1_000_003 + turn)
                found.examples[name] += lander.made - before
                if case is not None and case not in found.cases:
                    found.cases.append(case)
                    faults[name] += 1
                if faults[name] >= _MOST:
                    layouts.pop(name, None)
                if lander.made >= examples or time.monotonic() >= end:
                    break
        found.refused = lander.refused
    return found


def _look(lander: Lander, layout: str, strategy: SearchStrategy[Rendered], number: int) -> str | None:
    """The path of a case in which the layout does not land, the smallest that was found; None if all do."""
    last: list[tuple[Rendered, list[str]]] = []

    @seed(number)
    @settings(
        max_examples=_AT_ONCE,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(strategy)
    def lands(rendered: Rendered) -> None:
        if told := _differences(lander, rendered):
            last.append((rendered, told))
            raise AssertionError(told[0])

    try:
        lands()
    except BaseException as error:  # a group of failures is one, too; what is no difference goes on
        if not last:
            raise
        if isinstance(error, KeyboardInterrupt):
            raise
        return _write(layout, number, *min(last, key=lambda one: (len(one[0].files), len(repr(one[0].files)))))
    return None


def _differences(lander: Lander, rendered: Rendered) -> list[str]:
    try:
        return lander.differences(rendered)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a difference
        return [f"{type(error).__name__}: {error}"]


def _write(layout: str, number: int, rendered: Rendered, told: list[str]) -> str:
    """Keep a case as a Python literal; the name is of its files, so that it is kept once."""
    _CASES.mkdir(exist_ok=True)
    digest = sha256(repr(sorted(rendered.files.items())).encode()).hexdigest()[:10]
    path = _CASES / f"{layout.lower().replace(' ', '_').replace(',', '')}-{digest}.py"
    whole = {
        "layout": rendered.layout, "files": dict(rendered.files), "records": dict(rendered.records),
        "refusals": rendered.refusals, "is_ordered": rendered.is_ordered, "is_joined": rendered.is_joined,
        "hf_id": rendered.hf_id, "asked": dict(rendered.asked),
    }  # fmt: skip
    comment = "".join(f"# {line[:300]}\n" for one in told[:10] for line in one.splitlines())
    path.write_text(f"# {layout}, seed {number}\n{comment}{pformat(whole, sort_dicts=False, width=110)}\n")
    print(f"{path}: {told[0][:200]}", flush=True)
    return str(path)


def _again(paths: list[Path]) -> int:
    """Land cases that were written before."""
    differ = 0
    with LocalHub() as hub, tempfile.TemporaryDirectory() as folder:
        lander = Lander(hub, Path(folder) / "landed")
        for path in paths:
            told = _differences(lander, Rendered(**ast.literal_eval(path.read_text())))
            differ += bool(told)
            print(f"{path}: {'; '.join(told) or 'lands as it is'}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
