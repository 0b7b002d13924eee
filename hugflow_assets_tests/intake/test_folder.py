"""Requests from a folder."""

from __future__ import annotations

import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from hugflow_assets.errors import RequestInvalidError, RequestSourceError
from hugflow_assets.intake import AddFile, FolderSource, RequestSource, read_file

GOOD = "hf_id: a/b\ndescription: Speech.\n"
REMOVAL = "hf_id: a/b\nreason: Withdrawn.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "requests"
    (made / "add").mkdir(parents=True)
    (made / "remove").mkdir()
    return made


def settle(path: Path) -> None:
    """Make a file look as if it was last changed long ago, which only the change time can tell apart."""
    os.utime(path, ns=(1, 1))


def test_a_folder_is_read_into_adds_removals_and_problems(root: Path) -> None:
    (root / "add" / "x.yaml").write_text(GOOD)
    (root / "add" / "bad.yml").write_text("hf_id: a/b\n")
    (root / "remove" / "x.yaml").write_text(REMOVAL)
    source: RequestSource = FolderSource(root)
    snapshot = source.snapshot()
    assert [one.path for one in snapshot.adds] == ["add/x.yaml"]
    assert snapshot.adds[0].name == "a__b__rev_main"
    assert [str(one) for one in snapshot.problems] == [
        "add/bad.yml:1:1: the required key description is missing (add a line 'description: …')"
    ]
    (removal,) = snapshot.removals
    assert removal.key == f"x__{removal.digest[:12]}"
    assert snapshot.desired() == {}, "the removal is in force"
    assert snapshot.commit is None and source.at("f" * 40) == snapshot and source.commit_of("add/x.yaml") is None


