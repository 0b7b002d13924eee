"""Parquet straight from the Hub: windows of row groups in memory, landed while they or the next ones arrive.

Nothing of it touches the disk but what lands. The price is that a run that is killed has to fetch such a shard from its
beginning. So with ``auto`` a shard of up to ``LARGEST_BYTES`` is streamed where, by its first bytes, it takes no more
than some ten seconds to fetch, and is otherwise fetched to the disk, where it is resumed inside the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.errors import HFError
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.parquet.batches import BATCH_BYTES, rows_of
from hugflow_assets.shapes.parquet.footers import read_range, read_tail
from hugflow_assets.shapes.parquet.memory_budget import Room
from hugflow_assets.shapes.parquet.plain_pages import MemoryBytes, long_columns
from hugflow_assets.shapes.parquet.row_group_stream import ArrivingGroup, ReadRange, arriving_group, rows_arriving
from hugflow_assets.shapes.reader_inputs import Shard, local_name
from hugflow_assets.transfer.to_disk import part_of
from hugflow_assets.transfer.to_memory import FileStream

SMALLEST_BYTES = 8 << 20  # below, a shard costs a request more and saves nothing
LARGEST_BYTES = 512 << 20
_COST_S = 10  # the longest that it may take to fetch a shard from its beginning
_PROBE_S = 1.0  # by then all connections are there that there may be
_WINDOW_BYTES = 32 << 20  # small row groups are taken together until they are so large
_AHEAD_BYTES = 32 << 20  # of the next window, while one is landed
_BATCHES_BYTES = 2 * BATCH_BYTES  # of a row group that is landed while it arrives
_MOST_BYTES = 160 << 20  # of one shard in memory
_ROOM = Room(2 * _MOST_BYTES, _MOST_BYTES, kept_bytes=2 * _AHEAD_BYTES)  # of all that this process lands


class OverDiskError(Exception):
    """A shard that has to be landed over the disk after all, what was landed of it being void.

    ``others``: so should those that come after it. ``bytes_fetched`` came over the network for it.
    """

    def __init__(self, reason: str, others: bool = False, bytes_fetched: int = 0) -> None:
        super().__init__(reason, others, bytes_fetched)  # all that a process needs to make it of what another has sent
        self.reason, self.others, self.bytes_fetched = reason, others, bytes_fetched


@dataclass(frozen=True)
class Window:
    """Row groups that lie side by side in the bytes of a file before ``end``.

    ``arriving``: its one row group can be landed while it arrives, so that not all of it has to be in memory.
    """

    groups: range
    end: int
    size_bytes: int
    arriving: ArrivingGroup | None = None

    @property
    def needed_bytes(self) -> int:
        """What has to be in memory at once."""
        return self.size_bytes if self.arriving is None else min(self.size_bytes, _BATCHES_BYTES)


def is_streamed(shard: Shard) -> bool:
    """Whether a shard is to be landed from memory; what an earlier run has on the disk is not fetched twice."""
    source = shard.source
    if shard.download_mode == "disk" or source.shape is not Shape.PARQUET or len(source.files) != 1:
        return False
    file = source.files[0]
    if file.archive is not None or not file.sha256 or not file.size_bytes or shard.access.adopted is not None:
        return False
    local = shard.work / local_name(0)
    if local.exists() or part_of(local).exists():
        return False
    if shard.download_mode == "stream":
        return True
    return SMALLEST_BYTES <= file.size_bytes <= LARGEST_BYTES


class WindowStream:
    """One shard's file as batches of rows. ``close`` whatever happened."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._open = ExitStack()
        self._stream: FileStream | None = None

    def close(self) -> int:
        """End the transfer and give the memory back; the bytes that came over the network since the last time."""
        self._open.close()
        stream, self._stream = self._stream, None
        return 0 if stream is None else stream.bytes_fetched

    def batches(self, file: SourceFile, see: Callable[[pa.Schema], None]) -> Iterator[pa.RecordBatch]:
        """The rows in order. When it has come to its end, the file was verified, and not before.

        Args:
            see: called with the file's schema before the first batch.
        Raises:
            OverDiskError: row groups too large, a server without ranges, or a network too slow.
            StreamBrokenError, pa.ArrowException: other bytes than promised, or no parquet.
            HFError: the file cannot be fetched. LandingCancelledError: the stop file appeared.
        """
        shard = self._shard
        tail = _tail(shard, file)
        metadata = pq.read_metadata(pa.BufferReader(tail))
        windows = windows_of(metadata, file.size_bytes)
        room = max((window.needed_bytes for window in windows), default=0) + _AHEAD_BYTES
        if room > _MOST_BYTES:
            raise OverDiskError(f"its row groups need {room} bytes of memory")
        share = self._open.enter_context(_ROOM.taken(room, shard.should_stop))
        seen = self._open.enter_context(_seen_bytes(shard))
        stream = FileStream(
            shard.access,
            shard.repo_id,
            file.commit or shard.commit,
            file,
            room,
            on_bytes=seen,
            should_stop=shard.should_stop,
            connections=shard.connections,
            room=share,
        )
        self._stream = self._open.enter_context(stream)
        if windows and shard.download_mode == "auto":
            self._see_whether_it_is_fast(stream, windows[0].needed_bytes, file.size_bytes)
        see(metadata.schema.to_arrow_schema())
        for window in windows:
            yield from _rows(stream, metadata, window, partial(_read_range, shard, file))
            stream.release(min(window.end, file.size_bytes - len(tail)))
        stream.verify()
        if bytes(memoryview(stream.memory)[-len(tail) :]) != tail:
            raise OverDiskError("its end was another one when it was read by range")

    def _see_whether_it_is_fast(self, stream: FileStream, end: int, size: int) -> None:
        """By what comes while the first window is waited for; others will not be faster either."""
        stream.wait(1)
        began = time.monotonic()
        if not stream.wait(end, _PROBE_S) and stream.seen_bytes / (time.monotonic() - began) < size / _COST_S:
            stream.save(part_of(self._shard.work / local_name(0)))
            raise OverDiskError("the network is slow", True)


