"""Parquet landed from memory: the tree of a landing over the disk, whatever happens on the way."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from hugflow_assets.demo.protocol import CDN
from hugflow_assets.errors import BadSourceError, HFDownloadError, HFIntegrityError, LandingCancelledError
from hugflow_assets.hub import HubAccess, SourceFile
from hugflow_assets.hub.cache import TAILS
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.shards.pool import Job, run_jobs
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.shapes.parquet.streamed import OverDiskError, windows_of
from hugflow_assets.transfer.to_memory import FileStream, StreamBrokenError
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.conftest import REPO, House
from hugflow_assets_tests.landing.trees import tree_of

SHARDS = 3
BAD = "train-00001"  # the file that things happen to
UNTOLD = "hf_reader"  # a token that made no plan, so that the landing reads the footers itself


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made")
    return {
        f"data/train-{at:05}-of-{SHARDS:05}.parquet": write_parquet(
            folder / f"{at}.parquet", clip_rows(12, first=at * 12), batch_size=5
        )
        for at in range(SHARDS)
    }


@pytest.fixture
def hub() -> Iterator[FaultyHub]:
    with FaultyHub(tokens={"hf_reader": "reader"}) as hub:
        yield hub


@pytest.fixture
def house(hub: FaultyHub, files: dict[str, Path], tmp_path: Path) -> House:
    hub.add_repo(REPO, files)
    return at_home(House(hub, tmp_path, options("stream")))


def options(mode: Any, **more: Any) -> LandingOptions:
    return LandingOptions(download_mode=mode, workers=2, progress_interval_s=0.01, **more)


def at_home(house: House) -> House:
    (house.folder / "storage").mkdir(parents=True, exist_ok=True)
    return house


def over_disk(house: House) -> dict[str, bytes]:
    """The tree of a landing over the disk."""
    other = house.elsewhere("over-disk")
    other.options = options("disk")
    return tree_of(other.land().path)


def sent(hub: FaultyHub, since: int) -> dict[str, int]:
    """Bytes of whole transfers by file; a footer is asked for with an end."""
    found: dict[str, int] = {}
    for one in hub.requests[since:]:
        told = re.search(r"train-\d{5}", unquote(unquote(f"{one.path}?{one.query}")))
        if told and one.origin == CDN and re.fullmatch(r"bytes=\d+-", one.range or "bytes=0-"):
            found[told[0]] = found.get(told[0], 0) + one.bytes_sent
    return found


def sizes(files: dict[str, Path]) -> dict[str, int]:
    return {Path(path).name[:11]: file.stat().st_size for path, file in files.items()}


def test_what_is_streamed_lands_as_over_the_disk_each_byte_fetched_once(
    house: House, hub: FaultyHub, files: dict[str, Path]
) -> None:
    wanted, plan, seen = over_disk(house), house.plan(), len(hub.requests)
    landed = house.land(plan)
    assert tree_of(landed.path) == wanted
    assert sent(hub, seen) == sizes(files)
    assert landed.bytes_fetched == sum(sizes(files).values())
    assert not [*(house.folder / "storage/.hugflow/staging").iterdir()]


FAULTS: dict[str, tuple[dict[str, Any], bool]] = {
    # what the Hub does to the footer and then to the transfer of one file, and whether that has to come again
    "reset inside the body": ({"kind": "reset", "after_bytes": 5000}, False),
    "clean early close": ({"kind": "close", "after_bytes": 5000}, False),
    "500": ({"kind": 500}, False),
    "429": ({"kind": 429, "headers": {"Retry-After": "0"}}, False),
    "an expired link": ({"kind": "expired"}, False),
    "a byte flipped": ({"kind": "flip", "flip_at": 20_000}, True),
    "a login page": ({"kind": "html"}, True),
    "a length too long": ({"kind": "wrong-length"}, True),
    "bytes that trickle": ({"kind": "trickle", "bytes_per_s": 100.0}, False),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_nothing_in_the_tree(
    house: House, hub: FaultyHub, files: dict[str, Path], name: str
) -> None:
    fault, again = FAULTS[name]
    wanted, plan, seen = over_disk(house), house.plan(), len(hub.requests)
    access = replace(house.access, token=UNTOLD, read_timeout_s=0.5, retries=2)
    rule = hub.fault(BAD, **{"origin": CDN, "times": 2, **fault})  # of the footer, and of the transfer
    landed = land(plan, house.store, access, house.options)
    hub.release()
    assert rule.hits == 2
    assert tree_of(landed.path) == wanted
    whole = sizes(files)
    for file, size in sent(hub, seen).items():
        assert whole[file] <= size <= whole[file] * (3 if again and file == BAD else 1) + 5000 * (file == BAD), file


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_bytes_that_are_not_the_files_are_landed_anew_over_the_disk(
    house: House, hub: FaultyHub, files: dict[str, Path], executor: Any
) -> None:
    wanted, plan, seen = over_disk(house), house.plan(), len(hub.requests)
    house.options = options("stream", executor=executor)
    rule = hub.fault(BAD, "flip", origin=CDN, times=2, flip_at=3000)  # of the footer's bytes, then of the transfer
    landed = land(plan, house.store, replace(house.access, token=UNTOLD), house.options)
    assert rule.hits == 2
    assert tree_of(landed.path) == wanted
    assert landed.bytes_fetched >= sum(sent(hub, seen).values())


def test_a_file_that_stays_wrong_is_told_as_over_the_disk(house: House, hub: FaultyHub) -> None:
    plan = house.plan()
    hub.fault(BAD, "flip", origin=CDN, times=None)
    with pytest.raises(HFIntegrityError, match=BAD):
        house.land(plan)
    assert house.store.index.names() == []
    hub.heal()
    hub.fault(BAD, 403, origin=CDN, times=None)
    with pytest.raises(HFDownloadError, match=BAD):
        house.land(plan)


def test_parquet_that_is_none_is_told_as_over_the_disk(hub: FaultyHub, house: House, tmp_path: Path) -> None:
    rows = write_parquet(tmp_path / "fine.parquet", clip_rows(4)).read_bytes()
    plan = house.plan()
    damaged = rows[:40] + bytes(2000) + rows[2040:]
    hub.commit(REPO, {plan.configs[0].splits[0].shards[0].files[0].path: damaged})
    with pytest.raises(BadSourceError, match="train-00000"):
        house.land(house.plan())


def test_a_server_without_ranges_is_landed_from_over_the_disk(house: House, hub: FaultyHub) -> None:
    wanted, plan = over_disk(house), house.plan()
    hub.fault("train-", "no-range", times=None, origin=CDN)
    hub.fault(BAD, "close", after_bytes=5000, origin=CDN)
    assert tree_of(house.land(plan).path) == wanted


def test_a_stop_is_heeded_and_what_was_landed_is_kept(house: House, hub: FaultyHub) -> None:
    wanted, plan = over_disk(house), house.plan()
    house.options = replace(options("stream"), workers=1)
    hub.bytes_per_s = 100_000
    told: list[int] = []
    with pytest.raises(LandingCancelledError):
        house.land(plan, on_progress=lambda one: told.append(one.shards_done), should_stop=lambda: max(told) >= 1)
    hub.bytes_per_s, seen = None, len(hub.requests)
    assert tree_of(house.land(plan).path) == wanted
    assert len(sent(hub, seen)) == SHARDS - max(told)


def test_progress_counts_what_has_come_into_memory(house: House, hub: FaultyHub) -> None:
    told: list[int] = []
    hub.bytes_per_s = 300_000
    house.land(on_progress=lambda one: told.append(one.bytes_done))
    whole = told[-1]
    assert any(0 < done < whole and done % (whole // SHARDS) for done in told) and told == sorted(told)


def test_by_itself_it_streams_large_shards_and_takes_up_on_the_disk_what_comes_slowly(
    hub: FaultyHub, tmp_path: Path
) -> None:
    """Windows of 32 MB and more; a kill of the slow one costs no more than one over the disk."""
    chance = random.Random(4)
    rows = clip_rows(12, duration_s=0.001)
    for row in rows:
        row["audio"]["bytes"] = row["audio"]["bytes"][:44] + chance.randbytes(4_000_000)
    path = write_parquet(tmp_path / "large.parquet", rows, batch_size=5)
    assert [one.groups for one in windows_of(pq.read_metadata(path), path.stat().st_size)] == [
        range(1),
        range(1, 2),
        range(2, 3),
    ]
    hub.add_repo(REPO, {"data/train-00000-of-00001.parquet": path})
    trees = []
    for place, mode in (("fast", "auto"), ("slow", "auto"), ("disk", "disk")):
        house = at_home(House(hub, tmp_path / place, options(mode)))
        plan, parts = house.plan(), list[Path]()
        work = house.folder / "storage/.hugflow/staging"
        if place == "slow":
            # Of the first transfer all connections; the plan has read the footer.
            hub.fault("train-", "trickle", origin=CDN, bytes_per_s=3e5, times=7)
        landed = house.land(plan, on_progress=lambda _, at=work, into=parts: into.extend(at.rglob("source-*")))
        trees.append(tree_of(landed.path))
        assert bool(parts) == (place != "fast"), place
        assert path.stat().st_size <= landed.bytes_fetched < path.stat().st_size * 1.1  # ahead of its turn, thrown away
    assert trees[0] == trees[1] == trees[2]


def test_from_a_slow_network_large_files_come_by_several_connections_and_land_the_same(
    hub: FaultyHub, tmp_path: Path
) -> None:
    chance, files = random.Random(5), dict[str, Path]()
    for at in range(SHARDS):
        rows = clip_rows(7, first=7 * at, duration_s=0.001)
        for row in rows:
            row["audio"]["bytes"] = row["audio"]["bytes"][:44] + chance.randbytes(4_000_000)
        files[f"data/train-{at:05}-of-{SHARDS:05}.parquet"] = write_parquet(tmp_path / f"{at}.parquet", rows)
    hub.add_repo(REPO, files)
    trees: list[dict[str, bytes]] = []

    def ranges(mode: str, bytes_per_s: float | None) -> int:
        house = at_home(House(hub, tmp_path / str(len(trees)), options(mode)))
        plan, hub.bytes_per_s, hub.most_at_once, seen = house.plan(), bytes_per_s, 0, len(hub.requests)
        landed = house.land(plan)
        trees.append(tree_of(landed.path))
        assert hub.most_at_once <= house.options.connections
        assert landed.bytes_fetched == sum(path.stat().st_size for path in files.values())
        return len([one for one in hub.requests[seen:] if one.origin == CDN and one.bytes_sent > 1 << 20])

    # One connection each from a fast network, which a loopback is but in moments when the machine is busy elsewhere.
    assert any(ranges("auto", None) <= SHARDS for _ in range(8))
    assert ranges("auto", 40e6) > SHARDS and ranges("disk", 40e6) > SHARDS
    assert all(tree == trees[0] for tree in trees)


def test_shards_that_have_come_back_wait_for_a_connection_and_are_all_tried(
    house: House, hub: FaultyHub, tmp_path: Path
) -> None:
    """Four, of which two take all connections of a slow network: their files are large."""
    house.options = replace(house.options, workers=4)
    source = house.plan().configs[0].splits[0].shards[0]
    large = source.files[0].model_copy(update={"size_bytes": 200 << 20})
    shards = [
        Shard(
            access=replace(house.access, token=UNTOLD, read_timeout_s=0.5),
            repo_id=REPO,
            commit=house.plan().commit,
            config="default",
            split="train",
            source=source.model_copy(update={"files": (large,)}),
            folder=f"train/{at:05}",
            tree=tmp_path / "tree",
            work=tmp_path / "work" / str(at),
            checksums="xxh128",
            features=None,
            file_mode=0o640,
            stop_file=tmp_path / "stop",
            download_mode="stream",
        )
        for at in range(4)
    ]
    shards[0].slow_file.touch()
    TAILS.put(b"no footer", shards[0].access, REPO, str(large.sha256))  # so that none can be streamed
    hub.fault("train-", "stall", origin=CDN, times=2)
    hub.fault("train-", 404, origin=CDN, times=None)
    with pytest.raises(HFDownloadError) as caught:
        run_jobs(map(Job, shards), house.options, on_landed=lambda *_: None, tick=lambda: False, stop=lambda: None)
    assert len(caught.value.details["also_failed"]) == 3


def test_a_footer_that_lies_about_places_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", clip_rows(4))
    with pytest.raises(OverDiskError):
        windows_of(pq.read_metadata(path), 100)


DATA = random.Random(1).randbytes(9 << 20)


def file_stream(hub: FaultyHub, data: bytes, room_bytes: int) -> FileStream:
    from hugflow_assets.hub import Hub

    commit = hub.add_repo("org/set", {"x.bin": data})
    access = HubAccess(hub.url, retries=2, backoff_s=0.01)
    file = Hub(access).file_info("org/set", commit, ["x.bin"])["x.bin"]
    return FileStream(access, "org/set", commit, file, room_bytes)


def test_a_stream_holds_no_more_than_its_room_and_goes_on_when_some_is_released(hub: FaultyHub) -> None:
    room = 2 << 20
    with file_stream(hub, DATA, room) as stream:
        at = 0
        while at < len(DATA):
            end = min(at + room, len(DATA))
            assert stream.wait(end)
            assert not stream.wait(end + 1, patience_s=0.01) or end == len(DATA)
            assert stream.memory[at:end] == DATA[at:end]
            stream.release(end)
            assert not any(stream.memory[at : end - end % 4096])
            at = end
        stream.verify()


def test_a_stream_that_is_left_ends_and_one_that_broke_says_so(hub: FaultyHub) -> None:
    with file_stream(hub, DATA, 1 << 20) as stream:
        assert stream.wait(1 << 20)
    hub.fault("x.bin", "flip", origin=CDN)
    hub.delete_repo("org/set")
    with file_stream(hub, DATA, 10 << 20) as stream, pytest.raises(StreamBrokenError):
        stream.verify()


def test_what_a_stream_has_saved_a_fetch_takes_up(hub: FaultyHub, tmp_path: Path) -> None:
    with file_stream(hub, DATA, 4 << 20) as stream:
        stream.wait(4 << 20)
        stream.save(tmp_path / "x.part")
    assert (tmp_path / "x.part").read_bytes() == DATA[: 4 << 20]


def test_a_file_longer_than_the_address_space_is_none_to_stream(hub: FaultyHub) -> None:
    endless = SourceFile(path="x.bin", size_bytes=1 << 60, sha256="0" * 64)
    with pytest.raises(StreamBrokenError, match="address space"):
        FileStream(HubAccess(hub.url), "org/set", "0" * 40, endless, 1 << 20)
