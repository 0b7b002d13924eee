"""What is taken, what is promised, what is left; deciding under one lock so that two landings cannot both pass.

The arithmetic, all in bytes (inodes likewise):

- ``used`` = landed datasets (index; what ``links`` knows to be counted twice, once) + trash (entries) + staging that
  no living reservation covers.
- ``reserved`` = for each living reservation, the larger of what was promised and what is written. It covers the
  staging of its name, which is therefore not in ``used``.
- A landing fits when ``used + reserved + need <= quota``, where its own name's staging and earlier reservation are
  left out of both, since ``need`` is all that the landing will put on the disk, what is staged already included.
- The disk must give what is not written yet: ``need - staged + sum(promised - written) <= free - min_free``.
- Publishing turns a reservation into a landed dataset under the same lock: nobody sees both, or neither.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import Lease, atomic_write, locked
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import DiskFullError, LeaseHeldError, LeaseLostError, QuotaExceededError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.capacity.reservation import (
    Reservation,
    ReservationRecord,
    forget_reservation,
    read_reservation,
    read_written,
)
from hugflow_assets.store.capacity.space import DatasetUsage, Headroom, Usage
from hugflow_assets.store.events import EventLog, now_text
from hugflow_assets.store.index import Index
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout, is_safe
from hugflow_assets.store.models import EventKind, IndexRow
from hugflow_assets.store.publishing.links import counted_twice
from hugflow_assets.store.publishing.trees import measure
from hugflow_assets.store.removal.entries import TrashEntry
from hugflow_assets.store.removal.trash import Trash
from hugflow_assets.wording import human_size


@dataclass(frozen=True)
class Limits:
    """None: no such limit."""

    quota_bytes: int | None = None
    soft_limit_bytes: int | None = None
    min_free_bytes: int = 0
    max_inodes: int | None = None


@dataclass
class _Book:
    """What is taken at one moment."""

    used: list[int] = field(default_factory=lambda: [0, 0])
    reserved: list[int] = field(default_factory=lambda: [0, 0])
    unwritten: list[int] = field(default_factory=lambda: [0, 0])
    covered: list[int] = field(default_factory=lambda: [0, 0])  # staging that a living reservation covers
    own_staged: tuple[int, int] = (0, 0)
    staging_bytes: int = 0


class _StagedSize(Frozen):
    """``usage.json`` beside an abandoned staging: believed while nobody has been at work since."""

    beat_ns: int
    size_bytes: int
    inodes: int


class Quota:
    """Limits of one storage. ``live`` holds this process's reservations, so that publishing can end one."""

    def __init__(
        self, layout: Layout, index: Index, trash: Trash, events: EventLog, limits: Limits, ttl_s: float,
        prepare: Callable[[], None], host: str | None = None,
    ) -> None:  # fmt: skip
        self._layout, self._index, self._trash, self._events = layout, index, trash, events
        self._prepare = prepare
        self.limits, self._ttl_s, self._host = limits, ttl_s, host
        self._live: dict[str, Reservation] = {}

    def reserve(self, name: str, need_bytes: int, need_inodes: int = 0, *, owner: str = "") -> Reservation:
        """Promise space to the landing of ``name``, replacing an earlier promise to it. A context manager.

        Args:
            need_bytes, need_inodes: all that the landing puts on the disk, what is staged already included, what it
                links from a landed version not.
        Raises:
            QuotaExceededError: it does not fit; the message tells need, used, reserved, quota and free.
        """
        self._layout.reservation(name)
        with disk_errors(self._layout.root):
            return self._reserve(name, need_bytes, need_inodes, owner)

    def _reserve(self, name: str, need_bytes: int, need_inodes: int, owner: str) -> Reservation:
        self._layout.prepare()
        self._warm()
        record = ReservationRecord(
            name=name, size_bytes=need_bytes, inodes=need_inodes, owner=owner, created_at=now_text(), token=uuid4().hex
        )
        self._grant(record, takes_over=True)
        reservation = Reservation(self._layout, record, self, self._ttl_s)
        self._live[name] = reservation
        reservation.start()
        return reservation

    def grant(self, record: ReservationRecord) -> None:
        """Write down a promise, changed, or anew after it had run out.

        Raises:
            QuotaExceededError: it does not fit. LeaseLostError: another run has a promise to that name.
        """
        self._grant(record, takes_over=False)

    def withdraw(self, record: ReservationRecord) -> None:
        """Strike a promise out, if it is this one still; where the lock cannot be had, its silence ends it."""
        with contextlib.suppress(LeaseHeldError):
            try:
                with disk_errors(self._layout.root), self.lock():
                    self._strike_out(record)
            except DiskFullError:  # no room for a lock either
                self._strike_out(record)

    def _strike_out(self, record: ReservationRecord) -> None:
        found = read_reservation(self._layout.reservation(record.name))
        if found is not None and found[0].token == record.token:
            forget_reservation(self._layout, record.name)

    def _grant(self, record: ReservationRecord, *, takes_over: bool) -> None:
        with disk_errors(self._layout.root), self.lock() as lock:
            self._reap(lock.server_time())
            standing = read_reservation(self._layout.reservation(record.name))
            if standing is not None and standing[0].token != record.token and not takes_over:
                raise LeaseLostError(
                    f"Another run has taken over {record.name}, and the space that was promised.",
                    remedy="Run it again; what is staged is kept.",
                    name=record.name,
                )
            room = self._headroom(self._book(record.name, lock.server_time()))
            if not room.fits(record.size_bytes, record.inodes):
                raise quota_error(record.name, record.size_bytes, record.inodes, room)
            lock.check()
            path = self._layout.reservation(record.name)
            atomic_write(path, orjson.dumps(record.model_dump(mode="json")), mode=INNER_FILE_MODE)
        if room.crosses_soft_limit(record.size_bytes):
            self._events.append(
                EventKind.QUOTA,
                record.name,
                soft_limit_bytes=room.soft_limit_bytes,
                taken_bytes=room.used_bytes + room.reserved_bytes + record.size_bytes,
                need_bytes=record.size_bytes,
                quota_bytes=room.quota_bytes,
            )

    def lock(self) -> AbstractContextManager[Lease]:
        """The lock under which what is taken changes."""
        return locked(self._layout.lock("quota"), timeout_s=120, host=self._host)

    def settle(self, name: str) -> None:
        """Under the lock: the landing of ``name`` is published, or withdrawn; nothing is promised to it any more."""
        forget_reservation(self._layout, name)
        live = self._live.pop(name, None)
        if live is not None:
            live.stop()

    def headroom(self, name: str | None = None) -> Headroom:
        """What is taken and left; with ``name``, as a landing of that name would find it. Decides nothing."""
        self._prepare()
        with disk_errors(self._layout.root):
            self._warm()
            return self._headroom(self._book(name, None))

    def usage(self) -> Usage:
        """What the storage holds, per dataset and in total."""
        self._prepare()
        with disk_errors(self._layout.root):
            return self._usage()

    def _usage(self) -> Usage:
        self._warm()
        landed, trash = self._index.read(), self._trash.entries()
        book = self._book(None, None, landed, trash)
        sizes = {name: self._size_of(row) for name, row in landed.items()}
        free_bytes, free_inodes = _free(self._layout.root)
        return Usage(
            datasets=tuple(
                DatasetUsage(name=name, size_bytes=sizes[name][0], files=row.files, inodes=sizes[name][1])
                for name, row in landed.items()
            ),
            size_bytes=book.used[0] + book.covered[0],
            inodes=book.used[1] + book.covered[1],
            staging_bytes=book.staging_bytes,
            trash_bytes=sum(one.size_bytes for one in trash),
            reserved_bytes=book.reserved[0],
            quota_bytes=self.limits.quota_bytes,
            free_bytes=free_bytes,
            free_inodes=free_inodes or 0,
        )

    def reservations(self, now: float | None = None) -> dict[str, ReservationRecord]:
        """The living reservations by name."""
        return {name: record for name, (record, dead) in self._all_reservations(now).items() if not dead}

    def reap(self) -> tuple[str, ...]:
        """Remove the reservations whose landing is dead; say which."""
        with self.lock() as lock:
            return self._reap(lock.server_time())

    def _reap(self, now: float) -> tuple[str, ...]:
        dead = tuple(name for name, (_, dead) in self._all_reservations(now).items() if dead)
        for name in dead:
            forget_reservation(self._layout, name)
        return dead

    def _all_reservations(self, now: float | None) -> dict[str, tuple[ReservationRecord, bool]]:
        now = server_time(self._layout) if now is None else now
        found = {}
        for path in self._layout.reservations.glob("*.json"):
            one = read_reservation(path)
            if one is not None:
                record, beat_at = one
                found[record.name] = (record, abs(now - beat_at) > self._ttl_s)
        return found

    def _book(
        self,
        own: str | None,
        now: float | None,
        landed: Mapping[str, IndexRow] | None = None,
        trash: Iterable[TrashEntry] | None = None,
    ) -> _Book:
        """``landed`` and ``trash``: where the caller has just read them."""
        book = _Book()
        rows = self._index.read() if landed is None else landed
        for row in rows.values():
            _add(book.used, self._size_of(row))
        twice = counted_twice(self._layout, rows)
        _add(book.used, (-twice[0], -twice[1]))
        kept = self._trash.entries() if trash is None else trash
        for entry in (*kept, *self._trash.being_deleted()):
            _add(book.used, (entry.size_bytes, entry.inodes))
        living = self.reservations(now)
        for name, record in living.items():
            if name == own:
                continue
            size, inodes = read_written(self._layout, name)
            _add(book.reserved, (max(record.size_bytes, size), max(record.inodes, inodes)))
            _add(book.unwritten, (max(0, record.size_bytes - size), max(0, record.inodes - inodes)))
            _add(book.covered, (size, inodes))
            book.staging_bytes += size
        for name in _names(self._layout.staging_root):
            if name == own:
                book.own_staged = read_written(self._layout, name) if name in living else self._staged(name)
            elif name not in living:
                size, inodes = self._staged(name)
                _add(book.used, (size, inodes))
                book.staging_bytes += size
        return book

    def _size_of(self, row: IndexRow) -> tuple[int, int]:
        """Bytes and inodes of a landed dataset; one without a readable manifest is looked at."""
        if row.state == "damaged":
            return measure(self._layout.root / row.name, alone=False)
        return row.size_bytes, row.inodes

    def _headroom(self, book: _Book) -> Headroom:
        free_bytes, free_inodes = _free(self._layout.root)
        return Headroom(
            quota_bytes=self.limits.quota_bytes,
            soft_limit_bytes=self.limits.soft_limit_bytes,
            used_bytes=book.used[0],
            reserved_bytes=book.reserved[0],
            unwritten_bytes=book.unwritten[0],
            free_bytes=free_bytes,
            min_free_bytes=self.limits.min_free_bytes,
            max_inodes=self.limits.max_inodes,
            used_inodes=book.used[1],
            reserved_inodes=book.reserved[1],
            unwritten_inodes=book.unwritten[1],
            free_inodes=free_inodes,
            staged_bytes=book.own_staged[0],
            staged_inodes=book.own_staged[1],
        )

    def _warm(self) -> None:
        """Measure abandoned staging before the lock is taken: a walk over a million files takes seconds."""
        living = self.reservations()
        for name in _names(self._layout.staging_root):
            if name not in living:
                self._staged(name)

    def _staged(self, name: str) -> tuple[int, int]:
        """Bytes and inodes of staging without a reservation, from ``usage.json`` where nobody was there since."""
        total = [0, 0]
        for digest in _names(self._layout.staging_root / name):
            folder = self._layout.staging(name, digest)
            try:
                beat_ns = (folder / "beat").stat().st_mtime_ns
            except FileNotFoundError:
                beat_ns = 0
            known = _staged_size(folder / "usage.json")
            if known is None or known.beat_ns != beat_ns:
                size, inodes = measure(folder)
                known = _StagedSize(beat_ns=beat_ns, size_bytes=size, inodes=inodes)
                if beat_ns and server_time(self._layout) - beat_ns / 1e9 > self._ttl_s:  # without: being deleted
                    document = orjson.dumps(known.model_dump())
                    with contextlib.suppress(PermissionError, FileNotFoundError):
                        atomic_write(folder / "usage.json", document, mode=INNER_FILE_MODE, sync=False)
            _add(total, (known.size_bytes, known.inodes))
        return total[0], total[1]


