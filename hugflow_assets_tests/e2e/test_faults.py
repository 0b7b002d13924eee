"""A Hub that misbehaves in every way we know of, against a whole landing.

After each fault the tree is that of a clean run, and no file came over the network again once it had been verified: the
bytes that the Hub sent of each file are counted.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from hugflow_assets.demo.protocol import CDN, HUB, XET
from hugflow_assets.demo.xet_folder import XetFolder
from hugflow_assets.errors import (
    DiskFullError,
    HFDisabledError,
    HFDownloadError,
    HFError,
    HFGatedError,
    HFGoneError,
    HFIntegrityError,
    HFRateLimitedError,
    HFTokenError,
    HFUnreachableError,
    HugflowError,
    LandingCancelledError,
    QuotaExceededError,
)
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.store import Phase, Progress, Store
from hugflow_assets_tests.datasets_made import clip_rows, speech_files, write_parquet
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.trees import tree_of

REPO = "org/speech"
NAME = "org__speech__rev_main"
REQUEST = DatasetRequest(hf_id=REPO, description="Speech.")
BAD = "train-00001"  # the file that things happen to


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | Path]:
    return speech_files(tmp_path_factory.mktemp("made"), splits={"train": 4}, rows_per_shard=8)


@pytest.fixture(scope="module")
def clean(files: dict[str, bytes | Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tree that every landing here has to end in."""
    with FaultyHub() as hub:
        hub.add_repo(REPO, files)
        tree = tree_of(World(hub, tmp_path_factory.mktemp("clean")).land().path)
        manifest = tree.pop("hugflow.json")
        return {**tree, "hugflow.json": manifest.replace(hub.url.encode(), b"")}


@dataclass
class World:
    """A Hub, a storage, and the count of what came from one to the other."""

    hub: FaultyHub
    folder: Path
    access: HubAccess = field(init=False)
    options: LandingOptions = field(default_factory=lambda: LandingOptions(workers=2, progress_interval_s=0.01))

    def __post_init__(self) -> None:
        self.access = HubAccess(self.hub.url, retries=2, backoff_s=0.01, read_timeout_s=0.5, retry_max_wait_s=60)
        (self.folder / "storage").mkdir(parents=True)
        (self.folder / "state").mkdir()
        self.seen = 0

    @property
    def store(self) -> Store:
        return Store(self.folder / "storage", self.folder / "state")

    def plan(self, access: HubAccess | None = None) -> LandingPlan:
        return resolve(Hub(access or self.access), REQUEST)

    def land(self, plan: LandingPlan | None = None, **how: Any) -> LandedDataset:
        plan = plan or self.plan()
        self.seen = len(self.hub.requests)
        return land(plan, self.store, self.access, self.options, **how)

    def tree(self) -> dict[str, bytes]:
        tree = tree_of(self.store.layout.dataset(NAME))
        return tree | {"hugflow.json": tree["hugflow.json"].replace(self.hub.url.encode(), b"")}

    def sent(self) -> dict[str, int]:
        """Bytes of each file that the Hub has sent since ``land`` was called, by the file's number."""
        found: dict[str, int] = {}
        for one in self.hub.requests[self.seen :]:
            told = re.search(r"train-\d{5}", unquote(unquote(f"{one.path}?{one.query}")))
            if told and one.origin == CDN and one.status in (200, 206):
                found[told[0]] = found.get(told[0], 0) + one.bytes_sent
        return found

    def staged(self) -> int:
        return len([*self.store.layout.staging_root.rglob("receipts/*.json")])


@pytest.fixture
def world(files: dict[str, bytes | Path], tmp_path: Path) -> Iterator[World]:
    with FaultyHub() as hub:
        hub.add_repo(REPO, files)
        yield World(hub, tmp_path)


@pytest.fixture
def sizes(files: dict[str, bytes | Path]) -> dict[str, int]:
    return {Path(path).name[:11]: data.stat().st_size for path, data in files.items() if isinstance(data, Path)}


