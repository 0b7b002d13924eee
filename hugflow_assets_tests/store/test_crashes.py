"""SIGKILL at any moment: what is visible is whole, what was decided is completed, what is counted is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.store.making import put

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
        if store.tombstone(name) is None:
            put(store, name, files=6)
        else:
            store.restore(name)
    store.remove(name, reason="r", by="b")
    store.restore(name)
"""


def kill_after(seconds: float, code: str, *args: object) -> None:
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True)
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
        before = time.monotonic()
        names = store.names()
        assert time.monotonic() - before < 5
        assert names == [NAME]
        manifest = store.manifest(NAME)
        assert manifest is not None
        assert whole_version(root / NAME) == chr(97 + int(manifest.fingerprint.data, 16) % 26)
        assert list(store.layout.intents.glob("*.json")) == []
        for entry in store.trash_entries():
            whole_version(store.layout.trash / entry.id)
        assert store.empty_trash(0) >= 0
    store.clean_debris(staging_older_than_s=0)
    usage = store.usage()
    assert usage.trash_bytes == usage.staging_bytes == 0
    assert usage.size_bytes == sum(one.stat().st_size for one in (root / NAME).rglob("*") if one.is_file())
    assert store.strays() == ()


def test_a_removal_or_restoration_killed_at_any_moment_is_wholly_done_or_not_at_all(tmp_path: Path) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    moments = random.Random("remove")
    for _ in range(8):
        kill_after(moments.uniform(0, 0.06), REMOVING, root, state)
        store = Store(root, state)
        landed = store.names() == [NAME]
        entries = store.trash_entries(NAME)
        tombstone = store.tombstone(NAME)
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
        assert len(store.archived()) == told.count(EventKind.REMOVED)


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
    tombstone = store.tombstone("a")
    assert tombstone is not None and tombstone.freed_at is not None
    assert list(store.layout.trash.iterdir()) == []
    assert store.usage().size_bytes == 0
