"""What crashes leave behind, removed when its heartbeat is old enough; and a look at what the file system can do."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path
from uuid import uuid4

from hugflow_assets.durable import Lease, flock_on, make_folder
from hugflow_assets.durable.files import TEMPORARY_SUFFIX
from hugflow_assets.errors import LeaseHeldError
from hugflow_assets.formats.media import MEDIA_KINDS
from hugflow_assets.store.capacity.quota import server_time
from hugflow_assets.store.capacity.space import StorageProbe
from hugflow_assets.store.layout import Layout, is_safe
from hugflow_assets.store.publishing.trees import delete_tree, exchange, inode, measure, walk
from hugflow_assets.store.removal.trash import DELETING

_LOG = logging.getLogger(__name__)
_TEMPORARY_AGE_S = 3600
_TEMPORARY = f".{'[0-9a-f]' * 16}{TEMPORARY_SUFFIX}"


def clean_staging(layout: Layout, older_than_s: float, lease: Callable[[str], Lease]) -> Iterator[tuple[str, int]]:
    """Delete staging that nobody has worked on for so long, and what a publication that was killed has left of one.

    Yields ``<name>/<digest>`` and the bytes.
    """

    def is_debris(folder: Path) -> bool:
        return not (folder / "tree").is_dir() or server_time(layout) - _beat_at(folder) >= older_than_s

    for name in sorted(one.name for one in layout.staging_root.iterdir() if is_safe(one.name)):
        place = layout.staging_root / name
        if (folders := _folders(place)) and not any(map(is_debris, folders)):
            continue
        try:
            with lease(name):
                for folder in filter(is_debris, _folders(place)):
                    size, _ = measure(folder)
                    delete_tree(folder)
                    yield f"{name}/{folder.name}", size
                if place.is_dir() and not _folders(place):
                    delete_tree(place)
        except LeaseHeldError:
            continue
        except OSError as error:  # of this one alone
            _LOG.warning("%s: what a crash left of its staging cannot be deleted: %s", name, error)


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(one for one in place.iterdir() if one.is_dir())
    except FileNotFoundError:
        return []  # published in this moment


def clean_temporaries(layout: Layout, older_than_s: float = _TEMPORARY_AGE_S) -> Iterator[str]:
    """Delete temporary files of atomic writes that died, below ``.hugflow``, in the datasets' folders and the trash."""
    now = server_time(layout)
    doomed = [*_temporaries(layout.inner, without=(layout.staging_root, layout.trash))]
    doomed += [*layout.outbox.glob("*.json")]  # of marks that were never written
    for folder in (layout.state_dir, layout.progress, layout.trash):
        doomed += folder.glob(_TEMPORARY)
    for place in (layout.root, layout.trash):
        for dataset in place.iterdir():
            if is_safe(dataset.name.replace("@", "-")) and dataset.is_dir():
                doomed += _temporaries(dataset, without=[dataset / kind for kind in MEDIA_KINDS])
    doomed += [one for one in layout.trash.glob("*.json") if not _has_folder(one)]  # of moves that died before a step
    for path in doomed:
        if _is_old(path, now, older_than_s):
            path.unlink(missing_ok=True)
            yield str(path)


def _temporaries(root: Path, *, without: Collection[Path]) -> Iterator[Path]:
    """The temporary files below ``root``. Left out are folders with millions of files, where none are made."""
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [one for one in folders if here / one not in without]
        yield from (here / one for one in files if fnmatch(one, _TEMPORARY))


def _has_folder(record: Path) -> bool:
    return record.with_suffix("").exists() or record.with_name(f"{DELETING}{record.stem}").exists()


def _is_old(path: Path, now: float, older_than_s: float) -> bool:
    try:
        return now - path.lstat().st_mtime > older_than_s
    except OSError:
        return False


def _beat_at(folder: Path) -> float:
    """The last heartbeat of a staging; of the folder itself where a crash came before the first."""
    for path in (folder / "beat", folder):
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            continue
    return time.time()


def probe(layout: Layout) -> StorageProbe:
    """Try on the storage root what the store needs: each step for real, in a folder of its own."""
    seen = os.statvfs(layout.root)
    folder = layout.inner / f".probe-{uuid4().hex[:8]}"
    facts = {
        "root": str(layout.root),
        "free_bytes": seen.f_bavail * seen.f_frsize,
        "total_bytes": seen.f_blocks * seen.f_frsize,
        "free_inodes": seen.f_favail if seen.f_files else None,
        "total_inodes": seen.f_files or None,
    }
    try:
        make_folder(folder)
        one, other = folder / "one", folder / "other"
        one.mkdir()
        other.mkdir()
        file = one / "file"
        file.write_bytes(b"x")
        return StorageProbe.model_validate(
            facts
            | {
                "writable": True,
                "clock_offset_s": round(file.stat().st_mtime - time.time(), 3),
                "exchange": exchange(one, other),
                "hard_links": _links(folder),
                "exclusive_create": _exclusive(folder),
                "flock": flock_on(folder),
                "rename": _renames(folder),
            }
        )
    except OSError as error:
        return StorageProbe.model_validate(
            facts | {"writable": False, "problem": f"{error.filename}: {error.strerror}"}
        )
    finally:
        if folder.exists():
            delete_tree(folder)


def _links(folder: Path) -> bool:
    source, link = folder / "source", folder / "link"
    source.write_bytes(b"x")
    try:
        os.link(source, link)
    except OSError:
        return False
    return inode(source) == inode(link)


def _exclusive(folder: Path) -> bool:
    path = folder / "exclusive"
    path.touch(exist_ok=False)
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return True
    return False


def _renames(folder: Path) -> bool:
    source, target = folder / "from", folder / "to"
    source.mkdir()
    (source / "file").write_bytes(b"x")
    before = inode(source)
    source.rename(target)
    return inode(target) == before and not source.exists() and len(list(walk(target))) == 1
