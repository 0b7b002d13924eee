"""Tables that name clips, read once for all shards that need them: on the disk, looked up by file name.

Every cell stays the text that it is upstream. A tsv has no quoting, as the Common Voice tables and the scripts that
read them have it; a csv is quoted as csv is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from posixpath import basename
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import xxhash

from hugflow_assets.errors import BadSourceError

_BLOCK_BYTES = 8 << 20


class ClipTable:
    """The rows of one or several tables, memory-mapped, with an index from a clip's file name to its rows."""

    def __init__(self, path: Path, column: str) -> None:
        with pa.memory_map(str(path)) as source:
            self.rows = pa.ipc.open_file(source).read_all()
        self._paths = self.rows.column(column)
        self._hashes = np.load(_index(path, "hashes"), mmap_mode="r")
        self._order = np.load(_index(path, "order"), mmap_mode="r")
        self.malformed = int(np.load(_index(path, "malformed")))

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def rows_of(self, member: str) -> list[int]:
        """The rows that name a clip, in table order; none where its name fits several clips.

        A path in the table fits a member if it is the end of the member's path; else, if no other clip has the same
        base name, the base name decides. A table may leave out the ending.
        """
        stem, dot, _ = basename(member).rpartition(".")
        return self._named(member, basename(member)) or (self._named(member, stem, bare=True) if dot and stem else [])

    def _named(self, member: str, name: str, *, bare: bool = False) -> list[int]:
        key = np.uint64(_hash(name))  # not a Python integer: numpy would compare it as a float
        start, end = np.searchsorted(self._hashes, key, "left"), np.searchsorted(self._hashes, key, "right")
        found = [(row, _plain(self._paths[row].as_py())) for row in sorted(self._order[start:end].tolist())]
        found = [(row, path) for row, path in found if basename(path) == name]
        whole = f"/{member.rpartition('.')[0] if bare else member}"
        near = [row for row, path in found if whole.endswith(f"/{path}")]
        if near or len({path for _, path in found}) > 1:
            return near
        return [row for row, _ in found]


def make_clip_table(sources: list[tuple[Path, str]], column: str, to: Path) -> None:
    """Read tables into an Arrow file and its index.

    Args:
        sources: local files with their upstream paths, whose ending says how they are written.
        column: the one that names the clips; a row without a value in it stands for no clip, and is counted so.
    Raises:
        BadSourceError: a file is no such table.
    """
    malformed = 0
    hashes: list[int] = []
    writer, schema = None, None
    try:
        with pa.OSFile(str(to), "wb") as out:
            for local, source_path in sources:
                reader = _Table(local, source_path)
                for batch in reader:
                    if writer is None or schema is None:
                        schema = batch.schema
                        writer = pa.ipc.new_file(out, schema)
                    batch = _as(batch, schema, source_path)
                    if column not in batch.schema.names:
                        raise BadSourceError(f"{source_path} has no column {column!r}.", file=source_path)
                    hashes += [_hash(basename(_plain(path))) for path in batch.column(column).to_pylist()]
                    writer.write_batch(batch)
                malformed += reader.malformed
            if writer is None:
                writer = pa.ipc.new_file(out, pa.schema([(column, pa.large_string())]))
            writer.close()
    except pa.ArrowException as error:
        raise BadSourceError(f"A table of clips cannot be read: {error}", file=sources[0][1]) from error
    values = np.array(hashes, np.uint64)
    order = np.argsort(values, kind="stable")
    np.save(_index(to, "hashes"), values[order])
    np.save(_index(to, "order"), order)
    np.save(_index(to, "malformed"), np.int64(malformed))


class _Table:
    """One table as batches of text; ``malformed`` counts rows of another length than the header, which are left out."""

    def __init__(self, local: Path, source_path: str) -> None:
        self._local, self._path = local, source_path
        self.malformed = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        tabs = self._path.lower().endswith(".tsv")
        try:
            names = _header(self._local, tabs)
            if not names:
                return
            with pc.open_csv(
                self._local,
                pc.ReadOptions(block_size=_BLOCK_BYTES, column_names=names, skip_rows=1, use_threads=False),
                pc.ParseOptions(
                    delimiter="\t" if tabs else ",",
                    quote_char=False if tabs else '"',
                    newlines_in_values=not tabs,
                    invalid_row_handler=self._skip,
                ),
                pc.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False),
            ) as reader:
                yield from reader
        except (pa.ArrowException, UnicodeDecodeError) as error:
            if "Empty CSV file" in str(error):
                return
            raise BadSourceError(
                f"{self._path} cannot be read as a table: {error}",
                remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
                file=self._path,
            ) from error

    def _skip(self, row: Any) -> str:
        self.malformed += 1
        return "skip"


def _header(local: Path, tabs: bool) -> list[str]:
    import csv

    with local.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(file)
        return next(rows, [])


def _as(batch: pa.RecordBatch, schema: pa.Schema, source_path: str) -> pa.RecordBatch:
    if batch.schema.names == schema.names:
        return batch
    if set(batch.schema.names) != set(schema.names):
        raise BadSourceError(f"{source_path} has other columns than the table before it.", file=source_path)
    return batch.select(schema.names)


def _plain(path: str) -> str:
    path = path.replace("\\", "/").strip()
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode())


def _index(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.npy")
