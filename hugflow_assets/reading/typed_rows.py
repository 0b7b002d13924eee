"""Rows of the record as Arrow tables and `datasets`, with the types that the source has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.formats.features import arrow_type, is_list, list_type, modern, type_name
from hugflow_assets.formats.media import MEDIA_FEATURES
from hugflow_assets.formats.text.typed_json_lines import Field, NotTypedError, typed_batch, typed_batches
from hugflow_assets.reading.media import LandedMedia, MediaForm

if TYPE_CHECKING:
    import datasets

    from hugflow_assets.reading.dataset import Dataset

_LOG = logging.getLogger(__name__)
_LINES = 4096
_BLOCK_BYTES: dict[MediaForm, int] = {
    "path": 8 << 20,
    "range": 8 << 20,
    "bytes": 64 << 10,
}  # with bytes, few rows at once
_MEMBER_TYPES = {"path": pa.string(), "tar": pa.string(), "offset": pa.int64(), "size": pa.int64()}


def table_of(dataset: Dataset) -> pa.Table:
    """The selected rows; the features of the source, as far as they are known, decide the types."""
    return _typed(dataset)[0]


def dataset_of(dataset: Dataset, *, decode: bool) -> datasets.Dataset:
    """The selected rows as a ``datasets.Dataset``; its cache plays no part."""
    import datasets

    table, features = _typed(dataset)
    if features is None:
        return datasets.Dataset(datasets.table.InMemoryTable(table))
    with_decode = datasets.Features.from_dict(_decoding(features, decode))
    table = table.replace_schema_metadata(with_decode.arrow_schema.metadata)
    return datasets.Dataset(datasets.table.InMemoryTable(table.cast(with_decode.arrow_schema)))


def _typed(dataset: Dataset) -> tuple[pa.Table, dict[str, Any] | None]:
    """The rows and their features; a column that holds what its features do not allow is ``Json``."""
    features = _features(dataset)
    if features is None:
        return pa.Table.from_pylist([_plain(row) for row in dataset]), None
    while True:
        fields = {name: _field(one, dataset) for name, one in features.items()}
        schema = pa.schema([(name, field.target) for name, field in fields.items()])
        try:
            return pa.Table.from_batches(_batches(dataset, fields), schema), features
        except NotTypedError as error:
            if fields[error.column].as_json:
                raise DamagedDatasetError(
                    f"{dataset.info.name}: {error}.", remedy="Run `hugflow verify`, and materialize it again."
                ) from error
            _LOG.warning("%s: %s; it is Json.", dataset.info.name, error)
            features = features | {error.column: {"_type": "Json"}}


def _features(dataset: Dataset) -> dict[str, Any] | None:
    """The features of the selected configs, where all of them agree."""
    found = [dataset.features(config) for config in dataset.configs]
    return None if not found or any(one is None or one != found[0] for one in found) else found[0]


def _decoding(feature: Any, decode: bool) -> Any:
    """Features with the wish to decode, or not, said on each of their media."""
    if isinstance(feature, list):
        return [_decoding(one, decode) for one in feature]
    if not isinstance(feature, dict):
        return feature
    if feature.get("_type") in MEDIA_FEATURES:
        return {**feature, "decode": decode}
    return {name: _decoding(one, decode) for name, one in feature.items()}


def _field(feature: Any, dataset: Dataset) -> Field:
    """How the values of a feature are read."""
    feature = modern(feature)
    kind = type_name(feature)
    if kind in MEDIA_FEATURES:
        return Field.of_media(_StoredMedia(dataset))
    if kind == "Json":
        return Field(pa.string(), as_json=True)
    if is_list(feature):
        item = _field(feature["feature"], dataset)
        return Field.list_of(item, list_type(feature, item.target))
    if kind is None:
        return Field.struct({name: _field(one, dataset) for name, one in feature.items()})
    return Field(arrow_type(feature))


class _StoredMedia:
    """Media as `datasets` stores them: the bytes where they were asked for, and the path."""

    target = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    members = pa.struct([(name, _MEMBER_TYPES[name]) for name in LandedMedia.MEMBERS])

    def __init__(self, dataset: Dataset) -> None:
        self._media, self._with_bytes = LandedMedia(dataset.path), dataset.media_form == "bytes"

    def array(self, values: pa.StructArray) -> pa.Array:
        """Those of a batch."""
        return pa.array([None if one is None else self.value(one) for one in values.to_pylist()], self.target)

    def value(self, value: dict[str, Any]) -> Any:
        """One of them."""
        content = self._media.content(value) if self._with_bytes else None
        return {"bytes": content, "path": self._media.path(value)}


def _batches(dataset: Dataset, fields: dict[str, Field]) -> Iterator[pa.RecordBatch]:
    if not fields:
        return
    block_bytes = _BLOCK_BYTES[dataset.media_form]
    if not dataset.is_whole:
        lines = dataset.lines()
        while chunk := b"".join(islice(lines, 64 if dataset.media_form == "bytes" else _LINES)):
            yield typed_batch(chunk, fields)
        return
    for part in dataset.parts:
        path = dataset.record_path(*part)
        with path.open("rb") as record:
            yield from typed_batches(record, path.stat().st_size, fields, block_bytes=block_bytes)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"bytes": value.get("bytes"), "path": value.get("path")}
        if isinstance(value, dict) and "source_path" in value
        else value
        for name, value in row.items()
    }
