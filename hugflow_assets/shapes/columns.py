"""Where the media are in a row: the columns, and the fields nested in them, that become files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

MEDIA_FOLDERS = {
    **{"Audio": "audio", "Image": "image", "Video": "video", "Pdf": "pdf", "Nifti": "nifti", "Mesh": "mesh"},
    "BioStructure": "structure",
}
_NAMED = {"image": "Image", "img": "Image", "picture": "Image", "photo": "Image", "video": "Video", "pdf": "Pdf"}
CLIP = pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])
NAMED_CLIP = pa.struct([*CLIP, ("source_path", pa.large_string())])  # as the source writes it, where that is another


@dataclass(frozen=True)
class MediaTree:
    """The media inside one value: the value itself (``kind``), fields of a struct, or the items of a list."""

    kind: str | None = None
    fields: dict[str, MediaTree] = field(default_factory=dict)
    item: MediaTree | None = None

    def __contains__(self, kind: object) -> bool:
        if self.kind == kind or (self.item is not None and kind in self.item):
            return True
        return any(kind in child for child in self.fields.values())


def media_columns(schema: pa.Schema, features: dict[str, Any] | None) -> dict[str, MediaTree]:
    """The columns of a parquet schema that hold media, by name.

    Args:
        schema: of the source file.
        features: ``Features.to_dict()`` from upstream. Without them (files older than the features' metadata) a struct
            of exactly ``bytes`` and ``path`` counts as audio, or as what its column's name says.
    """
    found = {}
    for column in schema:
        feature = (features or {}).get(column.name)
        if tree := _tree(column.type, feature, column.name):
            found[column.name] = tree
    return found


def _tree(kind: pa.DataType, feature: Any, name: str) -> MediaTree | None:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    named = feature.get("_type") if isinstance(feature, dict) and isinstance(feature.get("_type"), str) else None
    if named in MEDIA_FOLDERS:
        return MediaTree(kind=MEDIA_FOLDERS[named]) if _holds_media(kind) else None
    if named is None and _legacy(kind):
        return MediaTree(kind=MEDIA_FOLDERS[kind_by_name(name)])
    if pa.types.is_struct(kind):
        children = {}
        for child in kind:
            if tree := _tree(child.type, _child_feature(feature, child.name), child.name):
                children[child.name] = tree
        return MediaTree(fields=children) if children else None
    if is_list(kind):
        item = _tree(kind.value_type, _item_feature(feature), name)
        return MediaTree(item=item) if item else None
    return None


def kind_by_name(name: str) -> str:
    """What a column of bytes and paths holds, as a feature is called, where nothing but its name tells."""
    return _NAMED.get(name.lower(), "Audio")


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is any of Arrow's list types but a map."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def is_binary(kind: pa.DataType) -> bool:
    """Whether a type holds bytes."""
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds UTF-8 text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _holds_media(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        types = {child.name: child.type for child in kind}
        return (
            bool(types)
            and set(types) <= {"bytes", "path"}
            and all(is_binary(types[name]) or pa.types.is_null(types[name]) for name in types if name == "bytes")
            and all(is_text(types[name]) or pa.types.is_null(types[name]) for name in types if name == "path")
        )
    return is_binary(kind) or is_text(kind)


def _legacy(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_struct(kind)
        and {child.name for child in kind} == {"bytes", "path"}
        and _holds_media(kind)
        and is_binary(kind.field("bytes").type)
    )


def _child_feature(feature: Any, name: str) -> Any:
    if not isinstance(feature, dict):
        return None
    if isinstance(feature.get("_type"), str):  # a Sequence of a dict is stored as a dict of lists
        inner = feature.get("feature")
        return {"_type": "List", "feature": inner.get(name)} if isinstance(inner, dict) else None
    return feature.get(name)


def _item_feature(feature: Any) -> Any:
    if isinstance(feature, list):
        return feature[0] if feature else None
    return feature.get("feature") if isinstance(feature, dict) else None
