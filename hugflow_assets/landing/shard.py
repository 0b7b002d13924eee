"""A shard, landed: fetch, verify, stream, write. Alone, with no memory of other shards, any number of times."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from hugflow_assets.errors import DiskFullError, HFError, LandingCancelledError, StorageError
from hugflow_assets.hub import HubAccess
from hugflow_assets.hub.models import ShardSource
from hugflow_assets.landing.media import MediaWriter
from hugflow_assets.landing.readers.reader import JSON, Reader
from hugflow_assets.landing.record import RecordEncoder
from hugflow_assets.landing.sources import Ahead, Sources, read_as, source_records
from hugflow_assets.landing.sums import Checksum, Kind
from hugflow_assets.landing.windows import OverDiskError
from hugflow_assets.settings import DownloadMode
from hugflow_assets.store.models import Counts, ShardReceipt

MEDIA_FOLDERS = ("audio", "image", "video", "pdf", "nifti", "mesh")
ShardKey = tuple[str, str, int]
_COUNTED = frozenset(Counts.model_fields)


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

    def media_folders(self) -> list[Path]:
        """Every folder that the shard may write media to."""
        return [self.tree / kind / self.folder for kind in MEDIA_FOLDERS]

    def should_stop(self) -> bool:
        return self.stop_file.exists()


def land_shard(shard: Shard, ahead: Ahead | None = None, *, streamed: bool = False) -> ShardReceipt:
    """Land one shard from scratch and return the proof; what an earlier try left is wiped, but for fetched bytes.

    Args:
        ahead: what ``fetch_ahead`` has fetched, in this process or another.
        streamed: from memory, without a copy on the disk; see ``windows``.
    Raises:
        OverDiskError: with ``streamed`` only: it has to be landed over the disk.
        HFError: a file cannot be fetched or is not what the Hub promises.
        BadSourceError: a file is not readable parquet.
        LandingCancelledError: the stop file appeared.
        OSError: the disk is full, or not writable.
    """
    from hugflow_assets.landing.readers import open_reader

    wipe(shard)
    shard.work.mkdir(parents=True, exist_ok=True)
    sources = Sources(shard, ahead, streamed=streamed)
    reader = open_reader(shard, sources)
    media = MediaWriter(shard.tree, shard.folder, Checksum(shard.checksums), shard.file_mode, reader.resolve)
    try:
        with shard.lines_path.open("wb", buffering=0) as lines:
            return _land(shard, reader, media, sources, _Lines(lines.fileno()))
    except Exception as error:
        if streamed and (why := _why_over_disk(error)) is not None:
            reader.close()  # which counts what it has fetched
            raise OverDiskError(why.reason, why.others, sources.bytes_fetched) from error
        raise
    finally:
        media.close()
        reader.close()


def _why_over_disk(error: Exception) -> OverDiskError | None:
    """Whatever may come of bytes that were not verified yet: verified ones will tell what it is."""
    if isinstance(error, OverDiskError):
        return error
    of_the_disk = isinstance(error, OSError) and error.errno is not None  # the others are Arrow's
    if of_the_disk or isinstance(error, (HFError, LandingCancelledError, StorageError, DiskFullError)):
        return None
    return OverDiskError(f"{type(error).__name__}: {error}")


def wipe(shard: Shard) -> None:
    """Remove everything that the shard has written so far, but for what is fetched."""
    for folder in shard.media_folders():
        shutil.rmtree(folder, ignore_errors=True)
    shard.lines_path.unlink(missing_ok=True)
    shard.sums_path.unlink(missing_ok=True)


class _Lines:
    """The shard's lines on their way to disk: counted and hashed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.digest = xxhash.xxh3_128()
        self.size_bytes = self.rows = 0

    def write(self, text: memoryview, rows: int) -> None:
        self.digest.update(text)
        self.size_bytes += len(text)
        self.rows += rows
        while text:
            text = text[os.write(self._handle, text) :]


def _land(shard: Shard, reader: Reader, media: MediaWriter, sources: Sources, lines: _Lines) -> ShardReceipt:
    lost = _stream(shard, reader, media, lines)
    media.sums.sort(key=lambda line: line.partition("  ")[2].encode())
    sums = "".join(media.sums).encode()
    shard.sums_path.write_bytes(sums)
    return ShardReceipt(
        config=shard.config,
        split=shard.split,
        index=shard.source.index,
        sources=source_records(shard.source),
        read_as=read_as(shard.source),
        folders=media.folders,
        json_xxh128=lines.digest.hexdigest(),
        sums_xxh128=xxhash.xxh3_128_hexdigest(sums),
        counts=_counts({**media.counts, **reader.counts, **lost}, lines, media.duration_s),
        unreadable_names=tuple(media.unreadable),
        features=reader.features,
        bytes_fetched=sources.bytes_fetched,
    )


def _stream(shard: Shard, reader: Reader, media: MediaWriter, lines: _Lines) -> Counter[str]:
    """Write the reader's rows; what JSON could not say, by name."""

    def land(kind: str, values: pa.Array, rows: Any) -> list[str]:
        if kind == JSON:
            return [token if token is not None else "null" for token in values.to_pylist()]
        return media.land(kind, values, rows)

    lost: Counter[str] = Counter()
    schema, encoder = None, RecordEncoder({}, land)
    for batch in reader.batches():
        if shard.should_stop():
            where = shard.source.files[0].path if shard.source.files else shard.folder
            raise LandingCancelledError(f"Stopped inside {where}.", remedy="A later run resumes.")
        if schema is None or not batch.schema.equals(schema):
            schema, encoder = batch.schema, RecordEncoder(reader.media(batch.schema), land)
            encoder.lost = lost
        lines.write(encoder.lines(batch, lines.rows), batch.num_rows)
    return lost


def _counts(found: dict[str, int], lines: _Lines, duration_s: float) -> Counts:
    known = {name: count for name, count in found.items() if name in _COUNTED}
    extra = {name: count for name, count in sorted(found.items()) if name not in _COUNTED and count}
    return Counts(rows=lines.rows, json_bytes=lines.size_bytes, duration_s=round(duration_s, 6), extra=extra, **known)
