"""What is said of a storage as a whole: what it holds, what is left, what it can do. Sizes in bytes."""

from __future__ import annotations

from hugflow_assets.durable import Flock
from hugflow_assets.intake.models import Frozen


class DatasetUsage(Frozen):
    name: str
    size_bytes: int
    files: int
    inodes: int


class Usage(Frozen):
    """What the storage holds. ``size_bytes`` counts datasets, staging and trash, each inode once."""

    datasets: tuple[DatasetUsage, ...] = ()
    size_bytes: int = 0
    inodes: int = 0
    staging_bytes: int = 0
    trash_bytes: int = 0
    reserved_bytes: int = 0
    quota_bytes: int | None = None
    free_bytes: int = 0
    free_inodes: int = 0


class Headroom(Frozen):
    """What is taken and what is left. None: no such limit, or not known by the file system.

    ``used`` is landed + trash + staging that no living reservation covers. ``reserved`` is what living landings were
    promised, their staging included, so nothing staged counts twice. ``unwritten`` is the part of ``reserved`` that is
    not on the disk yet and that the file system's free space therefore still has to give.
    """

    quota_bytes: int | None = None
    soft_limit_bytes: int | None = None
    used_bytes: int = 0
    reserved_bytes: int = 0
    unwritten_bytes: int = 0
    free_bytes: int = 0
    min_free_bytes: int = 0
    max_inodes: int | None = None
    used_inodes: int = 0
    reserved_inodes: int = 0
    unwritten_inodes: int = 0
    free_inodes: int | None = None
    staged_bytes: int = 0  # of the name that asks: already on the disk, part of its need
    staged_inodes: int = 0

    @property
    def available_bytes(self) -> int:
        """The largest need that still fits; negative when more is taken than allowed."""
        by_disk = self.free_bytes - self.min_free_bytes - self.unwritten_bytes + self.staged_bytes
        if self.quota_bytes is None:
            return by_disk
        return min(by_disk, self.quota_bytes - self.used_bytes - self.reserved_bytes)

    @property
    def available_inodes(self) -> int | None:
        limits = []
        if self.max_inodes is not None:
            limits.append(self.max_inodes - self.used_inodes - self.reserved_inodes)
        if self.free_inodes is not None:
            limits.append(self.free_inodes - self.unwritten_inodes + self.staged_inodes)
        return min(limits, default=None)

    def fits(self, need_bytes: int, need_inodes: int = 0) -> bool:
        inodes = self.available_inodes
        return need_bytes <= self.available_bytes and (inodes is None or need_inodes <= inodes)

    def crosses_soft_limit(self, need_bytes: int) -> bool:
        """Whether taking ``need_bytes`` more passes the soft limit, which was not passed before."""
        before = self.used_bytes + self.reserved_bytes
        return self.soft_limit_bytes is not None and before <= self.soft_limit_bytes < before + need_bytes


class Cleaned(Frozen):
    """What ``clean_debris`` removed, judged by heartbeat age alone."""

    staging: tuple[str, ...] = ()  # <name>/<digest>
    reservations: tuple[str, ...] = ()
    temporaries: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()  # deletions from the trash that a crash had cut short
    recovered: tuple[str, ...] = ()  # swaps and removals that a crash had cut short, completed
    size_bytes: int = 0


class StorageProbe(Frozen):
    """What the file system under the storage root can do; each was tried, not asked for."""

    root: str
    writable: bool
    problem: str = ""
    rename: bool = False
    exchange: bool = False
    hard_links: bool = False
    exclusive_create: bool = False
    flock: Flock = Flock.REFUSED
    clock_offset_s: float = 0.0  # the file server's clock less this host's
    free_bytes: int = 0
    total_bytes: int = 0
    free_inodes: int | None = None
    total_inodes: int | None = None