PASSING: dict[str, tuple[dict[str, Any], float]] = {
    # fault of the bad file's transfer: what the Hub does, and how much of the file may have been sent for nothing
    "clean early close": ({"kind": "close", "after_bytes": 5000}, 0),
    "close before the first byte": ({"kind": "close"}, 0),
    "reset inside the body": ({"kind": "reset", "after_bytes": 5000}, 5000),
    "reset before any answer": ({"kind": "reset"}, 0),
    "reset twice": ({"kind": "reset", "after_bytes": 3000, "times": 2}, 6000),
    "500 then fine": ({"kind": 500}, 0),
    "502, then 503": ({"kind": 502, "times": 2}, 0),
    "503 with a wait": ({"kind": 503, "headers": {"Retry-After": "0"}}, 0),
    "504 of the Hub itself": ({"kind": 504, "origin": HUB}, 0),
    "429 with Retry-After": ({"kind": 429, "headers": {"Retry-After": "0"}, "origin": HUB}, 0),
    "429 with RateLimit": ({"kind": 429, "headers": {"RateLimit": '"resolvers";r=0;t=0'}, "origin": HUB}, 0),
    "408": ({"kind": 408}, 0),
    "the CDN link has expired": ({"kind": "expired"}, 0),
    "403 of the storage, once": ({"kind": 403}, 0),
    "a byte flipped, the size equal": ({"kind": "flip"}, 1.0),
    "a length too long": ({"kind": "wrong-length"}, 1.0),
    "a length too short": ({"kind": "wrong-length", "length_off": -10}, 1.0),
    "a login page": ({"kind": "html"}, 1.0),
    "a redirect loop for a while": ({"kind": "redirect-loop", "times": 21}, 0),
    "silence before the answer": ({"kind": "stall"}, 1.0),
    "silence inside the file": ({"kind": "stall", "after_bytes": 5000}, 1.0),
    "bytes that trickle": ({"kind": "trickle", "bytes_per_s": 100.0}, 1.0),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_changes_nothing_in_the_tree(
    world: World, clean: dict[str, bytes], sizes: dict[str, int], name: str
) -> None:
    fault, wasted = PASSING[name]
    plan = world.plan()
    rule = world.hub.fault(**{"path": BAD, "origin": CDN, **fault})
    world.land(plan)
    world.hub.release()
    assert rule.hits == fault.get("times", 1)
    assert world.tree() == clean
    for file, sent in world.sent().items():
        is_met = re.search(fault.get("path", BAD), file) is not None
        allowed = wasted if wasted > 1 else wasted * sizes[file]
        assert sizes[file] <= sent <= sizes[file] + (allowed if is_met else 0), file


def test_a_server_that_knows_no_ranges_costs_the_broken_file_only(
    world: World, clean: dict[str, bytes], sizes: dict[str, int]
) -> None:
    plan = world.plan()
    world.hub.fault(BAD, "close", origin=CDN, after_bytes=5000)
    world.hub.fault(BAD, "no-range", times=None, origin=CDN)
    world.land(plan)
    assert world.tree() == clean
    assert world.sent() == {**sizes, BAD: sizes[BAD] + 5000}


XET_FAULTS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "unreachable": {"path": "", "kind": "reset"},
    "silence inside a piece": {"path": "/xorbs/", "kind": "stall", "after_bytes": 1000},
    "other bytes": {"path": "/xorbs/", "kind": "flip", "flip_at": 5000},
}


@pytest.mark.parametrize(("name", "executor"), [*((name, "threads") for name in XET_FAULTS), ("none", "processes")])
def test_a_landing_by_xet_and_one_without_give_the_same_tree(
    files: dict[str, bytes | Path],
    sizes: dict[str, int],
    clean: dict[str, bytes],
    tmp_path: Path,
    name: str,
    executor: Any,
) -> None:
    with FaultyHub(xet=XetFolder(tmp_path / "xet")) as hub:
        hub.add_repo(REPO, files)
        world = World(hub, tmp_path)
        world.access = replace(world.access, xet="on")
        world.options = replace(world.options, executor=executor)
        if (fault := XET_FAULTS[name]) is not None:
            hub.fault(**fault, origin=XET, times=None)
        world.land()
        assert world.tree() == clean
        assert world.sent() == ({} if fault is None else sizes)
        assert sum(request.origin == XET for request in hub.requests) <= 40


