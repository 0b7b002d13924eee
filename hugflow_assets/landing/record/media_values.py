"""The media values of a row of the record, told by the features from what merely looks like one.

JSON of the source may hold objects with a ``path`` and a ``source_path``: they lead to no file of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.formats.features import is_list, modern, type_name
from hugflow_assets.formats.media import MEDIA_FEATURES

_LANDED = frozenset({"path", "source_path"})


def media_values(features: dict[str, Any] | None, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every media value of a row that has a file.

    Args:
        features: of the row's config, with their media said (see ``with_media``); of columns that they do not know,
            every value that looks like media is one.
    """
    for name, value in row.items():
        if features is not None and name in features:
            yield from _of_feature(features[name], value)
        else:
            yield from _alike(value)


def _of_feature(feature: Any, value: Any) -> Iterator[dict[str, Any]]:
    feature = modern(feature)
    kind = type_name(feature)
    if is_list(feature):
        for one in value if isinstance(value, list) else ():
            yield from _of_feature(feature["feature"], one)
    elif isinstance(value, dict):
        if kind in MEDIA_FEATURES and value.get("path"):
            yield value
        elif kind is None:
            for name, inner in feature.items():
                yield from _of_feature(inner, value.get(name))


def _alike(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _alike(one)
    elif isinstance(value, dict):
        if not value.keys() >= _LANDED:
            for one in value.values():
                yield from _alike(one)
        elif value["path"]:
            yield value
