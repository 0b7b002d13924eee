"""The metadata of a folder of media: csv, JSON lines or parquet, with the types that `datasets` finds in it.

It is read once for all shards, into an Arrow file whose batches all have the same types, and then by ranges of rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.tables import names_files
from hugflow_assets.shapes.columns import MediaTree, is_list, is_text
from hugflow_assets.shapes.values.kept_rows import CardSays, keep_rows

FILE_NAME = "file_name"


def make_rows(local: Path, path: str, to: Path, card: CardSays) -> None:
    """Read a metadata file into an Arrow file.

    Args:
        card: what the dataset's card says of it.
    Raises:
        BadSourceError: it cannot be read as what its ending says, or names no files.
    """
    names: set[str] = set()
    keep_rows([(local, path)], to, card=card, column=FILE_NAME, look=lambda row: names.update(_names(row)))
    if names and not names_files(names):
        raise _names_nothing(path, sorted(names))


def _names(value: Any) -> Iterator[str]:
    """The names of all members, however deep."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _names(one)


def _names_nothing(path: str, columns: Sequence[str]) -> BadSourceError:
    return BadSourceError(
        f"{path} names no files: it has the columns {', '.join(columns[:50])}.",
        remedy="Metadata of a folder needs a column file_name, file_names, *_file_name or *_file_names.",
        file=path,
    )


def named_media(
    rows: Path, source_path: str, column: str, kind: str, feature: str
) -> tuple[pa.Schema, dict[str, MediaTree], dict[str, Any] | None]:
    """What the rows are once the columns that name files are media: schema, media, ``Features.to_dict()``.

    Raises:
        BadSourceError: no column names files.
    """
    from datasets import Features

    with pa.memory_map(str(rows)) as source:
        schema = pa.ipc.open_file(source).schema
    fields, trees = [], {}
    found: dict[str, Any] = Features.from_arrow_schema(schema).to_dict()
    features: dict[str, Any] = {}
    for field in schema:
        name, kind_of_field, tree = _named(field.name, field.type, column, kind)
        fields.append(pa.field(name, kind_of_field))
        if tree is not None:
            trees[name] = tree
        features[name] = _feature(found[field.name], tree, feature, column)
    if not trees and len(schema):
        raise _names_nothing(source_path, schema.names)
    return pa.schema(fields), trees, features


def _named(name: str, kind: pa.DataType, column: str, media: str) -> tuple[str, pa.DataType, MediaTree | None]:
    """A field as it lands: its name, its type with nested names changed, where the media are in it."""
    if (name == "file_name" or name.endswith("_file_name")) and is_text(kind):
        return name[: -len("_file_name")] or column, kind, MediaTree(kind=media)
    if (name == "file_names" or name.endswith("_file_names")) and is_list(kind) and is_text(kind.value_type):
        return name[: -len("_file_names")] or f"{column}s", kind, MediaTree(item=MediaTree(kind=media))
    if pa.types.is_struct(kind):
        inner = [_named(child.name, child.type, column, media) for child in kind]
        trees = {one[0]: one[2] for one in inner if one[2] is not None}
        if trees:
            return name, pa.struct([(one[0], one[1]) for one in inner]), MediaTree(fields=trees)
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        _, item, tree = _named("", kind.value_type, column, media)
        if tree is not None:
            return name, pa.list_(item), MediaTree(item=tree)
    return name, kind, None


def _feature(told: Any, tree: MediaTree | None, feature: str, column: str) -> Any:
    if tree is None:
        return told
    if tree.kind:
        return {"_type": feature}
    if tree.item is not None:
        return {"_type": "List", "feature": _feature(told["feature"], tree.item, feature, column)}
    renamed = {}
    for name, child in told.items():
        new = name.removesuffix("_file_name").removesuffix("_file_names")
        new = column if name == "file_name" else f"{column}s" if name == "file_names" else new
        key = new if new in tree.fields else name
        renamed[key] = _feature(child, tree.fields.get(key), feature, column)
    return renamed


def read_rows(rows: Path, schema: pa.Schema, start: int, end: int | None, at_once: int) -> Iterator[pa.RecordBatch]:
    """The rows from ``start`` to ``end`` (None: all that follow), under the names of ``schema``."""
    with pa.memory_map(str(rows)) as source:
        file = pa.ipc.open_file(source)
        first = 0
        for at in range(file.num_record_batches):
            batch = file.get_batch(at)
            low, high = max(start - first, 0), batch.num_rows if end is None else min(end - first, batch.num_rows)
            for begin in range(low, high, at_once):
                part = batch.slice(begin, min(at_once, high - begin))
                yield pa.RecordBatch.from_arrays(
                    [_renamed(values, field.type) for values, field in zip(part.columns, schema, strict=True)],
                    schema=schema,
                )
            first += batch.num_rows


def _renamed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same values where only names inside structs differ."""
    if values.type.equals(kind):
        return values
    if pa.types.is_struct(kind):
        children = [_renamed(child, field.type) for child, field in zip(values.flatten(), kind, strict=True)]
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=values.is_null())
    inner = _renamed(values.flatten(), kind.value_type)
    lengths = values.value_lengths().fill_null(0).to_pylist()
    offsets = pa.array([0, *itertools.accumulate(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, inner, mask=values.is_null())