def _tail(shard: Shard, file: SourceFile) -> bytes:
    with _told_by_path(file):
        tail = read_tail(shard.access, shard.repo_id, file.commit or shard.commit, file)
    if tail is None:
        raise OverDiskError("its end cannot be read by range", True)
    return tail


def _read_range(shard: Shard, file: SourceFile, start: int, end: int) -> bytes:
    with _told_by_path(file):
        return read_range(shard.access, shard.repo_id, file.commit or shard.commit, file, start, end)


@contextmanager
def _told_by_path(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except HFError as error:
        said = f"{error.message.rstrip('.')}, asked for {file.path}."
        raise type(error)(said, remedy=error.remedy, **{**error.details, "path": file.path}) from error


def windows_of(metadata: pq.FileMetaData, size_bytes: int) -> list[Window]:
    """The windows of a file.

    Raises:
        OverDiskError: the footer tells of bytes outside of the file, or out of order.
    """
    windows, first, before, start = [], 0, 0, 0
    long = long_columns(metadata)
    for group in range(metadata.num_row_groups):
        end = _end_of(metadata.row_group(group), before, size_bytes)
        if (arriving := arriving_group(metadata, long, group, before, end)) is not None:
            if group > first:
                windows.append(Window(range(first, group), before, before - start))
            windows.append(Window(range(group, group + 1), end, end - before, arriving))
            first, start = group + 1, end
        elif end - start >= _WINDOW_BYTES or group == metadata.num_row_groups - 1:
            windows.append(Window(range(first, group + 1), end, end - start))
            first, start = group + 1, end
        before = end
    return windows


def _end_of(group: pq.RowGroupMetaData, before: int, size_bytes: int) -> int:
    """Where the bytes of a row group end that lies behind ``before``."""
    columns = [group.column(at) for at in range(group.num_columns)]
    begins = [min(one.data_page_offset, one.dictionary_page_offset or one.data_page_offset) for one in columns]
    end = max((at + one.total_compressed_size for at, one in zip(begins, columns, strict=True)), default=before)
    if min(begins, default=before) < before or not before <= end <= size_bytes:
        raise OverDiskError("its row groups do not lie in order")
    return end


def _rows(stream: FileStream, metadata: pq.FileMetaData, window: Window, read: ReadRange) -> Iterator[pa.RecordBatch]:
    """A window's rows, as soon as they can be had."""
    if window.arriving is not None:
        yield from rows_arriving(stream, metadata, window.arriving, read)
        return
    stream.wait(window.end)
    memory = memoryview(stream.memory)
    with pq.ParquetFile(pa.BufferReader(pa.py_buffer(memory)), metadata=metadata, pre_buffer=False) as file:
        yield from rows_of(file, window.groups, MemoryBytes(memory))


@contextmanager
def _seen_bytes(shard: Shard) -> Iterator[Callable[[int], None]]:
    """Tell how much has come by the size of an empty file, for whoever looks from another process."""
    with shard.streamed_path.open("wb", buffering=0) as file:
        size = 0

        def count(more: int) -> None:
            nonlocal size
            size += more
            file.truncate(size)

        yield count
    shard.streamed_path.unlink(missing_ok=True)
