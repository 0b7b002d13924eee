"""Who may read a landed dataset: the group that its folders and files belong to, and the mode of its folders.

The dataset's own folder is the guard: with a group it lets that group in and nobody else, whatever lies below it.
Files that several versions share by hard links are one inode, with one group and one mode. That never shows bytes to
anybody who may not read a dataset that holds them: each path to the inode leads through the folder of a dataset, and
each group that the inode was given is that of a dataset with these bytes.
"""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hugflow_assets.errors import GroupUnusableError, UnguardedDataError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.settings import Settings

_OTHERS = 0o007
_GROUP_READS = 0o050
_GROUP_READS_FILES = 0o040


@dataclass(frozen=True)
class Readers:
    """Who may read one dataset. ``gid`` None: the group of the storage, as FILE_MODE and FOLDER_MODE let it."""

    file_mode: int
    folder_mode: int
    gid: int | None = None

    def fits(self, folder: Path) -> bool:
        """Whether a folder has this group, and its mode. What belongs to the storage's group is not looked at."""
        if self.gid is None:
            return True
        seen = folder.stat()
        return (seen.st_gid, stat.S_IMODE(seen.st_mode)) == (self.gid, self.folder_mode)

    def guard(self, folder: Path) -> None:
        """Let nobody else into a folder in which a dataset is made; what is made in it has its group.

        Raises:
            GroupUnusableError: the folder cannot be given to the group.
        """
        if self.gid is None:
            return
        wanted = self.folder_mode | stat.S_ISGID
        seen = folder.stat()
        if (seen.st_gid, stat.S_IMODE(seen.st_mode)) == (self.gid, wanted):
            return
        folder.chmod(stat.S_IRWXU)
        _give(folder, self.gid)
        folder.chmod(wanted)

    def hand_over(self, path: Path | str, storage_gid: int, gid: int | None = None) -> None:
        """Let a file or a folder belong to those who may read it; the storage's group gets it where that can be done.

        Args:
            gid: the group that it has, where that is known.
        Raises:
            GroupUnusableError: it cannot be given to the group.
        """
        before = os.lstat(path).st_gid if gid is None else gid
        if self.gid is not None and before != self.gid:
            _give(path, self.gid)
        elif self.gid is None and before != storage_gid:
            with contextlib.suppress(OSError):  # of another owner, or on a file system that keeps no groups
                os.chown(path, -1, storage_gid, follow_symlinks=False)


@dataclass(frozen=True)
class ReadersPolicy:
    """What the settings say about who may read what lands."""

    file_mode: int
    folder_mode: int
    read_group: str | None = None
    gated_group: str | None = None

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        return cls(int(settings.file_mode, 8), int(settings.folder_mode, 8), settings.read_group, settings.gated_group)

    def group_of(self, request: DatasetRequest, *, is_guarded: bool) -> str | None:
        """The group that a dataset goes to; None is that of the storage.

        Args:
            is_guarded: whether the Hub gives it to some only, gated or private: the request then decides nothing
                where GATED_GROUP is set.
        Raises:
            UnguardedDataError: everybody would see what the Hub gives to some only.
        """
        group = (self.gated_group if is_guarded else None) or request.group or self.read_group
        if group is None and is_guarded and self.folder_mode & _OTHERS:
            raise UnguardedDataError(
                f"{request.hf_id} is gated or private on the Hub, and FOLDER_MODE {self.folder_mode:04o} would show it "
                "to everyone on the storage.",
                remedy="Set GATED_GROUP to the group that may read such data, or FOLDER_MODE to 0750.",
                folder_mode=f"{self.folder_mode:04o}",
            )
        return group

    def of(self, request: DatasetRequest, *, is_guarded: bool) -> Readers:
        """Who may read a dataset.

        Raises:
            UnguardedDataError: everybody would see what the Hub gives to some only.
            GroupUnusableError: there is no such group here, or whoever runs this is not in it.
        """
        group = self.group_of(request, is_guarded=is_guarded)
        if group is None:
            return Readers(self.file_mode, self.folder_mode)
        folder_mode = self.folder_mode & ~_OTHERS | _GROUP_READS
        return Readers(self.file_mode | _GROUP_READS_FILES, folder_mode, _gid(group))


def _give(path: Path | str, gid: int) -> None:
    """Let a file or a folder belong to a group.

    Raises:
        GroupUnusableError: that is not allowed here, or the file system keeps no groups.
    """
    try:
        os.chown(path, -1, gid, follow_symlinks=False)
        kept = os.lstat(path).st_gid == gid
    except PermissionError:
        kept = False
    if not kept:
        raise GroupUnusableError(
            f"{path} cannot be given to the group {gid}: not permitted, or its file system keeps no groups.",
            remedy="Land on a file system with groups, by its files' owner; or unset `group`, READ_GROUP, GATED_GROUP.",
            group=str(gid),
        )


def _gid(group: str) -> int:
    try:
        gid = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise GroupUnusableError(
            f"There is no group {group} on this machine.",
            remedy="Create it, or correct `group` in the request, READ_GROUP or GATED_GROUP.",
            group=group,
        ) from None
    if os.geteuid() != 0 and gid not in (os.getegid(), *os.getgroups()):
        raise GroupUnusableError(
            f"The user that runs Hugflow is not in the group {group}, and can give it nothing.",
            remedy=f"`usermod --append --groups {group} USER` on this machine, then start the services again.",
            group=group,
        )
    return gid
