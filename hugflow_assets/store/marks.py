"""What is known of a dataset beside its data: whether a person holds it back, what the Hub has, what a check found.

One small file a dataset and kind, ``.hugflow/marks/<kind>/<name>.json``, replaced as a whole; for every machine that
shares the storage. A mark that cannot be read is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from hugflow_assets.durable import atomic_write, make_folder
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout, is_safe, safe_name
from hugflow_assets.store.models import PlannedEvent
from hugflow_assets.store.outbox import Outbox

_LISTED = 200


class Held(StrEnum):
    PAUSED = "paused"  # nothing lands until it is resumed
    CANCELLED = "cancelled"  # this request does not land; an edited one does
    RESUMED = "resumed"  # nothing is held; failures before ``at`` hold nothing back either


class Mark(Frozen):
    """What every mark has."""

    schema_version: int = 1
    name: str


class Hold(Mark):
    """``hugflow pause | cancel | resume NAME``. ``request`` is the ``request_digest`` that a cancellation is about."""

    held: Held
    by: str = ""
    at: str
    request: str = ""

    def holds(self, request: DatasetRequest) -> bool:
        """Whether a landing of ``request`` is held back."""
        if self.held is Held.CANCELLED:
            return self.request in ("", request_digest(request))
        return self.held is Held.PAUSED


def request_digest(request: DatasetRequest) -> str:
    """16 hex digits that change with every field of a request."""
    # Fields that requests did not have once: left out of those that do not give them, nothing changes.
    later = {field for field in ("form", "group") if getattr(request, field) is None}
    return hashlib.sha256(request.model_dump_json(exclude=later).encode()).hexdigest()[:16]


class Trouble(StrEnum):
    """What an upstream repository can come to."""

    GONE = "gone"
    DISABLED = "disabled"
    RENAMED = "renamed"
    RELICENSED = "relicensed"
    REVISION_GONE = "revision-gone"
    NO_ACCESS = "no-access"


class Upstream(Mark):
    """What the Hub had at the last look. ``commit`` is empty when it told none; ``since`` is when this was first so."""

    revision: str
    commit: str = ""
    repo_id: str = ""
    license: str | None = None
    trouble: Trouble | None = None
    told: str = ""
    since: str

    def is_stale(self, landed_commit: str) -> bool:
        """Whether the branch has moved on from what is landed."""
        return bool(self.commit) and self.commit != landed_commit


class Scrub(Mark):
    """The last check of a dataset's files against its checksum list.

    ``landed_at`` and ``commit`` tell the version: the mark says nothing of another one. Lists name the first 200.
    """

    commit: str
    landed_at: str
    at: str
    hashed: bool  # False: names and sizes only
    checked: int = 0
    checked_bytes: int = 0
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    problem: str = ""

    @property
    def whole(self) -> bool:
        return not self.missing and not self.damaged and not self.problem

    def is_of(self, commit: str, landed_at: str) -> bool:
        """Whether the version that was checked is this one."""
        return (self.commit, self.landed_at) == (commit, landed_at)

    def short(self) -> Scrub:
        """The same with its lists cut, as it is kept."""
        cut = {kind: getattr(self, kind)[:_LISTED] for kind in ("missing", "damaged", "extra")}
        return self.model_copy(update=cut)

    def story(self) -> str:
        """What is wrong, naming the first files; empty when nothing is."""
        parts = [self.problem] if self.problem else []
        for kind in ("damaged", "missing"):
            if files := getattr(self, kind):
                more = f" and {len(files) - 3:,} more" if len(files) > 3 else ""
                parts.append(f"{kind}: {', '.join(files[:3])}{more}")
        return "; ".join(parts)


class WithdrawnValues(Frozen):
    """One withdrawal: the rows whose ``column`` has one of ``ids``, as text."""

    column: str
    ids: tuple[str, ...]
    reason: str
    by: str = ""
    at: str


class Withdrawal(Mark):
    """Every row that was withdrawn of a dataset; it stays when the dataset goes, for when it lands again."""

    entries: tuple[WithdrawnValues, ...]


class Expiry(Mark):
    """The owner was told that ``keep_until`` is near (``soon``) or over (``past``)."""

    keep_until: str
    stage: str
    at: str


MarkT = TypeVar("MarkT", bound=Mark)


class Marks(Generic[MarkT]):
    """The marks of one kind by storage name."""

    def __init__(self, layout: Layout, kind: str, model: type[MarkT], outbox: Outbox) -> None:
        self._folder = layout.inner / "marks" / kind
        self._model, self._outbox = model, outbox

    def read(self, name: str) -> MarkT | None:
        """The mark of ``name``; None when there is none, or it is unreadable."""
        return self._read(self._path(name))

    def is_there(self, name: str) -> bool:
        """Whether there is a mark, readable or not."""
        return self._path(name).exists()

    def write(self, mark: MarkT, event: PlannedEvent | None = None) -> None:
        """Replace the mark of a name.

        Args:
            event: what tells of it; told once, whatever is killed.
        """
        path, text = self._path(mark.name), mark.model_dump_json(indent=1)
        with disk_errors(path):
            make_folder(path.parent.parent)
            make_folder(path.parent)
            if event is not None:
                self._outbox.write(path, text, event)
            else:
                atomic_write(path, text.encode(), mode=INNER_FILE_MODE)

    def clear(self, name: str) -> None:
        with disk_errors(self._folder), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._path(name).unlink()

    def all(self) -> dict[str, MarkT]:
        """Every readable mark by storage name."""
        found = {path.stem: self._read(path) for path in sorted(self._folder.glob("*.json")) if is_safe(path.stem)}
        return {name: mark for name, mark in found.items() if mark is not None}

    def _path(self, name: str) -> Path:
        return self._folder / f"{safe_name(name)}.json"

    def _read(self, path: Path) -> MarkT | None:
        try:
            return self._model.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
