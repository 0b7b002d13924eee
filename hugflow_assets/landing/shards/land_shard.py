"""A shard, landed: fetch, verify, stream, write. Alone, with no memory of other shards, any number of times."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import xxhash

from hugflow_assets.durable import write_all
from hugflow_assets.errors import DiskFullError, HFError, LandingCancelledError, StorageError
from hugflow_assets.formats.archives.tar_aliases import RepeatedMembersError
from hugflow_assets.formats.webdataset import JSON
from hugflow_assets.landing.media.writer import MediaWriter
from hugflow_assets.landing.record.encoder import RecordEncoder
from hugflow_assets.landing.shards.shard import Shard, wipe
from hugflow_assets.landing.shards.sources import Ahead, Sources, source_records
from hugflow_assets.shapes.parquet.streamed import OverDiskError
from hugflow_assets.shapes.reader import Reader
from hugflow_assets.shapes.registry import open_reader
from hugflow_assets.shapes.values.json_lines import JsonLines
from hugflow_assets.store.models import Counts, ShardReceipt

_COUNTED = frozenset(Counts.model_fields)


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
    try:
        return _land_from_scratch(shard, ahead, streamed=streamed)
    except RepeatedMembersError:  # rare: an archive that was added to; now it is known which copies count
        return _land_from_scratch(shard, ahead, streamed=streamed)


def _land_from_scratch(shard: Shard, ahead: Ahead | None, *, streamed: bool) -> ShardReceipt:
    wipe(shard)
    shard.work.mkdir(parents=True, exist_ok=True)
    sources = Sources(shard, ahead, streamed=streamed)
    reader = open_reader(shard, sources)
    media = MediaWriter(shard, reader.resolve)
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
        write_all(self._handle, text)


def _land(shard: Shard, reader: Reader, media: MediaWriter, sources: Sources, lines: _Lines) -> ShardReceipt:
    lost = _stream(shard, reader, media, lines)
    media.finish()
    sums = "".join([*media.tar_sums, *media.sums]).encode()
    shard.sums_path.write_bytes(sums)
    return ShardReceipt(
        config=shard.config,
        split=shard.split,
        index=shard.source.index,
        sources=source_records(shard.source),
        read_as=shard.source.spec.reader_identity,
        folders=media.folders,
        json_xxh128=lines.digest.hexdigest(),
        sums_xxh128=xxhash.xxh3_128_hexdigest(sums),
        counts=_counts(media.counts + reader.counts + lost, lines, media.duration_s),
        unreadable_names=tuple(media.unreadable),
        features=reader.features,
        kinds=reader.kinds,
        unmatched={count: tuple(names) for count, names in reader.unmatched.items() if names},
        bytes_fetched=sources.bytes_fetched,
        pack=shard.pack,
        tars=media.tars,
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
        if isinstance(batch, JsonLines):
            lines.write(encoder.json_lines(batch, lines.rows), batch.num_rows)
            continue
        if schema is None or not batch.schema.equals(schema):
            schema, encoder = batch.schema, RecordEncoder(reader.media(batch.schema), land)
            encoder.lost = lost
        lines.write(encoder.lines(batch, lines.rows), batch.num_rows)
    return lost


def _counts(found: dict[str, int], lines: _Lines, duration_s: float) -> Counts:
    known = {name: count for name, count in found.items() if name in _COUNTED}
    extra = {name: count for name, count in sorted(found.items()) if name not in _COUNTED and count}
    return Counts(rows=lines.rows, json_bytes=lines.size_bytes, duration_s=round(duration_s, 6), extra=extra, **known)
