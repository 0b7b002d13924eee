"""What one process leaves to the next of the files it parsed: believed for the same bytes, and for nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from hugflow_assets.intake import FolderSource, GitSource, RequestSnapshot
from hugflow_assets.intake.parsed import WORTH
from hugflow_assets_tests.intake.test_git_branch import Team

OTHER = "org__other__rev_main"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """As many requests as are worth keeping, and a removal and a malformed file beside them."""
    root = tmp_path / "requests"
    (root / "add").mkdir(parents=True)
    (root / "remove").mkdir()
    (tmp_path / "state").mkdir()
    for number in range(WORTH):
        (root / f"add/{number:03}.yaml").write_text(f"hf_id: org/d{number:03}\ndescription: Speech – {number}.\n")
    (root / "remove/x.yaml").write_text("hf_id: org/d007\nreason: Withdrawn.\n")
    (root / "add/bad.yaml").write_text("hf_id: org/bad\n")
    return root


def look(root: Path) -> RequestSnapshot:
    """What another process sees."""
    return FolderSource(root, kept_in=root.parent / "state").snapshot()


def kept(root: Path) -> Path:
    return root.parent / f"state/parsed-{os.geteuid()}.json"


def renamed(whole: bytes) -> bytes:
    """What was kept, saying something else of one file: what nobody should do, and the only way to see it used."""
    head, _, body = whole.partition(b"\n")
    body = body.replace(b'"org__d000__rev_main"', f'"{OTHER}"'.encode())
    told = orjson.loads(head) | {"sha256": hashlib.sha256(body).hexdigest()}
    return orjson.dumps(told) + b"\n" + body


def test_files_are_parsed_once_for_all_processes(root: Path) -> None:
    first = look(root)
    assert look(root) == first == FolderSource(root).snapshot()
    assert len(first.adds) == WORTH and len(first.removals) == 1 and len(first.problems) == 1
    kept(root).write_bytes(renamed(kept(root).read_bytes()))
    assert look(root).adds[0].name == OTHER
    (root / "add/000.yaml").write_text("hf_id: org/d999\ndescription: Speech – 0.\n")  # the same size
    assert look(root).adds[0].name == "org__d999__rev_main"
    (root / "add/001.yaml").rename(root / "add/renamed.yaml")
    assert look(root) == FolderSource(root).snapshot()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(renamed(path.read_bytes())[:-1]),
        lambda path: path.write_bytes(renamed(path.read_bytes()).replace(b'"made_by":"', b'"made_by":"0')),
        lambda path: path.write_bytes(renamed(path.read_bytes()).replace(b"Speech", b"Spooch", 1)),
        lambda path: path.write_bytes(b"[]\n{}"),
        lambda path: path.write_bytes(b"\xff\x00"),
        lambda path: path.write_bytes(b""),
        lambda path: (path.write_bytes(renamed(path.read_bytes())), path.chmod(0o620)),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["torn", "another version's", "rotten", "another form", "not JSON", "empty", "others may write it", "a folder"],
)
def test_what_is_not_whole_and_ours_is_ignored(root: Path, spoil: Callable[[Path], object]) -> None:
    first = look(root)
    spoil(kept(root))
    assert look(root) == first


def test_an_entry_that_is_no_request_is_parsed_anew(root: Path) -> None:
    first = look(root)
    head, _, body = kept(root).read_bytes().partition(b"\n")
    body = body.replace(b'"hf_id":"org/d000"', b'"hf_id":"../../x"')
    told = orjson.loads(head) | {"sha256": hashlib.sha256(body).hexdigest()}
    kept(root).write_bytes(orjson.dumps(told) + b"\n" + body)
    assert look(root) == first


def test_it_holds_what_is_there_and_is_not_written_for_little(root: Path) -> None:
    (root / "add/000.yaml").unlink()
    (root / "remove/x.yaml").unlink()
    look(root)
    assert not kept(root).exists(), "99 files are parsed as fast as it is written"
    (root / "remove/x.yaml").write_text("hf_id: org/d007\nreason: Withdrawn.\n")
    look(root)
    assert kept(root).stat().st_mode & 0o777 == 0o600
    before = kept(root).stat().st_ino
    (root / "add/001.yaml").write_text("hf_id: org/edited\ndescription: Speech.\n")
    assert look(root) == FolderSource(root).snapshot()
    assert kept(root).stat().st_ino == before
    for path in (root / "add").iterdir():
        path.write_text("hf_id: org/same\ndescription: Speech.\n")
    look(root)
    assert b"org/d002" not in kept(root).read_bytes()


def test_a_folder_that_cannot_keep_anything_stops_nobody(root: Path) -> None:
    nowhere = FolderSource(root, kept_in=root.parent / "missing/state").snapshot()
    assert nowhere == look(root)


def test_a_branch_is_parsed_once_too(tmp_path: Path) -> None:
    team = Team(tmp_path)
    for number in range(WORTH):
        team.write(f"{number:03}.yaml", f"hf_id: org/d{number:03}\ndescription: Speech.\n")
    team.push("Ask")
    first = GitSource(str(team.remote), "main", tmp_path / "cache").snapshot()
    path = tmp_path / f"cache/parsed-{os.geteuid()}.json"
    path.write_bytes(renamed(path.read_bytes()))
    again = GitSource(str(team.remote), "main", tmp_path / "cache").snapshot()
    assert [one.name for one in again.adds] == [OTHER, *(one.name for one in first.adds[1:])]
