"""Where a row holds media, and what a reader is given for them: paths on this machine, or the bytes.

``LandedMedia`` is the one place that knows how a value of the record names its bytes: as a file, or as a part of a tar.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hugflow_assets.errors import DamagedDatasetError
from hugflow_assets.formats.media import MEDIA_FEATURES

MediaForm = Literal["path", "bytes", "range"]
_LANDED = frozenset({"path", "source_path"})

Rewrite = Callable[[Any], Any]


@dataclass(frozen=True)
class LandedMedia:
    """The media of a landed dataset, found by what its record says of them.

    ``MEMBERS`` are those of a record's value that are needed for that. A value without a ``path`` (null upstream, or a
    file that the repository does not hold) has neither.
    """

    root: Path
    MEMBERS = ("path", "tar", "offset", "size")

    def path(self, value: dict[str, Any]) -> str | None:
        """The absolute path of the file, or as `fsspec` and `datasets` open a member: ``tar://<name>::<tar>``."""
        if not value.get("path"):
            return None
        if tar := value.get("tar"):
            return f"tar://{_member_name(value)}::{self.root}/{tar}"
        return f"{self.root}/{value['path']}"

    def content(self, value: dict[str, Any]) -> bytes | None:
        """The bytes, as they are upstream.

        Raises:
            DamagedDatasetError: a tar is shorter than the record says.
        """
        if not value.get("path"):
            return None
        if not value.get("tar"):
            return Path(self.root, value["path"]).read_bytes()
        tar, offset, size = self.root / value["tar"], value["offset"], value["size"]
        with tar.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), size, offset)
            while len(data) < size and (more := os.pread(file.fileno(), size - len(data), offset + len(data))):
                data += more
        if len(data) != size:
            raise DamagedDatasetError(
                f"{tar} ends within a member: {len(data)} of {size} bytes from {offset} on.",
                remedy="Run `hugflow verify`, and materialize the dataset again to repair it.",
            )
        return data

    def place(self, value: dict[str, Any]) -> dict[str, Any]:
        """``path`` of the file to open, and of a tar ``offset`` and ``size``, and what the ``member`` is called."""
        if not (tar := value.get("tar")):
            return {"path": f"{self.root}/{value['path']}"}
        return {"path": f"{self.root}/{tar}", "member": _member_name(value)}

    def opener(self, form: MediaForm) -> Rewrite:
        """What makes of a record's value the one that a reader is given."""

        def with_path(value: Any) -> Any:
            if isinstance(value, dict) and value.get("path"):
                return {**value, **self.place(value)}
            return value

        def with_bytes(value: Any) -> Any:
            if isinstance(value, dict) and value.get("path"):
                return {**value, "bytes": self.content(value), **self.place(value)}
            return value

        def with_range(value: Any) -> Any:
            if not (isinstance(value, dict) and value.get("path")):
                return value
            place = self.place(value)
            return (
                {"offset": 0, "size": Path(place["path"]).stat().st_size if "tar" not in value else 0} | value | place
            )

        return {"path": with_path, "bytes": with_bytes, "range": with_range}[form]


def _member_name(value: dict[str, Any]) -> str:
    """What a member is called in its tar: its path as a file, below the folder that the tar is in."""
    below: str = value["tar"].rpartition("/")[0]
    return str(value["path"]).removeprefix(f"{below}/")


def rewriting(features: dict[str, Any] | None, open_one: Rewrite) -> Rewrite:
    """What turns a row of the record into a row for readers, in place of its media values.

    Args:
        features: of the row's config; None: every value is looked at.
        open_one: what makes of a media value what readers are given.
    """
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
    if kind in MEDIA_FEATURES:
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
