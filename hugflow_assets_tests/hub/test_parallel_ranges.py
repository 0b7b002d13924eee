"""A large file comes over several connections as it comes over one: in order, verified, resumed, whatever happens."""

from __future__ import annotations

import random
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.demo.protocol import CDN, HUB, Answer, Request
from hugflow_assets.demo.serving import Delivery
from hugflow_assets.errors import LandingCancelledError
from hugflow_assets.hub import Hub, HubAccess, SourceFile
from hugflow_assets.transfer import FetchReceipt
from hugflow_assets.transfer.connection_pool import POOL, RANGE_BYTES
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets.transfer.to_memory import FileStream
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.hub.conftest import Access
from hugflow_assets_tests.polling import poll

DATA = random.Random(3).randbytes(3 * RANGE_BYTES + 12_345)
SIZE = len(DATA)
PATH = "data/train.tar"
SECOND = f"bytes={RANGE_BYTES}-"  # the range behind the first request's
MOST = 4


@pytest.fixture
def commit(hub: FaultyHub) -> str:
    return hub.add_repo("org/set", {PATH: DATA})


def source(access: HubAccess, commit: str) -> SourceFile:
    return Hub(access).file_info("org/set", commit, [PATH])[PATH]


def several(_: float | None) -> int:
    return MOST


def fetched(access: HubAccess, commit: str, to: Path) -> FetchReceipt:
    """Fetch it over several connections; right in its bytes, its progress and in what it leaves behind."""
    told: list[int] = []
    held: list[int] = []

    def on_bytes(count: int) -> None:
        told.append(count)
        held.append(POOL.held_bytes)

    file = source(access, commit)
    receipt = fetch(access, "org/set", commit, file, to, on_bytes=on_bytes, connections=several)
    assert to.read_bytes() == DATA
    assert sum(told) == SIZE
    assert max(sum(told[: at + 1]) for at in range(len(told))) <= SIZE
    assert max(held) <= MOST * RANGE_BYTES
    assert_nothing_is_left()
    return receipt


def assert_nothing_is_left() -> None:
    """A range that nobody needs any more ends at once, and so does its thread."""
    poll(lambda: all(thread.name != "part" for thread in threading.enumerate()), within_s=10, every_s=0.01)
    assert POOL.held_bytes == 0


def asked(hub: FaultyHub, origin: str = CDN) -> list[str | None]:
    return [one.range for one in hub.requests if one.origin == origin and one.method == "GET"]


