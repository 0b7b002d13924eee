"""What GitHub is still to be told: a comment a pull request and a status a commit, however many events they are of.

``state_dir/delivery/github.json``. It holds which events have been read and not been told; the cursor on the storage
stays before the first of them, so that what is lost here is read again from the log. ``pulls/<number>.json`` remembers
what a comment says of each request.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import Field

from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify.delivery_state import StateFile, delivery_folder
from hugflow_assets.notify.github.comment import Entry, entries_body, section_key, sections_of
from hugflow_assets.notify.request_messages import State
from hugflow_assets.store import Store

PACES_KEPT = 2000


class Pending(Frozen):
    """The events that one comment or status is still to be told of, and how it went so far.

    ``began`` is when the first try failed; None while none has.
    """

    seqs: tuple[int, ...]
    attempts: int = 0
    retry_at: datetime | None = None
    problem: str = ""
    began: datetime | None = None

    def with_event(self, seq: int) -> Pending:
        return self.model_copy(update={"seqs": tuple(sorted({*self.seqs, seq}))})

    def waits(self, now: datetime) -> bool:
        return self.retry_at is not None and now < self.retry_at


class Outbox(StateFile):
    """What has been read and not been told.

    ``read_to``: the newest event that was read. ``unplaced``: events of commits of which GitHub knows no pull request
    yet, and until when it is asked for one: its index lags behind a merge. ``edited``: when a comment was last written,
    by pull request. ``colours``: what the status of a commit was last set to. ``wait_until``: GitHub asked us to wait.
    """

    read_to: int = 0
    unplaced: dict[int, datetime] = {}
    comments: dict[int, Pending] = {}
    statuses: dict[str, Pending] = {}
    edited: dict[int, datetime] = {}
    colours: dict[str, State] = {}
    wait_until: datetime | None = None
    problem: str = ""
    attempts: int = 0

    @property
    def cursor(self) -> int:
        """The newest event of which, and of all before it, GitHub has been told."""
        waiting = [one.seqs[0] for one in (*self.comments.values(), *self.statuses.values()) if one.seqs]
        return min([self.read_to, *(seq - 1 for seq in waiting)])

    @property
    def pending(self) -> frozenset[int]:
        return frozenset(seq for one in (*self.comments.values(), *self.statuses.values()) for seq in one.seqs)


class RequestEntry(Frozen):
    """What a comment says of one request."""

    name: str
    state: State
    headline: str
    summary: str
    text: str

    @classmethod
    def of(cls, entry: Entry) -> RequestEntry:
        return cls(name=entry.name, state=entry.state, headline=entry.headline, summary=entry.summary, text=entry.text)

    def entry(self) -> Entry:
        return Entry(self.name, self.state, self.headline, self.summary, self.text)


class CommentRecord(StateFile):
    """What the comment of one pull request says since it was merged; ``planned`` are the sections from before."""

    planned: dict[str, str] = {}
    requests: dict[str, RequestEntry] = Field(default_factory=dict)

    @classmethod
    def before_merge(cls, body: str | None) -> CommentRecord:
        """The record of a comment that has only been planned yet."""
        return cls(planned=sections_of(body or ""))

    def updated(self, entries: dict[str, Entry], instead_of: frozenset[str]) -> CommentRecord:
        """With news of some requests. ``instead_of`` are names that are told of under another one from now on."""
        gone = {section_key(name) for name in (*entries, *instead_of)}
        kept = {name: one for name, one in self.requests.items() if name not in instead_of}
        return CommentRecord(
            planned={key: text for key, text in self.planned.items() if key not in gone},
            requests={**kept, **{name: RequestEntry.of(one) for name, one in entries.items()}},
        )

    def body(self) -> str:
        return entries_body([one.entry() for one in self.requests.values()], self.planned)


def outbox_path(store: Store, channel: str) -> Path:
    return delivery_folder(store) / f"{channel}.json"


def record_path(store: Store, number: int) -> Path:
    return delivery_folder(store) / "pulls" / f"{number}.json"
