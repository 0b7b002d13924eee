"""Where a landing grows: keyed by name and data fingerprint, so that a killed one is resumed and no other is."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

import orjson
import xxhash
from pydantic import ValidationError

from hugflow_assets.durable import Flock, atomic_write, flock_on, host_id, make_folder, sync_tree
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.durable.host_lock import flock_is_free
from hugflow_assets.store.layout import INNER_FILE_MODE
from hugflow_assets.store.models import ShardReceipt
from hugflow_assets.store.publishing.trees import delete_tree

# A receipt of a shard of this size is written after its bytes are on the disk; smaller ones are cheap to land again.
SYNCED_FROM_BYTES = 64 << 20


def take_over(place: Path, digest: str, token: int) -> Path:
    """The folder of the holder of lease ``token``: what earlier holders left of these data, under a name of its own.

    A run that was silent for too long and wakes up finds its paths gone. It could otherwise wipe or overwrite, until it
    notices, what its successor has landed. What it has open it may go on writing to: files that it holds locked (all,
    where no lock tells) are copied, those of other shards in flight are wiped by the successor.
    """
    mine = place / f"{digest}.{token}"
    if not mine.exists():
        earlier = [one for one in place.glob(f"{digest}*") if (one / "receipts").is_dir()]
        if earlier:
            max(earlier, key=lambda one: int(one.name.partition(".")[2] or 0)).rename(mine)
            _part_from(mine / "tree")
    for lock in mine.glob("work/**/*.lock"):
        delete_tree(lock) if lock.is_dir() else lock.unlink()
    locks = flock_on(mine) if mine.exists() else Flock.EXCLUDES
    for part in mine.glob("work/**/*.part"):
        if locks is not Flock.EXCLUDES or not flock_is_free(part):
            fresh = part.with_suffix(".fresh")
            shutil.copyfile(part, fresh)
            fresh.replace(part)
    return mine


def _part_from(tree: Path) -> None:
    """Leave an earlier holder no file that it may have open: what is made at the end goes, the record is copied."""
    for made in (*tree.glob("*"), *tree.glob("manifests/**/*")):
        if made.is_file():
            made.unlink()
    for record in tree.glob("json/**/*"):
        if record.is_file():
            fresh = record.with_name(f"{record.name}.fresh")
            shutil.copyfile(record, fresh)
            fresh.replace(record)


class Staging:
    """``path`` is the tree being built, ``work`` holds temporary files, receipts say which shards are in the tree.

    A receipt is believed if its shard was synced, or written since this host started: after a power cut a file can be
    shorter than what was written to it.
    """

    def __init__(self, root: Path, name: str, fingerprint_data: str) -> None:
        self.root = root
        self.name = name
        self.fingerprint_data = fingerprint_data
        self.path = root / "tree"
        self.work = root / "work"
        self.receipts_dir = root / "receipts"

    def open(self) -> Staging:
        """Create what is missing; receipts whose tree is gone (published, or deleted by hand) are dropped."""
        with disk_errors(self.root):
            if self.receipts_dir.is_dir() and not self.path.is_dir():
                delete_tree(self.root)
            for folder in (self.path, self.work, self.receipts_dir):
                make_folder(folder)
            for torn in self.path.glob(f".{'[0-9a-f]' * 16}.tmp"):  # of a manifest whose writer was killed
                torn.unlink()
            self.beat()
        return self

    def beat(self) -> None:
        """Say that somebody is at work here; its age decides when abandoned staging is cleaned."""
        handle = os.open(self.root / "beat", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, INNER_FILE_MODE)
        try:
            os.utime(handle)
        finally:
            os.close(handle)

    def receipt(self, config: str, split: str, index: int, *, of_any_host: bool = False) -> ShardReceipt | None:
        """The receipt of a shard that is in the tree; None when it has to be landed.

        Args:
            of_any_host: whoever only reads, and compares what is there with the receipt, takes it from any host.
        """
        try:
            document = orjson.loads(self._receipt_path(config, split, index).read_bytes())
            found = ShardReceipt.model_validate(document["receipt"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, ValidationError):
            return None
        if not of_any_host and not document.get("synced") and document.get("host") != host_id():
            return None
        if (found.config, found.split, found.index) != (config, split, index):
            return None
        return found

    def save_receipt(self, receipt: ShardReceipt, sums: bytes, *, sync: bool = True) -> None:
        """Record that a shard is in the tree, with its checksum lines; without ``sync`` until the host is restarted."""
        path = self._receipt_path(receipt.config, receipt.split, receipt.index)
        synced = sync and receipt.counts.media_bytes + receipt.counts.json_bytes >= SYNCED_FROM_BYTES
        with disk_errors(path):
            atomic_write(path.with_suffix(".sums"), sums, mode=INNER_FILE_MODE, sync=False)
            if synced:
                sync_tree(self.root)  # its lines are in `work`
            document = {"host": host_id(), "synced": synced, "receipt": receipt.model_dump(mode="json")}
            atomic_write(path, orjson.dumps(document), mode=INNER_FILE_MODE, sync=synced)
            self.beat()

    def sums(self, config: str, split: str, index: int) -> bytes:
        """The checksum lines of a shard with a receipt; empty when they are missing or not those of the receipt."""
        try:
            sums = self._receipt_path(config, split, index).with_suffix(".sums").read_bytes()
        except FileNotFoundError:
            return b""
        receipt = self.receipt(config, split, index)
        if receipt is None or xxhash.xxh3_128_hexdigest(sums) != receipt.sums_xxh128:
            return b""
        return sums

    def forget(self, config: str, split: str, index: int) -> None:
        """Drop a receipt: the shard has to be landed again."""
        self._receipt_path(config, split, index).unlink(missing_ok=True)

    def written(self) -> tuple[int, int]:
        """Bytes and inodes that are here by receipts and in ``work``: cheap, and never more than there are."""
        size = inodes = 0
        for path in self.receipts_dir.glob("*.json"):
            try:
                receipt = orjson.loads(path.read_bytes())["receipt"]
                counts, is_packed = receipt["counts"], receipt.get("pack") is not None
                size += counts["media_bytes"] + counts["json_bytes"]
                inodes += len(receipt["tars"]) if is_packed else counts["media_files"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
        for folder, _, files in os.walk(self.work):
            for file in files:
                try:
                    seen = (Path(folder) / file).lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1:
                    size += min(seen.st_size, seen.st_blocks * 512)
                    inodes += 1
        return size, inodes

    def discard(self) -> None:
        """Delete everything staged here."""
        with disk_errors(self.root):
            delete_tree(self.root)

    def _receipt_path(self, config: str, split: str, index: int) -> Path:
        # Config and split are upstream's words: any text. The digest is a file name for every one of them.
        key = hashlib.sha256(f"{config}\0{split}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.receipts_dir / f"{key}-{index:06d}.json"
