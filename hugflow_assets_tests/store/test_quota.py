"""Space: promised to one landing at a time, counted once, given back on any end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import LeaseHeldError, LeaseLostError, QuotaExceededError
from hugflow_assets.settings import Settings
from hugflow_assets.store import EventKind, Store
from hugflow_assets.wording import human_size
from hugflow_assets_tests.processes import FORKED
from hugflow_assets_tests.store.making import fill, put, receipt

NAME = "org__name__rev_main"


def limited(tmp_path: Path, **limits: object) -> Store:
    return Store(tmp_path / "root", tmp_path / "state", **limits)  # type: ignore[arg-type]


def silence(path: Path, age_s: float = 3600) -> None:
    """As if the last heartbeat were so long ago."""
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))


def test_what_does_not_fit_is_refused_with_every_number(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=10_000_000, min_free_bytes=1000)
    with store.quota.reserve("other", 4_000_000), pytest.raises(QuotaExceededError) as refused:
        store.quota.reserve(NAME, 7_000_000)
    told = refused.value.message
    for number in ("needs 7.0 MB", "6.0 MB can be had", "used 0 B", "reserved 4.0 MB", "quota 10.0 MB", "free"):
        assert number in told
    assert refused.value.remedy and refused.value.details["reserved_bytes"] == 4_000_000
    store.quota.reserve(NAME, 7_000_000).release()


def test_space_is_given_back_on_release_and_on_an_exception(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1000)
    with pytest.raises(ZeroDivisionError), store.quota.reserve("a", 1000):
        _ = 1 / 0
    reservation = store.quota.reserve("b", 1000)
    reservation.release()
    reservation.release()
    assert store.quota.headroom().available_bytes == 1000


def test_a_second_promise_to_one_name_replaces_the_first(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1000)
    store.quota.reserve("a", 900)
    with store.quota.reserve("a", 1000):
        assert store.quota.headroom().reserved_bytes == 1000


def test_a_promise_is_corrected_within_the_quota_only(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1000)
    with store.quota.reserve("a", 500) as reservation, store.quota.reserve("b", 300):
        reservation.correct(700)
        with pytest.raises(QuotaExceededError):
            reservation.correct(701)
        assert reservation.size_bytes == 700
        reservation.correct(100)
        assert store.quota.headroom().reserved_bytes == 400


def test_inodes_are_limited_like_bytes(tmp_path: Path) -> None:
    store = limited(tmp_path, max_inodes=100)
    with store.quota.reserve("a", 1, 60), pytest.raises(QuotaExceededError, match="needs 41 inodes, 40 can be had"):
        store.quota.reserve("b", 1, 41)


def test_the_free_space_reserve_is_left_alone(tmp_path: Path) -> None:
    store = limited(tmp_path)
    store.index.names()
    free = os.statvfs(store.root).f_bavail * os.statvfs(store.root).f_frsize
    tight = limited(tmp_path, min_free_bytes=free - 50_000_000)
    with pytest.raises(QuotaExceededError, match="quota none"):
        tight.quota.reserve("a", 2_000_000_000)


def test_publishing_turns_the_promise_into_a_dataset_counted_once(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=100_000)
    with store.leases.take(NAME, purpose="test") as lease, store.quota.reserve(NAME, 90_000) as reservation:
        staging = store.staging(NAME, "0" * 16)
        manifest = fill(staging, files=10, file_bytes=5000)
        assert store.quota.headroom().used_bytes == 0  # its staging is covered by the promise
        store.publish(staging, manifest, lease)
        room = store.quota.headroom()
        assert room.reserved_bytes == 0
        assert room.used_bytes == store.index.rows()[NAME].size_bytes
        reservation.beat()
        assert store.quota.headroom().reserved_bytes == 0
    assert store.quota.usage().size_bytes == room.used_bytes


def test_what_is_written_is_not_asked_of_the_disk_again(tmp_path: Path) -> None:
    store = limited(tmp_path)
    with store.quota.reserve("a", 1000, 10) as reservation:
        staging = store.staging("a", "0" * 16)
        staging.save_receipt(receipt(0, media_bytes=400), b"")
        (staging.work / "x.part").write_bytes(b"x" * 200)
        reservation.renew()
        room = store.quota.headroom("b")
        assert (room.reserved_bytes, room.unwritten_bytes) == (1000, 400)
        assert (room.reserved_inodes, room.unwritten_inodes) == (10, 8)
        own = store.quota.headroom("a")
        assert (own.reserved_bytes, own.unwritten_bytes, own.staged_bytes) == (0, 0, 600)
        assert store.quota.usage().staging_bytes == 600


def test_abandoned_staging_counts_until_it_is_resumed_or_cleaned(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=10_000)
    with store.leases.take("a", purpose="test"):
        staging = store.staging("a", "0" * 16)
        fill(staging, files=2, file_bytes=3000)
    used = store.quota.headroom().used_bytes
    assert 6000 <= used < 7000
    silence(staging.root / "beat")
    assert store.quota.headroom().used_bytes == used == store.quota.headroom().used_bytes
    with pytest.raises(QuotaExceededError):
        store.quota.reserve("b", 5000)
    with store.quota.reserve("a", 9000):  # its own staging is part of its need
        pass
    assert store.clean_debris(staging_older_than_s=60).staging == ("a/" + "0" * 16,)
    store.quota.reserve("b", 10_000).release()


def test_a_promise_whose_process_was_killed_ends_with_its_heartbeat(tmp_path: Path) -> None:
    code = """
