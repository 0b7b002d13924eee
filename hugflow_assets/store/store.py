"""The storage root: what is landed, what is landing, what is promised, what was removed and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from hugflow_assets.durable import Holder, Lease
from hugflow_assets.errors import LeaseHeldError, UnknownDatasetError
from hugflow_assets.settings import Settings
from hugflow_assets.store.debris import clean_staging, clean_temporaries, probe
from hugflow_assets.store.events import EventLog
from hugflow_assets.store.faults import disk_errors
from hugflow_assets.store.index import Index
from hugflow_assets.store.intents import Moves
from hugflow_assets.store.layout import MANIFEST, Layout
from hugflow_assets.store.leases import Leases
from hugflow_assets.store.links import Links, look_for_links
from hugflow_assets.store.manifests import read_manifest, write_manifest
from hugflow_assets.store.marks import Expiry, Hold, Marks, Scrub, Upstream
from hugflow_assets.store.models import IndexRow, Manifest, Tombstone, TrashEntry
from hugflow_assets.store.progress import ProgressFiles
from hugflow_assets.store.publishing import Publisher
from hugflow_assets.store.quota import Limits, Quota
from hugflow_assets.store.removal import Removal
from hugflow_assets.store.reservation import Reservation
from hugflow_assets.store.slots import take_slot
from hugflow_assets.store.space import Cleaned, Headroom, StorageProbe, Usage
from hugflow_assets.store.staging import Staging, take_over
from hugflow_assets.store.trash import Trash, readable_manifest
from hugflow_assets.store.trees import TreeSizes

_SWAP_WAIT_S = 2.0


class Store:
    """One storage root with its state folder. Cheap to make; the first use creates what is missing on the disk.

    Args:
        root: the storage root, shared by every machine.
        state_dir: what can be rebuilt; may be this machine's own.
        lease_ttl_s: silence after which a run counts as dead.
        file_mode, folder_mode: of what is landed.
        quota_bytes, soft_limit_bytes, max_inodes: limits; None is none.
        min_free_bytes: free space that no landing takes.
        trash_grace_s: how long removed and replaced versions can be restored.
        staging_grace_s: how long abandoned staging is kept for a run that resumes it.
        exchanging: False swaps by two renames even where the file system could exchange folders in one step.
        host: stands for another host in tests; None is this one.
    """

    def __init__(
        self,
        root: Path,
        state_dir: Path,
        *,
        lease_ttl_s: float = 60,
        file_mode: int = 0o440,
        folder_mode: int = 0o750,
        quota_bytes: int | None = None,
        soft_limit_bytes: int | None = None,
        min_free_bytes: int = 0,
        max_inodes: int | None = None,
        trash_grace_s: float = 7 * 86400,
        staging_grace_s: float = 86400,
        exchanging: bool = True,
        host: str | None = None,
    ) -> None:
        self.root, self.state_dir = Path(root), Path(state_dir)
        self.file_mode, self.folder_mode = file_mode, folder_mode
        self.lease_ttl_s, self.staging_grace_s, self._host = lease_ttl_s, staging_grace_s, host
        self.limits = Limits(quota_bytes, soft_limit_bytes, min_free_bytes, max_inodes)
        self.layout = Layout(self.root, self.state_dir)
        self.events = EventLog(self.layout, host=host)
        self.progress = ProgressFiles(self.layout)
        self.holds = Marks(self.layout, "holds", Hold)
        self.upstream = Marks(self.layout, "upstream", Upstream)
        self.scrubs = Marks(self.layout, "scrubs", Scrub)
        self.expiries = Marks(self.layout, "expiries", Expiry)
        self._index = Index(self.layout)
        self._trash = Trash(self.layout, trash_grace_s)
        self._moves = Moves(self.layout, self._trash, exchanging=exchanging)
        self._quota = Quota(self.layout, self._index, self._trash, self.events, self.limits, lease_ttl_s, host)
        self._publisher = Publisher(self.layout, self._quota, self._trash, self._moves, file_mode, folder_mode)
        self._removal = Removal(self.layout, self._quota, self._trash, self._moves, self.events, self.progress)
        self._leases = Leases(self.layout, self._moves, self._removal, lease_ttl_s, host)

    @classmethod
    def of(cls, settings: Settings) -> Store:
        """The store that the settings name."""
        return cls(
            settings.storage_root,
            settings.hugflow_state_dir,
            lease_ttl_s=settings.lease_ttl.total_seconds(),
            file_mode=int(settings.file_mode, 8),
            folder_mode=int(settings.folder_mode, 8),
            quota_bytes=_optional(settings.storage_quota),
            soft_limit_bytes=_optional(settings.storage_soft_limit),
            min_free_bytes=int(settings.storage_min_free),
            max_inodes=settings.storage_max_inodes,
            trash_grace_s=settings.trash_grace.total_seconds(),
            staging_grace_s=settings.staging_grace.total_seconds(),
        )

    # ---- what is landed

    def names(self) -> list[str]:
        """The landed datasets, sorted: folders of the storage root with a ``hugflow.json``, damaged ones too."""
        return list(self.index())

    def index(self) -> dict[str, IndexRow]:
        """A row a dataset; also written to ``active.json``. A manifest is read only where it changed."""
        self._ready()
        with disk_errors(self.root):
            return self._index.rows()

    def row(self, name: str) -> IndexRow | None:
        """The index row of one dataset; None when it is not landed."""
        self.layout.manifest(name)
        self._ready()
        with disk_errors(self.root):
            return self._index.row(name)

    def rebuild_index(self) -> dict[str, IndexRow]:
        """Make ``active.json`` and ``archived.json`` again from manifests and tombstones alone."""
        self._ready()
        with disk_errors(self.root):
            self.archived()
            return self._index.rebuild()

    def strays(self) -> tuple[str, ...]:
        """What lies in the storage root and is no dataset (a folder without ``hugflow.json``, a file)."""
        with disk_errors(self.root):
            return self._index.strays()

    def manifest(self, name: str) -> Manifest | None:
        """The manifest of a landed dataset; None when it is not landed.

        Raises:
            UnknownDatasetError: no dataset can have this name.
            ManifestError: it cannot be read, or a newer Hugflow wrote it.
        """
        path = self.layout.manifest(name)
        with disk_errors(path):
            until = time.monotonic() + _SWAP_WAIT_S
            while (found := read_manifest(path)) is None and self.layout.intent(name).exists():
                # Between the two renames of a swap: completed here if that run is dead, by itself in a moment if not.
                self.recover()
                if time.monotonic() > until:
                    break
                time.sleep(0.005)
            return found

    def write_manifest(self, name: str, manifest: Manifest) -> None:
        """Replace the manifest of a landed dataset, atomically. The caller holds its lease.

        Raises:
            UnknownDatasetError: it is not landed, or the manifest is another dataset's.
        """
        path = self.layout.manifest(name)
        if manifest.name != name or not path.parent.is_dir():
            raise UnknownDatasetError(f"{name} is not landed; it has no manifest to replace.", name=name)
        with disk_errors(path):
            write_manifest(path, manifest, self.file_mode)
            self._index.rows()

    # ---- landing

    def lease(self, name: str, *, purpose: str, wait_s: float = 0) -> Lease:
        """Be the only run at work on ``name``; what a crash of an earlier one cut short is completed first.

        Raises:
            LeaseHeldError: another run is, for longer than ``wait_s``.
        """
        self.layout.lease(name)
        self.layout.prepare()
        return self._leases.take(name, purpose, wait_s)

    def holder(self, name: str) -> Holder | None:
        """Who is at work on ``name`` now."""
        return self._leases.holder(name)

    def staging(self, name: str, fingerprint_data: str, lease: Lease | None = None) -> Staging:
        """The staging of these data, as an earlier run left it. The caller holds the lease.

        Args:
            lease: given, the folder is this lease's own, where no earlier holder that wakes up can do harm.
        """
        root = self.layout.staging(name, fingerprint_data)
        self.layout.prepare()
        if lease is not None:
            with disk_errors(root):
                root = take_over(root.parent, fingerprint_data, lease.token)
        return Staging(root, name, fingerprint_data).open()

    def settle(self, staging: Staging) -> TreeSizes:
        """Give everything in a complete staged tree its mode, and count it.

        Raises:
            IncompleteLandingError: there is something that is neither a file nor a folder.
        """
        return self._publisher.settle(staging)

    def publish(self, staging: Staging, manifest: Manifest, lease: Lease, settled: TreeSizes | None = None) -> Path:
        """Make a complete staged tree visible; a version that is there goes to the trash. Returns the folder.

        Args:
            settled: what ``settle`` found, if nothing was written since; otherwise it is done now.
        Raises:
            IncompleteLandingError: something that the manifest lists is not in the tree.
            LeaseLostError: another run has taken over; nothing visible was changed.
        """
        path = self._publisher.publish(staging, manifest, lease, settled)
        self._index.rows()
        return path

    def cancel(self, name: str, *, by: str = "") -> bool:
        """Ask the landing of ``name`` to stop; whether there is one."""
        self.layout.prepare()
        return self._leases.cancel(name, by=by)

    def cancelled(self, name: str, lease: Lease | None = None) -> bool:
        """Whether the landing of ``name`` (under ``lease``, if given) was asked to stop."""
        return self._leases.cancelled(name, lease.token if lease else None)

    def slot(
        self,
        kind: str = "downloads",
        *,
        limit: int,
        wait_s: float = 86400,
        purpose: str = "",
        should_stop: Callable[[], bool] | None = None,
    ) -> Lease:
        """One of ``limit`` places over all runs of this storage (``MAX_CONCURRENT_DOWNLOADS``); a context manager.

        Raises:
            LeaseHeldError: none became free within ``wait_s``, or ``should_stop`` said so.
        """
        self.layout.prepare()
        return take_slot(
            self.layout, kind, limit, purpose, self.lease_ttl_s, wait_s=wait_s, should_stop=should_stop, host=self._host
        )

    # ---- space

    def reserve(self, name: str, need_bytes: int, need_inodes: int = 0, *, owner: str = "") -> Reservation:
        """Promise space to a landing; see ``quota`` for the arithmetic. A context manager.

        Args:
            need_bytes, need_inodes: all that the landing puts on the disk, what is staged already included, what it
                links from a landed version not.
        Raises:
            QuotaExceededError: it does not fit.
        """
        self.layout.reservation(name)
        with disk_errors(self.root):
            return self._quota.reserve(name, need_bytes, need_inodes, owner)

    def reserved_names(self) -> frozenset[str]:
        """The names of the landings that space is promised to."""
        self._ready()
        with disk_errors(self.root):
            return frozenset(self._quota.reservations())

    def headroom(self, name: str | None = None) -> Headroom:
        """What is taken and left; with ``name``, as a landing of that name would find it. Decides nothing."""
        self._ready()
        with disk_errors(self.root):
            return self._quota.headroom(name)

    def usage(self) -> Usage:
        """What the storage holds, per dataset and in total."""
        self._ready()
        with disk_errors(self.root):
            return self._quota.usage()

    def look_for_links(self) -> Links:
        """Find what datasets share by hard links, so that it counts once; looks at every file."""
        self._ready()
        with disk_errors(self.root):
            return look_for_links(self.layout, self._index.rows())

    # ---- removal

    def remove(
        self,
        name: str,
        *,
        reason: str,
        by: str,
        removal_path: str | None = None,
        lease: Lease | None = None,
        wait_s: float = 60,
    ) -> Tombstone:
        """Move a dataset to the trash and append the ``removed`` event. A landing in flight is cancelled first.

        Args:
            lease: of this name, if the caller holds it; else it is taken, waiting up to ``wait_s`` for the landing.
        Raises:
            UnknownDatasetError: nothing of that name is landed or staged.
            LeaseHeldError: the landing in flight did not stop in time.
        """
        self.layout.dataset(name)
        if lease is not None:
            done = self._removal.remove(name, lease, reason=reason, by=by, removal_path=removal_path)
        else:
            self.layout.prepare()
            with self._leases.take_from(name, "removal", wait_s, by=by) as own:
                done = self._removal.remove(name, own, reason=reason, by=by, removal_path=removal_path)
        self.index()
        self.archived()
        return done

    def restore(self, name: str, *, entry_id: str | None = None, lease: Lease | None = None) -> TrashEntry:
        """Bring back the newest removed version (or the entry given) and append the ``restored`` event.

        Whether a removal is in force is the caller's to ask: it knows the requests.

        Raises:
            UnknownDatasetError: the trash has no such version.
            StorageError: a version of that name is landed.
        """
        if lease is None:
            with self.lease(name, purpose="restore") as own:
                return self.restore(name, entry_id=entry_id, lease=own)
        done = self._removal.restore(name, lease, entry_id)
        self.index()
        self.archived()
        return done

    def trash_entries(self, name: str | None = None) -> tuple[TrashEntry, ...]:
        """What is in the trash, oldest first."""
        with disk_errors(self.root):
            return self._trash.entries(name)

    def trash_versions(self, name: str) -> tuple[tuple[Path, Manifest], ...]:
        """The readable versions of ``name`` in the trash, newest first. They stay while the caller holds the lease."""
        found = [(self._trash.folder(entry), self.trashed_manifest(entry)) for entry in self.trash_entries(name)[::-1]]
        return tuple((folder, manifest) for folder, manifest in found if manifest is not None)

    def trashed_manifest(self, entry: TrashEntry) -> Manifest | None:
        """The manifest of a version in the trash; None when it is unreadable."""
        return readable_manifest(self._trash.folder(entry) / MANIFEST)

    def empty_trash(self, older_than_s: float | None = None, *, name: str | None = None, by: str = "") -> int:
        """Delete for good what has been in the trash for longer (default: the grace); the bytes freed.

        Each version that goes is a ``freed`` event.
        """
        limit = self._trash.grace_s if older_than_s is None else older_than_s
        self._ready()
        freed = 0
        with disk_errors(self.root):
            for entry in self._trash.older_than(limit, name):
                # At work on that name: next time.
                with contextlib.suppress(LeaseHeldError), self.lease(entry.name, purpose="emptying the trash") as lease:
                    freed += self._removal.free(entry, lease, by=by)
        self.archived()
        return freed

    def tombstone(self, name: str) -> Tombstone | None:
        """Why ``name`` was last removed; None if it never was, or was restored since."""
        found = self._trash.tombstones(name)
        return found[-1] if found and found[-1].restored_at is None else None

    def archived(self) -> tuple[Tombstone, ...]:
        """Every removal ever, oldest first; also written to ``archived.json``."""
        self._ready()
        with disk_errors(self.root):
            return self._trash.write_archive()

    # ---- after crashes

    def recover(self) -> tuple[str, ...]:
        """Complete swaps and removals that a crash cut short, where nobody else is at work; their names."""
        return self._leases.recover()

    def clean_debris(self, *, staging_older_than_s: float | None = None) -> Cleaned:
        """Remove what crashes left behind, by heartbeat age, never by guess; what it was."""
        limit = self.staging_grace_s if staging_older_than_s is None else staging_older_than_s
        self.layout.prepare()
        with disk_errors(self.root):
            recovered = self.recover()
            staging = list(clean_staging(self.layout, limit, lambda name: self.lease(name, purpose="cleaning staging")))
            doomed = self._trash.half_deleted()
            for path in doomed:
                self._trash.finish_deletion(path)
            return Cleaned(
                staging=tuple(one for one, _ in staging),
                size_bytes=sum(size for _, size in staging),
                reservations=self._quota.reap(),
                temporaries=tuple(clean_temporaries(self.layout)),
                deletions=tuple(path.name for path in doomed),
                recovered=recovered,
            )

    def probe(self) -> StorageProbe:
        """What the file system can do, tried out, for ``hugflow doctor``."""
        self.layout.prepare()
        with disk_errors(self.root):
            return probe(self.layout)

    def _ready(self) -> None:
        self.layout.prepare()
        if self._moves.pending():
            self.recover()


def _optional(size: int | None) -> int | None:
    return None if size is None else int(size)
