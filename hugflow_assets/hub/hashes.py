"""Hashes as the Hub promises them: sha256 of LFS files, git's blob sha1 of the others."""

from __future__ import annotations

import hashlib

from hugflow_assets.errors import HFIntegrityError
from hugflow_assets.hub.models import SourceFile


def content_hash(file: SourceFile) -> str:
    """The hash that the Hub promises for a file's content, as ``kind:hex``."""
    if file.sha256:
        return f"sha256:{file.sha256}"
    if file.git_sha1:
        return f"git-sha1:{file.git_sha1}"
    raise HFIntegrityError(
        f"The Hub promises no hash for {file.path}, so it cannot be verified.",
        remedy="Nothing unverified is landed; tell the operators of this Hub.",
        path=file.path,
    )


def new_hash(file: SourceFile) -> hashlib._Hash:
    """A running hash of the kind that ``content_hash`` names; git's begins with the size."""
    if file.sha256:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)


def promised_hash(file: SourceFile) -> str:
    """The hash that the Hub promises: a file's own, or that of the archive it is in."""
    return content_hash(file.archive or file)
