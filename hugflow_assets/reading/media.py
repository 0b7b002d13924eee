"""Where a row holds media, and what a reader is given for them: paths on this machine, or the bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

MEDIA = frozenset({"Audio", "Image", "Video", "Pdf", "Nifti", "Mesh", "BioStructure"})
MediaForm = Literal["path", "bytes"]
_LANDED = frozenset({"path", "source_path"})

Rewrite = Callable[[Any], Any]


def rewriting(features: dict[str, Any] | None, root: Path, form: MediaForm) -> Rewrite:
    """What turns a row of the record into a row for readers, in place of its media values.

    Args:
        features: of the row's config; None: every value is looked at.
    """
    open_one = _with_path(root) if form == "path" else _with_bytes(root)
    if features is None:
        return _anywhere(open_one)
    by_column = {name: found for name, one in features.items() if (found := _of_feature(one, open_one)) is not None}

    def rewrite(row: Any) -> Any:
        for name, column in by_column.items():
            if row.get(name) is not None:
                row[name] = column(row[name])
        return row

    return rewrite


def _of_feature(feature: Any, open_one: Rewrite) -> Rewrite | None:
    """What to do with the values of a feature; None: nothing, there are no media in them."""
    kind = feature.get("_type") if isinstance(feature, dict) and isinstance(feature.get("_type"), str) else None
    if kind in MEDIA:
        return open_one
    if kind in ("List", "LargeList", "Sequence") or isinstance(feature, list):
        inner = feature[0] if isinstance(feature, list) else feature.get("feature")
        return _anywhere(open_one) if inner is not None and _of_feature(inner, open_one) is not None else None
    if isinstance(feature, dict) and (kind is None or kind == "Json"):
        has_media = kind == "Json" or any(_of_feature(one, open_one) is not None for one in feature.values())
        return _anywhere(open_one) if has_media else None
    return None


def _anywhere(open_one: Rewrite) -> Rewrite:
    """Look for media at every depth of a value."""

    def rewrite(value: Any) -> Any:
        if isinstance(value, list):
            return [rewrite(one) for one in value]
        if not isinstance(value, dict):
            return value
        if value.keys() >= _LANDED:
            return open_one(value)
        return {name: rewrite(one) for name, one in value.items()}

    return rewrite


def _with_path(root: Path) -> Rewrite:
    base = f"{root}/"

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict) and value.get("path"):
            return {**value, "path": base + value["path"]}
        return value

    return rewrite


def _with_bytes(root: Path) -> Rewrite:
    def rewrite(value: Any) -> Any:
        if isinstance(value, dict) and value.get("path"):
            return {**value, "bytes": (root / value["path"]).read_bytes(), "path": str(root / value["path"])}
        return value

    return rewrite
