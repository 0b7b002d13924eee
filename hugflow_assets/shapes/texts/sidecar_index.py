"""Files of an archive that are called as its clips are, and stand elsewhere in it: on the disk, looked up by clip."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from posixpath import dirname

import numpy as np
import pyarrow as pa
import xxhash

from hugflow_assets.formats.text.transcripts import called
from hugflow_assets.shapes.join.paths import composed

_BATCH_BYTES, _BATCH_ROWS = 8 << 20, 4096
_SCHEMA = pa.schema(
    [("place", pa.large_string()), ("field", pa.large_string()), ("data", pa.large_binary()), ("is_near", pa.bool_())]
)


class SideTexts:
    """The texts by the clips that they are for."""

    def __init__(self, path: Path, hashes: array[int]) -> None:
        with pa.memory_map(str(path)) as source:
            self._rows = pa.ipc.open_file(source).read_all()
        values = np.frombuffer(hashes, np.uint64) if hashes else np.zeros(0, np.uint64)
        self._order = np.argsort(values, kind="stable")
        self._hashes = values[self._order]
        self.ambiguous = 0

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def of(self, clip: str) -> list[tuple[str, bytes]]:
        """The fields of a clip with their bytes; one in its own folder goes before one elsewhere, of two there none."""
        found: dict[str, list[int]] = {}
        for stem in called(composed(clip)):
            place = f"{dirname(clip)}/{stem}" if dirname(clip) else stem
            key = np.uint64(_hash(composed(place)))
            start, end = np.searchsorted(self._hashes, key, "left"), np.searchsorted(self._hashes, key, "right")
            for row in self._order[start:end].tolist():
                found.setdefault(self._rows["field"][row].as_py(), []).append(row)
        fields = []
        for field, rows in found.items():
            meant = [row for row in rows if self._rows["is_near"][row].as_py()] or rows
            self.ambiguous += len(meant) > 1
            if len(meant) == 1:
                fields.append((field, bytes(self._rows["data"][meant[0]].as_py())))
        return fields


def make_side_texts(texts: Iterable[tuple[str, str, bytes, bool]], to: Path) -> SideTexts:
    """Keep texts, each as the place of its clip without the ending, field, bytes, and whether it lies beside it."""
    hashes = array("Q")
    rows: list[tuple[str, str, bytes, bool]] = []
    size = 0
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, _SCHEMA) as writer:
        for one in texts:
            hashes.append(_hash(composed(one[0])))
            rows.append(one)
            size += len(one[2])
            if size >= _BATCH_BYTES or len(rows) >= _BATCH_ROWS:
                writer.write_batch(_batch(rows))
                rows, size = [], 0
        writer.write_batch(_batch(rows))
    return SideTexts(to, hashes)


def _batch(rows: list[tuple[str, str, bytes, bool]]) -> pa.RecordBatch:
    return pa.record_batch([[row[at] for row in rows] for at in range(len(_SCHEMA))], schema=_SCHEMA)


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))
