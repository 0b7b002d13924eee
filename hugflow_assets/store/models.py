"""What the store keeps, as documented JSON: the manifest, a shard's receipt, events, progress, usage.

Every persisted model says its schema version; times are ISO 8601 UTC, sizes bytes, durations seconds.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Literal

from pydantic import field_serializer

from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.models import Frozen

LEFT_OUT = "rows_left_out_of_views"  # of the counts: audio values that the manifests for NeMo and Lhotse cannot hold
WITHDRAWN = "rows_withdrawn"  # of the counts: rows that were landed, or upstream, and had to go
LAYOUT_VERSION = 2  # of the folder as a whole: 2 has the view for `datasets` as typed parquet
_RECORD_VERSION = 1  # of json/ and audio/: another one would land every dataset anew
_VIEWS_VERSION = 2  # of what is made from them: another one has the views rebuilt, and fetches nothing

Form = Literal["files", "packed"]  # media as files, or packed into tars
Selection = frozenset[tuple[str, str]]


class Fingerprint(Frozen):
    """Whether there is anything to do: equal is a no-op; only ``views`` differ: rebuild them; only ``about``: manifest.

    ``data`` digests commit, repo, selection, checksum kind, form and the record's version; ``views`` the columns, the
    list of views and their version; ``about`` description, owner and the like. All 16 hex digits.
    """

    data: str
    views: str
    about: str

    @classmethod
    def of(
        cls, request: DatasetRequest, commit: str, checksums: str, views: tuple[str, ...], form: Form = "files"
    ) -> Fingerprint:
        """The fingerprint of landing ``request`` at ``commit`` with these settings."""
        group = (request.group,) if request.group is not None else ()
        packed = ("packed",) if form == "packed" else ()  # files are what every landing was, before there were forms
        return cls(
            data=_digest(request.hf_id, request.subset, request.split, commit, checksums, _RECORD_VERSION, *packed),
            views=_digest(request.audio_column, request.text_column, *sorted(views), _VIEWS_VERSION),
            about=_digest(request.description, request.owner, request.keep_until, *group),
        )

    def of_views(self, commit: str, withdrawals: int) -> str:
        """The commit and what the views were made of, for the card: whatever changes them changes this."""
        withdrawn = f", {withdrawals} withdrawals" if withdrawals else ""
        return f"commit {commit}{withdrawn}, views {self.views}"


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(repr, parts)).encode()).hexdigest()[:16]


class SourceRecord(Frozen):
    """An upstream file that was read and verified. ``hash`` is ``sha256:…`` or ``git-sha1:…``."""

    path: str
    size_bytes: int
    hash: str


class Counts(Frozen):
    """What was counted while landing; nothing is dropped without appearing here. Sums over shards add up."""

    rows: int = 0
    media_files: int = 0  # files under audio/ (and image/, …)
    media_bytes: int = 0
    json_bytes: int = 0  # bytes of the record's lines
    duration_s: float = 0.0
    unreadable_audio: int = 0  # landed as is, header not understood
    null_audio: int = 0  # audio values that are null upstream, and lists of audio that are null or empty
    unresolved_paths: int = 0  # path-only audio whose file the repository does not hold
    renamed_files: int = 0  # base name changed: hostile, duplicate or missing upstream
    non_finite: int = 0  # NaN and infinities written as null
    extra: dict[str, int] = {}  # counts that only some shapes have, e.g. rows_without_clip, clips_without_row

    def __add__(self, other: Counts) -> Counts:
        numbers: dict[str, Any] = {
            field: getattr(self, field) + getattr(other, field) for field in type(self).model_fields if field != "extra"
        }
        keys = sorted({*self.extra, *other.extra})
        return Counts(**numbers, extra={key: self.extra.get(key, 0) + other.extra.get(key, 0) for key in keys})


class Pack(Frozen):
    """Which tars of its split a shard is packed into: ``count`` of them from number ``first`` on, all alike in size.

    ``size_bytes`` is what one is to hold; the last takes what is left.
    """

    first: int
    count: int
    size_bytes: int


class TarRecord(Frozen):
    """A tar that a shard was packed into. ``path`` is relative to the dataset's folder."""

    path: str
    size_bytes: int
    members: int


