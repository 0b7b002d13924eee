"""What a Hub keeps: repositories as commits over immutable files, with the ids that git and Git LFS give them."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import yaml

from hugflow_assets.demo.xet_folder import XetFolder

LFS_ABOVE_BYTES = 10_000_000
LFS_PATTERNS = tuple(
    f"*.{ending}"
    for ending in (
        *("parquet", "arrow", "bin", "h5", "npy", "npz", "pickle", "pkl"),
        *("wav", "flac", "ogg", "opus", "mp3", "m4a", "aac", "webm", "pcm", "mp4", "avi", "png", "jpg", "jpeg", "pdf"),
        *("zip", "tar", "tgz", "gz", "bz2", "xz", "zst", "lz4", "7z", "rar"),
    )
)
FIRST_COMMIT = datetime(2024, 1, 1, tzinfo=UTC)
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"


@dataclass(frozen=True)
class Blob:
    """The bytes of one file. ``sha256`` is set when it is stored by LFS, and ``git_oid`` is then the pointer's."""

    data: bytes | Path
    size_bytes: int
    git_oid: str
    sha256: str | None
    pointer_size: int = 0
    xet_hash: str | None = None

    @property
    def etag(self) -> str:
        return self.sha256 or self.git_oid


@dataclass(frozen=True)
class Commit:
    """The files of a repository at one moment; ``trees`` maps each folder ("" is the root) to its git tree id."""

    id: str
    parent: Commit | None
    files: Mapping[str, Blob]
    trees: Mapping[str, str]
    date: datetime
    title: str

    def history(self) -> Iterable[Commit]:
        """This commit and its ancestors, newest first."""
        one: Commit | None = self
        while one is not None:
            yield one
            one = one.parent

    def card_data(self) -> dict[str, object]:
        """The YAML block of README.md; empty when there is none."""
        readme = self.files.get("README.md")
        if readme is None:
            return {}
        text = (readme.data.read_bytes() if isinstance(readme.data, Path) else readme.data).decode("utf-8", "replace")
        block = re.match(r"---\r?\n(.*?)\r?\n---\s*(?:\n|$)", text, re.DOTALL)
        try:
            found = json.loads(json.dumps(yaml.safe_load(block[1]) if block else None, default=str))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            return {}  # the Hub shows no card that it cannot read
        return found if isinstance(found, dict) else {}


