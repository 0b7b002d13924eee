"""The one step that makes a landing visible: complete, with its modes, on the disk, under a lease that still holds."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from hugflow_assets.durable import Lease, sync_folder, sync_tree
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import IncompleteLandingError, ManifestError
from hugflow_assets.store.capacity.quota import Quota
from hugflow_assets.store.layout import MANIFEST, Layout
from hugflow_assets.store.manifests import write_manifest
from hugflow_assets.store.models import Manifest, TrashEntry
from hugflow_assets.store.publishing.intents import Intent, Move, Moves, inode_of
from hugflow_assets.store.publishing.staging import Staging
from hugflow_assets.store.publishing.trees import TreeSizes, delete_tree, settle
from hugflow_assets.store.removal.trash import Trash

SUMS_FILES = {"xxh128": "XXH128SUMS", "sha256": "SHA256SUMS"}


class Publisher:
    """Moves a staged tree into place."""

    def __init__(
        self, layout: Layout, quota: Quota, trash: Trash, moves: Moves, file_mode: int, folder_mode: int
    ) -> None:
        self._layout, self._quota, self._trash, self._moves = layout, quota, trash, moves
        self._file_mode, self._folder_mode = file_mode, folder_mode

    def settle(self, staging: Staging) -> TreeSizes:
        """Give all that is staged its mode, and count it, without a manifest that an earlier run may have left.

        Raises:
            IncompleteLandingError: there is something that is neither a file nor a folder.
        """
        with disk_errors(staging.path):
            (staging.path / MANIFEST).unlink(missing_ok=True)
            return settle(staging.path, self._file_mode, self._folder_mode)

    def publish(
        self,
        staging: Staging,
        manifest: Manifest,
        lease: Lease,
        settled: TreeSizes | None = None,
        *,
        keep_replaced: bool = True,
    ) -> Path:
        """Make the tree of ``staging`` the landed version of its name; the folder it is at now.

        Args:
            settled: what ``settle`` found, if nothing was written since; otherwise it is done now.
            keep_replaced: whether a version that it replaces stays in the trash for the grace period.
        Raises:
            IncompleteLandingError: something that the manifest lists is not in the tree.
            LeaseLostError: another run has taken over; nothing visible was changed.
        """
        name = staging.name
        if manifest.name != name:
            raise ManifestError(f"The manifest of {manifest.name} cannot be published as {name}.", name=name)
        with disk_errors(staging.path):
            _check_complete(staging.path, manifest)
            settled = settled or self.settle(staging)
            complete = manifest.model_copy(update={"inodes": settled.inodes + 1})
            write_manifest(staging.path / MANIFEST, complete, self._file_mode)
            sync_tree(staging.path)
            lease.check()
            with self._quota.lock():
                replaced = self._put(staging, lease)
                self._quota.settle(name)
            delete_tree(self._layout.staging_root / name)
            self._trash.remeasure(name)  # what is linked from there counts here now
            if (intent := self._moves.read(name)) is not None:
                self._moves.close(intent)
            if replaced is not None and not keep_replaced:
                self._trash.delete(replaced)
        return self._layout.dataset(name)

    def _put(self, staging: Staging, lease: Lease) -> TrashEntry | None:
        """Move the tree into place; the version that was there, now in the trash."""
        target = self._layout.dataset(staging.name)
        if not target.exists():
            lease.check()
            staging.path.rename(target)
            sync_folder(self._layout.root)
            return None
        entry = self._trash.draft(staging.name, "replaced")
        self._trash.save(entry)
        intent = Intent(
            move=Move.SWAP,
            name=staging.name,
            entry=entry,
            old_inode=inode_of(target),
            new_inode=inode_of(staging.path),
            fingerprint_data=staging.root.name,
        )
        self._moves.record(intent)
        lease.check()
        self._moves.carry_out(intent, begin=True)
        return entry


def _check_complete(tree: Path, manifest: Manifest) -> None:
    """Everything that the manifest lists at the top of things exists: records, media folders, the checksum list."""
    wanted: list[tuple[str, bool]] = [(SUMS_FILES.get(manifest.checksums, "XXH128SUMS"), False)]
    for config in manifest.configs:
        for split in config.splits:
            wanted.append((split.record_path, False))
            wanted += [(folder, True) for shard in split.shards for folder in shard.folders if shard.counts.media_files]
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
