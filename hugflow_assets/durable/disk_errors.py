"""What the operating system says about the disk, as errors with a remedy."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from hugflow_assets.errors import DiskFullError, HugflowError, StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def disk_error(error: OSError, path: Path) -> HugflowError:
    """The Hugflow error for an ``OSError`` met while working on ``path``."""
    where = error.filename or str(path)
    if error.errno in _FULL:
        return DiskFullError(
            f"No space or no inodes left for {where} ({error.strerror}).",
            remedy="Free some (`hugflow trash empty`, or remove a dataset); what is staged is kept and resumed.",
            path=str(where),
        )
    if error.errno in _REFUSED:
        return StorageError(
            f"{where} cannot be written or read: {error.strerror}.",
            remedy="Let the user that runs Hugflow own it (or, for several users, give their common group the folder "
            "and set FOLDER_MODE=0770), and mount it writable.",
            path=str(where),
        )
    return StorageError(
        f"{where}: {error.strerror or error}.",
        remedy="Check STORAGE_ROOT and HUGFLOW_STATE_DIR and that the storage is mounted (`hugflow doctor`).",
        path=str(where),
    )


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into ``DiskFullError`` or ``StorageError``."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error
