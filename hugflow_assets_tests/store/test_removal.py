"""Out of sight at once, freed after the grace, back until then; never beside a landing in flight."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import orjson
import pytest

from hugflow_assets.errors import LandingCancelledError, LeaseHeldError, StorageError, UnknownDatasetError
from hugflow_assets.store import EventKind, Phase, Progress, Store, now_text
from hugflow_assets_tests.store.making import fill, put

NAME = "org__name__rev_main"


def test_a_removed_dataset_is_in_the_trash_with_a_tombstone_and_an_event(store: Store) -> None:
    path = put(store, NAME)
    size = store.index.rows()[NAME].size_bytes
    with (path / "json/train.jsonl").open() as still_open:
        tombstone = store.remove(NAME, reason="licence", by="ada", removal_path="remove/x.yaml")
        assert still_open.readline()
    assert store.index.names() == [] and store.manifest(NAME) is None and not path.exists()
    assert (tombstone.reason, tombstone.by, tombstone.removal_path) == ("licence", "ada", "remove/x.yaml")
    assert (tombstone.size_bytes, tombstone.rows, tombstone.owner) == (size, 3, "ada")
    assert store.trash.tombstone(NAME) == tombstone
    (entry,) = store.trash.entries()
    assert (entry.id, entry.why, entry.frees_at) == (tombstone.entry, "removed", tombstone.frees_at)
    (event,) = store.events.read()
    assert (event.kind, event.name, event.data["reason"]) == (EventKind.REMOVED, NAME, "licence")
    told = orjson.loads(store.layout.archived.read_bytes())
    assert [one["name"] for one in told["removed"]] == [NAME]


def test_a_removed_dataset_comes_back_within_the_grace(store: Store) -> None:
    put(store, NAME)
    before = store.manifest(NAME)
    store.remove(NAME, reason="r", by="b")
    entry = store.restore(NAME)
    assert store.manifest(NAME) == before and store.trash.tombstone(NAME) is None
    assert store.trash.entries() == () and entry.name == NAME
    assert [one.kind for one in store.events.read()] == [EventKind.REMOVED, EventKind.RESTORED]
    with pytest.raises(UnknownDatasetError, match="no removed version"):
        store.restore(NAME)


def test_a_restoration_replaces_nothing_that_is_landed(store: Store) -> None:
    put(store, NAME)
    store.remove(NAME, reason="r", by="b")
    put(store, NAME, word="z")
    with pytest.raises(StorageError, match="is landed"):
        store.restore(NAME)
    assert len(store.trash.entries()) == 1


def test_an_older_version_comes_back_from_the_trash_by_its_id(store: Store) -> None:
    put(store, NAME, data="a" * 16)
    put(store, NAME, data="b" * 16)
    store.remove(NAME, reason="r", by="b")
    found = next(one for one in store.trash.entries(NAME) if one.fingerprint_data == "a" * 16)
    assert found.why == "replaced"
    store.restore(NAME, entry_id=found.id)
    manifest = store.manifest(NAME)
    assert manifest is not None and manifest.fingerprint.data == "a" * 16


def test_the_trash_of_one_name_is_not_that_of_a_longer_one(store: Store) -> None:
    put(store, "a")
    put(store, "a__b")
    store.remove("a", reason="r", by="b")
    store.remove("a__b", reason="r", by="b")
    assert [one.name for one in store.trash.entries("a")] == ["a"]
    assert store.trash.tombstone("a__b") is not None and store.trash.tombstone("b") is None


def test_the_trash_is_emptied_after_the_grace_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state", trash_grace_s=3600)
    put(store, NAME)
    store.remove(NAME, reason="r", by="b")
    assert store.empty_trash() == 0 and len(store.trash.entries()) == 1
    assert store.empty_trash(0) > 0
    tombstone = store.trash.tombstone(NAME)
    assert tombstone is not None and tombstone.freed_at is not None
    assert store.trash.entries() == () and list(store.layout.trash.iterdir()) == []


def test_the_trash_of_a_name_at_work_is_left_for_the_next_time(store: Store) -> None:
    put(store, NAME)
    store.remove(NAME, reason="r", by="b")
    with store.leases.take(NAME, purpose="restore"):
        assert store.empty_trash(0) == 0
    assert store.empty_trash(0, name="other") == 0
    assert store.empty_trash(0, name=NAME) > 0


def test_nothing_is_removed_where_nothing_is(store: Store) -> None:
    with pytest.raises(UnknownDatasetError):
        store.remove(NAME, reason="r", by="b")
    assert store.trash.tombstone(NAME) is None and list(store.events.read()) == []


def test_a_damaged_dataset_can_be_removed(store: Store) -> None:
    (put(store, NAME) / "hugflow.json").unlink()
    tombstone = store.remove(NAME, reason="r", by="b")
    assert tombstone.size_bytes > 300 and store.index.strays() == ()


def _land_slowly(store: Store, started: threading.Event, ended: list[str]) -> None:
    """A landing that looks whether it was cancelled before every file."""
    try:
        with store.leases.take(NAME, purpose="landing") as lease, store.quota.reserve(NAME, 10**6):
            staging = store.staging(NAME, "0" * 16)
            store.progress.write(
                Progress(name=NAME, phase=Phase.DOWNLOADING, started_at=now_text(), updated_at=now_text())
            )
            started.set()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                if store.leases.cancelled(NAME, lease):
                    raise LandingCancelledError("cancelled")
                time.sleep(0.005)
            store.publish(staging, fill(staging), lease)
            ended.append("landed")
    except LandingCancelledError:
        ended.append("cancelled")


def test_a_removal_during_a_landing_ends_with_nothing_landed(store: Store) -> None:
    started, ended = threading.Event(), list[str]()
    landing = threading.Thread(target=_land_slowly, args=(store, started, ended))
    landing.start()
    assert started.wait(10)
    remover = Store(store.root, store.state_dir, host="another/host")
    tombstone = remover.remove(NAME, reason="r", by="b", wait_s=20)
    landing.join()
    assert ended == ["cancelled"] and tombstone.rows == 0
    assert store.index.names() == [] and not (store.layout.staging_root / NAME).exists()
    assert store.quota.headroom().reserved_bytes == 0 and store.progress.all() == {}
    with store.leases.take(NAME, purpose="landing again") as lease:
        assert not store.leases.cancelled(NAME, lease) and not store.leases.cancelled(NAME)


def test_a_landing_that_does_not_stop_keeps_its_name(store: Store) -> None:
    with store.leases.take(NAME, purpose="landing") as lease:
        with pytest.raises(LeaseHeldError):
            store.remove(NAME, reason="r", by="b", wait_s=0.05)
        assert store.leases.cancelled(NAME, lease)


def test_cancelling_what_is_not_landing_leaves_no_mark(store: Store) -> None:
    assert store.leases.cancel(NAME) is False
    with store.leases.take(NAME, purpose="landing") as lease:
        assert store.leases.holder(NAME) is not None
        assert not store.leases.cancelled(NAME, lease)
        assert store.leases.cancel(NAME, by="ada")
        assert store.leases.cancelled(NAME, lease) and store.leases.cancelled(NAME)
    assert store.leases.holder(NAME) is None


# ---- debris


def test_debris_is_judged_by_heartbeat_age_and_told(store: Store) -> None:
    import os

    staging = store.staging(NAME, "0" * 16)
    (staging.path / "x").write_bytes(b"x" * 1000)
    fresh = store.staging("fresh", "1" * 16)
    leftover = store.layout.tombstones / ".0123456789abcdef.tmp"
    leftover.touch()
    for path in (staging.root / "beat", leftover):
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    cleaned = store.clean_debris()
    assert cleaned.staging == (f"{NAME}/{'0' * 16}",) and cleaned.size_bytes == 1000
    assert cleaned.temporaries == (str(leftover),) and not leftover.exists()
    assert fresh.path.is_dir() and not staging.root.exists()
    assert store.clean_debris().staging == ()


def test_temporary_files_are_found_wherever_a_writer_may_have_died(store: Store) -> None:
    """In a landed folder, in a version in the trash, beside the trash's records, in the inner folders: by age."""
    place = put(store, NAME)
    put(store, "b")
    store.remove("b", reason="r", by="b")
    (entry,) = store.trash.entries()
    torn = f".{'0a' * 8}.tmp"
    places = [place, place / "json", store.trash.folder(entry), store.trash.folder(entry) / "json", store.layout.trash]
    places += [store.layout.inner, store.layout.intents, store.layout.lease(NAME), store.state_dir]
    for folder in places:
        (folder / torn).write_bytes(b"half")
        (folder / f".{'1b' * 8}.tmp").write_bytes(b"of a writer at work")
        os.utime(folder / torn, (1000, 1000))
    (folder := store.layout.outbox).mkdir()
    (folder / "0a.json").write_bytes(b"{}")  # of a mark that was never written
    os.utime(folder / "0a.json", (1000, 1000))
    (store.layout.trash / "c@x.json").write_bytes(b"{}")  # of a move that died before its first step
    os.utime(store.layout.trash / "c@x.json", (1000, 1000))
    found = store.clean_debris().temporaries
    assert sorted(found) == sorted(
        str(one) for one in (*(at / torn for at in places), folder / "0a.json", store.layout.trash / "c@x.json")
    )
    assert all((at / f".{'1b' * 8}.tmp").exists() and not (at / torn).exists() for at in places)


