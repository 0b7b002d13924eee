"""Staging, publishing, manifests, index: what is visible is complete, and the index is never believed blindly."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import orjson
import pytest

from hugflow_assets.durable.disk_errors import disk_error
from hugflow_assets.errors import (
    DiskFullError,
    IncompleteLandingError,
    LeaseHeldError,
    LeaseLostError,
    ManifestError,
    StorageError,
    UnknownDatasetError,
)
from hugflow_assets.store import Phase, Progress, Store
from hugflow_assets.store.manifests import write_manifest
from hugflow_assets_tests.store.making import fill, put, receipt

NAME = "org__name__rev_main"
HOSTILE = [
    "", ".", "..", "../x", "a/b", "/etc", ".hugflow", "-rf", "_x", "a\n", "a\0b", "a b", "ä", "x" * 201, "a:b", "a\\b",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_no_single_safe_component_is_unknown_and_touches_nothing(store: Store, name: str) -> None:
    for attempt in (
        lambda: store.manifest(name),
        lambda: store.leases.take(name, purpose="x"),
        lambda: store.staging(name, "0" * 16),
        lambda: store.quota.reserve(name, 1),
        lambda: store.remove(name, reason="r", by="b"),
        lambda: store.restore(name),
        lambda: store.index.row(name),
        lambda: store.progress.read(name),
        lambda: store.trash.tombstone(name),
        lambda: store.leases.cancel(name),
        lambda: store.layout.dataset(name),
    ):
        with pytest.raises(UnknownDatasetError):
            attempt()
    assert not [one for one in store.root.rglob("*") if one.is_file()] if store.root.exists() else True


def test_a_published_tree_is_visible_with_its_modes_and_counted_inodes(store: Store) -> None:
    path = put(store, NAME)
    assert path == store.root / NAME
    assert store.index.names() == [NAME]
    manifest = store.manifest(NAME)
    assert manifest is not None
    every = [path, *path.rglob("*")]
    assert manifest.inodes == len(every)
    assert {one.stat().st_mode & 0o777 for one in every if one.is_dir()} == {0o750}
    assert {one.stat().st_mode & 0o777 for one in every if one.is_file()} == {0o440}
    assert not (store.layout.staging_root / NAME).exists()


def test_modes_are_those_of_the_settings(tmp_path: Path) -> None:
    store = Store(tmp_path / "root", tmp_path / "state", file_mode=0o644, folder_mode=0o775)
    path = put(store, NAME)
    assert {one.stat().st_mode & 0o777 for one in path.rglob("*")} == {0o644, 0o775}


@pytest.mark.parametrize("missing", ["json/train.jsonl", "XXH128SUMS", "audio"])
def test_a_tree_that_lacks_what_its_manifest_lists_is_not_published(store: Store, missing: str) -> None:
    with store.leases.take(NAME, purpose="test") as lease:
        staging = store.staging(NAME, "0" * 16)
        manifest = fill(staging)
        (staging.path / missing).rename(staging.work / "elsewhere")
        with pytest.raises(IncompleteLandingError, match=missing):
            store.publish(staging, manifest, lease)
    assert store.index.names() == [] and store.index.strays() == ()


def test_a_tree_with_a_link_out_of_it_is_not_published(store: Store) -> None:
    with store.leases.take(NAME, purpose="test") as lease:
        staging = store.staging(NAME, "0" * 16)
        manifest = fill(staging)
        (staging.path / "audio/passwd").symlink_to("/etc/passwd")
        with pytest.raises(IncompleteLandingError, match="neither a file nor a folder"):
            store.publish(staging, manifest, lease)
    assert store.index.names() == []


def test_a_record_path_outside_the_folder_is_refused(store: Store) -> None:
    with store.leases.take(NAME, purpose="test") as lease:
        staging = store.staging(NAME, "0" * 16)
        told = fill(staging).model_dump(mode="json")
        told["configs"][0]["splits"][0]["record_path"] = "../../../etc/passwd"
        with pytest.raises(IncompleteLandingError, match="outside"):
            store.publish(staging, type(fill(staging)).model_validate(told), lease)


def test_a_run_whose_lease_was_taken_over_publishes_nothing(tmp_path: Path) -> None:
    first = Store(tmp_path / "root", tmp_path / "state", host="first/1", lease_ttl_s=60)
    second = Store(tmp_path / "root", tmp_path / "state", host="second/2", lease_ttl_s=60)
    lease = first.leases.take(NAME, purpose="landing")
    staging = first.staging(NAME, "0" * 16)
    manifest = fill(staging)
    with pytest.raises(LeaseHeldError):
        second.leases.take(NAME, purpose="landing")
    for claim in first.layout.lease(NAME).glob("0*"):  # silent for an hour
        os.utime(claim, (claim.stat().st_mtime - 3600,) * 2)
    with second.leases.take(NAME, purpose="landing"):
        with pytest.raises(LeaseLostError):
            first.publish(staging, manifest, lease)
        assert first.index.names() == []
    lease.release()


def test_an_update_takes_the_place_of_the_landed_version_whose_open_files_stay_readable(store: Store) -> None:
    path = put(store, NAME, word="a")
    with (path / "audio/train/00000/0.wav").open("rb") as still_open:
        put(store, NAME, data="1" * 16, word="b")
        assert still_open.read() == b"a" * 100
    assert (path / "audio/train/00000/0.wav").read_bytes() == b"b" * 100
    (entry,) = store.trash.entries()
    assert (entry.why, entry.fingerprint_data, entry.name) == ("replaced", "0" * 16, NAME)


def test_a_staging_is_resumed_by_its_receipts(store: Store) -> None:
    with store.leases.take(NAME, purpose="test"):
        staging = store.staging(NAME, "0" * 16)
        staging.save_receipt(receipt(0, sums=b"sum"), b"sum")
    with store.leases.take(NAME, purpose="test"):
        again = store.staging(NAME, "0" * 16)
        assert again.receipt("default", "train", 0) == receipt(0, sums=b"sum")
        assert again.sums("default", "train", 0) == b"sum"
        assert again.receipt("default", "train", 1) is None
        assert store.staging(NAME, "1" * 16).receipt("default", "train", 0) is None
        again.forget("default", "train", 0)
        assert again.receipt("default", "train", 0) is None


def test_what_a_killed_writer_left_beside_the_manifest_is_not_published(store: Store) -> None:
    staging = store.staging(NAME, "0" * 16)
    (staging.path / f".{'0a' * 8}.tmp").write_bytes(b"half a manif")
    assert [*store.staging(NAME, "0" * 16).path.iterdir()] == []


def test_splits_and_configs_of_any_text_have_receipts_of_their_own(store: Store) -> None:
    staging = store.staging(NAME, "0" * 16)
    odd = ["../../x", "train", "TRAIN", "a" * 400, "", "a\0b"]
    for number, split in enumerate(odd):
        staging.save_receipt(receipt(number, split=split), b"")
    assert [staging.receipt("default", split, number) is not None for number, split in enumerate(odd)] == [True] * len(
        odd
    )
    assert {one.parent for one in staging.root.rglob("*.json")} == {staging.receipts_dir}


def test_receipts_written_before_a_restart_of_the_host_are_believed_only_when_synced(store: Store) -> None:
    staging = store.staging(NAME, "0" * 16)
    staging.save_receipt(receipt(0), b"")
    staging.save_receipt(receipt(1, media_bytes=1 << 30), b"")
    for path in staging.receipts_dir.glob("*.json"):
        path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"host": "rebooted/since"}))
    assert staging.receipt("default", "train", 0) is None
    assert staging.receipt("default", "train", 1) is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"receipt": {}}'])
def test_a_damaged_receipt_is_none(store: Store, content: bytes) -> None:
    staging = store.staging(NAME, "0" * 16)
    staging.save_receipt(receipt(0), b"")
    for path in staging.receipts_dir.glob("*.json"):
        path.write_bytes(content)
    assert staging.receipt("default", "train", 0) is None


def test_checksum_lines_that_are_not_those_of_the_receipt_are_none(store: Store) -> None:
    staging = store.staging(NAME, "0" * 16)
    staging.save_receipt(receipt(0, sums=b"right"), b"wrong")
    assert staging.sums("default", "train", 0) == b""


def test_receipts_whose_tree_is_gone_are_dropped(store: Store) -> None:
    staging = store.staging(NAME, "0" * 16)
    staging.save_receipt(receipt(0), b"")
    staging.path.rmdir()
    assert store.staging(NAME, "0" * 16).receipt("default", "train", 0) is None


# ---- manifests and index


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{", "not JSON"), (b"[]", "manifest"), (b'{"schema_version": 99}', "version 99"), (b"{}", "name")],
)
def test_an_unreadable_manifest_is_named_with_its_path_and_stops_no_other(
    store: Store, content: bytes, told: str
) -> None:
    put(store, "good")
    path = put(store, "bad") / "hugflow.json"
    path.chmod(0o640)
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=told) as raised:
        store.manifest("bad")
    assert str(path) in str(raised.value) and raised.value.remedy
    rows = store.index.rows()
    assert (rows["bad"].state, rows["good"].state) == ("damaged", "landed")
    assert store.quota.usage().size_bytes >= 2 * 300


def test_the_index_follows_what_other_processes_and_hands_do(store: Store, tmp_path: Path) -> None:
    other = Store(store.root, tmp_path / "another state")
    put(store, NAME)
    assert other.index.names() == [NAME]
    manifest = store.manifest(NAME)
    assert manifest is not None
    changed = manifest.model_copy(update={"request": manifest.request.model_copy(update={"owner": "bob"})})
    write_manifest(store.layout.manifest(NAME), changed, store.readers.file_mode)
    assert other.index.rows()[NAME].owner == "bob"
    (store.root / NAME).rename(store.root / "moved")
    assert other.index.rows()["moved"].state == "damaged"  # a manifest of another name
    assert "moved" in other.index.rows()["moved"].problem or NAME in other.index.rows()["moved"].problem
    (store.root / "moved/hugflow.json").unlink()
    assert other.index.names() == [] and other.index.strays() == ("moved",)


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"schema_version": 1, "datasets": {"ghost": {}}}'])
def test_a_lost_or_damaged_index_is_mended_by_the_next_reader(store: Store, content: bytes | None) -> None:
    put(store, NAME)
    if content is None:
        store.layout.active.unlink()
    else:
        store.layout.active.write_bytes(content)
    afresh = Store(store.root, store.state_dir)
    assert afresh.index.names() == [NAME]
    assert list(orjson.loads(store.layout.active.read_bytes())["datasets"]) == [NAME]
    assert afresh.rebuild_index() == afresh.index.rows()


@pytest.mark.parametrize("key", ["request", "asked"])
def test_a_row_of_an_older_hugflow_that_lacks_a_key_is_made_anew(store: Store, key: str) -> None:
    put(store, NAME)
    row = store.index.rows()[NAME]
    told = orjson.loads(store.layout.active.read_bytes())
    del told["datasets"][NAME][key]
    store.layout.active.write_bytes(orjson.dumps(told))
    assert row.request and Store(store.root, store.state_dir).index.rows() == {NAME: row}


# ---- the roots


def test_what_is_missing_is_created_when_the_folder_above_is_there(store: Store) -> None:
    assert store.index.names() == []
    assert store.layout.inner.stat().st_mode & 0o7777 == 0o2770


def test_a_storage_root_that_cannot_be_used_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "not/mounted", tmp_path / "file"):
        with pytest.raises(StorageError, match="STORAGE_ROOT") as raised:
            Store(root, tmp_path).index.names()
        assert str(root) in raised.value.message and raised.value.remedy
    with pytest.raises(StorageError, match="HUGFLOW_STATE_DIR"):
        Store(tmp_path / "root", tmp_path / "no/state").index.names()


@pytest.mark.parametrize(
    ("number", "kind"),
    [(28, DiskFullError), (122, DiskFullError), (13, StorageError), (30, StorageError), (5, StorageError)],
)
def test_errors_of_the_disk_are_told_as_what_they_are(number: int, kind: type, tmp_path: Path) -> None:
    error = disk_error(OSError(number, os.strerror(number), "/storage/x"), tmp_path)
    assert type(error) is kind and "/storage/x" in error.message and error.remedy


# ---- progress


def test_progress_is_replaced_as_a_whole_and_goes_with_the_dataset(store: Store) -> None:
    progress = Progress(name=NAME, phase=Phase.DOWNLOADING, started_at="s", updated_at="u", bytes_done=1)
    store.progress.write(progress)
    assert store.progress.read(NAME) == progress
    assert store.progress.all() == {NAME: progress}
    (store.layout.progress / "other.json").write_bytes(b"{")
    assert store.progress.read("other") is None and list(store.progress.all()) == [NAME]
    put(store, NAME)
    store.remove(NAME, reason="r", by="b")
    assert store.progress.read(NAME) is None
    store.progress.clear(NAME)


def test_a_storage_that_is_not_mounted_is_not_taken_for_an_empty_one(store: Store) -> None:
    put(store, NAME)
    store.root.rename(store.root.parent / "unmounted")
    store.root.mkdir()
    with pytest.raises(StorageError, match="1 datasets landed there") as raised:
        Store(store.root, store.state_dir).index.names()
    assert "Mount" in raised.value.remedy and list(store.root.iterdir()) == []
    store.layout.active.unlink()
    assert Store(store.root, store.state_dir).index.names() == []


@pytest.mark.parametrize("exchanging", [True, False])
def test_a_reader_during_updates_never_finds_the_dataset_missing(tmp_path: Path, exchanging: bool) -> None:
    writer = Store(tmp_path / "root", tmp_path / "state", exchanging=exchanging)
    reader = Store(tmp_path / "root", tmp_path / "state2", host="reader/host")
    put(writer, NAME, data=f"{0:016x}")
    updates = threading.Thread(target=lambda: [put(writer, NAME, data=f"{n:016x}") for n in range(1, 40)])
    updates.start()
    seen = []
    while updates.is_alive():
        manifest = reader.manifest(NAME)
        assert manifest is not None
        seen.append(int(manifest.fingerprint.data, 16))
    updates.join()
    assert seen == sorted(seen) and len(set(seen)) > 3
    manifest = reader.manifest(NAME)
    assert manifest is not None and int(manifest.fingerprint.data, 16) == 39
