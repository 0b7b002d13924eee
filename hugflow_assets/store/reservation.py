"""A promise of space to one landing, alive as long as its heartbeat."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.heartbeat import HEART
from hugflow_assets.errors import HugflowError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.faults import disk_errors
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout
from hugflow_assets.store.staging import Staging


class ReservationRecord(Frozen):
    """``reservations/<name>.json``; the file's modification time is the heartbeat."""

    schema_version: int = 1
    name: str
    size_bytes: int
    inodes: int
    owner: str
    created_at: str


class Reservation:
    """Space promised to the landing of one name, until ``release`` or until the process is silent."""

    def __init__(
        self, layout: Layout, record: ReservationRecord, grant: Callable[[ReservationRecord], None], ttl_s: float
    ) -> None:
        self._layout, self.record, self._grant, self._ttl_s = layout, record, grant, ttl_s
        self._path = layout.reservation(record.name)
        self._guard = threading.Lock()
        self._ended = False
        self._error: HugflowError | None = None

    @property
    def size_bytes(self) -> int:
        return self.record.size_bytes

    @property
    def inodes(self) -> int:
        return self.record.inodes

    def start(self) -> None:
        self._write_written()
        HEART.add(self, every_s=self._ttl_s / 4)

    def beat(self) -> None:
        """Say that the landing lives, and how much of the promise is on the disk. Called by the heartbeat thread."""
        if self._ended or not self._guard.acquire(blocking=False):
            return  # being corrected or released: this thread beats for others too and must not wait
        try:
            gone = not self._touch()
        finally:
            self._guard.release()
        if gone:
            threading.Thread(target=self._again, name="hugflow-reserve-again", daemon=True).start()

    def renew(self) -> None:
        """Beat now, and check.

        Raises:
            QuotaExceededError: the promise had run out and the space is taken by now.
        """
        self._again()
        self.check()

    def _touch(self) -> bool:
        """Beat; False when the promise is gone: we were silent for too long."""
        try:
            self._write_written()
            os.utime(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            pass  # the server is away; silent for too long, the promise ends by itself
        return True

    def _again(self) -> None:
        with self._guard:
            if self._ended or self._touch():
                return
            try:
                self._grant(self.record)
                self._error = None
            except HugflowError as error:
                self._error = error

    def check(self) -> None:
        """
        Raises:
            QuotaExceededError: the promise had run out and the space is taken by now.
        """
        if self._error is not None:
            raise self._error

    def correct(self, size_bytes: int, inodes: int | None = None) -> None:
        """Change the promise, when the need is known better: all that the landing puts on the disk, staged included.

        Raises:
            QuotaExceededError: more does not fit; the earlier promise stays.
        """
        record = self.record.model_copy(
            update={"size_bytes": size_bytes, "inodes": self.record.inodes if inodes is None else inodes}
        )
        with self._guard:
            self._write_written()
            self._grant(record)
            self.record = record

    def stop(self) -> None:
        """End the heartbeat: the promise has become a landed dataset."""
        HEART.remove(self)
        self._ended = True

    def release(self) -> None:
        """Give back what was promised; again does nothing."""
        HEART.remove(self)
        with self._guard:
            if self._ended:
                return
            self._ended = True
            with disk_errors(self._path):
                self._path.unlink(missing_ok=True)
                _written_path(self._layout, self.record.name).unlink(missing_ok=True)

    def _write_written(self) -> None:
        name = self.record.name
        folder = self._layout.staging_root / name
        if not folder.is_dir():
            return
        sums = [Staging(one, name, one.name).written() for one in folder.iterdir() if one.is_dir()]
        told = {"size_bytes": sum(one[0] for one in sums), "inodes": sum(one[1] for one in sums)}
        with contextlib.suppress(FileNotFoundError):
            path = _written_path(self._layout, name)
            atomic_write(path, orjson.dumps(told), mode=INNER_FILE_MODE, sync=False)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def read_reservation(path: Path) -> tuple[ReservationRecord, float] | None:
    """A record and the time of its last heartbeat; None when it is gone or unreadable."""
    try:
        with path.open("rb") as file:
            return ReservationRecord.model_validate_json(file.read()), os.fstat(file.fileno()).st_mtime
    except (OSError, ValidationError):
        return None


def read_written(layout: Layout, name: str) -> tuple[int, int]:
    """Bytes and inodes of a reserved landing that were on the disk at its last heartbeat: never too many."""
    try:
        told = orjson.loads(_written_path(layout, name).read_bytes())
        return int(told["size_bytes"]), int(told["inodes"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0


def _written_path(layout: Layout, name: str) -> Path:
    return layout.staging_root / name / ".written"
