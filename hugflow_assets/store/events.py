"""The audit log: one log, many readers.

Segments ``events/<first seq>.jsonl`` of whole lines. Appending: under the lock, close a torn tail, one write, sync.
Reading takes no lock and stops at the last newline. A reader's cursor is the sequence number it has dealt with.

A writer that was stopped between taking its number and writing, for so long that another took the lock, writes a line
whose number is taken. Such a line is void: readers pass over a number that is not higher than the one before, or that
the next segment begins with. The writer notices, and appends its event anew.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise, zip_longest
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import append_line, atomic_write, locked, make_folder, read_tail_lines
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.durable.files import TORN
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout, safe_name
from hugflow_assets.store.models import Event, EventKind, PlannedEvent

_SEGMENT = re.compile(r"\d{20}\.jsonl")

RECENT_EVENTS = 20_000


def now_text() -> str:
    """Now, ISO 8601 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """``append`` from any number of processes and hosts; ``read`` by any number of readers."""

    def __init__(
        self, layout: Layout, *, segment_bytes: int = 8 << 20, keep_segments: int = 100, host: str | None = None
    ) -> None:
        self._layout = layout
        self._folder = layout.events
        self._segment_bytes = segment_bytes
        self._keep_segments = keep_segments
        self._host = host

    def append(self, kind: EventKind, name: str, **data: Any) -> Event:
        """Add one event; it is on the disk when this returns.

        Args:
            name: the storage name it is about, or another word (``storage``) for what is about no dataset.
            data: JSON-able facts. Never a secret.
        """
        return self._append(PlannedEvent(id=_new_id(), kind=EventKind(kind), name=name, data=data), look=False)

    def plan(self, kind: EventKind, name: str, **data: Any) -> PlannedEvent:
        """The event of something that is about to be done, to be written down with it; arguments as of ``append``.

        What befalls an entry of the trash befalls it once, whoever does it: the event is called after both.
        """
        known = f"{kind}-{data['entry']}" if "entry" in data else _new_id()
        return PlannedEvent(id=known, kind=EventKind(kind), name=name, data=data, after_seq=self.last_seq())

    def append_planned(self, planned: PlannedEvent) -> Event:
        """Add a planned event, unless somebody has: then it is that one."""
        return self._append(planned, look=True)

    def _append(self, planned: PlannedEvent, *, look: bool) -> Event:
        self._layout.prepare()
        while True:
            with disk_errors(self._folder), locked(self._layout.lock("events"), host=self._host) as lock:
                if look and (known := self._find(planned)) is not None:
                    return known
                segments = self._segments()
                seq = self._last_seq(segments) + 1
                event = Event(
                    id=planned.id, seq=seq, time=now_text(), kind=planned.kind, name=planned.name, data=planned.data
                )
                path = segments[-1] if segments else None
                if path is None or path.stat().st_size >= self._segment_bytes:
                    path = self._folder / f"{seq:020d}.jsonl"
                    self._drop_passed(segments)
                line = orjson.dumps(event.model_dump(mode="json"))
                if lock.held() and append_line(path, line, mode=INNER_FILE_MODE) and lock.held():
                    return event
            look = True  # another had the lock meanwhile: what was written may be void

    def _find(self, planned: PlannedEvent) -> Event | None:
        """The event of that id, if it is in the log."""
        wanted = planned.id.encode()
        if not any(wanted in line for path in self._from(planned.after_seq) for line in _whole_lines(path)):
            return None
        return next((one for one in self.read(planned.after_seq) if one.id == planned.id), None)

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """Events with a sequence number above ``after``, in order; at most ``limit``."""
        with disk_errors(self._folder):
            yield from islice(self._valid(after), limit)

    def _valid(self, after: int) -> Iterator[Event]:
        segments = self._from(after)
        ends = [int(path.stem) for path in segments[1:]]
        for path, end in zip_longest(segments, ends):
            for line in _whole_lines(path):
                event = _event(line)
                if event is not None and event.seq > after and (end is None or event.seq < end):
                    yield event
                    after = event.seq

    def recent(self, until: int | None = None) -> Iterator[Event]:
        """The last ``RECENT_EVENTS`` events (up to the sequence number ``until``): what folds over the log look at."""
        last = self.last_seq() if until is None else until
        for event in self.read(after=max(0, last - RECENT_EVENTS)):
            if event.seq > last:
                return
            yield event

    def last_seq(self) -> int:
        """The highest sequence number; 0 when nothing has happened yet."""
        with disk_errors(self._folder):
            return self._last_seq(self._segments())

    def cursor(self, reader: str) -> int:
        """The sequence number up to which ``reader`` has dealt with events; 0 at first."""
        try:
            return int(orjson.loads(self._cursor_path(reader).read_bytes())["seq"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0

    def set_cursor(self, reader: str, seq: int) -> None:
        """Remember how far ``reader`` is. A reader with a cursor is enabled: segments it has not passed are kept."""
        path = self._cursor_path(reader)
        with disk_errors(path):
            make_folder(path.parent)
            document = {"schema_version": 1, "reader": reader, "seq": seq, "updated_at": now_text()}
            atomic_write(path, orjson.dumps(document), mode=INNER_FILE_MODE)

    def readers(self) -> dict[str, int]:
        """Every enabled reader and its cursor."""
        return {path.stem: self.cursor(path.stem) for path in sorted(self._cursors.glob("*.json"))}

    def disable(self, reader: str) -> None:
        """Forget a reader; the log waits for it no longer."""
        self._cursor_path(reader).unlink(missing_ok=True)

    @property
    def _cursors(self) -> Path:
        return self._folder / "cursors"

    def _cursor_path(self, reader: str) -> Path:
        return self._cursors / f"{safe_name(reader)}.json"

    def _segments(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.jsonl") if _SEGMENT.fullmatch(path.name))

    def _from(self, after: int) -> list[Path]:
        """The segments that can hold what comes after ``after``."""
        segments = self._segments()
        first = max((at for at, path in enumerate(segments) if int(path.stem) <= after + 1), default=0)
        return segments[first:]

    def _last_seq(self, segments: list[Path]) -> int:
        for path in reversed(segments):
            if lines := read_tail_lines(path):
                return _highest(lines) or int(path.stem) + sum(1 for _ in _whole_lines(path)) - 1
        return int(segments[0].stem) - 1 if segments else 0

    def _drop_passed(self, segments: list[Path]) -> None:
        """Under the lock: remove the oldest segments beyond those kept, as far as every enabled reader has passed."""
        slowest = min(self.readers().values(), default=None)
        for path, following in pairwise(segments):
            if len(self._segments()) < self._keep_segments:
                return
            if slowest is not None and slowest < int(following.stem) - 1:
                return
            path.unlink(missing_ok=True)


def _highest(lines: list[bytes]) -> int:
    """The highest number among lines; one that bit rot made unreadable had the next. 0 when none can be read."""
    highest = 0
    for line in lines:
        try:
            highest = max(highest, int(orjson.loads(line)["seq"]))
        except (ValueError, KeyError, TypeError):
            if highest and not line.endswith(TORN):
                highest += 1
    return highest


def _new_id() -> str:
    return uuid4().hex[:16]


def _whole_lines(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield line


def _event(line: bytes) -> Event | None:
    """The event of a line; None for a line that is none, so that one rotten line stops no reader."""
    try:
        return Event.model_validate(orjson.loads(line))
    except (ValueError, ValidationError):
        return None
