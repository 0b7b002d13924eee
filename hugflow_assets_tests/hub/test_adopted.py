"""Local files that the Hub promises are taken instead of fetched, and never touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.transfer.local_copies import find_matches, write_adopted
from hugflow_assets.transfer.to_disk import fetch

LFS, GIT = b"parquet, so to say" * 1000, b"a small text\n"


World = tuple[HubAccess, str, dict[str, SourceFile], Path]


@pytest.fixture
def world(hub: LocalHub, tmp_path: Path) -> World:
    commit = hub.add_repo("org/files", {"data/a.parquet": LFS, "notes.txt": GIT})
    access = HubAccess(endpoint=hub.url, retries=0)
    files = Hub(access).file_info("org/files", commit, ["data/a.parquet", "notes.txt"])
    mine = tmp_path / "mine"
    (mine / "deep").mkdir(parents=True)
    (mine / "deep/anything.bin").write_bytes(LFS)
    (mine / "text").write_bytes(GIT)
    (mine / "same size").write_bytes(GIT[::-1])
    (mine / "link").symlink_to(mine / "text")
    return access, commit, files, mine


def state_of(folder: Path) -> dict[str, tuple[bytes, int, int, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_both_kinds_of_hash_are_matched_by_content_and_nothing_else_is_read(world: World) -> None:
    _, _, files, mine = world
    found = find_matches(mine, files.values())
    assert {path.name for path in found.files.values()} == {"anything.bin", "text"}
    assert (found.matched, found.wanted, found.looked_at) == (2, 2, 3)
    assert found.matched_bytes == len(LFS) + len(GIT)
    assert found.hashed_bytes <= len(LFS) + 2 * len(GIT)


def test_a_fetch_copies_what_is_adopted_without_a_request(world: World, hub: LocalHub, tmp_path: Path) -> None:
    access, commit, files, mine = world
    write_adopted(tmp_path / "list.json", find_matches(mine, files.values()).files)
    access = replace(access, adopted=tmp_path / "list.json")
    before, asked = state_of(mine), len(hub.requests)
    for path, content in (("data/a.parquet", LFS), ("notes.txt", GIT)):
        got = fetch(access, "org/files", commit, files[path], tmp_path / "out")
        assert got.path.read_bytes() == content
        assert got.bytes_fetched == 0
        assert got.path.stat().st_nlink == 1
        got.path.unlink()
    assert len(hub.requests) == asked
    assert state_of(mine) == before


def test_a_file_that_changed_since_it_was_listed_is_fetched(world: World, tmp_path: Path) -> None:
    access, commit, files, mine = world
    write_adopted(tmp_path / "list.json", find_matches(mine, files.values()).files)
    changed = mine / "deep/anything.bin"
    changed.write_bytes(b"X" + LFS[1:])
    (mine / "text").unlink()
    access = replace(access, adopted=tmp_path / "list.json")
    for path, content in (("data/a.parquet", LFS), ("notes.txt", GIT)):
        got = fetch(access, "org/files", commit, files[path], tmp_path / path.replace("/", "-"))
        assert (got.path.read_bytes(), got.bytes_fetched) == (content, len(content))
    assert changed.read_bytes()[:1] == b"X"
