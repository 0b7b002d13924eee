"""The types of JSON values: what all rows allow, or `datasets`' own type for JSON where they allow none."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from hugflow_assets.formats.text.json_values import Written
from hugflow_assets.shapes.columns import MEDIA_FOLDERS, is_list, is_text

JSON_FEATURE = {"_type": "Json"}
_FEATURES = {kind: name for name, kind in MEDIA_FOLDERS.items()}
_MOST_FIELDS = 512  # of an object inside a row: with more, its names are values
_EXACT = 1 << 53  # integers up to here are doubles too
_KINDS = {bool: "bool", str: "string", float: "float64", int: "int64", type(None): ""}


class Media(Written):
    """A mark in a row where it names media of a kind."""

    __slots__ = ("kind",)

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


class JsonType:
    """Grows with every value that is added; ``feature`` is what `datasets` calls the type of all of them."""

    __slots__ = ("_fields", "_highest", "_item", "_kinds", "_lowest", "_marked")

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._fields: dict[str, JsonType] | None = None
        self._item: JsonType | None = None
        self._lowest = self._highest = 0
        self._marked: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, JsonType]:
        """Of objects: the type of each member, in the order they come."""
        return self._fields or {}

    def add(self, value: Any) -> None:
        """A value as ``formats.json_values`` parses it."""
        kind = type(value)
        if kind is dict:
            self._object(value)
        elif kind is list:
            self._kinds.add("list")
            self._item = self._item or JsonType()
            for one in value:
                self._item.add(one)
        elif kind is int:
            self._kinds.add("int64")
            self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)
        elif kind is Media:
            self._marked = {"_type": _FEATURES[value.kind]}
        elif kind is Written:
            self._kinds.add("huge" if value.is_whole and value.text != "-0" else "float64")
        elif name := _KINDS[kind]:
            self._kinds.add(name)

    def _object(self, value: dict[str, Any]) -> None:
        self._kinds.add("object")
        fields = self._fields = {} if self._fields is None else self._fields
        for name, one in value.items():
            found = fields.get(name)
            if found is None:
                if len(fields) >= _MOST_FIELDS:
                    self._kinds.add("names")
                    continue
                found = fields[name] = JsonType()
            found.add(one)

    def add_arrow(self, kind: pa.DataType) -> None:
        """The type that Arrow found for all of some values: texts that look like times are texts."""
        types = pa.types
        if types.is_struct(kind):
            self._kinds.add("object")
            self._fields = {} if self._fields is None else self._fields
            for field in kind:
                self._fields.setdefault(field.name, JsonType()).add_arrow(field.type)
        elif is_list(kind):
            self._kinds.add("list")
            self._item = self._item or JsonType()
            self._item.add_arrow(kind.value_type)
        elif is_text(kind) or types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
            self._kinds.add("string")
        elif not types.is_null(kind):
            self._kinds.add(str(kind) if str(kind) in ("bool", "int64") else "float64")

    @property
    def features(self) -> dict[str, Any] | None:
        """Of rows: the type of each column; None where there are none."""
        return {name: one.feature for name, one in self.fields.items()} or None

    @property
    def feature(self) -> dict[str, Any]:
        """As ``Features.to_dict()`` has it."""
        if self._marked is not None:
            return JSON_FEATURE if self._kinds else self._marked
        if not self._kinds:
            return {"dtype": "null", "_type": "Value"}
        if self._kinds == {"object"} and self._fields:
            return {name: one.feature for name, one in self._fields.items()}
        if self._kinds == {"list"} and self._item is not None:
            return {"feature": self._item.feature, "_type": "List"}
        if len(self._kinds) == 1 and (kind := next(iter(self._kinds))) in ("bool", "string", "float64"):
            return {"dtype": kind, "_type": "Value"}
        if self._kinds == {"int64"}:
            return self._whole()
        if self._kinds == {"int64", "float64"} and self._lowest >= -_EXACT and self._highest <= _EXACT:
            return {"dtype": "float64", "_type": "Value"}
        return JSON_FEATURE

    def _whole(self) -> dict[str, Any]:
        if self._lowest >= -(1 << 63) and self._highest < 1 << 63:
            return {"dtype": "int64", "_type": "Value"}
        return {"dtype": "uint64", "_type": "Value"} if self._lowest >= 0 else JSON_FEATURE
