"""The files of a shard on their way from the Hub: fetched, verified, resumed; and those that several shards read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from hugflow_assets.durable import Lease, acquire, host_id
from hugflow_assets.errors import LandingCancelledError, LeaseHeldError
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.landing.shards.archive_files import Archives
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.shapes.models import Shape, ShardSource
from hugflow_assets.shapes.reader_inputs import local_name
from hugflow_assets.store.models import SourceRecord
from hugflow_assets.transfer.to_disk import fetch

Ahead = Mapping[str, int]  # local names of a shard's files that are fetched and verified -> bytes that it took

_ONE_FILE = frozenset({Shape.PARQUET, Shape.WEBDATASET})  # shapes whose readers fetch the files in order, each alone
_AT_ONCE = 8  # small files of one shard in flight: their round trips, not their bytes, take the time
_LONGEST_S = 86_400  # that another shard may take to fetch and unpack what several need


class Sources:
    """Fetches for one shard. ``bytes_fetched`` counts what came over the network; ``ahead`` is there already."""

    def __init__(
        self,
        shard: Shard,
        ahead: Ahead | None = None,
        *,
        on_bytes: Callable[[int], None] | None = None,
        streamed: bool = False,
    ) -> None:
        self._shard = shard
        self._ahead = dict(ahead or {})
        self._on_bytes = on_bytes
        self._numbers = iter(range(1 << 62))
        self.streamed = streamed  # parquet is read from memory while it arrives
        self.bytes_fetched = 0
        self.archives = Archives()

    @property
    def shared_folder(self) -> Path:
        """Where the shards of one landing keep what all of them read."""
        return self._shard.stop_file.parent / "shared"

    def fetch(self, file: SourceFile, suffix: str = "") -> Path:
        """A file of the shard's own, verified. The n-th call of a shard that is landed anew resumes the n-th file.

        Args:
            suffix: ending of the local name, for readers that look at it.
        """
        if file.archive is not None:
            local = self._shard.work / f"member-{next(self._numbers):05d}{suffix}"
            self.archives.extract(self.shared(file.archive), file, local)
            return local
        local = self._shard.work / (local_name(next(self._numbers)) + suffix)
        self._fetch(file, local)
        return local

    def fetch_all(self, files: Sequence[SourceFile]) -> list[Path]:
        """Several small files, some at once."""
        if any(file.archive is not None for file in files) or len(files) < 2:
            return [self.fetch(file) for file in files]
        places = [(file, self._shard.work / local_name(next(self._numbers))) for file in files]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="files") as pool:
            list(pool.map(lambda place: self._fetch(*place), places))
        return [local for _, local in places]

    def shared(self, file: SourceFile) -> Path:
        """A file that other shards of this landing read too: fetched by the first that asks, kept until the end."""
        local = self.shared_folder / _key(file)
        with self.making(local) as is_made:
            if not is_made:
                if file.archive is not None:
                    self.archives.extract(self.shared(file.archive), file, local)
                else:
                    self._fetch(file, local)
        return local

    def done_with(self, file: SourceFile, *, is_shared: bool) -> None:
        """Free the disk of a file of ``shared`` that no other shard needs any more; ``is_shared``: some do."""
        local = self.shared_folder / _key(file)
        if not is_shared and file.archive is None and local.exists():
            local.with_name(f"{local.name}.done").unlink(missing_ok=True)
            local.unlink()

    @contextmanager
    def making(self, target: Path) -> Iterator[bool]:
        """Alone among the landing's shards: yields whether ``target`` is made already; what the block makes counts.

        Raises:
            LandingCancelledError: the landing was stopped while another shard was making it.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        done = target.with_name(target.name + ".done")
        with self._alone(target.with_name(target.name + ".lock")):
            if _told(done) == host_id():  # after a power cut a file can be shorter than what was written to it
                yield True
                return
            yield False
            done.write_text(host_id())

    def _alone(self, lock: Path) -> Lease:
        """A lease, and not ``flock``, which not every file system has, or gives to one alone."""
        try:
            should_stop = self._shard.should_stop
            return acquire(lock, what=str(lock), purpose="making", wait_s=_LONGEST_S, should_stop=should_stop)
        except LeaseHeldError:
            self.stop_if_asked()
            raise

    def stop_if_asked(self) -> None:
        """Raise ``LandingCancelledError`` when the landing is to stop; to be called in long work without rows."""
        if self._shard.should_stop():
            raise LandingCancelledError("The landing was stopped on request.", remedy="A later run resumes.") from None

    def _fetch(self, file: SourceFile, local: Path) -> None:
        if local.name in self._ahead:
            self.bytes_fetched += self._ahead.pop(local.name)
            return
        shard = self._shard
        commit = file.commit or shard.commit
        got = fetch(
            shard.access,
            shard.repo_id,
            commit,
            file,
            local,
            on_bytes=self._on_bytes,
            should_stop=shard.should_stop,
            connections=shard.connections,
        )
        self.bytes_fetched += got.bytes_fetched


def file_ahead(shard: Shard) -> SourceFile | None:
    """The file that the shard's reader will ask for, where that is one and its own."""
    source = shard.source
    if source.shape not in _ONE_FILE or len(source.files) != 1 or source.files[0].archive is not None:
        return None
    return source.files[0]


def fetch_ahead(shard: Shard, on_bytes: Callable[[int], None] | None = None) -> Ahead:
    """Fetch and verify the ``file_ahead``; ``Sources`` gives it out.

    Args:
        on_bytes: called with each increment of bytes on the disk.
    """
    file = file_ahead(shard)
    if file is None:
        return {}
    sources = Sources(shard, on_bytes=on_bytes)
    local = sources.fetch(file)
    return {local.name: sources.bytes_fetched}


def source_records(source: ShardSource) -> tuple[SourceRecord, ...]:
    """What the manifest keeps of a shard's files: with these hashes equal, the shard is equal."""
    return tuple(
        SourceRecord(path=file.path, size_bytes=file.size_bytes, hash=promised_hash(file))
        for file in (*source.files, *source.beside)
    )


def _told(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _key(file: SourceFile) -> str:
    """A name for a shared file: of its content, its place, and its ending."""
    identity = f"{promised_hash(file)}\0{file.path}"
    return sha256(identity.encode()).hexdigest()[:32] + os.path.splitext(file.path)[1][:12]  # noqa: PTH122
