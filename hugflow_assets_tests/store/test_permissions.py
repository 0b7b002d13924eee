"""What an unprivileged user meets: errors with a remedy, or an answer all the same."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hugflow_assets.errors import StorageError
from hugflow_assets.store import EventKind, Phase, Progress, Store
from hugflow_assets.store.publishing.trees import delete_tree
from hugflow_assets_tests.store.making import put

NAME = "org__name__rev_main"
NOBODY = 65534


def unprivileged(act: Callable[[], object]) -> str:
    """Run ``act`` in a child that is not root; its result, or its error as ``code: message``."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            try:
                told = str(act())
            except StorageError as error:
                told = f"{error.code}: {error.message} | {error.remedy}"
            except Exception:  # noqa: BLE001
                told = traceback.format_exc()
            os.write(write, told.encode()[-60_000:])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as result:
        told = result.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can reach, with an empty ``own`` in it that everyone may write."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    (path / "own").mkdir()
    (path / "own").chmod(0o777)
    yield path
    delete_tree(path)


def test_a_storage_root_that_may_not_be_written_is_named(folder: Path) -> None:
    (folder / "root").mkdir(mode=0o555)
    (folder / "root").chmod(0o555)
    told = unprivileged(lambda: Store(folder / "root", folder / "own").index.names())
    assert told.startswith("storage-unusable: STORAGE_ROOT") and str(folder / "root") in told
    assert "Permission denied" in told and "writable" in told
    told = unprivileged(lambda: Store(folder / "missing", folder / "own").index.names())
    assert told.startswith("storage-unusable: STORAGE_ROOT")


def test_a_state_folder_that_may_not_be_written_costs_only_speed(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state/progress").mkdir()
    (folder / "state").chmod(0o555)
    assert unprivileged(lambda: Store(folder / "own", folder / "state").index.names()) == "[]"
    progress = Progress(name=NAME, phase=Phase.LANDED, started_at="", updated_at="")
    told = unprivileged(lambda: Store(folder / "own", folder / "state").progress.write(progress))
    assert told.startswith("storage-unusable") or told == "None"


def test_what_another_user_landed_is_neither_removed_nor_replaced_and_says_so(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a second user")
    os.chown(folder / "own", NOBODY, NOBODY)
    assert unprivileged(lambda: put(Store(folder / "own", folder / "own/.state"), "theirs")).endswith("theirs")
    path = put(Store(folder / "own", folder), NAME)
    before = sorted(one for one in path.rglob("*"))
    (folder / "own").chmod(0o1777)  # as /tmp: only the owner of a folder may move it
    told = unprivileged(lambda: Store(folder / "own", folder / "own/.state").remove(NAME, reason="r", by="b"))
    assert told.startswith("storage-unusable"), told
    assert "FOLDER_MODE" in told
    assert sorted(one for one in path.rglob("*")) == before
    store = Store(folder / "own", folder)
    assert store.index.names() == [NAME, "theirs"] and store.trash.tombstone(NAME) is None
    assert list(store.layout.intents.glob("*.json")) == []


def test_users_of_one_group_share_a_storage(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a second user")
    os.chown(folder / "own", 0, NOBODY)
    (folder / "own").chmod(0o2775)
    first = Store(folder / "own", folder, folder_mode=0o770)
    put(first, NAME)
    first.events.append(EventKind.LANDED, NAME)

    def second_user() -> object:
        store = Store(folder / "own", folder / "own/.state", folder_mode=0o770)
        put(store, "theirs")
        store.events.append(EventKind.LANDED, "theirs")
        with store.quota.reserve("x", 1):
            store.remove(NAME, reason="r", by="b")
        return store.index.names(), store.events.last_seq(), len(store.trash.entries())

    assert unprivileged(second_user) == "(['theirs'], 3, 1)"
    assert first.index.names() == ["theirs"]
    first.restore(NAME)
    assert first.index.names() == [NAME, "theirs"]
