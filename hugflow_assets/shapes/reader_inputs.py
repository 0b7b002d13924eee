"""What a reader is given: the shard it reads, and its files on the disk. Stated here, filled by ``landing``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from hugflow_assets.hub import HubAccess
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.settings import DownloadMode
from hugflow_assets.shapes.models import ShardSource

_LOCAL_NAME = "source-{:05d}"


class Shard(Protocol):
    """The shard that is read.

    Attributes:
        source: its files, in order, with their hashes, and what its reader is told of them.
        work: a folder for what the reader keeps on the disk while it reads.
        features: ``Features.to_dict()`` from upstream, or None.
        download_mode: parquet from memory or over the disk, or as it seems best.
        streamed_path: a file whose size tells how much of the shard has come into memory.
    """

    @property
    def access(self) -> HubAccess: ...
    @property
    def repo_id(self) -> str: ...
    @property
    def commit(self) -> str: ...
    @property
    def source(self) -> ShardSource: ...
    @property
    def work(self) -> Path: ...
    @property
    def features(self) -> dict[str, Any] | None: ...
    @property
    def download_mode(self) -> DownloadMode: ...
    @property
    def streamed_path(self) -> Path: ...

    def connections(self, bytes_per_s: float | None = None) -> int:
        """How many may fetch its large files, told how fast one is."""

    def should_stop(self) -> bool:
        """Whether the landing is to stop."""


class ArchiveFiles(Protocol):
    """Fetched archives and their members."""

    def names(self, archive: Path) -> list[str]:
        """The names of the files in a zip archive, as it says them."""

    def extract(self, archive: Path, file: SourceFile, to: Path) -> None:
        """Write one member of a fetched archive to ``to``."""

    def close(self) -> None:
        """Let go of the archives."""


class Sources(Protocol):
    """The files of the shard, fetched and verified when they are asked for.

    Attributes:
        bytes_fetched: what came over the network so far; a reader that fetches by itself adds to it.
        streamed: parquet is read from memory while it arrives.
    """

    bytes_fetched: int
    streamed: bool

    @property
    def archives(self) -> ArchiveFiles: ...
    @property
    def shared_folder(self) -> Path: ...

    def fetch(self, file: SourceFile, suffix: str = "") -> Path:
        """A file of the shard's own, verified."""

    def fetch_all(self, files: Sequence[SourceFile]) -> list[Path]:
        """Several small files, some at once."""

    def shared(self, file: SourceFile) -> Path:
        """A file that other shards of this landing read too."""

    def done_with(self, file: SourceFile, *, is_shared: bool) -> None:
        """Free the disk of a file of ``shared`` that no other shard needs any more; ``is_shared``: some do."""

    def making(self, target: Path) -> AbstractContextManager[bool]:
        """Alone among the landing's shards: yields whether ``target`` is made already."""

    def stop_if_asked(self) -> None:
        """Raise ``LandingCancelledError`` when the landing is to stop."""


def local_name(number: int) -> str:
    """The local name of the n-th file that a reader fetches."""
    return _LOCAL_NAME.format(number)
