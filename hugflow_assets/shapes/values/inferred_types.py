"""What the columns of rows turned out to be, for shapes whose types nothing tells beforehand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from hugflow_assets.formats.text.json_values import parsed
from hugflow_assets.shapes.values.json_types import JsonType


class SeenTypes:
    """Collects types batch by batch; a type that widens (nulls first, integers then numbers) is widened."""

    def __init__(self) -> None:
        self._types: dict[str, pa.DataType] = {}
        self._media: dict[str, str] = {}
        self._order: dict[str, None] = {}
        self._odd: set[str] = set()
        self._json: dict[str, JsonType] = {}

    def media(self, name: str, feature: str) -> None:
        """A column of media; ``feature`` as `datasets` calls its type."""
        self._order[name] = None
        self._media[name] = feature

    def column(self, name: str, kind: pa.DataType) -> None:
        """A column of a batch."""
        self._order[name] = None
        known = self._types.get(name)
        if known is None or known.equals(kind):
            self._types[name] = kind
            return
        try:
            both = pa.unify_schemas(
                [pa.schema([(name, known)]), pa.schema([(name, kind)])], promote_options="permissive"
            )
            self._types[name] = both.field(name).type
        except pa.ArrowException:
            self._odd.add(name)

    def json(self, name: str, values: list[str | None]) -> None:
        """A column of JSON texts."""
        self._order[name] = None
        seen = self._json.setdefault(name, JsonType())
        for one in values:
            if one is not None:
                seen.add(parsed(one.encode(), Counter())[0])

    def features(self) -> dict[str, Any] | None:
        """``Features.to_dict()`` of all columns; one whose rows are of many types is Json."""
        if not self._order:
            return None
        from datasets import Features

        told: dict[str, Any] = {}
        for name in self._order:
            if name in self._media:
                told[name] = {"_type": self._media[name]}
            elif name in self._json:
                told[name] = self._json[name].feature
            elif name in self._odd:
                told[name] = {"_type": "Json"}
            else:
                try:
                    told |= Features.from_arrow_schema(pa.schema([(name, self._types[name])])).to_dict()
                except (ValueError, TypeError, KeyError, NotImplementedError):
                    told[name] = {"_type": "Json"}
        return told
