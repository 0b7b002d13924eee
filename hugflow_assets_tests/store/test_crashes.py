"""SIGKILL at any moment: what is visible is whole, what was decided is completed, what is counted is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hugflow_assets.store import EventKind, Store
from hugflow_assets.store.manifests import write_manifest
from hugflow_assets.store.publishing.intents import Intent, Move
from hugflow_assets.store.publishing.trees import delete_tree, inode
from hugflow_assets_tests.processes import unmeasured
from hugflow_assets_tests.store.making import fill, put

NAME = "org__name__rev_main"
FILES = 6

SWAPPING = """
import itertools, sys
from pathlib import Path
from hugflow_assets.store import Store
from hugflow_assets_tests.store.making import put
store = Store(Path(sys.argv[1]), Path(sys.argv[2]), exchanging=sys.argv[3] == "exchange")
print("go", flush=True)
for number in itertools.count(int(sys.argv[4])):
    put(store, "org__name__rev_main", data=f"{number:016x}", files=6, word=chr(97 + number % 26))
"""

REMOVING = """
import itertools, sys
from pathlib import Path
from hugflow_assets.store import Store
from hugflow_assets_tests.store.making import put
store = Store(Path(sys.argv[1]), Path(sys.argv[2]))
name = "org__name__rev_main"
print("go", flush=True)
while True:
    if store.manifest(name) is None:
        if store.trash.tombstone(name) is None:
            put(store, name, files=6)
        else:
            store.restore(name)
    store.remove(name, reason="r", by="b")
    store.restore(name)
"""


def kill_after(seconds: float, code: str, *args: object) -> None:
    command = [sys.executable, "-c", code, *map(str, args)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=unmeasured())
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    time.sleep(seconds)
    assert process.poll() is None
    process.kill()
    process.wait()


def whole_version(folder: Path) -> str:
    """The letter of the version in ``folder``, which is complete and of one version."""
    letters = {path.read_bytes()[:1].decode() for path in (folder / "audio/train/00000").iterdir()}
    assert len(list((folder / "audio/train/00000").iterdir())) == FILES
    assert len(letters) == 1
    letter = letters.pop()
    assert f'"{letter}"' in (folder / "json/train.jsonl").read_text()
    return letter


@pytest.mark.parametrize("how", ["exchange", "two renames"])
def test_an_update_killed_at_any_moment_leaves_the_old_or_the_new_version(tmp_path: Path, how: str) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    moments = random.Random(how)
    put(Store(root, state), NAME, files=FILES, word="a")
    for round_ in range(8):
        kill_after(moments.uniform(0, 0.06), SWAPPING, root, state, how, round_ * 1000)
        if how == "exchange":
            whole_version(root / NAME)  # whole at once, before anything is recovered
        store = Store(root, state)
        names = store.index.names()
        assert names == [NAME]
        manifest = store.manifest(NAME)
        assert manifest is not None
        assert whole_version(root / NAME) == chr(97 + int(manifest.fingerprint.data, 16) % 26)
        assert list(store.layout.intents.glob("*.json")) == []
        for entry in store.trash.entries():
            whole_version(store.layout.trash / entry.id)
        assert store.empty_trash(0) >= 0
    store.clean_debris(staging_older_than_s=0)
    usage = store.quota.usage()
    assert usage.trash_bytes == usage.staging_bytes == 0
    assert usage.size_bytes == sum(one.stat().st_size for one in (root / NAME).rglob("*") if one.is_file())
    assert store.index.strays() == ()


def test_a_removal_or_restoration_killed_at_any_moment_is_wholly_done_or_not_at_all(tmp_path: Path) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    moments = random.Random("remove")
    for _ in range(8):
        kill_after(moments.uniform(0, 0.06), REMOVING, root, state)
        store = Store(root, state)
        landed = store.index.names() == [NAME]
        entries = store.trash.entries(NAME)
        tombstone = store.trash.tombstone(NAME)
        told = [one.kind for one in store.events.read()]
        if landed:
            whole_version(root / NAME)
            assert entries == () and tombstone is None
        else:
            assert len(entries) == (tombstone is not None)
            for entry in entries:
                assert tombstone is not None and tombstone.entry == entry.id
                whole_version(store.layout.trash / entry.id)
        # The log agrees with the disk: one event each, in turn.
        assert told == [EventKind.REMOVED, EventKind.RESTORED] * (len(told) // 2) + [EventKind.REMOVED] * (
            len(told) % 2
        )
        assert (len(told) % 2 == 1) == (tombstone is not None)
        assert len(store.trash.archived()) == told.count(EventKind.REMOVED)


def test_a_deletion_from_the_trash_that_was_cut_short_is_completed(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from hugflow_assets.store import Store
from hugflow_assets_tests.store.making import put
store = Store(Path(sys.argv[1]), Path(sys.argv[2]))
put(store, "a", files=3000, file_bytes=1)
store.remove("a", reason="r", by="b")
print("go", flush=True)
store.empty_trash(0)
print("done", flush=True)
sys.stdin.read()
"""
    root, state = tmp_path / "root", tmp_path / "state"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root), str(state)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    time.sleep(0.012)
    process.kill()
    process.wait()
    store = Store(root, state)
    store.clean_debris()
    store.empty_trash(0)
    tombstone = store.trash.tombstone("a")
    assert tombstone is not None and tombstone.freed_at is not None
    assert list(store.layout.trash.iterdir()) == []
    assert store.quota.usage().size_bytes == 0


