"""A frozen dataset lands again: of what is here, of another store's folder, and of the Hub last."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import DamagedDatasetError, HugflowError, LockRefusedError
from hugflow_assets.formats.checksums import Checksum
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.landing.forecast import SLACK_BYTES
from hugflow_assets.landing.frozen import FrozenDataset, list_digest, listed, refuse_other, same_as, tree_digest
from hugflow_assets.landing.land import land, refuse_held
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.verify.verify import quick_check
from hugflow_assets.landing.withdraw import withdrawals
from hugflow_assets.planning.models import Action, Version
from hugflow_assets.planning.pin import plan
from hugflow_assets.store import Lease, Manifest, Staging, Store, Volatile, landed_event, now_text
from hugflow_assets.store.layout import MANIFEST
from hugflow_assets.store.manifests import read_manifest
from hugflow_assets.version import __version__

_LOG = logging.getLogger(__name__)
HERE, HUB = "here", "the Hub"


@dataclass(frozen=True)
class FrozenLanding:
    """Where frozen datasets come from and go to. ``peers`` are storage roots of other sites."""

    store: Store
    peers: Sequence[Path]
    access: HubAccess
    options: LandingOptions

    def land(self, one: FrozenDataset) -> str:
        """Make the storage hold what was frozen, byte for byte; where it came from.

        Raises:
            LockRefusedError: neither a peer nor the Hub gave what the lock says, or rows of it were withdrawn here.
            HFError: no peer has it, and the Hub does not give it.
            HugflowError: as ``land``.
        """
        manifest, root = self.store.manifest(one.name), self.store.layout.dataset(one.name)
        if manifest is not None and same_as(root, manifest, one) and quick_check(root, manifest):
            return HERE
        self._refuse_withdrawn(one)
        for peer in self.peers:
            try:
                if self._of_peer(one, peer / one.name):
                    return str(peer)
            except (DamagedDatasetError, LockRefusedError) as error:
                _LOG.warning("%s: not taken from %s: %s", one.name, peer, error)
        self._of_hub(one)
        return HUB

    def _refuse_withdrawn(self, one: FrozenDataset) -> None:
        if withdrawals(self.store, one.name):
            raise LockRefusedError(
                f"Rows of {one.name} were withdrawn here; the lock could bring them back.",
                remedy="Land its request instead (`hugflow sync`), which leaves them out.",
                name=one.name,
            )

    # ---- of another store

    def _of_peer(self, one: FrozenDataset, folder: Path) -> bool:
        """Copy it from a peer, if that has what was frozen; whether it had."""
        try:
            theirs = read_manifest(folder / MANIFEST)
        except (HugflowError, OSError) as error:
            _LOG.warning("%s: %s cannot be read: %s", one.name, folder, error)
            return False
        if theirs is None or not same_as(folder, theirs, one):
            return False
        began, store = time.monotonic(), self.store
        with store.leases.take(one.name, purpose="landing") as lease:
            refuse_held(one.name, one.request, store)
            readers = store.readers.of(one.request, is_guarded=theirs.repo.is_guarded)
            staging = store.staging(one.name, f"peer-{one.tree_sha256[:16]}", lease, readers)
            with store.quota.reserve(one.name, one.size_bytes + SLACK_BYTES, theirs.inodes or one.files):
                with disk_errors(staging.path):
                    self._copy(one, folder, staging, lease)
                self._refuse_other(one, staging)
                settled = store.publisher.settle(staging, readers)
                manifest = _landed_now(theirs, time.monotonic() - began)
                event = landed_event(store, manifest, Action.LAND.value, None)
                store.publish(staging, manifest, lease, settled, event=event)
        return True

    def _refuse_other(self, one: FrozenDataset, staging: Staging) -> None:
        try:
            refuse_other(staging.path, one)
        except LockRefusedError:
            staging.discard()  # of files that are as their list says, and not as the lock does
            raise

    def _copy(self, one: FrozenDataset, folder: Path, staging: Staging, lease: Lease) -> None:
        """Copy what is not staged yet, each file held against its checksum, and leave nothing else there."""
        checksum = Checksum.called(one.checksums)
        _copy_file(folder / checksum.list_name, staging.path / checksum.list_name)
        if list_digest(staging.path, checksum) != one.list_sha256:
            raise DamagedDatasetError(f"{folder / checksum.list_name} is not the one that was frozen.")
        wanted = dict(listed(staging.path, checksum))
        kept = {*wanted, checksum.list_name}
        for there in [one for one in staging.path.rglob("*") if not one.is_dir()]:
            if there.relative_to(staging.path).as_posix() not in kept:
                there.unlink()
        for path, digest in wanted.items():
            lease.check()
            target = staging.path / path
            if target.is_file() and checksum.of_file(target) == digest:
                continue
            _copy_file(folder / path, target)
            if checksum.of_file(target) != digest:
                raise DamagedDatasetError(f"{folder / path} is not as it landed there.", path=path)

    # ---- of the Hub

    def _of_hub(self, one: FrozenDataset) -> None:
        request = one.request.model_copy(update={"revision": one.commit})
        found = plan(Hub(self.access), request, landed=None)
        landed = self.store.manifest(one.name)
        found = found.model_copy(
            update={
                "request": one.request, "name": one.name, "over": Version.of(landed) if landed is not None else None,
            }
        )  # fmt: skip
        options = replace(
            self.options, checksums=one.checksums, views=one.views, form=one.form,
            pack_size=one.pack_size or self.options.pack_size, accept=_Only(one),
        )  # fmt: skip
        done = land(found, self.store, self.access, options)
        if tree_digest(done.path, Checksum.called(one.checksums)) != one.tree_sha256:
            raise LockRefusedError(
                f"{one.name} is landed at commit {one.commit[:12]}, and not as the lock says.",
                remedy="Land it with the version of Hugflow that froze it, or from a store that has it.",
                name=one.name,
            )


@dataclass(frozen=True)
class _Only:
    """Accepts a tree that is the frozen one, and no other."""

    one: FrozenDataset

    def __call__(self, tree: Path) -> None:
        refuse_other(tree, self.one)


def _landed_now(theirs: Manifest, seconds: float) -> Manifest:
    """Their manifest, as of this landing."""
    now: dict[str, Any] = {"landed_at": now_text(), "updated_at": now_text(), "seconds": round(seconds, 3)}
    volatile = Volatile(**now, host=socket.gethostname(), hugflow_version=__version__)
    return theirs.model_copy(update={"volatile": volatile})


def _copy_file(source: Path, target: Path) -> None:
    if not source.is_file() or source.is_symlink() or not os.access(source, os.R_OK):
        raise DamagedDatasetError(f"{source} is missing, is no file, or cannot be read.", path=str(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:200]}.part")
    shutil.copyfile(source, part)
    part.replace(target)
