"""Room on the storage: quota, what is used and reserved, what the file system has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hugflow_assets.intake.models import Frozen
from hugflow_assets.rules.words import size
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from hugflow_assets.store import Store


class Space(Frozen):
    """The numbers a quota decision rests on, in bytes and inodes. None: no such limit.

    ``used_bytes`` counts each inode once, staging and trash included; ``reserved_bytes`` is what running landings
    have been promised and not yet written.
    """

    used_bytes: int
    reserved_bytes: int
    free_bytes: int
    min_free_bytes: int
    quota_bytes: int | None = None
    soft_bytes: int | None = None
    used_inodes: int = 0
    free_inodes: int | None = None
    max_inodes: int | None = None

    @classmethod
    def of(cls, store: Store, settings: Settings) -> Space:
        """The room there is now, as the store counts it."""
        room = store.headroom()
        return cls(
            used_bytes=room.used_bytes,
            reserved_bytes=room.reserved_bytes,
            free_bytes=room.free_bytes,
            min_free_bytes=int(settings.storage_min_free),
            quota_bytes=room.quota_bytes,
            soft_bytes=None if settings.storage_soft_limit is None else int(settings.storage_soft_limit),
            used_inodes=room.used_inodes,
            free_inodes=room.free_inodes,
            max_inodes=settings.storage_max_inodes,
        )

    @property
    def left_bytes(self) -> int:
        """What a new landing may take: the least of quota and file system, less reservations; may be negative."""
        on_disk = self.free_bytes - self.min_free_bytes
        in_quota = on_disk if self.quota_bytes is None else self.quota_bytes - self.used_bytes
        return min(on_disk, in_quota) - self.reserved_bytes

    def told(self) -> str:
        """``used 1.2 TB, reserved 30 GB, quota 10 TB``: the numbers as one phrase."""
        quota = f"quota {size(self.quota_bytes)}" if self.quota_bytes is not None else "no quota"
        free = f"{size(self.free_bytes)} free, of which {size(self.min_free_bytes)} stay free"
        return f"used {size(self.used_bytes)}, reserved {size(self.reserved_bytes)}, {quota}, {free}"
