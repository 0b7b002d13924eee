"""Local files that are known to be what the Hub promises, taken instead of fetched.

The list is one JSON file: ``{"files": {"sha256:…": "/path"}}``. A file of it is copied (as a clone where the file
system can share its blocks), never linked: nothing that is done to the copy may reach it. Whether the copy is right the
hash of the fetch decides, as for any bytes that an earlier run left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from hugflow_assets.durable import atomic_write, make_folder
from hugflow_assets.hub.hashes import content_hash, new_hash
from hugflow_assets.hub.models import SourceFile

_CLONE = 0x40049409  # ioctl FICLONE
_COPIED = 64 << 20
_HASH_READ = 1 << 20


@dataclass(frozen=True)
class Matches:
    """Which of the wanted files lie below a folder. ``looked_at`` and ``hashed_bytes`` tell the work."""

    files: Mapping[str, Path]  # content hash -> local file
    matched: int
    matched_bytes: int
    wanted: int
    wanted_bytes: int
    looked_at: int
    hashed_bytes: int


def find_matches(folder: Path, wanted: Iterable[SourceFile]) -> Matches:
    """Hash the files below ``folder`` that have the size of a wanted one; links are not followed, nothing is changed.

    Raises:
        OSError: the folder cannot be listed. A single file that cannot be read matches nothing.
    """
    by_hash = {content_hash(file): file for file in wanted if file.sha256 or file.git_sha1}
    sizes: dict[int, list[SourceFile]] = {}
    for file in by_hash.values():
        sizes.setdefault(file.size_bytes, []).append(file)
    found: dict[str, Path] = {}
    looked_at = hashed = 0
    for path, size in _files(folder):
        looked_at += 1
        candidates = [file for file in sizes.get(size, ()) if content_hash(file) not in found]
        if not candidates:
            continue
        with suppress(OSError):
            hashed += size
            for digest in _hashes(path, candidates):
                if digest in by_hash:
                    found.setdefault(digest, path)
    return Matches(
        files=found,
        matched=len(found),
        matched_bytes=sum(by_hash[one].size_bytes for one in found),
        wanted=len(by_hash),
        wanted_bytes=sum(file.size_bytes for file in by_hash.values()),
        looked_at=looked_at,
        hashed_bytes=hashed,
    )


def write_adopted(to: Path, files: Mapping[str, Path]) -> None:
    """Write the list that ``HubAccess.adopted`` names."""
    document = {"schema_version": 1, "files": {digest: str(path) for digest, path in sorted(files.items())}}
    make_folder(to.parent)
    atomic_write(to, orjson.dumps(document, option=orjson.OPT_INDENT_2), mode=0o660)


def copy_adopted(listed: Path, promised: str, handle: int, size_bytes: int) -> bool:
    """Fill the open file with its local counterpart, if there is one and nothing is there yet; whether it did."""
    source = _listed(listed).get(promised)
    if source is None or os.fstat(handle).st_size:
        return False
    try:
        given = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if os.fstat(given).st_size != size_bytes:
            return False
        try:
            fcntl.ioctl(handle, _CLONE, given)
        except OSError:
            _copy(given, handle, size_bytes)
        return True
    finally:
        os.close(given)
        os.lseek(handle, 0, os.SEEK_SET)


def _copy(given: int, handle: int, size_bytes: int) -> None:
    at = 0
    while at < size_bytes and (count := os.sendfile(handle, given, at, min(_COPIED, size_bytes - at))):
        at += count


def _listed(path: Path) -> Mapping[str, str]:
    try:
        seen = path.stat()
    except OSError:
        return {}
    return _read(path, seen.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _stamp: int) -> Mapping[str, str]:
    try:
        return dict(orjson.loads(path.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every regular file below ``folder`` with its size, each inode once."""
    seen: set[tuple[int, int]] = set()
    pending = [os.fspath(folder)]
    while pending:
        at = pending.pop()
        try:
            entries = sorted(os.scandir(at), key=lambda one: one.name)
        except OSError:
            if at == os.fspath(folder):
                raise
            continue
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    if (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        yield Path(entry.path), status.st_size


def _hashes(path: Path, candidates: list[SourceFile]) -> Iterator[str]:
    """The hashes of a file of the candidates' size, of each kind that one of them promises, in one pass."""
    running = {content_hash(file).partition(":")[0]: new_hash(file) for file in candidates}
    with path.open("rb") as file:
        while chunk := file.read(_HASH_READ):
            for one in running.values():
                one.update(chunk)
    yield from (f"{kind}:{one.hexdigest()}" for kind, one in running.items())