import sys; from pathlib import Path; from hugflow_assets.store import Store
store = Store(Path(sys.argv[1]), Path(sys.argv[2]), quota_bytes=1000, lease_ttl_s=0.6, host="lost/host")
store.quota.reserve("dead", 1000, owner="run 1"); print("reserved", flush=True); sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "root"), str(tmp_path / "state")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "reserved\n"
    store = limited(tmp_path, quota_bytes=1000, lease_ttl_s=0.6)
    until = time.monotonic() + 1.2
    while time.monotonic() < until:  # it beats: no silence is taken for death
        with pytest.raises(QuotaExceededError):
            store.quota.reserve("a", 1)
        time.sleep(0.05)
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while store.quota.headroom().reserved_bytes:
        assert time.monotonic() < until
        time.sleep(0.02)
    store.quota.reserve("a", 1000).release()
    assert not store.layout.reservation("dead").exists()


def test_a_promise_that_ran_out_is_asked_for_again_and_may_be_refused(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1000)
    slow = store.quota.reserve("slow", 600)
    silence(store.layout.reservation("slow"))
    with store.quota.reserve("quick", 600), pytest.raises(QuotaExceededError):
        slow.renew()
    other = store.quota.reserve("other", 100)
    store.layout.reservation("other").unlink()
    other.renew()
    assert store.quota.headroom().reserved_bytes == 100


def test_a_run_that_was_taken_over_has_no_say_in_the_promise_of_its_successor(tmp_path: Path) -> None:
    store, other = limited(tmp_path, quota_bytes=1000), limited(tmp_path, quota_bytes=1000, host="other/host")
    path = store.layout.reservation("a")
    slow = store.quota.reserve("a", 600)
    silence(path)
    with other.quota.reserve("a", 700, owner="successor"):
        for claim in (lambda: slow.correct(900), slow.renew, slow.check):
            with pytest.raises(LeaseLostError, match="taken over a"):
                claim()
        silence(path)
        slow.beat()
        assert store.quota.headroom().reserved_bytes == 0, "it is not the heart of the other"
        os.utime(path)
        slow.release()
        assert store.quota.headroom().reserved_bytes == 700
    assert not path.exists()
    late = store.quota.reserve("a", 100)
    with other.quota.reserve("a", 200):
        late.release()
        assert store.quota.headroom().reserved_bytes == 200


def test_crossing_the_soft_limit_is_one_event(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1000, soft_limit_bytes=500)
    with store.quota.reserve("a", 400), store.quota.reserve("b", 200), store.quota.reserve("c", 100):
        events = [one for one in store.events.read() if one.kind is EventKind.QUOTA]
    assert [(one.name, one.data["taken_bytes"]) for one in events] == [("b", 600)]


def test_a_removed_dataset_counts_until_the_trash_is_emptied(tmp_path: Path) -> None:
    store = limited(tmp_path, quota_bytes=1_000_000)
    put(store, NAME, files=4, file_bytes=1000)
    before = store.quota.usage()
    store.remove(NAME, reason="r", by="b")
    after = store.quota.usage()
    assert after.trash_bytes == after.size_bytes == before.size_bytes
    assert after.inodes == before.inodes
    assert store.empty_trash(0) == before.size_bytes
    assert store.quota.usage().size_bytes == 0 == store.quota.usage().inodes


