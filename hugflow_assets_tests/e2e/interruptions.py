"""Each operation on a storage, interrupted at one act on the file system, and what must hold after it.

``python -m hugflow_assets_tests.e2e.interruptions [operation …]`` interrupts every act of each (``make fuzz``); the
suite takes a sample.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hugflow_assets.demo import LocalHub
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.datasets_made import card, clip_rows, write_parquet
from hugflow_assets_tests.e2e.acts import KINDS
from hugflow_assets_tests.e2e.fork_server import Child, ForkServer
from hugflow_assets_tests.e2e.operations import NAME, OPERATIONS, REPO
from hugflow_assets_tests.landing.trees import tree_of

DAY_S = 86_400
# What tells that an operation is done, and what it may answer when it was done before.
TELLS = {
    "remove": EventKind.REMOVED, "restore": EventKind.RESTORED, "back": EventKind.RESTORED, "empty": EventKind.FREED,
    "scrub": EventKind.SCRUBBED, "hold": EventKind.PAUSED, "withdraw": EventKind.WITHDRAWN,
}  # fmt: skip
REPEATABLE = ("scrub", "hold")  # each time is a fact of its own
DONE_BEFORE = {"remove": "unknown-dataset", "restore": "unknown-dataset"}


@dataclass
class Before:
    """A storage as it is before an operation, and as it is after one that nothing disturbed."""

    folder: Path
    acts: int = 0
    after: dict[str, bytes] = field(default_factory=dict)
    trash: int = 0


def visible(folder: Path) -> dict[str, bytes]:
    """The tree that people see; nothing where there is none."""
    place = folder / "storage" / NAME
    return tree_of(place) if place.exists() else {}


def store_of(folder: Path) -> Store:
    return Store(folder / "storage", folder / "state")


@dataclass
class Bench:
    """Two servers: what is interrupted runs in one, who comes after it in the other."""

    hub: LocalHub
    root: Path
    first: ForkServer
    second: ForkServer
    commits: list[str] = field(default_factory=list)
    befores: dict[str, Before] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, server: ForkServer, operation: str, folder: Path, **acts: Any) -> Child:
        told = {"folder": str(folder), "marker": str(folder) + ".reached", **acts}
        return server.start(self.hub.url, folder, operation=operation, acts=told)

    def run(self, operation: str, folder: Path) -> dict[str, Any]:
        """The operation, undisturbed, by another process; how it ended."""
        child = self.start(self.second, operation, folder)
        assert child.ended(60) and child.result is not None
        return child.result

    def before(self, operation: str) -> Before:
        if operation not in self.befores:
            self.befores[operation] = self._prepared(operation)
        return self.befores[operation]

    def _prepared(self, operation: str) -> Before:
        folder = self.root / f"before-{operation}"
        for name in ("storage", "state", "requests/add", "requests/remove"):
            (folder / name).mkdir(parents=True)
        self.show(1)
        if operation != "land":
            assert self.run("land", folder).get("done")
        if operation in ("update", "withdraw"):
            self.show(2)
        if operation == "withdraw":  # the version before is in the trash, and holds the rows too
            assert self.run("update", folder).get("done")
        if operation == "repair":
            next((folder / "storage" / NAME / "audio").rglob("*.wav")).unlink()
        if operation in ("restore", "empty", "back"):
            assert self.run("remove", folder).get("done")
        before, clean = Before(folder), self.copy(folder)
        result = self.run(operation, clean)
        assert result.get("done"), result
        before.acts, before.after = result["acts"], visible(clean)
        before.trash = len(store_of(clean).trash.entries())
        return before

    def show(self, version: int) -> None:
        """Let the branch be at the first or the second version of the repository."""
        if not self.commits:
            made = [write_parquet(self.root / f"{rows}.parquet", clip_rows(rows, duration_s=0.001)) for rows in (5, 6)]
            files = [{"data/train-00000-of-00001.parquet": one} for one in made]
            self.commits = [
                self.hub.add_repo(REPO, {"README.md": card("cc0-1.0"), **files[0]}),
                self.hub.commit(REPO, files[1]),
            ]
        self.hub.branch(REPO, "main", self.commits[version - 1])

    def copy(self, folder: Path) -> Path:
        to = self.root / f"{folder.name}-{next(self.numbers)}"
        shutil.copytree(folder, to)
        return to

    def interrupted(self, operation: str, at: int, kind: str) -> list[str]:
        """Interrupt the ``at``-th act of an operation; what is wrong afterwards."""
        before = self.before(operation)
        self.show(2 if operation == "update" else 1)
        folder = self.copy(before.folder)
        known = len([*store_of(folder).events.read()])
        child = self.start(self.first, operation, folder, at=at, kind=kind)
        meanwhile = None
        if kind == "stop" and _reached(folder, child):
            _let_leases_end(folder)
            meanwhile = self.run(operation, folder)
            child.signal(signal.SIGCONT)
        assert child.ended(60) and child.result is not None
        check = Check(operation, before, folder, child.result, meanwhile, known)
        wrong = check.at_once()
        if wrong == []:
            wrong = check.at_last(self.run(operation, folder))
        if wrong == []:
            shutil.rmtree(folder)
            Path(str(folder) + ".reached").unlink(missing_ok=True)
        return [f"{operation}, {kind} at act {at} of {before.acts} ({folder}): {one}" for one in wrong]


@dataclass
class Check:
    """What must hold after an interruption: ``result`` of who was interrupted, ``meanwhile`` of who came in between."""

    operation: str
    before: Before
    folder: Path
    result: dict[str, Any]
    meanwhile: dict[str, Any] | None
    known: int

    def at_once(self) -> list[str]:
        """Before anybody has mended anything: the old tree or the new one, and errors have names."""
        wrong = []
        if not (self.result["killed"] or self.result.get("done") or self.result.get("code")):
            wrong.append(f"it ended without a name: {self.result}")
        if self.result.get("code") == "unexpected":
            wrong.append(f"it ended unforeseen: {self.result}")
        if self.meanwhile is not None and not self._is_good(self.meanwhile):
            wrong.append(f"who came in between could not do it: {self.meanwhile}")
        if visible(self.folder) not in (visible(self.before.folder), self.before.after):
            wrong.append("what is visible is neither the old version nor the new one")
        return wrong

    def at_last(self, again: dict[str, Any]) -> list[str]:
        """After it was done again: as if nothing had been, one event a fact, and nothing is left over a day later."""
        wrong = [] if self._is_good(again) else [f"done again: {again}"]
        if visible(self.folder) != self.before.after:
            wrong.append("the tree is not the clean one")
        store = store_of(self.folder)
        if visible(self.folder) and not verify(store, NAME).whole:
            wrong.append("the tree is damaged")
        trash = self.before.trash + self._fetched_instead(store)
        if len(store.trash.entries()) != trash:
            wrong.append(f"{len(store.trash.entries())} versions are in the trash, not {trash}")
        return wrong + self._events(store) + self._leftovers()

    def _is_good(self, result: dict[str, Any]) -> bool:
        return bool(result.get("done")) or result.get("code", "?") == DONE_BEFORE.get(self.operation)

    def _fetched_instead(self, store: Store) -> bool:
        """Whether it was landed anew, since what lies in the trash could not be read at that moment."""
        new = [*store.events.read()][self.known :]
        return self.operation == "back" and any(one.kind is EventKind.LANDED for one in new)

    def _events(self, store: Store) -> list[str]:
        events = [*store.events.read()]
        wrong = []
        if [one.seq for one in events] != [*range(1, len(events) + 1)]:
            wrong.append(f"sequence numbers: {[one.seq for one in events]}")
        if len({one.id for one in events}) != len(events):
            wrong.append("an event is told twice")
        new = events[self.known :]
        kinds = Counter(one.kind for one in new)
        count = kinds[TELLS.get(self.operation, EventKind.LANDED)] + self._fetched_instead(store)
        told = [f"{one.kind}:{one.data.get('code', '')}" for one in new]
        if self.operation in REPEATABLE:
            least = 1 + bool(self.meanwhile) + bool(self.result.get("done"))
            if not least <= count <= 2 + bool(self.meanwhile):
                wrong.append(f"told {count} times: {told}")
        elif count != 1:
            wrong.append(f"told {count} times: {told}")
        if kinds[EventKind.FAILED] > (1 if self.result.get("code") else 0):
            wrong.append(f"a failure is told that is none: {told}")
        if self.meanwhile and kinds[EventKind.FAILED] and self.meanwhile.get("done"):
            wrong.append(f"a failure is told after a success: {told}")
        return wrong

    def _leftovers(self) -> list[str]:
        then = time.time() - DAY_S - 60
        for path in self.folder.rglob("*"):
            os.utime(path, (then, then))
        store = store_of(self.folder)
        store.clean_debris()
        inner = self.folder / "storage/.hugflow"
        left = [*self.folder.rglob(".*.tmp")]
        for name in ("staging", "reservations", "intents", "outbox"):
            left += [*(inner / name).iterdir()] if (inner / name).exists() else []
        left += [one for one in (inner / "trash").iterdir() if len(store.trash.entries()) == 0]
        left += [one for one in (inner / "trash").iterdir() if one.name.startswith(".")]
        return [f"left over: {left}"] if left else []


def _reached(folder: Path, child: Child) -> bool:
    """Wait until the act is reached; False when the process ended without."""
    marker, bound = Path(str(folder) + ".reached"), time.monotonic() + 60
    while not marker.exists():
        if child.ended(0.002):
            return False
        assert time.monotonic() < bound
    return True


def _let_leases_end(folder: Path) -> None:
    """As if the silence had lasted longer than every lease."""
    then = time.time() - 1000
    for name in ("leases", "locks", "slots", "reservations"):
        for path in (folder / "storage/.hugflow" / name).rglob("*"):
            if path.is_file() and path.stat().st_mtime > 1:
                os.utime(path, (then, then))


@contextmanager
def bench_at(root: Path) -> Iterator[Bench]:
    needed = ("datasets", "hugflow_assets.logs", "hugflow_assets_tests.e2e.operations", "hugflow_assets_tests.e2e.acts")
    imports = (*ForkServer().imports, *needed)
    with LocalHub() as hub, ForkServer(imports) as first, ForkServer(imports) as second:
        yield Bench(hub, root, first, second)


def main() -> int:
    """Interrupt every act of every operation; the exit status is 1 where something is wrong afterwards."""
    wrong, began, cases = [], time.monotonic(), 0
    with tempfile.TemporaryDirectory() as root, bench_at(Path(root)) as bench:
        for operation in sys.argv[1:] or OPERATIONS:
            for at in range(1, bench.before(operation).acts + 1):
                for kind in KINDS:
                    cases += 1
                    for one in bench.interrupted(operation, at, kind):
                        wrong.append(one)
                        print(one, flush=True)
            print(f"{operation}: {bench.before(operation).acts} acts, {len(KINDS)} interruptions each", flush=True)
    print(f"{cases:,} interruptions in {time.monotonic() - began:,.0f} s, after {len(wrong)} something is wrong")
    return 1 if wrong else 0


def sample(acts: int, count: int, seed: str) -> list[int]:
    """Some of the acts, spread over all of them, others for another seed."""
    chance = random.Random(seed)
    step = acts / count
    return [min(acts, int(at * step + chance.random() * step) + 1) for at in range(count)]


if __name__ == "__main__":
    sys.exit(main())
