"""Media bytes become files: named, hashed, counted, and described by their headers. Never decoded, never changed."""

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

from hugflow_assets.durable import write_all
from hugflow_assets.formats.audio_headers import read_header
from hugflow_assets.landing.media.file_names import FolderNames, original_base, safe_name
from hugflow_assets.landing.tree.checksums import Checksum, sum_line
from hugflow_assets.shapes.columns import is_binary
from hugflow_assets.shapes.parquet.byte_views import pieces_of

_NAMES_KEPT = 20
_SNIFFED_BYTES = 64
_NULLS = '"duration":null,"sampling_rate":null,"num_channels":null'

Resolve = Callable[[list[str]], dict[str, Path]]


@dataclass(frozen=True)
class _Landed:
    """A media file in place, and what its header said as JSON members."""

    path: str
    described: str


class MediaWriter:
    """Writes the media of one shard into folders of its own, ``<kind>/<folder>/``, and says what the record holds.

    Args:
        tree: the dataset's folder that is being built.
        folder: the shard's folder below each kind's, e.g. ``train/00000``.
        checksum: kind of the per-file checksums.
        file_mode: of the files, as ``open`` takes it.
        resolve: from upstream paths to fetched local files, for values with a path and no bytes; what the repository
            does not hold is absent.
    """

    def __init__(self, tree: Path, folder: str, checksum: Checksum, file_mode: int, resolve: Resolve) -> None:
        self._tree, self._folder, self._checksum, self._mode, self._resolve = tree, folder, checksum, file_mode, resolve
        self._folders: dict[str, tuple[int, FolderNames]] = {}
        self._resolved: dict[tuple[str, str], _Landed] = {}
        self.counts: Counter[str] = Counter()
        self.duration_s = 0.0
        self.unreadable: list[str] = []
        self.sums: list[str] = []

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders written so far, relative to the dataset's folder."""
        return tuple(sorted(f"{kind}/{self._folder}" for kind in self._folders))

    def close(self) -> None:
        """Close the folders; to be called once, whatever happened."""
        for handle, _ in self._folders.values():
            os.close(handle)

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
        handle, names = self._open_folder(kind)
        name = names.take(safe_name(source_path, row, bytes(data[:_SNIFFED_BYTES]), kind))
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode, dir_fd=handle)
        try:
            write_all(file, data)
        finally:
            os.close(file)
        return self._counted(kind, source_path, name, data)

    def _adopt(self, kind: str, source_path: str, row: int, local: Path) -> _Landed:
        """Give a file that is on this file system its place; it is read once, for its checksum.

        It keeps its first name too, where there are links: until the receipt is written a crash would cost it.
        """
        handle, names = self._open_folder(kind)
        with local.open("rb") as file:
            empty = os.fstat(file.fileno()).st_size == 0
            data: Any = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            name = names.take(safe_name(source_path, row, bytes(data[:_SNIFFED_BYTES]), kind))
            local.chmod(self._mode)
            try:
                os.link(local, name, dst_dir_fd=handle)
            except OSError:
                os.rename(local, name, dst_dir_fd=handle)
            return self._counted(kind, source_path, name, memoryview(data))

    def _counted(self, kind: str, source_path: str | None, name: str, data: memoryview) -> _Landed:
        path = f"{kind}/{self._folder}/{name}"
        self.counts["media_files"] += 1
        self.counts["media_bytes"] += len(data)
        self.counts["renamed_files"] += name != original_base(source_path)
        self.sums.append(sum_line(self._checksum.of(data), path))
        return _Landed(path, self._described(path, data) if kind == "audio" else "")

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
        return f'{{"path":{orjson.dumps(landed.path).decode()},"source_path":{source}{described}}}'

    def _open_folder(self, kind: str) -> tuple[int, FolderNames]:
        if kind not in self._folders:
            folder = self._tree / kind / self._folder
            folder.mkdir(parents=True, exist_ok=True)
            self._folders[kind] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), FolderNames()
        return self._folders[kind]


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
