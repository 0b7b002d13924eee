"""Where a dataset is, on its way and landed, for a reader that has nothing but the storage mounted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hugflow_assets.durable import holder
from hugflow_assets.errors import FollowingEndedError, HugflowError, told_error
from hugflow_assets.reading.manifest_file import MANIFEST, read_manifest
from hugflow_assets.store import EventKind, EventLog, Layout, Staging

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 2.0


@dataclass(frozen=True)
class LandingPlace:
    """A dataset of a storage root, by its storage name."""

    storage: Path
    name: str

    @property
    def layout(self) -> Layout:
        return Layout(self.storage, self.storage)

    @property
    def folder(self) -> Path:
        return self.layout.dataset(self.name)

    def manifest(self) -> dict[str, Any] | None:
        """Of what has landed; None: nothing has."""
        return read_manifest(self.folder) if (self.folder / MANIFEST).is_file() else None

    def staged(self, data: str = "*", token: int | None = None) -> Staging | None:
        """What is being built of these data, or by the run with this lease; the newest."""
        found = [(one, *_parts(one.name)) for one in self._staged(data)]
        newest = max((one for one in found if token in (None, one[2])), key=lambda one: one[2], default=None)
        return Staging(newest[0], self.name, newest[1]) if newest is not None else None

    def _staged(self, data: str) -> Iterator[Path]:
        place = self.layout.staging_root / self.name
        return (one for pattern in (data, f"{data}.*") for one in place.glob(pattern) if (one / "tree").is_dir())

    def root_of(self, data: str) -> Path:
        """The folder that holds these data now."""
        staging = self.staged(data)
        return staging.path if staging is not None else self.folder

    @property
    def is_known(self) -> bool:
        """Whether anything was ever landed, or begun, under this name."""
        return self.folder.exists() or self.layout.lease(self.name).exists()


def _parts(folder: str) -> tuple[str, int]:
    data, _, token = folder.partition(".")
    return data, int(token) if token.isdigit() else 0


@dataclass(frozen=True, eq=False)
class LandingPath(os.PathLike[str]):
    """The path of a file that may be published between being handed out and being opened: where it is now.

    As text, and compared, it is the path that the file has when it has landed.
    """

    place: LandingPlace
    data: str
    below: str

    def __fspath__(self) -> str:
        return str(self.place.root_of(self.data) / self.below)

    def __str__(self) -> str:
        return f"{self.place.folder}/{self.below}"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | os.PathLike) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


class LandingWatch:
    """Whether the landing of a name is still to be waited for. Asks files alone, with growing pauses."""

    def __init__(self, place: LandingPlace, patience_s: float) -> None:
        self._place, self._patience_s = place, patience_s
        self._failure: HugflowError | None = None
        self._removed = False
        self._pause_s, self._alive_at = _FIRST_PAUSE_S, time.monotonic()
        self._seq: int | None = None

    @cached_property
    def _events(self) -> EventLog:
        return EventLog(self._place.layout)

    def token(self) -> int | None:
        """The lease of whoever is at work on it; None: nobody is, or it cannot be told from here."""
        with suppress(OSError, HugflowError):
            found = holder(self._place.layout.lease(self._place.name))
            return found.token if found is not None else None
        return None

    def moved(self) -> None:
        """Something new was read."""
        self._pause_s, self._alive_at = _FIRST_PAUSE_S, time.monotonic()

    def wait(self) -> None:
        """Wait a moment.

        Raises:
            HugflowError: the landing failed, by its own name, or was removed; or nobody was at work for too long.
        """
        self._read_events()
        now = time.monotonic()
        if self.token() is not None:
            self._alive_at = now
        elif self._failure is not None and (not self._failure.transient or now - self._alive_at > self._patience_s):
            raise self._failure
        elif self._removed:
            raise FollowingEndedError(f"{self._place.name} was removed.", remedy="`hugflow trash` says why.")
        elif now - self._alive_at > self._patience_s:
            raise FollowingEndedError(
                f"Nobody has been at work on {self._place.name} for {self._patience_s:g} s.",
                remedy="`hugflow status` says what became of its landing.",
            )
        time.sleep(self._pause_s)
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 1.5)

    def _read_events(self) -> None:
        """The last word on the landing: a failure stands until the next attempt begins."""
        is_first = self._seq is None
        events = self._events.recent() if self._seq is None else self._events.read(self._seq)
        self._seq = self._seq or 0
        for event in events:
            self._seq = event.seq
            if event.name != self._place.name:
                continue
            if event.kind is EventKind.FAILED and event.data.get("code"):
                said = (str(event.data.get(one) or "") for one in ("code", "message", "remedy"))
                self._failure = told_error(*said)
            elif event.kind in (EventKind.STARTED, EventKind.LANDED):
                self._failure, self._removed = None, False
            elif event.kind is EventKind.REMOVED:
                self._removed = not is_first
