"""A file arrives whole and verified whatever happens on the way, or an error says what did."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.demo.protocol import Answer, Request
from hugflow_assets.demo.serving import Delivery
from hugflow_assets.errors import (
    DiskFullError,
    HFDownloadError,
    HFGatedError,
    HFGoneError,
    HFIntegrityError,
    HFRateLimitedError,
    HFUnreachableError,
    LandingCancelledError,
    LeaseHeldError,
    StorageError,
)
from hugflow_assets.hub import Hub, HubAccess, SourceFile
from hugflow_assets.transfer.to_disk import fetch
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.hub.conftest import Access

SIZE = 3_000_000
DATA = random.Random(1).randbytes(SIZE)
PATH = "data/train-00000-of-00001.parquet"
CDN = "inline"  # in the query of every link to the storage


@pytest.fixture
def commit(hub: FaultyHub) -> str:
    return hub.add_repo(
        "org/set", {PATH: DATA, "notes.txt": b"plain git file\n", "empty.txt": b"", "a b#?%é.txt": b"x"}
    )


def source(access: HubAccess, commit: str, path: str = PATH) -> SourceFile:
    return Hub(access).file_info("org/set", commit, [path])[path]


def body_bytes(hub: FaultyHub) -> int:
    return sum(request.bytes_sent for request in hub.requests if request.origin == "cdn")


def test_an_lfs_file_arrives_with_its_sha256_verified(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    to = tmp_path / "deep" / "x.parquet"
    receipt = fetch(access(), "org/set", commit, source(access(), commit), to)
    assert to.read_bytes() == DATA
    assert receipt.hash == f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    assert (receipt.size_bytes, receipt.bytes_fetched, receipt.bytes_resumed, receipt.attempts) == (SIZE, SIZE, 0, 1)
    assert [path.name for path in to.parent.iterdir()] == ["x.parquet"]


@pytest.mark.parametrize("path", ["notes.txt", "empty.txt", "a b#?%é.txt"])
def test_a_git_file_arrives_with_its_blob_sha1_verified(access: Access, commit: str, tmp_path: Path, path: str) -> None:
    receipt = fetch(access(), "org/set", commit, source(access(), commit, path), tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    assert receipt.hash == f"git-sha1:{hashlib.sha1(b'blob %d' % len(data) + bytes(1) + data).hexdigest()}"


def test_the_token_never_reaches_the_storage(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    fetch(access(token="hf_reader"), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert hub.violations == []
    assert any("authorization" in request.headers for request in hub.requests if request.origin == "hub")


@pytest.mark.parametrize(
    ("kind", "options", "refetched"),
    [
        ("reset", {"after_bytes": 1_000_000}, False),
        ("close", {"after_bytes": 1_000_000}, False),
        ("reset", {}, False),
        (500, {}, False),
        (503, {"origin": "hub"}, False),
        (429, {"headers": {"Retry-After": "0"}}, False),
        (429, {"headers": {"RateLimit": '"resolvers";r=0;t=0'}, "origin": "hub"}, False),
        ("expired", {}, False),
        ("html", {}, False),
        ("flip", {}, True),
        ("wrong-length", {}, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_passing_fault_ends_in_the_right_bytes(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path, kind: str, options: dict[str, object], refetched: bool
) -> None:
    file = source(access(), commit)
    rule = hub.fault("resolve" if options.get("origin") == "hub" else CDN, kind, **{"origin": "cdn", **options})  # type: ignore[arg-type]
    told: list[int] = []
    receipt = fetch(access(), "org/set", commit, file, tmp_path / "x", on_bytes=told.append)
    assert rule.hits == 1
    assert (tmp_path / "x").read_bytes() == DATA
    assert receipt.attempts == 2
    assert sum(told) == SIZE
    assert max(sum(told[: at + 1]) for at in range(len(told))) <= SIZE
    assert receipt.bytes_fetched == (2 * SIZE if refetched else SIZE)


def test_a_transfer_that_breaks_again_and_again_goes_on_as_long_as_it_advances(
    hub: FaultyHub, access: Access, tmp_path: Path
) -> None:
    data = random.Random(2).randbytes(12 << 20)
    commit = hub.add_repo("org/big", {"x.bin": data})
    file = Hub(access()).file_info("org/big", commit, ["x.bin"])["x.bin"]
    hub.fault(CDN, "close", times=7, origin="cdn", after_bytes=3 << 19)
    receipt = fetch(access(retries=2), "org/big", commit, file, tmp_path / "x")
    assert receipt.attempts == 8
    assert (tmp_path / "x").read_bytes() == data


def test_bytes_that_differ_twice_are_an_integrity_error_and_nothing_is_left(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.fault(CDN, "flip", times=None, origin="cdn")
    with pytest.raises(HFIntegrityError) as caught:
        fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert caught.value.code == "hub-hash-mismatch"
    assert PATH in caught.value.message
    assert f"expected sha256:{hashlib.sha256(DATA).hexdigest()}" in caught.value.message
    assert len(caught.value.details["found"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_size_is_an_integrity_error(access: Access, commit: str, tmp_path: Path) -> None:
    wrong = source(access(), commit).model_copy(update={"size_bytes": SIZE - 1})
    with pytest.raises(HFIntegrityError, match=f"found {SIZE} bytes"):
        fetch(access(), "org/set", commit, wrong, tmp_path / "x")


@pytest.mark.parametrize(
    ("kind", "options"), [("stall", {"after_bytes": 1000}), ("stall", {}), ("trickle", {"bytes_per_s": 50.0})]
)
def test_a_silent_or_trickling_server_is_unreachable_in_the_end(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path, kind: str, options: dict[str, object]
) -> None:
    hub.fault(CDN, kind, times=None, origin="cdn", **options)  # type: ignore[arg-type]
    with pytest.raises(HFUnreachableError) as caught:
        fetch(access(read_timeout_s=0.4, retries=1), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert PATH in caught.value.message
    assert "HTTPS_PROXY" in caught.value.remedy


def test_a_hub_that_is_down_is_unreachable(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    file = source(access(), commit)
    with hub.down(), pytest.raises(HFUnreachableError, match="no connection"):
        fetch(access(), "org/set", commit, file, tmp_path / "x")
    assert fetch(access(), "org/set", commit, file, tmp_path / "x").size_bytes == SIZE


def test_a_rate_limit_beyond_the_allowed_wait_is_said_at_once(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    file = source(access(), commit)
    rule = hub.fault("resolve", 429, times=None, headers={"Retry-After": "120"})
    with pytest.raises(HFRateLimitedError, match="120 s") as caught:
        fetch(access(retry_max_wait_s=60), "org/set", commit, file, tmp_path / "x")
    assert rule.hits == 1
    assert caught.value.details["retry_after_s"] == 120
    assert "HF_TOKEN" in caught.value.remedy


def test_a_file_that_is_not_there_is_a_download_error(access: Access, commit: str, tmp_path: Path) -> None:
    gone = source(access(), commit).model_copy(update={"path": "data/nowhere.parquet"})
    with pytest.raises(HFDownloadError, match=r"data/nowhere\.parquet is not in org/set"):
        fetch(access(), "org/set", commit, gone, tmp_path / "x")


def test_storage_that_keeps_refusing_is_a_download_error(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.fault(CDN, 403, times=None, origin="cdn")
    with pytest.raises(HFDownloadError, match="answers status 403") as caught:
        fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert "Signature" not in str(caught.value)


def test_a_repository_deleted_between_plan_and_fetch_is_gone(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    file = source(access(), commit)
    hub.delete_repo("org/set")
    with pytest.raises(HFGoneError, match="org/set"):
        fetch(access(), "org/set", commit, file, tmp_path / "x")


def test_terms_withdrawn_between_plan_and_fetch_are_a_gate(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    file = source(access(), commit)
    hub.repo("org/set").gated = "manual"
    with pytest.raises(HFGatedError, match="org/set"):
        fetch(access(token="hf_stranger"), "org/set", commit, file, tmp_path / "x")


def test_what_is_kept_is_not_fetched_again(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    file = source(access(), commit)
    (tmp_path / "x.part").write_bytes(DATA[:1_234_567])
    told: list[int] = []
    receipt = fetch(access(), "org/set", commit, file, tmp_path / "x", on_bytes=told.append)
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (1_234_567, SIZE - 1_234_567)
    assert body_bytes(hub) == SIZE - 1_234_567
    assert sum(told) == SIZE
    assert (tmp_path / "x").read_bytes() == DATA


def test_a_verified_file_is_not_fetched_twice(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    file = source(access(), commit)
    fetch(access(), "org/set", commit, file, tmp_path / "x")
    with hub.down():
        receipt = fetch(access(), "org/set", commit, file, tmp_path / "x")
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (SIZE, 0)
    (tmp_path / "x").write_bytes(DATA[:-1] + b"!")
    assert fetch(access(), "org/set", commit, file, tmp_path / "x").bytes_fetched == SIZE
    assert (tmp_path / "x").read_bytes() == DATA


@pytest.mark.parametrize("kept", [b"\0" * 1_000_000, DATA + b"more", DATA[:-1] + bytes([DATA[-1] ^ 1])])
def test_a_part_file_with_wrong_bytes_heals(access: Access, commit: str, tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "x.part").write_bytes(kept)
    fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA


def test_a_server_without_ranges_is_read_from_the_start(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.fault(CDN, "no-range", times=None, origin="cdn")
    (tmp_path / "x.part").write_bytes(DATA[:1_000_000])
    receipt = fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x")
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (0, SIZE)
    assert (tmp_path / "x").read_bytes() == DATA


class _WrongRangeHub(FaultyHub):
    """Answers a range with other bytes than were asked for, and says so."""

    def prepare(self, request: Request, answer: Answer) -> Delivery:
        delivery = super().prepare(request, answer)
        if delivery.status != 206:
            return delivery
        headers = {**delivery.headers, "Content-Range": f"bytes 0-{delivery.length - 1}/{SIZE}"}
        return replace(delivery, start=0, headers=headers)


def test_another_range_than_asked_for_is_not_taken(tmp_path: Path) -> None:
    with _WrongRangeHub() as hub:
        commit = hub.add_repo("org/set", {PATH: DATA})
        access = HubAccess(hub.url, backoff_s=0.01)
        (tmp_path / "x.part").write_bytes(DATA[:1_000_000])
        receipt = fetch(access, "org/set", commit, source(access, commit), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert receipt.bytes_fetched == SIZE


def test_a_killed_process_leaves_what_the_next_one_takes_up(
    hub: FaultyHub, access: Access, commit: str, tmp_path: Path
) -> None:
    hub.fault(CDN, "stall", origin="cdn", after_bytes=2_000_000)
    code = (
        "import sys; from pathlib import Path; from hugflow_assets.hub import HubAccess, SourceFile\n"
        "from hugflow_assets.transfer import fetch\n"
        "_, url, commit, file, to = sys.argv\n"
        "fetch(HubAccess(url), 'org/set', commit, SourceFile.model_validate_json(file), Path(to))"
    )
    file = source(access(), commit)
    child = subprocess.Popen([sys.executable, "-c", code, hub.url, commit, file.model_dump_json(), tmp_path / "x"])
    part = tmp_path / "x.part"
    bound = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size == 2_000_000):
        assert time.monotonic() < bound and child.poll() is None
        os.sched_yield()
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    receipt = fetch(access(), "org/set", commit, file, tmp_path / "x")
    assert (receipt.bytes_resumed, receipt.bytes_fetched) == (2_000_000, SIZE - 2_000_000)
    assert (tmp_path / "x").read_bytes() == DATA


def test_two_at_once_do_not_write_into_one_file(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    file = source(access(), commit)
    hub.fault(CDN, "stall", origin="cdn", after_bytes=1000)
    with ThreadPoolExecutor(1) as pool:
        begun = threading.Event()
        first = pool.submit(
            fetch, access(read_timeout_s=30), "org/set", commit, file, tmp_path / "x", on_bytes=lambda _: begun.set()
        )
        assert begun.wait(10)
        with pytest.raises(LeaseHeldError, match=PATH):
            fetch(access(), "org/set", commit, file, tmp_path / "x")
        hub.release()
        assert first.result(10).bytes_fetched == SIZE
    assert (tmp_path / "x").read_bytes() == DATA


def test_a_stop_keeps_what_arrived(access: Access, commit: str, tmp_path: Path) -> None:
    stop = threading.Event()
    with pytest.raises(LandingCancelledError, match=PATH):
        fetch(
            access(),
            "org/set",
            commit,
            source(access(), commit),
            tmp_path / "x",
            on_bytes=lambda _: stop.set(),
            should_stop=stop.is_set,
        )
    kept = (tmp_path / "x.part").stat().st_size
    assert 0 < kept < SIZE
    assert fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x").bytes_resumed == kept


def test_a_stop_ends_a_long_wait(hub: FaultyHub, access: Access, commit: str, tmp_path: Path) -> None:
    file = source(access(), commit)
    rule = hub.fault("resolve", 429, times=None, headers={"Retry-After": "200"})
    with pytest.raises(LandingCancelledError):
        fetch(access(), "org/set", commit, file, tmp_path / "x", should_stop=lambda: rule.hits > 0)


def test_a_full_disk_is_said_as_such(access: Access, commit: str, tmp_path: Path) -> None:
    (tmp_path / "x.part").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="No space left"):
        fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "x")


def test_a_place_that_cannot_be_written_is_a_storage_error(access: Access, commit: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="File exists"):
        fetch(access(), "org/set", commit, source(access(), commit), tmp_path / "file" / "x")


def test_a_file_without_a_promised_hash_is_refused(access: Access, commit: str, tmp_path: Path) -> None:
    with pytest.raises(HFIntegrityError, match="no hash"):
        fetch(access(), "org/set", commit, SourceFile(path=PATH, size_bytes=SIZE), tmp_path / "x")
