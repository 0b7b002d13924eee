"""What people ask for, as frozen models."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from hugflow_assets.intake.fields import (
    AudioColumn,
    Description,
    Form,
    Group,
    HfId,
    KeepUntil,
    Owner,
    Reason,
    Revision,
    Split,
    Subset,
    TextColumn,
)


class Frozen(BaseModel):
    """A model that is data between rooms: immutable, comparable, picklable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DatasetRequest(Frozen):
    """``requests/add/*.yaml``: land this dataset. Only ``hf_id`` and ``description`` are required."""

    hf_id: HfId
    description: Description
    revision: Revision = "main"
    subset: Subset | None = None
    split: Split | None = None
    audio_column: AudioColumn | None = None
    text_column: TextColumn | None = None
    owner: Owner | None = None
    keep_until: KeepUntil | None = None
    form: Form | None = None
    group: Group | None = None


class RemovalRequest(Frozen):
    """``requests/remove/*.yaml``: withdraw every landing that the given fields match; a field left out matches all."""

    hf_id: HfId
    reason: Reason
    subset: Subset | None = None
    split: Split | None = None
    revision: Revision | None = None


class Kind(StrEnum):
    """Which of the two folders a request file lies in."""

    ADD = "add"
    REMOVE = "remove"


class Problem(Frozen):
    """One thing wrong with a request file. ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        shown = f"{self.path}:{self.line}:{self.column}: {self.message}"
        return f"{shown} ({self.suggestion})" if self.suggestion else shown


class AddFile(Frozen):
    """A readable add request, where it lies and what it is called. ``path`` is relative to the requests' root."""

    path: str
    name: str
    request: DatasetRequest
    digest: str


class RemoveFile(Frozen):
    """A readable removal request. ``key`` is the file stem and a digest prefix: its partition key."""

    path: str
    key: str
    request: RemovalRequest
    digest: str


class UnreadRemoval(Frozen):
    """A file in ``remove/`` that is not understood: it withdraws something, and cannot say exactly what.

    ``hf_id`` is the repository that it is about, where that much could be read.
    """

    path: str
    hf_id: str | None = None


class RequestSnapshot(Frozen):
    """Everything asked for at one moment. ``digest`` changes when and only when a file does.

    ``commit`` is the 40-hex commit of the branch it was read from, or None for a plain folder.
    """

    adds: tuple[AddFile, ...] = ()
    removals: tuple[RemoveFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    unread_removals: tuple[UnreadRemoval, ...] = ()
    digest: str = ""
    commit: str | None = None

    def add(self, name: str) -> AddFile | None:
        """The first add file (in path order) of this storage name, withdrawn or not."""
        return next((one for one in self.adds if one.name == name), None)

    def removals_of(self, request: DatasetRequest) -> tuple[RemoveFile, ...]:
        """The removal files in force against this request (every given field equal)."""
        return tuple(one for one in self.removals if matches(one.request, request))

    def might_withdraw(self, request: DatasetRequest) -> tuple[UnreadRemoval, ...]:
        """The removal files that are not understood and could mean this request: nothing new lands against them."""
        hf_id = request.hf_id.casefold()
        return tuple(one for one in self.unread_removals if one.hf_id is None or one.hf_id.casefold() == hf_id)

    def desired(self) -> dict[str, AddFile]:
        """Storage name -> add file, for everything asked for and not withdrawn. First file of a name wins."""
        wanted: dict[str, AddFile] = {}
        for one in self.adds:
            if not self.removals_of(one.request):
                wanted.setdefault(one.name, one)
        return wanted


class FileCommit(Frozen):
    """The commit that last changed a request file on the branch (a merge counts as one), and who wrote it."""

    commit: str
    author: str
    author_email: str


def matches(removal: RemovalRequest, request: DatasetRequest) -> bool:
    """Whether a removal withdraws a request: fields that the removal leaves out match everything."""
    return removal.hf_id == request.hf_id and all(
        asked is None or asked == given
        for asked, given in (
            (removal.subset, request.subset),
            (removal.split, request.split),
            (removal.revision, request.revision),
        )
    )


class RequestSource(Protocol):
    """Where requests come from: a folder, or a branch of a git remote. A snapshot is cached until something changes."""

    def snapshot(self) -> RequestSnapshot:
        """Everything asked for now.

        Raises:
            RequestSourceError: the source as a whole cannot be read; a malformed file is a ``Problem`` instead.
        """
        ...

    def at(self, commit: str | None) -> RequestSnapshot:
        """Everything asked for at a commit of the branch; a plain folder has no commits and answers as of now.

        Raises:
            RequestSourceError: the commit cannot be read.
        """
        ...

    def commit_of(self, path: str) -> FileCommit | None:
        """The last change of one request file (``add/x.yaml``) on the branch; None where nothing is known."""
        ...
