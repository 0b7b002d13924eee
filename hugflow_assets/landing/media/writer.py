"""Media bytes become files, or members of tars: named, hashed, counted, described by their headers; never decoded."""

from __future__ import annotations

import itertools
import mmap
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from hugflow_assets.formats.audio_headers import read_header
from hugflow_assets.formats.checksums import Checksum, by_path, sum_line
from hugflow_assets.landing.media.file_names import FolderNames, original_base, safe_name
from hugflow_assets.landing.media.places import Files, Place, Position, Tars
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.tree.indexes import ENDING as INDEX_ENDING
from hugflow_assets.shapes.columns import is_binary
from hugflow_assets.shapes.parquet.byte_views import pieces_of
from hugflow_assets.store.models import TarRecord

_NAMES_KEPT = 20
_SNIFFED_BYTES = 64
_NULLS = '"duration":null,"sampling_rate":null,"num_channels":null'

Resolve = Callable[[list[str]], dict[str, Path]]


@dataclass(frozen=True)
class _Landed:
    """A media file in place, where that is in a tar, and what its header said as JSON members."""

    path: str
    position: Position | None
    described: str


class MediaWriter:
    """Writes the media of one shard into its own folders or tars, and says what the record holds.

    Args:
        resolve: from upstream paths to fetched local files, for values with a path and no bytes; what the repository
            does not hold is absent.
    ``sums`` are the checksum lines of the media, by the paths that they have as files, in whichever form they lie;
    ``tars`` and ``tar_sums`` are known when it is finished.
    """

    def __init__(self, shard: Shard, resolve: Resolve) -> None:
        self._shard, self._resolve = shard, resolve
        self._checksum = Checksum(shard.checksums)
        self._places: dict[str, tuple[Place, FolderNames]] = {}
        self._resolved: dict[tuple[str, str], _Landed] = {}
        self.counts: Counter[str] = Counter()
        self.duration_s = 0.0
        self.unreadable: list[str] = []
        self.sums: list[str] = []
        self.tars: tuple[TarRecord, ...] = ()
        self.tar_sums: list[str] = []

    @property
    def folders(self) -> tuple[str, ...]:
        """The media's folders so far, relative to the dataset's folder."""
        return tuple(sorted(f"{kind}/{self._shard.folder}" for kind in self._places))

    def finish(self) -> None:
        """All media are there: end what they were written to."""
        ended = [one for kind in sorted(self._places) for one in self._places[kind][0].finish()]
        self.tars = tuple(tar for tar, _ in ended)
        self.tar_sums = tar_sums(self._shard.tree, ended, self._checksum)
        self.sums.sort(key=by_path)

    def close(self) -> None:
        """Let go of the files; to be called once, whatever happened."""
        for place, _ in self._places.values():
            place.close()

    def land(self, kind: str, values: pa.Array, rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
        """Write every value and return its JSON token. ``rows`` holds the row that each value is in."""
        data, paths, written = _parts(values)
        valid = values.is_valid().to_numpy(zero_copy_only=False)
        wanted = [
            path
            for piece, path in zip(data, paths, strict=True)
            if piece is None and path and (kind, path) not in self._resolved
        ]
        fetched = self._resolve(list(dict.fromkeys(wanted))) if wanted else {}
        tokens = []
        for piece, path, source_path, row, there in zip(data, paths, written, rows.tolist(), valid, strict=True):
            if piece is not None:
                tokens.append(self._token(self._write(kind, path, row, piece), source_path))
            elif path:
                tokens.append(self._token(self._by_path(kind, path, row, fetched), source_path, kind))
            else:
                self.counts["null_audio"] += kind == "audio"
                tokens.append(self._token(None, source_path, kind) if there else "null")
        if kind in self._places:
            self._places[kind][0].flush()  # the values are the batch's
        return tokens

    def _by_path(self, kind: str, path: str, row: int, fetched: dict[str, Path]) -> _Landed | None:
        """A value without bytes: one file for all values that name the same path."""
        landed = self._resolved.get((kind, path))
        if landed is None and path in fetched:
            landed = self._adopt(kind, path, row, fetched[path])
            self._resolved[kind, path] = landed
            self.counts["resolved_paths"] += 1
        self.counts["unresolved_paths"] += landed is None
        return landed

    def _write(self, kind: str, source_path: str | None, row: int, data: memoryview) -> _Landed:
        place, names = self._place(kind)
        name = names.take(safe_name(source_path, row, bytes(data[:_SNIFFED_BYTES]), kind))
        return self._counted(kind, source_path, name, data, place.put(name, data))

    def _adopt(self, kind: str, source_path: str, row: int, local: Path) -> _Landed:
        """Give a file that is on this file system its place; it is read once, for its checksum."""
        place, names = self._place(kind)
        with local.open("rb") as file:
            empty = os.fstat(file.fileno()).st_size == 0
            data: Any = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            name = names.take(safe_name(source_path, row, bytes(data[:_SNIFFED_BYTES]), kind))
            view = memoryview(data)
            return self._counted(kind, source_path, name, view, place.take(name, local, view))

    def _counted(
        self, kind: str, source_path: str | None, name: str, data: memoryview, position: Position | None
    ) -> _Landed:
        path = f"{kind}/{self._shard.folder}/{name}"
        self.counts["media_files"] += 1
        self.counts["media_bytes"] += len(data)
        self.counts["renamed_files"] += name != original_base(source_path)
        self.sums.append(sum_line(self._checksum.of(data), path))
        return _Landed(path, position, self._described(path, data) if kind == "audio" else "")

    def _described(self, path: str, data: memoryview) -> str:
        header = read_header(data)
        if header is None:
            self.counts["unreadable_audio"] += 1
            if len(self.unreadable) < _NAMES_KEPT:
                self.unreadable.append(path)
            return _NULLS
        self.duration_s += header.duration_s
        return (
            f'"duration":{header.duration_s!r},"sampling_rate":{header.sampling_rate},'
            f'"num_channels":{header.num_channels}'
        )

    def _token(self, landed: _Landed | None, source_path: str | None, kind: str = "audio") -> str:
        source = "null" if source_path is None else orjson.dumps(source_path).decode()
        if landed is None:
            return f'{{"path":null,"source_path":{source}{"," + _NULLS if kind == "audio" else ""}}}'
        described = "," + landed.described if landed.described else ""
        return f'{{{place_members(landed.path, landed.position)},"source_path":{source}{described}}}'

    def _place(self, kind: str) -> tuple[Place, FolderNames]:
        if kind not in self._places:
            self._places[kind] = place_of(self._shard, kind), FolderNames()
        return self._places[kind]


def tar_sums(tree: Path, ended: list[tuple[TarRecord, str]], checksum: Checksum) -> list[str]:
    """The checksum lines of tars, and of the indexes beside them."""
    lines = []
    for tar, digest in ended:
        index = tar.path + INDEX_ENDING
        lines += [sum_line(digest, tar.path), sum_line(checksum.of_file(tree / index), index)]
    return lines


def place_of(shard: Shard, kind: str) -> Place:
    """Where a shard's media of one kind go, by the form that it lands in."""
    folder = f"{kind}/{shard.folder}"
    if shard.pack is None:
        return Files(shard.tree / folder, shard.file_mode)
    return Tars(shard.tree, folder, shard.pack, Checksum(shard.checksums), shard.file_mode)


def place_members(path: str, position: Position | None) -> str:
    """The first members of a media value in the record: its path, and where in a tar its bytes lie."""
    members = f'"path":{orjson.dumps(path).decode()}'
    if position is not None:
        tar = orjson.dumps(position.tar).decode()
        members += f',"tar":{tar},"offset":{position.offset},"size":{position.size_bytes}'
    return members


def _parts(values: pa.Array) -> tuple[list[memoryview | None], list[str | None], list[str | None]]:
    """Bytes of media values, their paths, and how the source writes these; the bytes are slices of Arrow's buffer."""
    nothing: list[Any] = [None] * len(values)
    written = None
    if pa.types.is_struct(values.type):
        children = dict(zip([field.name for field in values.type], values.flatten(), strict=True))
        data, paths, written = children.get("bytes"), children.get("path"), children.get("source_path")
    else:
        data, paths = (values, None) if is_binary(values.type) else (None, values)
    names = nothing if paths is None or pa.types.is_null(paths.type) else _texts(paths)
    return (
        nothing if data is None or pa.types.is_null(data.type) else _slices(data),
        names,
        names if written is None else [told or name for told, name in zip(_texts(written), names, strict=True)],
    )


def _slices(values: pa.Array) -> list[memoryview | None]:
    """Each value where it lies in Arrow's buffers."""
    pieces: list[memoryview | None]
    if pa.types.is_binary_view(values.type):
        pieces = pieces_of(values)
    else:
        values = values.cast(pa.large_binary())
        _, offsets, data = values.buffers()
        bounds = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1].tolist()
        whole = memoryview(b"") if data is None else memoryview(data)
        pieces = [whole[a:b] for a, b in itertools.pairwise(bounds)]
    if values.null_count:
        valid = values.is_valid().to_numpy(zero_copy_only=False)
        pieces = [piece if there else None for piece, there in zip(pieces, valid, strict=True)]
    return pieces


def _texts(values: pa.Array) -> list[str | None]:
    raw = values.cast(pa.large_string()).view(pa.large_binary()).to_pylist()
    return [None if one is None else one.decode(errors="replace") for one in raw]
