"""What `datasets` is told of a config: its features as upstream, and how the record's columns become those of the view.

`datasets` resolves ``<column>_file_name`` of one kind of media only, that of the folder's builder. Other images are in
the view themselves; what it cannot resolve at all stays as the record has it, a struct of paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from hugflow_assets.formats.features import arrow_type, is_list, list_type, modern, type_name
from hugflow_assets.formats.media import MEDIA_FEATURES
from hugflow_assets.formats.text.typed_json_lines import Field, MediaPaths
from hugflow_assets.shapes.columns import kind_by_name

KINDS = ("Audio", "Image", "Video", "Pdf")  # that have a builder for a folder of files, the first one wins
PACKED = "packed"  # instead of a kind: no builder finds files in tars, so the view says where the media are
_LISTS = ("List", "LargeList", "Sequence")
_JSON = {"_type": "Json"}
_TEXT = {"dtype": "string", "_type": "Value"}
_IN_TAR = {"tar": _TEXT, "offset": {"dtype": "int64", "_type": "Value"}, "size": {"dtype": "int64", "_type": "Value"}}
_AUDIO_FACTS = {"duration": "float64", "sampling_rate": "int64", "num_channels": "int64"}


@dataclass(frozen=True)
class Column:
    """A column of the view: what it is called in the record, in the file and in the features, and how it is read."""

    source: tuple[str, ...]
    stored: str
    name: str
    feature: Any
    field: Field
    embedded: bool = False


def with_media(features: Any, name: str = "") -> Any:
    """Features with the media said that files older than the features' metadata hold: structs of bytes and a path."""
    if isinstance(features, list):
        return [with_media(one, name) for one in features]
    if not isinstance(features, dict):
        return features
    if type_name(features) is not None:
        return features | {"feature": with_media(features["feature"], name)} if "feature" in features else features
    if set(features) == {"bytes", "path"} and "binary" in str((features["bytes"] or {}).get("dtype")):
        return {"_type": kind_by_name(name)}
    return {child: with_media(one, child) for child, one in features.items()}


def kind_of_folder(features: Iterable[dict[str, Any]]) -> str | None:
    """The kind of media whose files `datasets` finds by their names; None for text alone."""
    found = {kind for one in features for kind in _kinds(one)}
    return next((kind for kind in KINDS if kind in found), None)


def columns_of(features: dict[str, Any], kind: str | None, alias: str | None) -> list[Column]:
    """The columns of a config's view.

    Args:
        features: ``Features.to_dict()`` of the config.
        kind: of the folder, see ``kind_of_folder``.
        alias: a text column that appears as ``text`` too, dotted where it is inside a struct.
    """
    taken = _reserved(features, kind) | ({"text"} if alias is not None else set())
    columns = [_column(name, feature, kind, _free(name, taken, features)) for name, feature in features.items()]
    if alias is not None:
        path = tuple(alias.split(".")) if alias not in features else (alias,)
        inner: Any = features
        for part in path:
            inner = inner.get(part) if isinstance(inner, dict) else None
        if (
            isinstance(inner, dict)
            and isinstance(inner.get("_type"), str)
            and inner["_type"] not in (*_LISTS, *MEDIA_FEATURES)
        ):
            columns.append(replace(_column(path[-1], inner, kind, "text"), source=path))
    if kind in KINDS and not any(column.field.holds_media for column in columns):
        file_name = Field(pa.string(), absent=True)  # the builder wants such a column in every config, and drops it
        columns.append(Column(("",), "file_name", "", None, file_name))
    return columns


def as_json(columns: list[Column], source: str) -> list[Column]:
    """The columns with one that is not what its features say: it is ``Json`` in the view."""
    return [
        replace(one, stored=one.name, feature=_JSON, field=Field(pa.string(), as_json=True), embedded=False)
        if one.source[0] == source
        else one
        for one in columns
    ]


def _column(name: str, feature: Any, kind: str | None, called: str) -> Column:
    feature = modern(feature)
    if type_name(feature) == "Image" and kind not in ("Image", PACKED):
        return Column((name,), called, called, feature, Field.of_media(MediaPaths()), embedded=True)
    field, described, stored = _read(feature, kind, called)
    return Column((name,), stored, called, described, field)


def _read(feature: Any, kind: str | None, name: str) -> tuple[Field, Any, str]:
    """How a value is read, its feature in the view, and what its field is called in the file."""
    feature = modern(feature)
    type_ = type_name(feature)
    if type_ in MEDIA_FEATURES:
        if type_ == kind:
            return Field.of_media(MediaPaths()), feature, f"{name}_file_name"
        return *_paths(type_, kind), name
    if type_ == "Json":
        return Field(pa.string(), as_json=True), feature, name
    if type_ in ("List", "LargeList"):
        inner = modern(feature["feature"])
        if type_name(inner) == kind and kind is not None:
            item = Field.of_media(MediaPaths())
            return Field.list_of(item, pa.list_(item.target), filled=True), feature, f"{name}_file_names"
        item, described, _ = _read(_without(inner, kind) if is_list(inner) else inner, kind, "")
        return Field.list_of(item, list_type(feature, item.target), filled=True), feature | {"feature": described}, name
    if type_ is None:
        return *_struct(feature, kind), name
    return Field(arrow_type(feature)), feature, name


def _struct(feature: dict[str, Any], kind: str | None) -> tuple[Field, dict[str, Any]]:
    taken = _reserved(feature, kind)
    children, stored, described = {}, [], {}
    for child, inner in feature.items():
        called = _free(child, taken, feature)
        children[child], described[called], name = _read(inner, kind, called)
        stored.append(name)
    return Field.struct(children, stored, filled=True), described


def _paths(type_: str, kind: str | None = None) -> tuple[Field, dict[str, Any]]:
    """A media value as the record has it."""
    described = {"path": _TEXT, **(_IN_TAR if kind == PACKED else {}), "source_path": _TEXT}
    if type_ == "Audio":
        described |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in _AUDIO_FACTS.items()}
    return Field.struct({name: Field(arrow_type(one)) for name, one in described.items()}), described


def _without(feature: Any, kind: str | None) -> Any:
    """A list in a list: the builder does not look there for files."""
    return feature if kind is None or kind not in _kinds(feature) else _unresolved(feature)


def _unresolved(feature: Any) -> Any:
    feature = modern(feature)
    if is_list(feature):
        return feature | {"feature": _unresolved(feature["feature"])}
    return _paths(str(type_name(feature)))[1] if type_name(feature) in KINDS else feature


def _reserved(feature: dict[str, Any], kind: str | None) -> set[str]:
    """Names that the builder takes for those of files, beside media in one object."""
    taken = set()
    for name, inner in feature.items() if kind is not None and type_name(feature) is None else ():
        inner = modern(inner)
        if type_name(inner) == kind:
            taken |= {"file_name", f"{name}_file_name"}
        elif is_list(inner) and type_name(modern(inner["feature"])) == kind:
            taken |= {"file_names", f"{name}_file_names"}
    return taken


def _free(name: str, taken: set[str], names: Iterable[str]) -> str:
    free = name
    while free in taken or (free != name and free in names):
        free = f"src_{free}"
    return free


def _kinds(feature: Any) -> Iterable[str]:
    if isinstance(feature, list):
        for one in feature:
            yield from _kinds(one)
    elif isinstance(feature, dict):
        if (kind := type_name(feature)) is None:
            for one in feature.values():
                yield from _kinds(one)
        else:
            yield kind
            yield from _kinds(feature.get("feature"))
