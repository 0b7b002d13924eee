"""A shard: what one worker lands alone, and where it puts it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hugflow_assets.formats.checksums import Kind
from hugflow_assets.hub import HubAccess
from hugflow_assets.landing.tree.indexes import ENDING as INDEX_ENDING
from hugflow_assets.landing.tree.paths import tar_name
from hugflow_assets.settings import DownloadMode
from hugflow_assets.shapes.models import ShardSource
from hugflow_assets.store.models import Pack

MEDIA_FOLDERS = ("audio", "image", "video", "pdf", "nifti", "mesh", "structure")
FAST_BYTES_PER_S = 100e6  # of one connection; below, more connections pay
ShardKey = tuple[str, str, int]


@dataclass(frozen=True)
class Shard:
    """One unit of landing, complete enough to be sent to another process.

    Attributes:
        source: the files to read, in order, with their hashes.
        folder: the shard's folder below ``audio/`` and its siblings: ``train/00000``, ``<config>/train/00000``.
        tree: the dataset's folder that is being built; the shard writes into its own folders there only.
        work: a folder for this shard's sources, lines and sums, on the same file system.
        features: ``Features.to_dict()`` from upstream, or None.
        stop_file: the shard stops soon after this file appears.
        download_mode: from memory, over the disk, or as it seems best; see ``windows``.
        pack: the tars of the split that it writes; None: its media are files.
        most_connections: for all shards of the landing together that one process fetches.
    """

    access: HubAccess
    repo_id: str
    commit: str
    config: str
    split: str
    source: ShardSource
    folder: str
    tree: Path
    work: Path
    checksums: Kind
    features: dict[str, Any] | None
    file_mode: int
    stop_file: Path
    download_mode: DownloadMode = "disk"
    pack: Pack | None = None
    most_connections: int = 1

    @property
    def key(self) -> ShardKey:
        """Which of the dataset's shards it is: config, split, index."""
        return self.config, self.split, self.source.index

    @property
    def lines_path(self) -> Path:
        """The shard's part of the record."""
        return self.work / "lines.jsonl"

    @property
    def sums_path(self) -> Path:
        """The shard's part of the checksum list, sorted by path."""
        return self.work / "sums"

    @property
    def streamed_path(self) -> Path:
        """A file whose size tells how much of the shard has come into memory."""
        return self.work / "streamed"

    @property
    def slow_file(self) -> Path:
        """It appears when a shard of the landing has found the network slow."""
        return self.stop_file.with_name("slow")

    def connections(self, bytes_per_s: float | None = None) -> int:
        """How many may fetch its large files, told how fast one is: one is enough where the network is fast."""
        if bytes_per_s is not None and bytes_per_s < FAST_BYTES_PER_S and not self.slow_file.exists():
            self.slow_file.touch()
        return self.most_connections if self.slow_file.exists() else 1

    def media_folders(self) -> list[Path]:
        """Every folder that the shard may write media to."""
        return [self.tree / kind / self.folder for kind in MEDIA_FOLDERS]

    def tars(self) -> list[Path]:
        """Every tar that the shard may write."""
        if self.pack is None:
            return []
        numbers = range(self.pack.first, self.pack.first + self.pack.count)
        folders = {kind: (self.tree / kind / self.folder).parent for kind in MEDIA_FOLDERS}
        return [folder / tar_name(kind, number) for kind, folder in folders.items() for number in numbers]

    def should_stop(self) -> bool:
        return self.stop_file.exists()


def wipe(shard: Shard) -> None:
    """Remove everything that the shard has written so far, but for what is fetched."""
    for folder in shard.media_folders():
        shutil.rmtree(folder, ignore_errors=True)
    for tar in shard.tars():
        tar.unlink(missing_ok=True)
        tar.with_name(tar.name + INDEX_ENDING).unlink(missing_ok=True)
    shard.lines_path.unlink(missing_ok=True)
    shard.sums_path.unlink(missing_ok=True)
