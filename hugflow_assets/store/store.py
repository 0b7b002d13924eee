"""The storage root: what is landed, what is landing, what is promised, what was removed and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from hugflow_assets.durable import Lease, make_folder
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import HugflowError, LeaseHeldError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.settings import Settings
from hugflow_assets.store.capacity.quota import Limits, Quota
from hugflow_assets.store.capacity.space import Cleaned, StorageProbe
from hugflow_assets.store.events import EventLog
from hugflow_assets.store.index import Index
from hugflow_assets.store.layout import Layout
from hugflow_assets.store.leases import Leases
from hugflow_assets.store.manifests import read_manifest
from hugflow_assets.store.marks import Expiry, Hold, Marks, Scrub, Upstream, Withdrawal
from hugflow_assets.store.models import EventKind, IndexRow, Manifest, PlannedEvent
from hugflow_assets.store.outbox import Outbox
from hugflow_assets.store.progress import ProgressFiles
from hugflow_assets.store.publishing.links import Links, look_for_links
from hugflow_assets.store.publishing.moves import Moves
from hugflow_assets.store.publishing.publish import Publisher
from hugflow_assets.store.publishing.staging import Staging, take_over
from hugflow_assets.store.publishing.trees import TreeSizes
from hugflow_assets.store.readers import Readers, ReadersPolicy
from hugflow_assets.store.removal.debris import clean_staging, clean_temporaries, probe
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry
from hugflow_assets.store.removal.remove import Removal
from hugflow_assets.store.removal.trash import Trash
from hugflow_assets.store.slots import take_slot

_SWAP_WAIT_S = 2.0


class Store:
    """One storage root with its state folder. Cheap to make; the first use creates what is missing on the disk.

    Its parts are there for whoever needs them (``index``: what is landed; ``trash``, ``quota``, ``leases``, ``events``,
    ``progress`` and the marks); its own methods are what takes several of them.

    Args:
        root: the storage root, shared by every machine.
        state_dir: what can be rebuilt; may be this machine's own.
        lease_ttl_s: silence after which a run counts as dead.
        file_mode, folder_mode, read_group, gated_group: of what is landed.
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
        read_group: str | None = None,
        gated_group: str | None = None,
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
        self.readers = ReadersPolicy(file_mode, folder_mode, read_group, gated_group)
        self.lease_ttl_s, self.staging_grace_s, self._host = lease_ttl_s, staging_grace_s, host
        self.limits = Limits(quota_bytes, soft_limit_bytes, min_free_bytes, max_inodes)
        self.layout = Layout(self.root, self.state_dir)
        self.events = EventLog(self.layout, host=host)
        self.progress = ProgressFiles(self.layout)
        self._outbox = Outbox(self.layout, self.events)
        self.holds = Marks(self.layout, "holds", Hold, self._outbox)
        self.upstream = Marks(self.layout, "upstream", Upstream, self._outbox)
        self.scrubs = Marks(self.layout, "scrubs", Scrub, self._outbox)
        self.expiries = Marks(self.layout, "expiries", Expiry, self._outbox)
        self.withdrawn = Marks(self.layout, "withdrawn", Withdrawal, self._outbox)
        self.index = Index(self.layout, self._prepare)
        self.trash = Trash(self.layout, trash_grace_s, self._prepare)
        self.quota = Quota(
            self.layout, self.index, self.trash, self.events, self.limits, lease_ttl_s, self._prepare, host
        )
        self.moves = Moves(self.layout, self.quota, self.trash, self.events, exchanging=exchanging)
        self.publisher = Publisher(self.layout, self.trash, self.moves, self.readers)
        self._removal = Removal(self.layout, self.trash, self.moves, self.events, self.publisher)
        self.leases = Leases(self.layout, self.moves, lease_ttl_s, host)

    @classmethod
    def of(cls, settings: Settings) -> Store:
        """The store that the settings name."""
        return cls(
            settings.storage_root,
            settings.hugflow_state_dir,
            lease_ttl_s=settings.lease_ttl.total_seconds(),
            file_mode=int(settings.file_mode, 8),
            folder_mode=int(settings.folder_mode, 8),
            read_group=settings.read_group,
            gated_group=settings.gated_group,
            quota_bytes=_optional(settings.storage_quota),
            soft_limit_bytes=_optional(settings.storage_soft_limit),
            min_free_bytes=int(settings.storage_min_free),
            max_inodes=settings.storage_max_inodes,
            trash_grace_s=settings.trash_grace.total_seconds(),
            staging_grace_s=settings.staging_grace.total_seconds(),
        )

    # ---- what is landed

    def rebuild_index(self) -> dict[str, IndexRow]:
        """Make ``active.json`` and ``archived.json`` again from manifests and tombstones alone."""
        self._prepare()
        with disk_errors(self.root):
            self.trash.archived()
            return self.index.rebuild()

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
                self.leases.recover()
                if time.monotonic() > until:
                    break
                time.sleep(0.005)
            return found

    # ---- landing

    def staging(
        self, name: str, fingerprint_data: str, lease: Lease | None = None, readers: Readers | None = None
    ) -> Staging:
        """The staging of these data, as an earlier run left it. The caller holds the lease.

        Args:
            lease: given, the folder is this lease's own, where no earlier holder that wakes up can do harm.
            readers: those who may read what is staged, where that is known.
        """
        root = self.layout.staging(name, fingerprint_data)
        self.layout.prepare()
        if lease is not None:
            with disk_errors(root):
                root = take_over(root.parent, fingerprint_data, lease.token)
        with disk_errors(root):
            make_folder(root)
            if readers is not None:
                readers.guard(root)
        return Staging(root, name, fingerprint_data).open()

    def publish(
        self,
        staging: Staging,
        manifest: Manifest,
        lease: Lease,
        settled: TreeSizes | None = None,
        *,
        event: PlannedEvent | None = None,
        keep_replaced: bool = True,
    ) -> Path:
        """Make a complete staged tree visible; a version that is there goes to the trash. Returns the folder.

        Args:
            settled: what ``settle`` found, if nothing was written since; otherwise it is done now.
            event: what tells that it is done; told once, whatever is killed.
            keep_replaced: False where every byte of the data lives on in the new version: nothing is kept then.
        Raises:
            IncompleteLandingError: something that the manifest lists is not in the tree.
            LeaseLostError: another run has taken over; nothing visible was changed.
        """
        path = self.publisher.publish(staging, manifest, lease, settled, event=event, keep_replaced=keep_replaced)
        self.index.rows()
        return path

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

    def look_for_links(self) -> Links:
        """Find what datasets share by hard links, so that it counts once; looks at every file."""
        self._prepare()
        with disk_errors(self.root):
            return look_for_links(self.layout, self.index.rows())

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
            with self.leases.take_from(name, "removal", wait_s, by=by) as own:
                done = self._removal.remove(name, own, reason=reason, by=by, removal_path=removal_path)
        self.index.rows()
        self.trash.archived()
        return done

    def restore(
        self,
        name: str,
        *,
        entry_id: str | None = None,
        lease: Lease | None = None,
        request: DatasetRequest | None = None,
    ) -> TrashEntry:
        """Bring back the newest removed version (or the entry given) and append the ``restored`` event.

        Whether a removal is in force is the caller's to ask: it knows the requests.

        Args:
            request: says who may read it; None: the one that it landed for.
        Raises:
            UnknownDatasetError: the trash has no such version.
            StorageError: a version of that name is landed.
            GroupUnusableError, UnguardedDataError: it cannot be kept from those who may not read it.
        """
        if lease is None:
            with self.leases.take(name, purpose="restore") as own:
                return self.restore(name, entry_id=entry_id, lease=own, request=request)
        done = self._removal.restore(name, lease, entry_id, request)
        self.index.rows()
        self.trash.archived()
        return done

    def empty_trash(
        self, older_than_s: float | None = None, *, name: str | None = None, by: str = "", lease: Lease | None = None
    ) -> int:
        """Delete for good what has been in the trash for longer (default: the grace); the bytes freed.

        Each version that goes is a ``freed`` event. What cannot be deleted keeps no other from going.

        Args:
            lease: of ``name``, where the caller holds it.
        Raises:
            StorageError: something cannot be deleted.
        """
        limit = self.trash.grace_s if older_than_s is None else older_than_s
        self._prepare()
        freed, problems = 0, list[HugflowError]()
        for entry in self.trash.older_than(limit, name):
            try:
                with (
                    disk_errors(self.root),
                    contextlib.suppress(LeaseHeldError),  # at work on that name: next time
                    contextlib.nullcontext(lease)
                    if lease is not None
                    else self.leases.take(entry.name, purpose="emptying the trash") as held,
                ):
                    freed += self._removal.free(entry, held, by=by)
            except HugflowError as error:
                problems.append(error)
        self.trash.archived()
        if problems:
            raise problems[0]
        return freed

    # ---- after crashes

    def clean_debris(self, *, staging_older_than_s: float | None = None) -> Cleaned:
        """Remove what crashes left behind, by heartbeat age, never by guess; what it was."""
        limit = self.staging_grace_s if staging_older_than_s is None else staging_older_than_s
        self.layout.prepare()
        with disk_errors(self.root):
            recovered = self.leases.recover()
            staging = list(
                clean_staging(self.layout, limit, lambda name: self.leases.take(name, purpose="cleaning staging"))
            )
            doomed = self.trash.half_deleted()
            for path in doomed:
                self.trash.finish_deletion(path)
            return Cleaned(
                staging=tuple(one for one, _ in staging),
                size_bytes=sum(size for _, size in staging),
                reservations=self.quota.reap(),
                temporaries=tuple(clean_temporaries(self.layout)),
                deletions=tuple(path.name for path in doomed),
                recovered=recovered,
            )

    def probe(self) -> StorageProbe:
        """What the file system can do, tried out, for ``hugflow doctor``."""
        self.layout.prepare()
        with disk_errors(self.root):
            return probe(self.layout)

    def _prepare(self) -> None:
        """Make what is missing, and complete what a crash cut short: a move, or the event of a mark."""
        self.layout.prepare()
        with disk_errors(self.root):
            if self.moves.pending():
                self.leases.recover()
            if self._outbox.pending():
                with contextlib.suppress(HugflowError, OSError):  # told when the storage takes it, by who may write
                    self._outbox.recover()


def landed_event(
    store: Store, manifest: Manifest, action: str, run_id: str | None, seconds: float | None = None
) -> PlannedEvent:
    """The event of a landing. ``seconds``: how long it took, where nothing was fetched; None: as the manifest says."""
    facts = manifest.landed_facts()
    if seconds is not None:
        facts |= {"seconds": round(seconds, 3), "bytes_fetched": 0}
    folder = str(store.layout.dataset(manifest.name))
    return store.events.plan(EventKind.LANDED, manifest.name, run_id=run_id, action=action, folder=folder, **facts)


def _optional(size: int | None) -> int | None:
    return None if size is None else int(size)