INFO: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"kind": 429, "headers": {"Retry-After": "0"}},
    "stall": {"kind": "stall"},
    "reset": {"kind": "reset"},
    "503": {"kind": 503},
    "cut in half": {"kind": "close", "after_bytes": 20},
    "an expired link to a parquet footer": {"path": BAD, "origin": CDN, "kind": "expired"},
    "a parquet footer reset": {"path": BAD, "origin": CDN, "kind": "reset", "after_bytes": 100},
}


@pytest.mark.parametrize("name", INFO)
def test_faults_of_the_planning_are_outlived_too(world: World, clean: dict[str, bytes], name: str) -> None:
    world.access = replace(world.access, read_timeout_s=0.2)
    rule = world.hub.fault(**{"path": "/api/datasets/", "origin": HUB, **INFO[name]})
    world.land()
    assert rule.hits == 1
    assert world.tree() == clean


FINAL: dict[str, tuple[dict[str, Any], type[HFError], str]] = {
    # fault that stays: the error it is told as, and what the message has to name
    "a byte flipped for ever": ({"kind": "flip"}, HFIntegrityError, BAD),
    "the storage refuses": ({"kind": 403}, HFDownloadError, BAD),
    "the file is not there": (
        {"kind": 404, "origin": HUB, "headers": {"X-Error-Code": "EntryNotFound"}}, HFDownloadError, BAD,
    ),
    "500 for ever": ({"kind": 500}, HFUnreachableError, "status 500"),
    "reset for ever": ({"kind": "reset"}, HFUnreachableError, "connection"),
    "a redirect loop": ({"kind": "redirect-loop"}, HFUnreachableError, "circle"),
    "silence": ({"kind": "stall"}, HFUnreachableError, "silent"),
}  # fmt: skip


@pytest.mark.parametrize("name", FINAL)
def test_one_file_that_fails_for_good_costs_no_other_and_the_next_run_fetches_it_alone(
    world: World, clean: dict[str, bytes], sizes: dict[str, int], name: str
) -> None:
    fault, kind, told = FINAL[name]
    world.access = replace(world.access, retries=1, read_timeout_s=0.2)
    plan = world.plan()
    world.hub.fault(**{"path": BAD, "origin": CDN, "times": None, **fault})
    with pytest.raises(kind, match=told) as caught:
        world.land(plan)
    assert caught.value.remedy
    assert BAD in str(caught.value.details.get("path", caught.value.message))
    assert world.store.index.names() == []
    assert world.staged() == 3
    world.hub.heal()
    world.land(plan)
    assert world.sent() == {BAD: sizes[BAD]}
    assert world.tree() == clean


def test_two_bad_files_are_both_told(world: World) -> None:
    plan = world.plan()
    world.hub.fault("train-0000[13]", 403, times=None, origin=CDN)
    with pytest.raises(HFDownloadError) as caught:
        world.land(plan)
    [other] = caught.value.details["also_failed"]
    assert {re.findall(r"train-\d{5}", text)[0] for text in (caught.value.message, other)} == {BAD, "train-00003"}


def test_when_one_file_after_the_other_fails_the_rest_is_not_tried(tmp_path: Path) -> None:
    """A proxy that damages everything would otherwise be given the whole dataset, twice."""
    with FaultyHub() as hub:
        hub.add_repo(REPO, speech_files(tmp_path / "made", splits={"train": 16}, rows_per_shard=1))
        world = World(hub, tmp_path / "world", options=LandingOptions(workers=1, progress_interval_s=0.01))
        plan = world.plan()
        hub.fault("train-", "flip", times=None, origin=CDN)
        with pytest.raises(HFIntegrityError, match="train-") as caught:
            world.land(plan)
        assert 4 <= len(caught.value.details["also_failed"]) < 15
        assert len(world.sent()) < 16