@dataclass
class Repo:
    """One dataset repository.

    ``oid`` survives renames; ``refs``: full git ref to commit; ``stored``: sha256 to the file that LFS holds,
    in ``xet`` if there is one.
    """

    repo_id: str
    oid: str
    private: bool = False
    gated: str | None = None
    disabled: bool = False
    license: str | None = None
    refs: dict[str, Commit] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    stored: dict[str, Blob] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)
    xet: XetFolder | None = None

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, a full ref or a 40-hex id."""
        for ref in (f"{BRANCHES}{revision}", f"{TAGS}{revision}", revision):
            if ref in self.refs:
                return self.refs[ref]
        return self.commits.get(revision)

    def may_read(self, user: str | None) -> bool:
        """Whether this user sees that the repository exists."""
        return not self.private or self._is_let_in(user)

    def may_download(self, user: str | None) -> bool:
        """Whether this user gets the files: a gated repository shows itself to all, its files to those let in."""
        return self.may_read(user) and (self.gated is None or self._is_let_in(user))

    def _is_let_in(self, user: str | None) -> bool:
        return user is not None and (user in self.granted or user == self.repo_id.split("/")[0])

    def commit(self, ref: str, files: Mapping[str, bytes | Path], delete: Iterable[str], lfs_above: int) -> Commit:
        """Put files onto a ref (made empty when new) and give the commit; equal content on equal parents, equal id."""
        parent = self.refs.get(ref)
        blobs = dict(parent.files) if parent else {}
        for path in delete:
            if path not in blobs:
                raise KeyError(f"{self.repo_id} has no file {path!r} to delete")
            del blobs[path]
        for path, data in files.items():
            blob = blob_of(path, data, lfs_above=lfs_above)
            if blob.sha256 and blob.size_bytes and self.xet is not None:
                blob = replace(blob, xet_hash=self.xet.add(blob.sha256, data))
            if blob.sha256:
                self.stored[blob.sha256] = blob
            blobs[_checked(path)] = blob
        made = _commit(parent, blobs)
        self.refs[ref] = made
        self.commits[made.id] = made
        return made


def blob_of(path: str, data: bytes | Path, *, lfs_above: int = LFS_ABOVE_BYTES) -> Blob:
    """Hash a file as the Hub stores it: by LFS when its ending or its size say so, else as a git blob."""
    size = data.stat().st_size if isinstance(data, Path) else len(data)
    name = PurePosixPath(path).name.lower()
    if size > lfs_above or any(fnmatch.fnmatchcase(name, pattern) for pattern in LFS_PATTERNS):
        sha256 = _digest(data, hashlib.sha256())
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return Blob(data, size, _git_oid("blob", pointer), sha256, len(pointer))
    header = f"blob {size}\0".encode()
    return Blob(data, size, _digest(data, hashlib.sha1(header, usedforsecurity=False)), None)


def new_oid(repo_id: str, serial: int) -> str:
    """A 24-hex id as the Hub's ``_id``: stable for the same repositories made in the same order."""
    return hashlib.sha256(f"{serial}:{repo_id}".encode()).hexdigest()[:24]


def full_ref(branch: str) -> str:
    """``main`` becomes ``refs/heads/main``; a full ref such as ``refs/convert/parquet`` stays."""
    return branch if branch.startswith("refs/") else f"{BRANCHES}{branch}"


def _checked(path: str) -> str:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise ValueError(f"{path!r} is no path that a git repository can hold")
    return path


def _digest(data: bytes | Path, digest: hashlib._Hash) -> str:
    if isinstance(data, bytes):
        digest.update(data)
        return digest.hexdigest()
    with data.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _git_oid(kind: str, body: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def _commit(parent: Commit | None, blobs: dict[str, Blob]) -> Commit:
    files = dict(sorted(blobs.items()))
    trees = _trees(files)
    depth = sum(1 for _ in parent.history()) if parent else 0
    date = FIRST_COMMIT + timedelta(days=depth)
    title = f"Update dataset ({depth})" if depth else "Add dataset"
    by = f"Hugflow <hugflow@localhost> {int(date.timestamp())} +0000"
    lines = [f"tree {trees['']}", *([f"parent {parent.id}"] if parent else []), f"author {by}", f"committer {by}"]
    body = "\n".join([*lines, "", title, ""])
    return Commit(_git_oid("commit", body.encode()), parent, files, trees, date, title)


def _trees(files: Mapping[str, Blob]) -> dict[str, str]:
    """The git tree id of every folder, from the leaves up."""
    entries: dict[str, list[tuple[bytes, bytes, str]]] = {"": []}
    for path, blob in files.items():
        folder, _, name = path.rpartition("/")
        while folder not in entries:
            entries[folder] = []
            folder = folder.rpartition("/")[0]
        entries[path.rpartition("/")[0]].append((name.encode(), b"100644", blob.git_oid))
    trees: dict[str, str] = {}
    for folder in sorted(entries, key=lambda one: one.count("/") if one else -1, reverse=True):
        # git sorts a folder as if its name ended in a slash.
        rows = sorted(entries[folder], key=lambda row: row[0] + (b"/" if row[1] == b"40000" else b""))
        body = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for name, mode, oid in rows)
        trees[folder] = _git_oid("tree", body)
        if folder:
            outer, _, name = folder.rpartition("/")
            entries[outer].append((name.encode(), b"40000", trees[folder]))
    return trees