def quota_error(name: str, need_bytes: int, need_inodes: int, room: Headroom) -> QuotaExceededError:
    """The refusal, with every number a person needs to see why."""
    quota = "none" if room.quota_bytes is None else human_size(room.quota_bytes)
    words = (
        f"{name} does not fit: it needs {human_size(need_bytes)}, {human_size(max(0, room.available_bytes))} can be "
        f"had (used {human_size(room.used_bytes)}, reserved {human_size(room.reserved_bytes)}, quota {quota}, free on "
        f"the file system {human_size(room.free_bytes)}, of which {human_size(room.min_free_bytes)} stay free)."
    )
    if need_bytes <= room.available_bytes:
        words = (
            f"{name} does not fit: it needs {need_inodes} inodes, {max(0, room.available_inodes or 0)} can be had "
            f"(used {room.used_inodes}, reserved {room.reserved_inodes}, limit {room.max_inodes or 'none'}, free on "
            f"the file system {room.free_inodes})."
        )
    return QuotaExceededError(
        words,
        remedy="Free space (a request in requests/remove/, `hugflow trash empty`), or raise STORAGE_QUOTA "
        "or STORAGE_MAX_INODES; it is tried again by itself.",
        name=name,
        need_bytes=need_bytes,
        need_inodes=need_inodes,
        **room.model_dump(),
    )


def server_time(layout: Layout) -> float:
    """Now by the file server's clock, seconds since the epoch; this host's where the storage cannot be written."""
    path = layout.inner / "clock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, INNER_FILE_MODE)
        try:
            with contextlib.suppress(PermissionError):  # another user of the group created it
                os.fchmod(handle, INNER_FILE_MODE)
            os.utime(handle)
            return os.fstat(handle).st_mtime
        finally:
            os.close(handle)
    except OSError:
        return time.time()


def _free(root: Path) -> tuple[int, int | None]:
    seen = os.statvfs(root)
    return seen.f_bavail * seen.f_frsize, seen.f_favail if seen.f_files else None


def _add(total: list[int], more: tuple[int, int]) -> None:
    total[0] += more[0]
    total[1] += more[1]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(one.name for one in folder.iterdir() if is_safe(one.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _staged_size(path: Path) -> _StagedSize | None:
    try:
        return _StagedSize.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
