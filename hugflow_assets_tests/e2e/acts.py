"""The acts of a process on a file system, counted, and one of them interrupted."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("kill", "stop", "ENOSPC", "EIO")
_EVENTS = ("open", "os.", "shutil.")
_BY_CTYPES = ("renameat2", "syncfs")


@dataclass
class Acts:
    """Counts what this process does with files below ``folder``, and interrupts the ``at``-th act.

    ``kill`` ends the process before the act (a write has put down its half by then), ``stop`` stops it there until
    somebody lets it go on, ``ENOSPC`` and ``EIO`` are answers. ``marker`` is made when the act is reached.
    """

    folder: str
    at: int = 0
    kind: str = "kill"
    marker: str = ""
    count: int = 0

    def watch(self) -> None:
        """Begin; there is no end."""
        for name in ("write", "fsync"):
            setattr(os, name, self._wrapped(getattr(os, name)))
        sys.addaudithook(self._heard)

    def _heard(self, event: str, given: tuple[object, ...]) -> None:
        if event == "ctypes.dlsym":
            if given[1] in _BY_CTYPES:
                self._act()
        elif event.startswith(_EVENTS) and event != "os.putenv" and self._is_below(given):
            self._act()

    def _is_below(self, given: tuple[object, ...]) -> bool:
        if not given or not isinstance(given[0], str | bytes | os.PathLike):
            return False
        path = os.fsdecode(given[0])
        return path.startswith(self.folder) or not path.startswith("/")

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(handle: int, *data: Any) -> Any:
            if not str(Path(f"/proc/self/fd/{handle}").readlink()).startswith(self.folder):
                return call(handle, *data)
            if data and self.count + 1 == self.at and self.kind in ("kill", "ENOSPC"):
                call(handle, bytes(data[0])[: len(data[0]) // 2])
            self._act()
            return call(handle, *data)

        return wrapped

    def _act(self) -> None:
        self.count += 1
        if self.count != self.at:
            return
        Path(self.marker).touch()
        if self.kind in ("kill", "stop"):
            # To this thread: sent to the process, another thread might take it, and this one go on for a moment.
            signal.pthread_kill(threading.get_ident(), signal.SIGKILL if self.kind == "kill" else signal.SIGSTOP)
        else:
            number = getattr(errno, self.kind)
            raise OSError(number, os.strerror(number))
