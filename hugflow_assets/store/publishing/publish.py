"""The one step that makes a landing visible: complete, with its modes, on the disk, under a lease that still holds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from hugflow_assets.durable import Lease, sync_tree
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import IncompleteLandingError, ManifestError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.store.layout import MANIFEST, Layout
from hugflow_assets.store.manifests import write_manifest
from hugflow_assets.store.models import Manifest, PlannedEvent
from hugflow_assets.store.publishing.intents import Intent, Move
from hugflow_assets.store.publishing.moves import Moves
from hugflow_assets.store.publishing.staging import Staging
from hugflow_assets.store.publishing.trees import TreeSizes, inode, settle
from hugflow_assets.store.readers import Readers, ReadersPolicy
from hugflow_assets.store.removal.trash import Trash

SUMS_FILES = {"xxh128": "XXH128SUMS", "sha256": "SHA256SUMS"}


class Publisher:
    """Moves a staged tree into place."""

    def __init__(self, layout: Layout, trash: Trash, moves: Moves, readers: ReadersPolicy) -> None:
        self._layout, self._trash, self._moves, self._readers = layout, trash, moves, readers

    def settle(self, staging: Staging, readers: Readers) -> TreeSizes:
        """Give all that is staged its group and mode, and count it, without a manifest that an earlier run has left.

        Raises:
            IncompleteLandingError: there is something that is neither a file nor a folder.
            GroupUnusableError: something cannot be given to the readers' group.
        """
        with disk_errors(staging.path):
            (staging.path / MANIFEST).unlink(missing_ok=True)
            return self._settled(staging.path, readers)

    def guard(self, folder: Path, manifest: Manifest, request: DatasetRequest) -> None:
        """Give a version in the trash to those who may read it, before it comes back.

        Raises:
            GroupUnusableError, UnguardedDataError: it cannot be kept from those who may not read it.
        """
        readers = self._readers.of(request, is_guarded=manifest.repo.is_guarded)
        if not readers.fits(folder):
            self._settled(folder, readers)

    def _settled(self, tree: Path, readers: Readers) -> TreeSizes:
        return settle(tree, readers, self._storage_gid())

    def _storage_gid(self) -> int:
        """The group of what belongs to no group of its own."""
        return self._layout.staging_root.stat().st_gid

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
        """Make the tree of ``staging`` the landed version of its name; the folder it is at now.

        Args:
            settled: what ``settle`` found, if nothing was written since; otherwise it is done now.
            event: what tells that it is done; told once, whatever is killed.
            keep_replaced: whether a version that it replaces stays in the trash for the grace period.
        Raises:
            IncompleteLandingError: something that the manifest lists is not in the tree.
            LeaseLostError: another run has taken over; nothing visible was changed.
            GroupUnusableError, UnguardedDataError: it cannot be kept from those who may not read it.
        """
        name = staging.name
        if manifest.name != name:
            raise ManifestError(f"The manifest of {manifest.name} cannot be published as {name}.", name=name)
        with disk_errors(staging.path):
            _check_complete(staging.path, manifest)
            readers = self._readers.of(manifest.request, is_guarded=manifest.repo.is_guarded)
            if settled is None or not readers.fits(staging.path):
                settled = self.settle(staging, readers)
            complete = manifest.model_copy(update={"inodes": settled.inodes + 1})
            write_manifest(staging.path / MANIFEST, complete, readers.file_mode)
            readers.hand_over(staging.path / MANIFEST, self._storage_gid())
            sync_tree(staging.path)
            self._moves.begin(self._intent(staging, event, keep_replaced), lease)
        return self._layout.dataset(name)

    def _intent(self, staging: Staging, event: PlannedEvent | None, keep_replaced: bool) -> Intent:
        """The tree moves to where nothing is, or takes the place of the version that is there."""
        target, name = self._layout.dataset(staging.name), staging.name
        landing = Intent(
            move=Move.LAND, name=name, new_inode=inode(staging.path), fingerprint_data=staging.root.name, event=event
        )
        if not target.exists():
            return landing
        entry = self._trash.draft(name, "replaced")
        self._trash.save(entry)
        swap = {"move": Move.SWAP, "entry": entry, "old_inode": inode(target), "keep_replaced": keep_replaced}
        return landing.model_copy(update=swap)


def _check_complete(tree: Path, manifest: Manifest) -> None:
    """Everything that the manifest lists at the top of things exists: records, media folders, the checksum list."""
    wanted: list[tuple[str, bool]] = [(SUMS_FILES.get(manifest.checksums, "XXH128SUMS"), False)]
    for config in manifest.configs:
        for split in config.splits:
            wanted.append((split.record_path, False))
            for shard in split.shards:
                if shard.pack is not None:
                    wanted += [(tar.path, False) for tar in shard.tars]
                elif shard.counts.media_files:
                    wanted += [(folder, True) for folder in shard.folders]
    for path, is_folder in wanted:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise IncompleteLandingError(f"{manifest.name}: the manifest lists {path!r}, a path outside its folder.")
        found = tree / pure
        if not (found.is_dir() if is_folder else found.is_file()):
            raise IncompleteLandingError(
                f"{manifest.name}: {path} is listed in the manifest and is not in the staged tree; nothing was "
                "published.",
                remedy="Run it again; if it fails again, remove the staging with `hugflow remove` and land anew.",
                name=manifest.name,
                path=path,
            )