REFUSED: dict[str, tuple[Callable[[FaultyHub], object], type[HFError]]] = {
    "gated": (lambda hub: setattr(hub.repo(REPO), "gated", "manual"), HFGatedError),
    "deleted": (lambda hub: hub.delete_repo(REPO), HFGoneError),
    "disabled": (lambda hub: setattr(hub.repo(REPO), "disabled", True), HFDisabledError),
    "made private": (lambda hub: setattr(hub.repo(REPO), "private", True), HFError),
}


@pytest.mark.parametrize("name", REFUSED)
def test_access_lost_on_the_way_ends_the_landing_by_its_name(world: World, name: str) -> None:
    lose, kind = REFUSED[name]
    plan = world.plan()
    lose(world.hub)
    with pytest.raises(kind, match=REPO):
        world.land(plan)
    assert world.store.index.names() == []
    assert world.sent() == {}


def test_a_rate_limit_longer_than_allowed_ends_it_at_once_and_what_is_there_stays(
    world: World, clean: dict[str, bytes], sizes: dict[str, int]
) -> None:
    plan = world.plan()
    world.hub.fault("train-00003", 429, times=None, origin=HUB, headers={"Retry-After": "120"})
    with pytest.raises(HFRateLimitedError, match="120 s"):
        world.land(plan)
    before = world.sent()
    world.hub.heal()
    world.land(plan)
    assert world.tree() == clean
    assert {file: before.get(file, 0) + world.sent().get(file, 0) for file in sizes} == sizes


def test_a_hub_that_goes_down_in_the_middle_is_named_and_the_next_run_goes_on_where_it_was(
    world: World, clean: dict[str, bytes], sizes: dict[str, int]
) -> None:
    plan = world.plan()
    world.hub.fault("train-00002", "refuse", origin=CDN)
    with pytest.raises(HFUnreachableError, match="HF_ENDPOINT"):
        world.land(plan)
    before, done = world.sent(), world.staged()
    assert done >= 1
    world.hub.start()
    world.land(plan)
    assert world.tree() == clean
    for file, size in sizes.items():
        assert size <= before.get(file, 0) + world.sent().get(file, 0) <= 2 * size
    assert sum(file in world.sent() for file in sizes) <= len(sizes) - done


def test_a_hub_that_comes_back_within_the_retries_is_no_failure(world: World, clean: dict[str, bytes]) -> None:
    class Back(FaultyHub):
        def stop(self) -> None:
            super().stop()
            if self.faults:
                self.faults.clear()
                self.start()

    with Back() as hub:
        hub._repos.update(world.hub._repos)
        there = World(hub, world.folder / "there")
        there.access = replace(there.access, retries=9)
        plan = there.plan()
        hub.fault(BAD, "refuse", origin=CDN)
        there.land(plan)
        assert there.tree() == clean


def test_a_private_file_is_never_given_to_a_token_without_access(world: World, tmp_path: Path) -> None:
    """Nothing of what one token has fetched, landed, or staged is a cache for another one."""
    world.hub.tokens |= {"hf_reader": "reader", "hf_stranger": "stranger"}
    world.hub.repo(REPO).private = True
    world.hub.grant(REPO, "reader")
    reader = replace(world.access, token="hf_reader")
    world.access = reader
    plan = world.plan()
    world.hub.fault(BAD, 403, times=None, origin=CDN)
    with pytest.raises(HFDownloadError):
        world.land(plan)
    world.hub.heal()
    assert world.staged() == 3
    for token, kind in (("hf_stranger", HFError), ("hf_invalid", HFTokenError), (None, HFError)):
        stranger = replace(reader, token=token)
        with pytest.raises(kind):
            world.plan(stranger)
        other = World(world.hub, tmp_path / f"other-{token}")
        other.access = stranger
        with pytest.raises(HFError):
            other.land(world.plan(reader))
        assert other.sent() == {} and other.store.index.names() == []
        assert not any(other.folder.rglob("*.wav"))


# ---- clean stops