def test_files_shared_by_hard_links_count_once_whatever_goes_first(tmp_path: Path) -> None:
    store = limited(tmp_path)
    old = put(store, NAME, files=4, file_bytes=1000)
    with store.leases.take(NAME, purpose="update") as lease:
        staging = store.staging(NAME, "1" * 16)
        manifest = fill(staging, files=4, file_bytes=1000)
        for path in (staging.path / "audio/train/00000").iterdir():
            path.unlink()
            path.hardlink_to(old / "audio/train/00000" / path.name)
        store.publish(staging, manifest, lease)
    landed = store.index.rows()[NAME].size_bytes
    (replaced,) = store.trash.entries()
    assert replaced.size_bytes < 4000 <= landed
    assert store.quota.usage().size_bytes == landed + replaced.size_bytes
    store.remove(NAME, reason="r", by="b")  # now both versions are in the trash and share with each other alone
    assert store.quota.usage().trash_bytes == landed + replaced.size_bytes
    newest = store.trash.entries()[-1]
    store.trash.delete(newest)
    (left,) = store.trash.entries()
    assert left.size_bytes == replaced.size_bytes + 4000
    assert store.empty_trash(0) == left.size_bytes


def test_files_that_a_tool_linked_across_datasets_count_once_while_both_are_there(tmp_path: Path) -> None:
    store = limited(tmp_path)
    one, two = put(store, "a", files=4, file_bytes=1000), put(store, "b", files=4, file_bytes=1000)
    for number in range(3):
        name = f"audio/train/00000/{number}.wav"
        (two / name).unlink()
        (two / name).hardlink_to(one / name)
    apart = store.quota.usage()
    assert store.quota.headroom().used_bytes == apart.size_bytes, (
        "nobody has looked yet: rather too much than too little"
    )
    store.look_for_links()
    once = store.quota.usage()
    assert (once.size_bytes, once.inodes) == (apart.size_bytes - 3000, apart.inodes - 3)
    assert Store(store.root, tmp_path / "other").quota.headroom().used_bytes == once.size_bytes
    store.remove("a", reason="r", by="b")
    files = (path for root in (store.root / "b", store.layout.trash) for path in root.rglob("*") if path.is_file())
    on_disk = {(seen := path.stat()).st_ino: seen.st_size for path in files if not path.name.startswith("a@")}
    assert store.quota.usage().size_bytes == sum(on_disk.values())
    store.restore("a")
    assert store.quota.usage().size_bytes == once.size_bytes
    put(store, "a", data="1" * 16, files=4, file_bytes=1000)
    assert store.quota.usage().size_bytes == apart.size_bytes + store.quota.usage().trash_bytes
    store.look_for_links()
    store.layout.links.write_bytes(b"rotten")
    assert store.quota.usage().size_bytes == apart.size_bytes + store.quota.usage().trash_bytes


def test_a_dataset_without_a_readable_manifest_counts_what_is_there(tmp_path: Path) -> None:
    store = limited(tmp_path)
    folder = put(store, NAME, files=4, file_bytes=1000)
    os.link(folder / "audio/train/00000/0.wav", tmp_path / "elsewhere")
    (folder / "hugflow.json").chmod(0o640)
    (folder / "hugflow.json").write_bytes(b"rotten")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert store.quota.headroom().used_bytes == store.quota.usage().size_bytes == size
    assert store.quota.usage().datasets[0].size_bytes == size


def test_sizes_are_told_as_people_write_them() -> None:
    assert [human_size(one) for one in (0, 999, 1000, 999_949, 999_950, 10**12, 10**16, -5000)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.0 TB", "10.0 PB", "-5.0 kB",
    ]  # fmt: skip


def test_the_settings_set_every_limit(tmp_path: Path) -> None:
    written = {
        "storage_root": tmp_path / "r", "hugflow_state_dir": tmp_path / "s", "storage_quota": "10TB",
        "storage_soft_limit": "8TB", "storage_min_free": "5GB", "storage_max_inodes": 7, "file_mode": "0444",
        "folder_mode": "0755", "lease_ttl": "15s",
    }  # fmt: skip
    store = Store.of(Settings.model_validate(written))
    limits = store.limits
    assert (limits.quota_bytes, limits.soft_limit_bytes) == (10**13, 8 * 10**12)
    assert (limits.min_free_bytes, limits.max_inodes) == (5 * 10**9, 7)
    assert (store.readers.file_mode, store.readers.folder_mode, store.lease_ttl_s) == (0o444, 0o755, 15)


# ---- many at once


