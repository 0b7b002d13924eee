"""Folders as a whole: modes, sizes, deletion, exchange."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hugflow_assets.errors import IncompleteLandingError
from hugflow_assets.store.readers import Readers

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_TRIES = 5
_CANNOT_LINK = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK)
_CANNOT_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)


def walk(root: Path) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """Every entry below ``root`` with its own state (links not followed), in no order; what vanishes is left out."""
    pending = [str(root)]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            try:
                seen = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(seen.st_mode):
                pending.append(entry.path)
            yield entry, seen


def measure(root: Path, *, alone: bool = True) -> tuple[int, int]:
    """Bytes and inodes of a folder, folders included.

    Args:
        alone: only what belongs to this folder alone, files with one link; False: also what lives on elsewhere, once.
    """
    size, inodes = 0, 1 if root.is_dir() else 0
    linked: set[tuple[int, int]] = set()
    for _, seen in walk(root):
        if stat.S_ISDIR(seen.st_mode):
            inodes += 1
        elif seen.st_nlink == 1:
            size, inodes = size + seen.st_size, inodes + 1
        elif not alone and (seen.st_dev, seen.st_ino) not in linked:
            linked.add((seen.st_dev, seen.st_ino))
            size, inodes = size + seen.st_size, inodes + 1
    return size, inodes


def measure_together(roots: Iterable[Path]) -> list[tuple[int, int]]:
    """Bytes and inodes that would be freed if all of ``roots`` went: each inode once, at the first root that has it.

    A file with links elsewhere is not counted: it lives on there.
    """
    links: dict[tuple[int, int], tuple[int, int, int, int]] = {}  # inode -> (links found, links, size, first root)
    sums: list[list[int]] = []
    for at, root in enumerate(roots):
        sums.append([0, 1 if root.is_dir() else 0])
        for _, seen in walk(root):
            if stat.S_ISDIR(seen.st_mode):
                sums[at][1] += 1
            elif seen.st_nlink == 1:
                sums[at][0] += seen.st_size
                sums[at][1] += 1
            else:
                found, _, _, first = links.get((seen.st_dev, seen.st_ino), (0, 0, 0, at))
                links[seen.st_dev, seen.st_ino] = (found + 1, seen.st_nlink, seen.st_size, first)
    for found, all_links, size, first in links.values():
        if found >= all_links:
            sums[first][0] += size
            sums[first][1] += 1
    return [(size, inodes) for size, inodes in sums]


class TreeSizes(NamedTuple):
    """What is in a tree: the inodes, the tree itself included; the files among them and their bytes.

    ``own_inodes`` and ``own_bytes`` are of what belongs to it alone: folders, and files with a single link.
    """

    inodes: int
    files: int
    size_bytes: int
    own_inodes: int
    own_bytes: int


def settle(tree: Path, readers: Readers, storage_gid: int) -> TreeSizes:
    """Give every file and folder of a tree that is not visible its group and mode, and count them.

    Args:
        storage_gid: the group of what no other group is to read.
    Raises:
        IncompleteLandingError: there is something that is neither a file nor a folder.
        GroupUnusableError: something cannot be given to the group.
    """
    folders, files, size, shared, shared_size = 1, 0, 0, 0, 0
    for entry, seen in walk(tree):
        if stat.S_ISREG(seen.st_mode):
            wanted = readers.file_mode
            files, size = files + 1, size + seen.st_size
            if seen.st_nlink > 1:
                shared, shared_size = shared + 1, shared_size + seen.st_size
        elif stat.S_ISDIR(seen.st_mode):
            wanted, folders = readers.folder_mode, folders + 1
        else:
            raise IncompleteLandingError(
                f"{entry.path} is neither a file nor a folder (a link?); such a tree is not published.",
                remedy="This is a fault of the landing: report it.",
                path=entry.path,
            )
        readers.hand_over(entry.path, storage_gid, seen.st_gid)
        if stat.S_IMODE(seen.st_mode) != wanted:
            Path(entry.path).chmod(wanted)
    readers.hand_over(tree, storage_gid)
    tree.chmod(readers.folder_mode)
    return TreeSizes(folders + files, files, size, folders + files - shared, size - shared_size)


def link_tree(root: Path, to: Path, without: Collection[str]) -> None:
    """Put every file of ``root`` into ``to`` by a hard link, where ``to`` has none of that path yet.

    Where the file system knows no hard links the file is copied.

    Args:
        without: paths below ``root`` that are left out.
    """
    base = f"{root}/"
    for entry, seen in walk(root):
        path = entry.path.removeprefix(base)
        if not stat.S_ISREG(seen.st_mode) or path in without or (to / path).exists():
            continue
        try:
            _link(entry.path, to / path)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            shutil.copyfile(entry.path, to / path)


def _link(path: str, to: Path) -> None:
    try:
        os.link(path, to)
    except FileNotFoundError:
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, to)


def delete_tree(root: Path) -> None:
    """Delete a folder with everything in it, read-only folders too; a missing one is fine.

    What another process puts there meanwhile (a measured size, a temporary name) is deleted as well.
    """
    for _ in range(_TRIES):
        try:
            _delete_tree(root)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        else:
            return
    _delete_tree(root)


def _delete_tree(root: Path) -> None:
    try:
        shutil.rmtree(root)
    except FileNotFoundError:
        if root.is_dir():  # somebody else deletes here too
            shutil.rmtree(root, ignore_errors=True)
    except PermissionError:
        root.chmod(0o700)
        for entry, seen in walk(root):
            if stat.S_ISDIR(seen.st_mode):
                Path(entry.path).chmod(0o700)
        shutil.rmtree(root)


def inode(path: Path) -> int | None:
    """The inode number of what lies at ``path``; None when nothing does."""
    try:
        return path.lstat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step. False, and nothing changed, where the file system cannot.

    The effect is looked at, not the return code: some network file systems answer "done" and did a plain rename or
    nothing.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    before = inode(one), inode(other)
    code = renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    number = ctypes.get_errno()
    if (inode(one), inode(other)) == (before[1], before[0]):
        return True
    if code != 0 and number not in _CANNOT_EXCHANGE:
        raise OSError(number, os.strerror(number), str(one))
    return False