def test_cancelled_by_hand_it_stops_keeps_what_is_staged_and_goes_on(
    world: World, clean: dict[str, bytes], sizes: dict[str, int]
) -> None:
    plan = world.plan()
    world.options = replace(world.options, workers=1)
    store = world.store
    told: list[bool] = []

    def cancel(progress: Progress) -> None:
        if progress.shards_done >= 1 and not told:
            told.append(store.leases.cancel(NAME, by="a person"))

    world.hub.bytes_per_s = 100_000
    with pytest.raises(LandingCancelledError, match="topped"):
        world.land(plan, on_progress=cancel)
    assert told == [True]
    _check_stopped_cleanly(world, staged_at_least=1)
    before = world.sent()
    world.hub.bytes_per_s = None
    world.land(plan)
    assert world.tree() == clean
    assert sum(world.sent().values()) < sum(sizes.values())
    assert set(before) - set(world.sent()), "a file that was landed already was asked for again"


def large_files(folder: Path) -> dict[str, bytes | Path]:
    """Twelve shards of text that is noise, 4 MB when landed."""
    noise = random.Random(3)
    rows = [row | {"text": noise.randbytes(10_000).hex()} for row in clip_rows(16)]
    return {f"data/train-{at:05}-of-00012.parquet": write_parquet(folder / f"{at}.parquet", rows) for at in range(12)}


def test_a_quota_crossed_while_running_stops_it_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """The estimate was far too low, which shows when the first shards are landed."""
    made = large_files(tmp_path)
    with FaultyHub() as hub:
        hub.add_repo(REPO, made)
        world = World(hub, tmp_path / "world", options=LandingOptions(workers=1, progress_interval_s=0.01))
        plan = world.plan()
        low = plan.model_copy(update={"estimate": plan.estimate.model_copy(update={"landed_bytes": 1})})
        tight = Store(world.folder / "storage", world.folder / "state", quota_bytes=3 << 20)
        with pytest.raises(QuotaExceededError, match="does not fit"):
            land(low, tight, world.access, world.options)
        _check_stopped_cleanly(world, staged_at_least=1)
        done = world.staged()
        world.land(plan)
        assert len(world.sent()) <= len(made) - done
        fresh = World(hub, tmp_path / "fresh")
        fresh.land(plan)
        assert world.tree() == fresh.tree()


def test_a_disk_that_fills_up_stops_it_cleanly_and_what_was_verified_is_not_fetched_again(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]).returncode:
        pytest.skip("mounting a small file system needs root")
    made = large_files(tmp_path)
    sizes = {Path(path).name[:11]: data.stat().st_size for path, data in made.items() if isinstance(data, Path)}
    try:
        with FaultyHub() as hub:
            hub.add_repo(REPO, made)
            world = World(hub, disk / "world")
            plan, thief = world.plan(), disk / "thief"

            def steal(progress: Progress) -> None:
                if progress.shards_done and not thief.exists():
                    room = os.statvfs(disk)
                    thief.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - 500_000)))

            hub.bytes_per_s = 1_000_000
            with pytest.raises(DiskFullError, match="No space"):
                world.land(plan, on_progress=steal)
            thief.unlink()
            _check_stopped_cleanly(world, staged_at_least=1)
            before, hub.bytes_per_s = world.sent(), None
            world.land(plan)
            again = World(hub, tmp_path / "again")
            sent = world.sent()
            again.land(plan)
            assert world.tree() == again.tree()
            assert set(before) - set(sent), "no file was kept"
            for file, size in sizes.items():
                if before.get(file, 0) == size:  # it had come whole; its last bytes may not have found room
                    assert sent.get(file, 0) < size, file
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def _check_stopped_cleanly(world: World, *, staged_at_least: int) -> None:
    store = world.store
    assert store.index.names() == []
    assert world.staged() >= staged_at_least
    assert [*store.layout.reservations.glob("*.json")] == []
    assert store.leases.holder(NAME) is None
    told = store.progress.read(NAME)
    assert told is not None and told.phase is Phase.FAILED
    [*_, last] = [event for event in store.events.read() if event.name == NAME]
    assert last.kind == "failed" and last.data["code"] in told.message


def test_every_error_here_says_what_to_do() -> None:
    kinds = [*(kind for _, kind, _ in FINAL.values()), *(kind for _, kind in REFUSED.values())]
    assert all(issubclass(kind, HugflowError) and kind.code for kind in kinds)
