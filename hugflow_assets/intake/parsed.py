"""What request files said, kept from one process to the next: reading ten thousand anew takes most of a second.

Only what costs time is kept, the parsing: every file's bytes are read all the same, and what was kept counts for those
very bytes, under that very path, and for the code that reads now. Anything odd about the file, and it is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydantic
import yaml
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.intake.models import AddFile, RemoveFile
from hugflow_assets.intake.snapshot import Found, judged

MAX_BYTES = 64 << 20
# Fewer files than this are parsed sooner than what is kept of all the others is written.
WORTH = 100


class Parsed:
    """What is kept in ``folder``; made for one look at the files, then dropped.

    Files with problems are not kept: they are few, and read again with full care.

    Args:
        folder: of this machine, not of the storage; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        # Each user has a file that nobody else writes: it decides what is believed to be asked for.
        self._path = None if folder is None else folder / f"parsed-{os.geteuid()}.json"
        self._known: dict[str, dict[str, Any]] = {} if self._path is None else _kept(self._path)
        self._seen: dict[str, dict[str, Any]] = {}
        self._news = 0

    def judged(self, path: str, data: bytes) -> Found:
        """``snapshot.judged``, from what is known where that is about these bytes."""
        known = self._known.get(path)
        if known is not None and known.get("digest") == hashlib.sha256(data).hexdigest():
            with contextlib.suppress(ValidationError):
                file = (AddFile if "name" in known else RemoveFile).model_validate(known)
                self._seen[path] = known
                return Found(path, file.digest, file=file)
        found = judged(path, data)
        if found.file is not None and self._path is not None:
            self._news += 1
            self._seen[path] = found.file.model_dump(mode="json")
        return found

    def keep(self) -> None:
        """Write what was seen, and nothing else, where that saves more than it costs. A full disk stops nobody."""
        if self._path is None or self._news < WORTH:
            return
        body = json.dumps(self._seen, separators=(",", ":")).encode()
        if len(body) <= MAX_BYTES:
            with contextlib.suppress(OSError):
                head = {"schema_version": 1, "made_by": _reader(), "sha256": hashlib.sha256(body).hexdigest()}
                atomic_write(self._path, json.dumps(head).encode() + b"\n" + body, mode=0o600, sync=False)


def _kept(path: Path) -> dict[str, dict[str, Any]]:
    """Path -> file as JSON; empty where there is nothing, or nothing that is whole, ours and this code's."""
    try:
        with path.open("rb") as file:
            seen = os.fstat(file.fileno())
            if seen.st_uid != os.geteuid() or seen.st_mode & 0o022 or seen.st_size > 2 * MAX_BYTES:
                return {}
            head, _, body = file.read().partition(b"\n")
        header = json.loads(head)
        if header["made_by"] != _reader() or header["sha256"] != hashlib.sha256(body).hexdigest():
            return {}
        found: dict[str, dict[str, Any]] = json.loads(body)
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@lru_cache(maxsize=1)
def _reader() -> str:
    """A digest of everything that has a say in what a file means: the code of this room and what it stands on."""
    digest = hashlib.sha256(
        f"{sys.version} {pydantic.VERSION} {yaml.__version__} {unicodedata.unidata_version}".encode()
    )
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()
