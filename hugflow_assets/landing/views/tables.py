"""The view that ``load_dataset(<folder>)`` reads: typed parquet, so that nothing is inferred from what a split holds.

Where there are media, a split is one file, since `datasets` keeps the files of a folder with media in a set: several
would be read in an order that differs from run to run, and by one worker all the same. Text alone is a file a shard.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugflow_assets.formats.text.typed_json_lines import NotTypedError, typed_batches
from hugflow_assets.landing.tree.paths import ViewSplit
from hugflow_assets.landing.views.features import KINDS, Column, as_json, columns_of
from hugflow_assets.shapes.columns import is_list

_LOG = logging.getLogger(__name__)
_MOST_FILES = 64  # a split; shards beyond share files
_ROWS = 10_000  # a row group, at most
_EMBEDDED_ROWS = 64


@dataclass(frozen=True)
class TableView:
    """What was written for one config: the files of each split, and the features for the card."""

    config: str
    files: dict[str, list[str]]
    features: dict[str, Any]

    @property
    def paths(self) -> list[str]:
        return [path for files in self.files.values() for path in files]


def write_tables(
    root: Path,
    to: Path,
    splits: list[ViewSplit],
    features: dict[str, Any],
    kind: str | None,
    alias: str | None,
) -> TableView:
    """Write the view of every split of one config from the records in ``root``.

    A column that holds what its features do not allow is ``Json`` in the view.
    """
    columns = columns_of(features, kind, alias)
    while True:
        try:
            files = {one.split: _write_split(root, to, one, columns, kind) for one in _filled(splits)}
            return TableView(splits[0].config, files, {one.name: one.feature for one in columns if one.name})
        except NotTypedError as error:
            if any(one.field.as_json for one in columns if one.source[0] == error.column):
                raise  # nothing else can hold it
            _LOG.warning("%s: %s; it is Json in the view for datasets.", splits[0].config, error)
            columns = as_json(columns, error.column)


def _filled(splits: list[ViewSplit]) -> list[ViewSplit]:
    """The splits with rows, where there are any: `datasets` loads no folder that has one without."""
    return [one for one in splits if any(size for _, size in one.shards)] or splits


def _write_split(root: Path, to: Path, split: ViewSplit, columns: list[Column], kind: str | None) -> list[str]:
    parts = _parts(split.shards, 1 if kind in KINDS else _MOST_FILES)
    schema = pa.schema([(one.stored, _stored_type(one)) for one in columns])
    paths = []
    for at, part in enumerate(parts):
        path = split.folders.table(split.split, at, len(parts))
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(to / path, schema, compression="zstd") as writer:
            for batch in _batches(root, root / split.record, part, columns, schema):
                writer.write_batch(batch, row_group_size=_ROWS)
        paths.append(path)
    return paths


def _parts(shards: tuple[tuple[int, int], ...], most: int) -> list[tuple[int, int]]:
    """Byte ranges of the record, neighbours put together until there are no more than ``most``."""
    shards = tuple(one for one in shards if one[1]) or ((0, 0),)
    count = min(most, len(shards))
    groups = [shards[at * len(shards) // count : (at + 1) * len(shards) // count] for at in range(count)]
    return [(group[0][0], sum(size for _, size in group)) for group in groups]


def _batches(
    root: Path, record: Path, part: tuple[int, int], columns: list[Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    fields = {one.source[0]: one.field for one in columns if one.source[-1] == one.source[0]}
    embedded = any(one.embedded for one in columns)
    with record.open("rb") as lines:
        lines.seek(part[0])
        for batch in typed_batches(lines, part[1], fields):
            _refuse_beyond_python(batch, columns)
            step = _EMBEDDED_ROWS if embedded else max(1, batch.num_rows)
            for at in range(0, batch.num_rows, step):
                rows = batch.slice(at, step)
                yield pa.RecordBatch.from_arrays([_stored(rows, one, root) for one in columns], schema=schema)


def _stored(batch: pa.RecordBatch, column: Column, root: Path) -> pa.Array:
    values = batch.column(column.source[0])
    for name in column.source[1:]:
        values = pc.struct_field(values, name)
    if column.embedded:
        return _with_bytes(values, root)
    return pa.ExtensionArray.from_storage(pa.json_(), values) if column.field.as_json else values


def _refuse_beyond_python(batch: pa.RecordBatch, columns: list[Column]) -> None:
    """The builder of a folder with media goes through Python's values and back, which end before Arrow's do.

    Raises:
        NotTypedError: a column of 64 bits unsigned goes beyond the signed, or a time beyond the years 1 to 9999.
    """
    if not any(one.field.holds_media or one.stored == "file_name" for one in columns):
        return
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        for leaf in _leaves(values):
            if pa.types.is_uint64(leaf.type) and (pc.max(leaf).as_py() or 0) > _MOST:
                raise NotTypedError(name, OverflowError(f"integers above {_MOST}"))
            if (pa.types.is_timestamp(leaf.type) or pa.types.is_date(leaf.type)) and _is_beyond_calendar(leaf):
                raise NotTypedError(name, OverflowError("days before the year 1, or after 9999"))


_MOST = 2**63 - 1
_CALENDAR_S = (-62_135_596_800, 253_402_300_799)  # the years 1 to 9999 in seconds since 1970
_DAY_S = 86_400  # more than any time zone adds


def _is_beyond_calendar(values: pa.Array) -> bool:
    unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    if pa.types.is_date32(values.type):
        per_second, number = 1 / _DAY_S, values.cast(pa.int32())
    else:
        per_second = unit["ms" if pa.types.is_date64(values.type) else values.type.unit]
        number = values.cast(pa.int64())
    bounds = pc.min_max(number).as_py()
    if bounds["min"] is None:
        return False
    margin = _DAY_S if pa.types.is_timestamp(values.type) and values.type.tz is not None else 0
    least, most = _CALENDAR_S[0] + margin, _CALENDAR_S[1] - margin
    return bool(bounds["min"] / per_second < least or bounds["max"] / per_second >= most + 1)


def _leaves(values: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(values.type):
        for part in values.flatten():
            yield from _leaves(part)
    elif is_list(values.type):
        yield from _leaves(values.flatten())
    else:
        yield values


def _with_bytes(paths: pa.Array, root: Path) -> pa.Array:
    values = [
        None if path is None else {"bytes": (root / path).read_bytes(), "path": path.rpartition("/")[2]}
        for path in paths.to_pylist()
    ]
    return pa.array(values, _EMBEDDED)


_EMBEDDED = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _stored_type(column: Column) -> pa.DataType:
    if column.embedded:
        return _EMBEDDED
    return pa.json_() if column.field.as_json else column.field.target
