"""What the Hub's API says of commits, folders and files: rows that become JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.demo.repos import Blob, Commit


def iso_date(commit: Commit) -> str:
    """When a commit was made."""
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def folder_rows(commit: Commit, folder: str, *, recursive: bool, expand: bool) -> Iterator[dict[str, Any]]:
    """A folder's content as the tree endpoint lists it: in path order, folders among the files."""
    prefix = f"{folder}/" if folder else ""
    for path in sorted({*commit.files, *commit.trees} - {""}):
        if path.startswith(prefix) and (recursive or "/" not in path[len(prefix) :]):
            yield path_row(commit, path, expand=expand)


def path_row(commit: Commit, path: str, *, expand: bool) -> dict[str, Any]:
    """A file or a folder."""
    blob = commit.files.get(path)
    if blob is None:
        row: dict[str, Any] = {"type": "directory", "oid": commit.trees[path], "size": 0, "path": path}
    else:
        row = {"type": "file", "oid": blob.git_oid, "size": blob.size_bytes, "path": path}
        if blob.sha256:
            row["lfs"] = {"oid": blob.sha256, "size": blob.size_bytes, "pointerSize": blob.pointer_size}
        if blob.xet_hash:
            row["xetHash"] = blob.xet_hash
    if expand:
        row["lastCommit"] = {"id": commit.id, "title": commit.title, "date": iso_date(commit)}
        if blob is not None:
            scans = {"avScan": None, "pickleImportScan": None}
            row["securityFileStatus"] = {"status": "safe", **scans}
    return row


def sibling_row(path: str, blob: Blob, blobs: bool) -> dict[str, Any]:
    """A file, as the list of a repository at a commit has it."""
    row: dict[str, Any] = {"rfilename": path}
    if blobs:
        row |= {"size": blob.size_bytes, "blobId": blob.git_oid}
        if blob.sha256:
            row["lfs"] = {"sha256": blob.sha256, "size": blob.size_bytes, "pointerSize": blob.pointer_size}
    return row


def commit_row(commit: Commit) -> dict[str, Any]:
    """A commit."""
    authors = [{"user": "hugflow"}]
    return {"id": commit.id, "title": commit.title, "message": "", "authors": authors, "date": iso_date(commit)}