def test_what_a_kill_left_half_deleted_counts_until_it_is_gone(store: Store) -> None:
    put(store, NAME, files=5, file_bytes=1000)
    store.remove(NAME, reason="r", by="b")
    used = store.quota.headroom().used_bytes
    (entry,) = store.trash.entries()
    store.trash.set_aside(entry)  # and then the process is killed
    assert store.quota.headroom().used_bytes == used > 5000
    assert store.trash.entries() == ()
    store.clean_debris()
    assert store.quota.headroom().used_bytes == 0
    assert list(store.layout.trash.iterdir()) == []


def test_what_cannot_be_deleted_keeps_nothing_else_in_the_trash(store: Store) -> None:
    for name in ("a", "b", "c"):
        put(store, name)
        store.remove(name, reason="r", by="b")
    (first, *_) = store.trash.entries()
    blocker = store.layout.trash / f".deleting-{first.id}"
    blocker.write_bytes(b"in the way")
    with pytest.raises(StorageError):
        store.empty_trash(0)
    assert [one.name for one in store.trash.entries()] == ["a"]
    assert [one.name for one in store.events.read() if one.kind is EventKind.FREED] == ["b", "c"]


def test_staging_of_a_run_at_work_is_never_cleaned(store: Store) -> None:
    with store.leases.take(NAME, purpose="landing"):
        staging = store.staging(NAME, "0" * 16)
        assert store.clean_debris(staging_older_than_s=0).staging == ()
        assert staging.path.is_dir()


def test_a_dead_reservation_is_cleaned_and_told(tmp_path: Path) -> None:
    import os

    store = Store(tmp_path / "root", tmp_path / "state")
    store.quota.reserve("dead", 100)
    os.utime(store.layout.reservation("dead"), (1, 1))
    assert store.clean_debris().reservations == ("dead",)
    assert store.clean_debris().reservations == ()


def test_the_probe_tries_what_the_store_needs(store: Store) -> None:
    probe = store.probe()
    assert probe.writable and probe.rename and probe.hard_links and probe.exclusive_create and probe.flock
    assert probe.total_bytes > probe.free_bytes > 0 and abs(probe.clock_offset_s) < 5
    assert [one.name for one in store.layout.inner.glob(".probe*")] == []