class ShardReceipt(Frozen):
    """Proof that one shard is landed in staging: what was read, what was written, with hashes."""

    config: str
    split: str
    index: int
    sources: tuple[SourceRecord, ...]
    folders: tuple[str, ...]  # media folders, relative to the dataset's folder; packed: as they are in the tars
    json_xxh128: str  # of the shard's lines
    sums_xxh128: str  # of the shard's checksum lines
    counts: Counts
    unreadable_names: tuple[str, ...] = ()  # the first 20
    features: dict[str, Any] | None = None  # as the reader found them, where they were not known before
    kinds: dict[str, str] = {}  # of columns of text, as they are in this shard alone; see ``record.settled_types``
    unmatched: dict[str, tuple[str, ...]] = {}  # some of the rows that got no clip, by the count that they are in
    as_text: tuple[str, ...] = ()  # those of them that its lines have as text although they are numbers in it
    read_as: str = ""  # hash of what the reader was told besides; empty: nothing
    bytes_fetched: int = 0
    pack: Pack | None = None  # None: as files
    tars: tuple[TarRecord, ...] = ()


class ShardRecord(Frozen):
    """A shard in the manifest: its receipt's facts and the byte range of its lines in ``json/…/<split>.jsonl``."""

    index: int
    sources: tuple[SourceRecord, ...]
    folders: tuple[str, ...]
    json_offset: int
    json_bytes: int
    json_xxh128: str
    sums_xxh128: str
    counts: Counts
    read_as: str = ""
    kinds: dict[str, str] = {}
    unmatched: dict[str, tuple[str, ...]] = {}
    pack: Pack | None = None
    tars: tuple[TarRecord, ...] = ()


class SplitRecord(Frozen):
    name: str
    record_path: str  # json/<split>.jsonl, relative to the dataset's folder
    shards: tuple[ShardRecord, ...]
    counts: Counts


class ConfigRecord(Frozen):
    name: str
    splits: tuple[SplitRecord, ...]


class RepoRecord(Frozen):
    endpoint: str
    id: str
    oid: str | None = None
    commit: str
    files_commit: str | None = None  # of the Hub's conversion to parquet, where that was landed
    files_hash: str | None = None  # of all paths and hashes, the card's aside: equal, and what rows name is equal
    license: str | None = None
    gated: str | None = None
    private: bool = False

    @property
    def is_guarded(self) -> bool:
        """Whether the Hub gave it to some only."""
        return self.private or bool(self.gated)


class Volatile(Frozen):
    """What may differ between two landings of one commit: times, speeds, where it ran."""

    landed_at: str
    updated_at: str
    seconds: float = 0.0
    bytes_fetched: int = 0
    bytes_per_s: float = 0.0
    run_id: str | None = None
    host: str = ""
    hugflow_version: str = ""
    requested_by: str | None = None
    request_commit: str | None = None


class Withdrawn(Frozen):
    """That rows were withdrawn: how many values of which column were named, why, by whom, when."""

    column: str
    values: int
    reason: str
    by: str = ""
    at: str