def between_two_renames(store: Store) -> Path:
    """As after a crash between the two renames of a swap: nothing is at the name. Returns the staged tree."""
    put(store, NAME, files=FILES, word="a", data="a" * 16)
    staging = store.staging(NAME, "b" * 16)
    manifest = fill(staging, files=FILES, word="b")
    write_manifest(staging.path / "hugflow.json", manifest, 0o440)
    trash = store.trash
    entry = trash.draft(NAME, "replaced")
    trash.save(entry)
    target = store.layout.dataset(NAME)
    store.moves.record(
        Intent(
            move=Move.SWAP, name=NAME, entry=entry, old_inode=inode(target), new_inode=inode(staging.path),
            fingerprint_data="b" * 16,
        )
    )  # fmt: skip
    target.rename(trash.folder(entry))
    return staging.path


def test_a_swap_cut_short_between_two_renames_is_completed_by_whoever_looks(store: Store) -> None:
    between_two_renames(store)
    manifest = Store(store.root, store.state_dir).manifest(NAME)
    assert manifest is not None and manifest.fingerprint.data == "b" * 16
    assert whole_version(store.root / NAME) == "b"
    assert [one.why for one in store.trash.entries()] == ["replaced"]
    assert list(store.layout.intents.iterdir()) == [] == list(store.layout.staging_root.iterdir())


def test_a_swap_whose_new_version_is_gone_brings_the_old_one_back(store: Store) -> None:
    between_two_renames(store).rename(store.root.parent / "gone")
    assert store.index.names() == [NAME]
    assert whole_version(store.root / NAME) == "a"
    assert store.trash.entries() == () and list(store.layout.intents.iterdir()) == []


def test_a_swap_cut_short_is_completed_first_by_the_next_run_on_that_name(store: Store) -> None:
    between_two_renames(store)
    with store.leases.take(NAME, purpose="landing"):  # takes the lease, so it completes the swap first
        assert whole_version(store.root / NAME) == "b"


def test_old_and_new_both_gone_leaves_nothing_to_complete(store: Store) -> None:
    delete_tree(between_two_renames(store))
    for entry in store.layout.trash.iterdir():
        if entry.is_dir():
            delete_tree(entry)
    assert store.index.names() == [] and list(store.layout.intents.iterdir()) == []
