"""``flock``: what it tells about other processes of this host, and whether it tells anything.

Not every file system has it, and some (FUSE, NFS mounted without locks) grant it to everybody.
"""

from __future__ import annotations

import fcntl
import os
from enum import StrEnum
from pathlib import Path


class Flock(StrEnum):
    """What ``flock`` does on a file system."""

    EXCLUDES = "excludes"
    GRANTED_TO_ALL = "granted-to-all"  # it says yes to everybody: it tells nothing
    REFUSED = "refused"  # there is none


def flock_is_free(path: Path) -> bool:
    """Whether a lock on the file is granted; not where it cannot be asked for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def flock_on(folder: Path) -> Flock:
    """Try on a file of its own in ``folder`` whether a second descriptor is given a lock that a first one holds."""
    path = folder / f".flock-{os.getpid()}.tmp"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return Flock.GRANTED_TO_ALL if flock_is_free(path) else Flock.EXCLUDES
    except OSError:
        return Flock.REFUSED
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)