def test_what_is_not_a_request_file_is_told_and_stops_nothing(root: Path, tmp_path: Path) -> None:
    add = root / "add"
    (tmp_path / "outside.yaml").write_text(GOOD)
    (add / "good.yaml").write_text(GOOD)
    (add / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (add / "dangling.yaml").symlink_to("nowhere")
    os.mkfifo(add / "pipe.yaml")
    (add / "folder.yaml").mkdir()
    (add / "team").mkdir()
    (add / "typo.yaml.txt").write_text(GOOD)
    (add / "UPPER.YAML").write_text(GOOD)
    (add / "huge.yaml").write_bytes(b"#" * 100_000)
    (add / "new\nline.yaml").write_text(GOOD)
    (add / "bidi\u202e.yaml").write_text(GOOD)
    Path(os.fsdecode(os.fsencode(add) + b"/\xff.yaml")).write_text(GOOD)
    (root / "lost.yaml").write_text(GOOD)
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(add)
        try:
            listener.bind("socket.yaml")
        finally:
            os.chdir(here)
        snapshot = FolderSource(root).snapshot()
    assert [one.path for one in snapshot.adds] == ["add/good.yaml"]
    told = {one.path: one.message for one in snapshot.problems}
    assert {path: told[path].split(";")[0] for path in told if "this " in told[path]} == {
        "add/link.yaml": "this is a symbolic link",
        "add/dangling.yaml": "this is a symbolic link",
        "add/pipe.yaml": "this is a named pipe",
        "add/folder.yaml": "this is a folder",
        "add/team": "this is a folder",
        "add/socket.yaml": "this is a device or socket",
        "lost.yaml": "request files lie in add/ or remove/",
    }
    assert "100,000 bytes" in told["add/huge.yaml"]
    assert "control character" in told["add/new\\nline.yaml"]
    assert "control character" in told["add/bidi\\u202e.yaml"]
    assert "not UTF-8" in told["add/\\xff.yaml"]
    assert ".yaml or .yml" in told["add/typo.yaml.txt"] and ".yaml or .yml" in told["add/UPPER.YAML"]
    assert len(told) == 13
    snapshot.model_dump_json()


def test_readmes_hidden_files_and_the_schemas_are_passed_over(root: Path) -> None:
    for name in (".gitkeep", ".hidden.yaml", "README.md", "readme"):
        (root / "add" / name).write_text("anything")
    for name in ("README.md", "add.schema.json", ".x.yaml"):
        (root / name).write_text("anything")
    assert FolderSource(root).snapshot().problems == ()


def test_names_with_blanks_quotes_and_letters_of_any_script_are_fine(root: Path) -> None:
    names = ["a b.yaml", 'it\'s "x".yaml', "-x.yaml", "größe.yml", "語.yaml", "[x].yaml"]
    for name in names:
        (root / "remove" / name).write_text(REMOVAL)
    snapshot = FolderSource(root).snapshot()
    assert {one.path for one in snapshot.removals} == {f"remove/{name}" for name in names}
    keys = [one.key for one in snapshot.removals]
    assert len(set(keys)) == len(names) and not set("".join(keys)) & set(" '\"[],")


def test_a_missing_add_or_remove_folder_is_empty(root: Path) -> None:
    shutil.rmtree(root / "add")
    (root / "remove").rmdir()
    assert FolderSource(root).snapshot().adds == ()


@pytest.mark.parametrize("broken", ["missing", "file"])
def test_a_root_that_is_no_folder_is_an_error_with_the_next_step(tmp_path: Path, broken: str) -> None:
    root = tmp_path / "requests"
    if broken == "file":
        root.write_text("")
    with pytest.raises(RequestSourceError) as caught:
        FolderSource(root).snapshot()
    assert str(root) in caught.value.message
    assert ("hugflow init" in caught.value.remedy) == (broken == "missing")


def test_removals_that_cannot_be_listed_are_not_taken_for_none(root: Path, tmp_path: Path) -> None:
    (root / "remove").rmdir()
    (root / "remove").symlink_to(tmp_path)
    with pytest.raises(RequestSourceError, match="symbolic link"):
        FolderSource(root).snapshot()


def test_the_snapshot_is_the_same_object_until_a_file_changes(root: Path) -> None:
    source = FolderSource(root)
    file = root / "add" / "x.yaml"
    file.write_text(GOOD)
    first = source.snapshot()
    assert source.snapshot() is first
    file.write_text(GOOD.replace("a/b", "a/c"))  # the same size, within the clock's tick
    second = source.snapshot()
    assert second.adds[0].request.hf_id == "a/c" and second.digest != first.digest
    file.write_text(GOOD)
    assert source.snapshot().digest == first.digest == FolderSource(root).snapshot().digest
    file.rename(root / "add" / "y.yaml")
    assert source.snapshot().digest != first.digest
    (root / "add" / "y.yaml").unlink()
    assert source.snapshot().adds == ()


def test_a_change_of_a_malformed_file_changes_the_digest(root: Path) -> None:
    source = FolderSource(root)
    digests = set()
    for text in ("x", "hf_id: a/b\n", "y"):
        (root / "add" / "x.yaml").write_text(text)
        digests.add(source.snapshot().digest)
    assert len(digests) == 3


def test_an_edit_that_hides_its_modification_time_is_seen(root: Path) -> None:
    source, file = FolderSource(root), root / "add" / "x.yaml"
    file.write_text(GOOD)
    settle(file)
    source.snapshot()
    file.write_text(GOOD.replace("a/b", "a/c"))
    settle(file)
    assert source.snapshot().adds[0].request.hf_id == "a/c"


def test_ten_thousand_files_are_read_once(root: Path) -> None:
    for number in range(10_000):
        (root / "add" / f"r{number:05}.yaml").write_text(f"hf_id: org/d{number}\ndescription: Speech.\n")
    source = FolderSource(root)
    first = source.snapshot()
    assert len(first.adds) == 10_000
    assert source.snapshot() is first
    # The files are too fresh to be trusted unread for three seconds after the last of them was written.
    deadline = time.monotonic() + 30
    while len(source._known) < 10_000 and time.monotonic() < deadline:
        source.snapshot()
    assert source.snapshot() is first


def test_one_file_is_read_alone(root: Path) -> None:
    (root / "add" / "x.yaml").write_text(GOOD)
    read = read_file(root, "add/x.yaml")
    assert isinstance(read, AddFile)
    assert FolderSource(root).snapshot().adds == (read,)


@pytest.mark.parametrize(
    "path", ["add/none.yaml", "../x.yaml", "add/../remove/x.yaml", "x.yaml", "add/", "add/link.yaml"]
)
def test_a_path_that_is_no_request_file_is_refused_by_name(root: Path, path: str) -> None:
    (root / "remove" / "x.yaml").write_text(REMOVAL)
    (root / "add" / "link.yaml").symlink_to(root / "remove" / "x.yaml")
    with pytest.raises(RequestInvalidError) as caught:
        read_file(root, path)
    assert path in caught.value.message