def _land_what_fits(root: Path, state: Path, worker: int, count: int, quota: int, results: Any) -> None:
    store = Store(root, state, quota_bytes=quota, host=f"host{worker % 3}/x")
    landed, highest = 0, 0
    for number in range(count):
        name = f"w{worker}n{number}"
        try:
            with store.leases.take(name, purpose="test") as lease, store.quota.reserve(name, 4000) as reservation:
                staging = store.staging(name, "0" * 16)
                manifest = fill(staging, files=1, file_bytes=500)
                reservation.correct(3500)
                store.publish(staging, manifest, lease)
                landed += 1
        except QuotaExceededError as error:
            room = error.details
            highest = max(highest, room["used_bytes"] + room["reserved_bytes"])
    results.put((landed, highest))


def test_two_hundred_landings_over_eight_processes_never_exceed_the_quota_and_all_that_fit_land(
    tmp_path: Path,
) -> None:
    size = put(Store(tmp_path / "one", tmp_path / "state1"), "w0n0", files=1, file_bytes=500)
    one = sum(path.stat().st_size for path in size.rglob("*") if path.is_file())
    quota = 60 * one + 3999  # 60 fit, and never 61; the promise of each is larger than what it becomes
    results = FORKED.Queue()
    root, state = tmp_path / "root", tmp_path / "state"
    Store(root, state).index.names()
    processes = [FORKED.Process(target=_land_what_fits, args=(root, state, n, 25, quota, results)) for n in range(8)]
    for process in processes:
        process.start()
    told = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    store = Store(root, state, quota_bytes=quota)
    used = store.quota.headroom().used_bytes
    assert len(store.index.names()) == sum(landed for landed, _ in told)
    assert max(highest for _, highest in told) <= quota
    assert used <= quota
    # Whatever was refused while promises of others stood is tried again, as the sensor does: then exactly 60 fit.
    late = 0
    while True:
        try:
            with store.leases.take(f"late{late}", purpose="t") as lease, store.quota.reserve(f"late{late}", one + 100):
                staging = store.staging(f"late{late}", "0" * 16)
                store.publish(staging, fill(staging, files=1, file_bytes=500), lease)
                late += 1
        except QuotaExceededError:
            break
    assert 59 <= len(store.index.names()) <= 61 and store.quota.headroom().used_bytes <= quota


def _promise(root: Path, state: Path, worker: int, counts: Any, barrier: Any) -> None:
    store = Store(root, state, quota_bytes=1000, host=f"host{worker % 4}/x")
    kept = []
    barrier.wait()
    for number in range(25):
        try:
            kept.append(store.quota.reserve(f"w{worker}n{number}", 10))
        except QuotaExceededError:
            continue
    counts.put(len(kept))
    barrier.wait()  # promises end with their process: all stay until every process has tried


def test_two_hundred_promises_over_eight_processes_fill_the_quota_exactly(tmp_path: Path) -> None:
    Store(tmp_path / "root", tmp_path / "state").index.names()
    counts, barrier = FORKED.Queue(), FORKED.Barrier(8)
    args = (tmp_path / "root", tmp_path / "state")
    processes = [FORKED.Process(target=_promise, args=(*args, n, counts, barrier)) for n in range(8)]
    for process in processes:
        process.start()
    assert sum(counts.get(timeout=120) for _ in processes) == 100
    for process in processes:
        process.join()
        assert process.exitcode == 0


def test_a_place_is_held_by_as_many_as_allowed_over_all_runs(tmp_path: Path) -> None:
    store, other = limited(tmp_path), Store(tmp_path / "root", tmp_path / "state", host="other/host")
    with store.slot(limit=2), other.slot(limit=2) as second:
        with pytest.raises(LeaseHeldError, match="of 2 for downloads"):
            store.slot(limit=2, wait_s=0)
        with pytest.raises(LeaseHeldError):
            store.slot(limit=2, should_stop=lambda: True)
        with store.slot("uploads", limit=1):
            pass
        second.release()
        store.slot(limit=2, wait_s=0).release()


def test_nothing_is_put_into_staging_that_its_owner_is_deleting(tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state", quota_bytes=10**9)
    staging = store.staging("org__name__rev_main", "0" * 16)
    fill(staging)
    (staging.root / "beat").unlink()  # as deletion may do first
    assert store.quota.headroom().used_bytes > 0
    assert sorted(one.name for one in staging.root.iterdir()) == ["receipts", "tree", "work"]
