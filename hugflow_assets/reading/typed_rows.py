"""Rows of the record as Arrow tables and `datasets`, with the types that the source has."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hugflow_assets.reading.media import MEDIA

if TYPE_CHECKING:
    import datasets

    from hugflow_assets.reading.dataset import Dataset

BATCH_ROWS = 4096
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DURATION = re.compile(r"(-?)PT(-?)(\d+)(?:\.(\d+))?S")


def table_of(dataset: Dataset) -> pa.Table:
    """The selected rows; the features of the source, as far as they are known, decide the types."""
    features = _features(dataset)
    if features is None:
        return pa.Table.from_pylist([_plain(row) for row in dataset])
    schema = _stored(features.arrow_schema)
    return pa.Table.from_batches(_batches(dataset, features.to_dict(), schema), schema)


def dataset_of(dataset: Dataset, *, decode: bool) -> datasets.Dataset:
    """The selected rows as a ``datasets.Dataset``; its cache plays no part."""
    import datasets

    features = _features(dataset)
    table = table_of(dataset)
    if features is None:
        return datasets.Dataset(datasets.table.InMemoryTable(table))
    with_decode = datasets.Features.from_dict(_decoding(features.to_dict(), decode))
    table = table.replace_schema_metadata(with_decode.arrow_schema.metadata)
    return datasets.Dataset(datasets.table.InMemoryTable(table.cast(with_decode.arrow_schema)))


def _features(dataset: Dataset) -> datasets.Features | None:
    """The features of the selected configs, where all that have rows agree."""
    import datasets

    told = [dataset.features(config) for config in dataset.configs]
    if not told or any(one is None or one != told[0] for one in told):
        return None
    return datasets.Features.from_dict(told[0])


def _decoding(feature: Any, decode: bool) -> Any:
    """Features with the wish to decode, or not, said on each of their media."""
    if isinstance(feature, list):
        return [_decoding(one, decode) for one in feature]
    if not isinstance(feature, dict):
        return feature
    if feature.get("_type") in MEDIA:
        return {**feature, "decode": decode}
    return {name: _decoding(one, decode) for name, one in feature.items()}


def _stored(schema: pa.Schema) -> pa.Schema:
    """The types that are stored, without the extension types around them."""
    kinds = [one.type.storage_type if isinstance(one.type, pa.BaseExtensionType) else one.type for one in schema]
    return pa.schema([pa.field(one.name, kind) for one, kind in zip(schema, kinds, strict=True)])


def _batches(dataset: Dataset, features: dict[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows = iter(dataset)
    while chunk := list(islice(rows, BATCH_ROWS)):
        columns = [
            _array([row.get(field.name) for row in chunk], field.type, features.get(field.name)) for field in schema
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _array(values: list[Any], kind: pa.DataType, feature: Any) -> pa.Array:
    """Values of the record as Arrow has them in the source: texts that stand for what JSON cannot say become that."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    type_name = feature.get("_type") if isinstance(feature, dict) and isinstance(feature.get("_type"), str) else None
    if type_name in MEDIA:
        return pa.array([_media(value) for value in values], kind)
    if type_name == "Json":
        return pa.array([None if v is None else json.dumps(v, ensure_ascii=False) for v in values], kind)
    if pa.types.is_struct(kind):
        return _structs(values, kind, feature)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _lists(values, kind, feature)
    return _scalars(values, kind)


def _structs(values: list[Any], kind: pa.StructType, feature: Any) -> pa.Array:
    inner = feature.get("feature") if isinstance(feature, dict) and feature.get("_type") == "Sequence" else feature
    children = []
    for child in kind:
        of_child = inner.get(child.name) if isinstance(inner, dict) else None
        children.append(
            _array([v.get(child.name) if isinstance(v, dict) else None for v in values], child.type, of_child)
        )
    mask = pa.array([value is None for value in values])
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=mask)


def _lists(values: list[Any], kind: pa.DataType, feature: Any) -> pa.Array:
    inner = feature[0] if isinstance(feature, list) and feature else None
    inner = feature.get("feature") if isinstance(feature, dict) else inner
    items = _array([item for value in values if value is not None for item in value], kind.value_type, inner)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        filled = [item for value in values for item in (value if value is not None else [None] * size)]
        return pa.FixedSizeListArray.from_arrays(
            _array(filled, kind.value_type, inner), type=kind, mask=pa.array([value is None for value in values])
        )
    offsets: list[int | None] = []
    at = 0
    for value in values:
        offsets.append(None if value is None else at)
        at += len(value) if value is not None else 0
    offsets.append(at)
    made = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    width = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
    return made.from_arrays(pa.array(offsets, width), items, type=kind)


def _scalars(values: list[Any], kind: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return pa.array([None if v is None else base64.b64decode(v) for v in values], kind)
    if types.is_duration(kind):
        return pa.array([None if v is None else _ticks(v, _TICKS[kind.unit]) for v in values], pa.int64()).cast(kind)
    if types.is_timestamp(kind):
        return _times(values, kind)
    if types.is_date(kind) or types.is_time(kind) or types.is_decimal(kind):
        return pa.array(values, pa.string()).cast(kind)
    if types.is_floating(kind):
        return pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(kind)
    return pa.array(values, kind)


def _times(values: list[Any], kind: pa.TimestampType) -> pa.Array:
    """ISO 8601, with Z where the type has a zone; a bare number is what lies beyond the calendar, in its unit."""
    if any(isinstance(value, int) for value in values):
        apart = [
            _times([value], kind) if isinstance(value, str) else pa.array([value], pa.int64()).cast(kind)
            for value in values
        ]
        return pa.concat_arrays(apart)
    if kind.tz is None:
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, pa.string()).cast(pa.timestamp(kind.unit, "UTC")).cast(kind)


def _ticks(text: str, unit: int) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration of the record")
    digits = len(str(unit)) - 1
    ticks = int(found[3]) * unit + int((found[4] or "0").ljust(digits, "0")[:digits] or "0")
    return -ticks if "-" in (found[1], found[2]) else ticks


def _media(value: Any) -> Any:
    """A media value as `datasets` stores one: the bytes where they were asked for, and the path."""
    if not isinstance(value, dict):
        return value
    return {"bytes": value.get("bytes"), "path": value.get("path")}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _media(value) if isinstance(value, dict) and "source_path" in value else value
        for name, value in row.items()
    }
