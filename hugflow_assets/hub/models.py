"""What the Hub holds, and what would land: frozen, picklable, without a token in it."""

from __future__ import annotations

from typing import Any

from hugflow_assets.intake.models import Frozen


class SourceFile(Frozen):
    """A file of a repository at a commit, with the hash the Hub promises: sha256 (LFS, Xet) or git's blob sha1.

    A member of a zip archive is one too: its path is the archive's with the member's name behind it, and its promise is
    the archive's hash.
    """

    path: str
    size_bytes: int
    sha256: str | None = None
    git_sha1: str | None = None
    xet_hash: str | None = None
    commit: str | None = None  # where it is, if not at the plan's commit (the Hub's conversion of the repository)
    archive: SourceFile | None = None  # the zip archive that it is a member of
    member: str = ""  # its name in there, as the archive says it


class RepoState(Frozen):
    """A repository at a revision, without its data. ``repo_oid`` is the Hub's ``_id``: it survives renames."""

    repo_id: str
    repo_oid: str | None
    commit: str
    license: str | None = None
    gated: str | None = None  # None, "auto" or "manual"
    private: bool = False
    disabled: bool = False
    last_modified: str | None = None
    files_commit: str | None = None  # of the Hub's conversion, where that is what lands
    files_hash: str | None = None  # of the paths and hashes of all files but README.md
    card_text: str = ""  # README.md without its YAML block
    card_data: dict[str, Any] = {}  # the YAML block

    @property
    def is_guarded(self) -> bool:
        """Whether the Hub gives it to some only."""
        return self.private or bool(self.gated)
