"""Where a row holds media, and what a reader is given for them: paths on this machine, or the bytes.

``LandedMedia`` is the one place that knows how a value of the record names its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MEDIA = frozenset({"Audio", "Image", "Video", "Pdf", "Nifti", "Mesh", "BioStructure"})
MediaForm = Literal["path", "bytes"]
_LANDED = frozenset({"path", "source_path"})

Rewrite = Callable[[Any], Any]


@dataclass(frozen=True)
class LandedMedia:
    """The media of a landed dataset, found by what its record says of them.

    ``MEMBERS`` are those of a record's value that are needed for that. A value without a ``path`` (null upstream, or a
    file that the repository does not hold) has neither.
    """

    root: Path
    MEMBERS = ("path",)

    def path(self, value: dict[str, Any]) -> str | None:
        """The absolute path of the file."""
        return f"{self.root}/{value['path']}" if value.get("path") else None

    def content(self, value: dict[str, Any]) -> bytes | None:
        """The bytes, as they are upstream."""
        return (self.root / value["path"]).read_bytes() if value.get("path") else None

    def opener(self, form: MediaForm) -> Rewrite:
        """What makes of a record's value the one that a reader is given."""

        def with_path(value: Any) -> Any:
            if isinstance(value, dict) and value.get("path"):
                return {**value, "path": self.path(value)}
            return value

        def with_bytes(value: Any) -> Any:
            if isinstance(value, dict) and value.get("path"):
                return {**value, "bytes": self.content(value), "path": self.path(value)}
            return value

        return with_path if form == "path" else with_bytes


def rewriting(features: dict[str, Any] | None, root: Path, form: MediaForm) -> Rewrite:
    """What turns a row of the record into a row for readers, in place of its media values.

    Args:
        features: of the row's config; None: every value is looked at.
    """
    open_one = LandedMedia(root).opener(form)
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
