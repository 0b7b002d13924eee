"""Features as ``Features.to_dict()`` has them: their spellings, and the Arrow types that they are stored in."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_LISTS = ("List", "LargeList")


def type_name(feature: Any) -> str | None:
    """What a feature is called; None for an object of features."""
    kind = feature.get("_type") if isinstance(feature, dict) else None
    return kind if isinstance(kind, str) else None


def is_list(feature: Any) -> bool:
    """Whether a feature, in the spelling of today, is a list."""
    return type_name(feature) in _LISTS


def modern(feature: Any) -> Any:
    """The features' older spellings in the one of today: a list as ``List``, a sequence of objects as one of lists."""
    if isinstance(feature, list):
        return {"_type": "List", "feature": modern(feature[0]) if feature else {"dtype": "null", "_type": "Value"}}
    if type_name(feature) == "Sequence":
        inner = modern(feature["feature"])
        rest = {"length": feature["length"]} if feature.get("length", -1) not in (-1, None) else {}
        if type_name(inner) is None:
            return {name: {"_type": "List", "feature": one, **rest} for name, one in inner.items()}
        return {"_type": "List", "feature": inner, **rest}
    return feature


def list_type(feature: Any, item: pa.DataType) -> pa.DataType:
    """The Arrow type of a list, whose items are stored as ``item``."""
    if feature["_type"] == "LargeList":
        return pa.large_list(item)
    length = feature.get("length", -1)
    return pa.list_(item, length) if length is not None and length >= 0 else pa.list_(item)


def arrow_type(feature: Any) -> pa.DataType:
    """The Arrow type of a feature that holds no media, in the form that a file stores."""
    from datasets import Features

    kind = Features.from_dict({"one": feature}).arrow_schema.field(0).type
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