class Manifest(Frozen):
    """``hugflow.json``: what a landed dataset is, complete enough to rebuild every index from."""

    schema_version: int = 1
    layout_version: int = LAYOUT_VERSION
    name: str
    request: DatasetRequest
    repo: RepoRecord
    fingerprint: Fingerprint
    shape: str
    shape_reason: str = ""
    checksums: str  # "xxh128" or "sha256": the kind, and with it the list's file name
    form: Form = "files"
    views: tuple[str, ...] = ()
    audio_column: str | None = None  # as used in the views; the first, where there are several
    audio_columns: tuple[str, ...] = ()
    text_column: str | None = None
    configs: tuple[ConfigRecord, ...]
    counts: Counts
    size_bytes: int  # of all files of the folder but hugflow.json itself
    files: int  # likewise
    inodes: int = 0  # files and folders, hugflow.json and the folder itself included; counted by publishing
    unreadable_names: tuple[str, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    volatile: Volatile

    @property
    def commit(self) -> str:
        return self.repo.commit

    @property
    def hours(self) -> float:
        return self.counts.duration_s / 3600

    def landed_facts(self) -> dict[str, Any]:
        """What events tell of a landing: how much, how long it took, and at which commit."""
        return {
            "commit": self.commit,
            "rows": self.counts.rows,
            "hours": round(self.hours, 4),
            "size_bytes": self.size_bytes,
            "files": self.files,
            "bytes_fetched": self.volatile.bytes_fetched,
            "seconds": self.volatile.seconds,
        }


class EventKind(StrEnum):
    REQUESTED = "requested"
    REJECTED = "rejected"
    STARTED = "started"
    LANDED = "landed"
    CHECKED = "checked"  # all checks of the run that landed it are judged
    FAILED = "failed"
    REMOVED = "removed"
    RESTORED = "restored"
    DRIFTED = "drifted"
    SCRUBBED = "scrubbed"
    QUOTA = "quota"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    FREED = "freed"  # what was in the trash is deleted for good
    WITHDRAWN = "withdrawn"  # rows and their clips are gone from what is landed, for good
    EXPIRING = "expiring"  # keep_until is near, or past; nothing is deleted
    MERGED = "merged"  # a pull request, by itself (AUTO_MERGE)


class Event(Frozen):
    """One line of the audit log. ``seq`` grows by one; ``data`` is JSON-able and holds no secret.

    ``id`` is one a fact: whoever completes what a crash cut short tells the event of that id, if nobody has yet.
    """

    schema_version: int = 1
    id: str = ""
    seq: int
    time: str
    kind: EventKind
    name: str
    data: dict[str, Any] = {}

    @property
    def refusals(self) -> list[dict[str, Any]]:
        """The verdicts in it that did not pass."""
        return [one for one in self.data.get("verdicts", ()) if not one.get("passed")]

    @property
    def cause(self) -> dict[str, Any]:
        """What is said of a failure: the first verdict that did not pass, else the event's own facts."""
        return next(iter(self.refusals), self.data)


class PlannedEvent(Frozen):
    """The event of something that is about to be done; it is told once that is done, by whoever finds it so.

    ``after_seq`` is the last event before: one of this ``id`` has a higher number.
    """

    id: str
    kind: EventKind
    name: str
    data: dict[str, Any] = {}
    after_seq: int = 0


class Phase(StrEnum):
    RESOLVING = "resolving"
    DOWNLOADING = "downloading"
    ASSEMBLING = "assembling"
    PUBLISHING = "publishing"
    LANDED = "landed"
    FAILED = "failed"


class Progress(Frozen):
    """``progress/<name>.json``: how far a landing is. Removed when the dataset is removed."""

    schema_version: int = 1
    name: str
    phase: Phase
    started_at: str
    updated_at: str
    run_id: str | None = None
    bytes_done: int = 0
    bytes_total: int = 0
    shards_done: int = 0
    shards_total: int = 0
    rows: int = 0
    bytes_per_s: float = 0.0
    eta_s: float | None = None
    message: str = ""


class IndexRow(Frozen):
    """A dataset in ``active.json``: what lists and quotas need of its manifest, and when that manifest was read.

    ``state`` is ``landed``, or ``damaged`` with the reason in ``problem`` when the manifest cannot be read; then the
    numbers are zero. ``stamp`` is modification time (ns), inode and size of ``hugflow.json``: when it differs the row
    is stale. ``size_bytes`` includes ``hugflow.json``. ``request`` is the ``request_digest`` of what was asked for.
    """

    name: str
    state: str = "landed"
    problem: str = ""
    hf_id: str = ""
    revision: str = ""
    commit: str = ""
    license: str | None = None
    owner: str | None = None
    keep_until: str | None = None
    request: str = ""
    fingerprint: Fingerprint | None = None
    rows: int = 0
    hours: float = 0.0
    left_out: int = 0  # clips that the manifests for NeMo and Lhotse cannot hold
    size_bytes: int = 0
    files: int = 0
    inodes: int = 0
    landed_at: str = ""
    updated_at: str = ""
    stamp: tuple[int, int, int] = (0, 0, 0)


class Landed(IndexRow):
    """The row of a dataset whose manifest can be read: what sensor and rules need of it, without its shards.

    ``asked`` is the request as it landed, ``selection`` its pairs of config and split.
    """

    asked: DatasetRequest
    repo_oid: str | None = None
    selection: Selection = frozenset()

    @field_serializer("selection")
    def _in_order(self, selection: Selection) -> list[tuple[str, str]]:
        return sorted(selection)
