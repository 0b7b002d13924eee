"""Long lists of a commit's files, kept page by page: a list that was cut short goes on where it was, in any process.

The files of a commit are the same for ever. A list of one page is not worth keeping; of a longer one each page is a
file below ``HubAccess.listings_dir``, in a folder for the endpoint, the token, the repository and the commit together.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import orjson

from hugflow_assets.durable import atomic_write
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.models import SourceFile

KEPT_S = 7 * 24 * 3600.0
KEPT_LISTS = 200


class ListingPages:
    """The pages of one list. Nothing here raises: a disk that is full or read-only keeps nothing.

    Args:
        commit: 40 hex digits; of what a branch points to now nothing is kept.
    """

    def __init__(self, access: HubAccess, repo_id: str, commit: str) -> None:
        key = sha256(f"{access.endpoint}\0{access.token or ''}\0{repo_id}\0{commit}".encode()).hexdigest()[:32]
        self._folder = access.listings_dir / key if access.listings_dir is not None else None
        self._next = 0

    def read(self) -> Iterator[tuple[list[SourceFile], str | None]]:
        """The pages that are kept, in order: their files, and the address of the page that follows."""
        while self._folder is not None:
            try:
                page = orjson.loads(self._page(self._next).read_bytes())
                files = [SourceFile.model_validate(row) for row in page["files"]]
                following = page["next"]
            except (OSError, ValueError, KeyError, TypeError):
                return
            self._next += 1
            yield files, following
            if following is None:
                return

    def keep(self, files: list[SourceFile], following: str | None) -> None:
        """Keep the page after the last one."""
        if self._folder is None or (self._next == 0 and following is None):
            return
        page = {"next": following, "files": [file.model_dump(mode="json", exclude_defaults=True) for file in files]}
        with contextlib.suppress(OSError):
            if self._next == 0:
                _drop_old(self._folder.parent)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            atomic_write(self._page(self._next), orjson.dumps(page), mode=0o600, sync=False)
        self._next += 1

    def drop(self) -> None:
        """Forget all of them: the server no longer knows the page that follows."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._next = 0

    def _page(self, number: int) -> Path:
        return Path(self._folder or "") / f"{number:06d}.json"


def _drop_old(folder: Path) -> None:
    lists = sorted(os.scandir(folder), key=lambda one: one.stat().st_mtime) if folder.is_dir() else []
    for number, one in enumerate(lists):
        if time.time() - one.stat().st_mtime > KEPT_S or number < len(lists) - KEPT_LISTS:
            shutil.rmtree(one.path, ignore_errors=True)
