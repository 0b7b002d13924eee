"""What a pull request would change, read through GitHub's API as data: nothing of it is checked out, run or followed.

Only blobs at the head commit count, and only regular files, as when the branch itself is read; the rest are problems.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.intake.snapshot import (
    Found,
    is_ignored,
    is_misplaced,
    judged,
    misplaced,
    refused,
    refused_by_name,
    snapshot_of,
    too_big,
)
from hugflow_assets.intake.yaml_document import MAX_BYTES
from hugflow_assets.notify import GitHub

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

ROOT = "requests/"
FOLDERS = ("add", "remove")
MAX_FILES = 3000  # that GitHub lists of a pull request; what it does not list, nobody has looked at
_REGULAR = ("100644", "100755")
_KINDS = {"120000": "a symbolic link", "160000": "a submodule", "040000": "a folder"}


class Change(Frozen):
    """One request file that a pull request touches. ``before`` and ``after`` are None where it is not, or unreadable.

    ``path`` is relative to the requests folder. ``was`` is its former path when it was renamed.
    """

    path: str
    was: str
    deleted: bool
    before: AddFile | RemoveFile | None = None
    after: AddFile | RemoveFile | None = None


@dataclass(frozen=True)
class Proposed:
    """A pull request: its changes of request files, and everything asked for as it would be after the merge."""

    head: str
    changes: tuple[Change, ...]
    snapshot: RequestSnapshot
    merge_base: str = ""
    other_files: int = 0
    unlisted_files: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)


def read_proposal(github: GitHub, pull: PullRequest, base: RequestSnapshot) -> Proposed:
    """Read the request files that a pull request touches.

    Args:
        base: everything asked for on the branch that it would be merged into.
    Raises:
        DeliveryError: GitHub cannot be asked.
    """
    with github.errors(f"reading the files of #{pull.number}"):
        head = pull.head.sha
        touched = _touched(pull)
        entries = _entries(github, head) if touched.requests else {}
        found = [_found(github, path, entries[path]) for path, _ in touched.requests if path in entries]
        merge_base = github.merge_base(pull.base.ref, head) if touched.requests else ""
    found += [misplaced(path) for path in touched.misplaced]
    gone = {path for path, _ in touched.requests} | {was for _, was in touched.requests}
    snapshot = _merged(base, gone, snapshot_of(found))
    return Proposed(
        head=head,
        changes=tuple(_change(path, was, path not in entries, base, snapshot) for path, was in touched.requests),
        snapshot=snapshot,
        merge_base=merge_base,
        other_files=touched.others,
        unlisted_files=max(0, pull.changed_files - touched.listed),
        problems=_problems(snapshot, {path for path, _ in touched.requests} | set(touched.misplaced)),
    )


@dataclass
class _Touched:
    """What a pull request touches: request files with their former paths, files that lie where none is read, others."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    others: int = 0
    listed: int = 0


def _touched(pull: PullRequest) -> _Touched:
    touched = _Touched()
    for file in islice(pull.get_files(), MAX_FILES):
        touched.listed += 1
        path = _request_path(file.filename)
        was = _request_path(file.previous_filename or "") or path
        if path is None and file.status != "removed" and _lies_astray(file.filename):
            touched.misplaced.append(file.filename.removeprefix(ROOT))
        if path is None and was is None:
            touched.others += 1
        elif path is None:
            touched.requests.append((str(was), str(was)))
        else:
            touched.requests.append((path, str(was)))
    return touched


def _lies_astray(path: str) -> bool:
    return path.startswith(ROOT) and is_misplaced(path.removeprefix(ROOT))


def _request_path(path: str) -> str | None:
    """``add/x.yaml`` of ``requests/add/x.yaml``; None for what is no request file."""
    if not path.startswith(ROOT):
        return None
    inner = path.removeprefix(ROOT)
    folder, _, name = inner.partition("/")
    return inner if folder in FOLDERS and name and "/" not in name and not is_ignored(name) else None


def _entries(github: GitHub, head: str) -> dict[str, Any]:
    """The entries of ``requests/add`` and ``requests/remove`` at a commit, by path relative to ``requests/``."""
    found: dict[str, Any] = {}
    requests = _below(github, head, ROOT.rstrip("/"))
    if requests is None:
        return {}
    for folder in FOLDERS:
        tree = _below(github, requests, folder)
        if tree is not None:
            found |= {f"{folder}/{one.path}": one for one in github.repo.get_git_tree(tree).tree}
    return found


def _below(github: GitHub, tree: str, name: str) -> str | None:
    """The sha of a folder inside a tree; what is a link or a submodule is no folder."""
    for one in github.repo.get_git_tree(tree).tree:
        if one.path == name and one.type == "tree":
            return str(one.sha)
    return None


def _found(github: GitHub, path: str, entry: Any) -> Found:
    if entry.mode not in _REGULAR:
        what = _KINDS.get(entry.mode, f"an entry of mode {entry.mode}")
        return refused(path, f"this is {what}; expected a regular file", "put the file itself here")
    if refusal := refused_by_name(path):
        return refusal
    if (entry.size or 0) > MAX_BYTES:
        return too_big(path, entry.size)
    blob = github.repo.get_git_blob(entry.sha)
    data = base64.b64decode(blob.content) if blob.encoding == "base64" else blob.content.encode()
    return judged(path, data)


def _merged(base: RequestSnapshot, gone: set[str], new: RequestSnapshot) -> RequestSnapshot:
    """The branch's snapshot with some files replaced."""
    merged: dict[str, Any] = {}
    for kind in ("adds", "removals", "problems", "unread_removals"):
        kept = [one for one in getattr(base, kind) if one.path not in gone]
        merged[kind] = tuple(sorted([*kept, *getattr(new, kind)], key=lambda one: one.path))
    digest = hashlib.sha256(f"{base.digest} {new.digest} {sorted(gone)}".encode()).hexdigest()
    return RequestSnapshot(**merged, digest=digest, commit=base.commit)


def _change(path: str, was: str, deleted: bool, base: RequestSnapshot, after: RequestSnapshot) -> Change:
    return Change(
        path=path, was=was, deleted=deleted, before=_file(base, was), after=None if deleted else _file(after, path)
    )


def _file(snapshot: RequestSnapshot, path: str) -> AddFile | RemoveFile | None:
    return next(_with_path(snapshot, path), None)


def _with_path(snapshot: RequestSnapshot, path: str) -> Iterator[AddFile | RemoveFile]:
    yield from (one for one in snapshot.adds if one.path == path)
    yield from (one for one in snapshot.removals if one.path == path)


def _problems(snapshot: RequestSnapshot, touched: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in snapshot.problems:
        if one.path in touched:
            found.setdefault(one.path, []).append(str(one))
    return found