def test_ranges_come_at_once_from_where_the_hub_has_sent_the_first_request(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    receipt = fetched(access(token="hf_reader"), commit, tmp_path / "x")
    assert (receipt.attempts, receipt.bytes_fetched) == (1, SIZE)
    assert len(asked(hub)) > 2 and len(asked(hub, HUB)) == 1
    assert sum(one.bytes_sent for one in hub.requests if one.origin == CDN) == SIZE
    assert hub.violations == []


FAULTS: dict[str, tuple[dict[str, object], int]] = {
    # what the Hub does to the second range, and how many requests of the Hub it takes
    "reset inside": ({"kind": "reset", "after_bytes": 2_000_000}, 2),
    "reset before the answer": ({"kind": "reset"}, 2),
    "closed too early": ({"kind": "close", "after_bytes": 2_000_000}, 2),
    "silence inside": ({"kind": "stall", "after_bytes": 2_000_000}, 2),
    "silence": ({"kind": "stall"}, 2),
    "503": ({"kind": 503}, 2),
    "429": ({"kind": 429, "headers": {"Retry-After": "60"}}, 2),
    "the link has expired": ({"kind": "expired"}, 2),
    "the whole file": ({"kind": "no-range"}, 2),
    "a login page": ({"kind": "html"}, 2),
    "a redirect": ({"kind": "redirect-loop"}, 2),
    "another length": ({"kind": "wrong-length"}, 2),
    "a byte flipped": ({"kind": "flip", "flip_at": RANGE_BYTES + 1000}, 2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_range_that_fails_is_asked_for_anew_and_all_before_it_is_kept(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path, name: str
) -> None:
    fault, times = FAULTS[name]
    rule = hub.fault("train.tar", **{"origin": CDN, "asked": SECOND, **fault})  # type: ignore[arg-type]
    receipt = fetched(access(read_timeout_s=0.5), commit, tmp_path / "x")
    hub.release()
    assert rule.hits == 1
    assert len(asked(hub, HUB)) == times
    assert SIZE <= receipt.bytes_fetched <= 2 * SIZE


class _OddHub(FaultyHub):
    """Says something else of every range but the first, in one header."""

    odd: dict[str, str]

    def prepare(self, request: Request, answer: Answer) -> Delivery:
        delivery = super().prepare(request, answer)
        if delivery.status != 206 or delivery.start < RANGE_BYTES or request.range == SECOND:
            return delivery
        return replace(delivery, headers={**delivery.headers, **self.odd})


@pytest.mark.parametrize(
    "odd",
    [
        {"ETag": '"another"'},
        {"Content-Range": f"bytes {RANGE_BYTES}-{2 * RANGE_BYTES - 1}/{SIZE + 1}"},
        {"Content-Range": f"bytes 0-{RANGE_BYTES - 1}/{SIZE}"},
        {"Content-Encoding": "gzip"},
    ],
    ids=lambda odd: "".join(odd.values())[:20],
)
def test_a_server_that_answers_a_range_in_another_way_is_left_at_one_connection(
    odd: dict[str, str], tmp_path: Path
) -> None:
    with _OddHub() as hub:
        hub.odd = odd
        commit = hub.add_repo("org/set", {PATH: DATA})
        receipt = fetched(HubAccess(hub.url, backoff_s=0.01), commit, tmp_path / "x")
        assert receipt.bytes_fetched <= 2 * SIZE
        assert SECOND in asked(hub)


def test_one_connection_is_left_alone_where_it_is_fast_and_where_the_file_is_small(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    speeds: list[float | None] = []

    def connections(bytes_per_s: float | None) -> int:
        speeds.append(bytes_per_s)
        return 1 if bytes_per_s is None or bytes_per_s > 1 else MOST

    fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x", connections=connections)
    assert asked(hub) == [None]
    assert any(speeds)
    commit = hub.commit("org/set", {PATH: DATA[: RANGE_BYTES + 1]})
    fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "y", connections=several)
    assert asked(hub) == [None, None]


def test_more_are_opened_on_the_way_when_one_is_seen_to_be_slow(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.bytes_per_s = 40e6
    file = source(access(), commit)
    fetch(
        access(),
        "org/set",
        commit,
        file,
        tmp_path / "x",
        connections=lambda speed: MOST if speed and speed < 1e8 else 1,
    )
    assert (tmp_path / "x").read_bytes() == DATA
    assert asked(hub)[0] is None and len(asked(hub)) > 2
    assert_nothing_is_left()


def test_what_a_stop_leaves_is_the_beginning_of_the_file_and_is_taken_up(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    there = [0]
    part = tmp_path / "x.part"

    def on_bytes(count: int) -> None:
        there[0] += count

    with pytest.raises(LandingCancelledError):
        fetch(
            access(),
            "org/set",
            commit,
            source(access(), commit),
            tmp_path / "x",
            on_bytes=on_bytes,
            should_stop=lambda: there[0] > RANGE_BYTES + 1000,
            connections=several,
        )
    kept = part.stat().st_size
    assert RANGE_BYTES < kept < SIZE and part.read_bytes() == DATA[:kept]
    assert_nothing_is_left()
    receipt = fetched(access(), commit, tmp_path / "x")
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (kept, SIZE - kept)


def test_where_the_hub_itself_sends_the_file_every_range_carries_the_token(access: Access, tmp_path: Path) -> None:
    with FaultyHub(tokens={"hf_reader": "reader"}, lfs_above_bytes=1 << 40) as hub:
        commit = hub.add_repo("org/set", {"data/train.bin": DATA}, private=True)
        hub.grant("org/set", "reader")
        reader = access(endpoint=hub.url, token="hf_reader")
        file = Hub(reader).file_info("org/set", commit, ["data/train.bin"])["data/train.bin"]
        fetch(reader, "org/set", commit, file, tmp_path / "x", connections=several)
        assert len([one for one in hub.requests if one.range]) > 2
    assert (tmp_path / "x").read_bytes() == DATA


def test_all_connections_keep_to_the_bandwidth_limit(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    began, bytes_per_s = time.time(), 75e6
    fetched(access(bytes_per_s=bytes_per_s, rate_dir=tmp_path), commit, tmp_path / "x")
    [promised_until] = struct.unpack("<d", (tmp_path / "bandwidth").read_bytes())
    assert promised_until > began + SIZE / bytes_per_s - 0.3


def test_a_stream_in_memory_takes_them_where_they_are_to_lie_as_far_as_it_has_room(
    hub: FaultyHub, access: Access, commit: str
) -> None:
    room, file = 20 << 20, source(access(), commit)
    with FileStream(access(), "org/set", commit, file, room, connections=several) as stream:
        for at in range(0, SIZE, 1 << 20):
            end = min(at + (1 << 20), SIZE)
            assert stream.wait(end)
            assert stream.memory[at:end] == DATA[at:end]
            assert not any(stream.memory[at + room : at + room + 4096])
            stream.release(end)
        stream.verify()
    assert len(asked(hub)) > 2
    assert_nothing_is_left()


def test_several_files_have_no_more_connections_together_than_are_allowed(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.bytes_per_s = 60e6
    file = source(access(), commit)
    with ThreadPoolExecutor(2) as pool:
        for name in ("a", "b"):
            pool.submit(fetch, access(), "org/set", commit, file, tmp_path / name, connections=several)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == DATA
    assert 2 < hub.most_at_once <= MOST
