"""A promise of space to one landing, alive as long as its heartbeat."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.durable.heartbeat import HEART
from hugflow_assets.errors import HugflowError, LeaseLostError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout
from hugflow_assets.store.publishing.staging import Staging


class ReservationRecord(Frozen):
    """``reservations/<name>.json``; the file's modification time is the heartbeat.

    ``token`` tells one promise to a name from the next: a run that was taken over has no say in its successor's.
    """

    schema_version: int = 1
    name: str
    size_bytes: int
    inodes: int
    owner: str
    created_at: str
    token: str = ""


class Ledger(Protocol):
    """Who decides about promises, under a lock."""

    def grant(self, record: ReservationRecord) -> None:
        """Write down a promise, anew or changed.

        Raises:
            QuotaExceededError: it does not fit. LeaseLostError: another run has a promise to that name.
        """
        ...

    def withdraw(self, record: ReservationRecord) -> None:
        """Strike a promise out, if it is this one still."""
        ...


class Reservation:
    """Space promised to the landing of one name, until ``release`` or until the process is silent."""

    def __init__(self, layout: Layout, record: ReservationRecord, ledger: Ledger, ttl_s: float) -> None:
        self._layout, self.record, self._ledger, self._ttl_s = layout, record, ledger, ttl_s
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
            QuotaExceededError, LeaseLostError: as ``check``.
        """
        self._again()
        self.check()

    def _touch(self) -> bool:
        """Beat; False when the promise is gone, or another run's: we were silent for too long."""
        try:
            self._write_written()
            with self._path.open("rb") as file:
                found = ReservationRecord.model_validate_json(file.read())
                if found.token != self.record.token:
                    return False
                os.utime(file.fileno())
        except (FileNotFoundError, ValidationError):
            return False
        except OSError:
            pass  # the server is away; silent for too long, the promise ends by itself
        return True

    def _again(self) -> None:
        with self._guard:
            if self._ended or self._touch():
                return
            try:
                self._ledger.grant(self.record)
                self._error = None
            except LeaseLostError as error:
                self.stop()
                self._error = error
            except HugflowError as error:
                self._error = error

    def check(self) -> None:
        """
        Raises:
            QuotaExceededError: the promise had run out and the space is taken by now.
            LeaseLostError: another run has taken over the name.
        """
        if self._error is not None:
            raise self._error

    def correct(self, size_bytes: int, inodes: int | None = None) -> None:
        """Change the promise, when the need is known better: all that the landing puts on the disk, staged included.

        Raises:
            QuotaExceededError: more does not fit; the earlier promise stays.
            LeaseLostError: another run has taken over the name.
        """
        record = self.record.model_copy(
            update={"size_bytes": size_bytes, "inodes": self.record.inodes if inodes is None else inodes}
        )
        with self._guard:
            self._write_written()
            self._ledger.grant(record)
            self.record = record

    def stop(self) -> None:
        """End the heartbeat: the promise has become a landed dataset, or another run's."""
        HEART.remove(self)
        self._ended = True

    def release(self) -> None:
        """Give back what was promised; again does nothing."""
        HEART.remove(self)
        with self._guard:
            if self._ended:
                return
            self._ended = True
            self._ledger.withdraw(self.record)

    def _write_written(self) -> None:
        name = self.record.name
        folder = self._layout.staging_root / name
        if not folder.is_dir():
            return
        sums = [Staging(one, name, one.name).written() for one in folder.iterdir() if one.is_dir()]
        document = {"size_bytes": sum(one[0] for one in sums), "inodes": sum(one[1] for one in sums)}
        with contextlib.suppress(FileNotFoundError):
            path = _written_path(self._layout, name)
            atomic_write(path, orjson.dumps(document), mode=INNER_FILE_MODE, sync=False)

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


def forget_reservation(layout: Layout, name: str) -> None:
    """Remove the promise to ``name`` and what was counted of it."""
    layout.reservation(name).unlink(missing_ok=True)
    _written_path(layout, name).unlink(missing_ok=True)


def _written_path(layout: Layout, name: str) -> Path:
    return layout.staging_root / name / ".written"
