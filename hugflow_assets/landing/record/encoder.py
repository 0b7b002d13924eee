"""The record: every source row as one JSON line, nothing added, renamed or dropped.

Works a column at a time on Arrow buffers: the tokens of all columns are put together by Arrow itself, and the buffer
that results is the text to write. Media values become what the given writer says; maps become lists of pairs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hugflow_assets.formats.text.json_values import one_line
from hugflow_assets.landing.record import json_tokens as tk
from hugflow_assets.shapes.columns import MediaTree, is_list
from hugflow_assets.shapes.values.json_lines import JsonLines

Rows = np.ndarray[Any, np.dtype[np.int64]]
LandMedia = Callable[[str, pa.Array, Rows], list[str]]


class RecordEncoder:
    """Turns record batches into JSON lines.

    Args:
        media: the columns that hold media, from ``media_columns``.
        land_media: called with the kind, the media values and the row that each is in; writes them and returns the JSON
            token of each. Called once a batch and media field, in column order.
    ``lost`` counts what JSON could not say: ``non_finite``, ``invalid_utf8``, ``out_of_range``, columns that had to be
    renamed because one name came twice; and as ``null_audio`` the lists, null or empty, that hold no audio.
    """

    def __init__(self, media: dict[str, MediaTree], land_media: LandMedia) -> None:
        self._media = media
        self._land_media = land_media
        self.lost: Counter[str] = Counter()

    def lines(self, batch: pa.RecordBatch, first_row: int) -> memoryview:
        """The UTF-8 text of a batch's rows, each with its line end. ``first_row`` counts from the shard's start."""
        rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.int64)
        columns = [
            self._tokens(batch.column(at), rows, self._media.get(name)) for at, name in enumerate(batch.schema.names)
        ]
        if not batch.num_rows:
            return memoryview(b"")
        if not columns:
            return memoryview(b"{}\n" * batch.num_rows)
        lines = self._objects(batch.schema.names, columns, end="}\n")
        return tk.content(lines).data

    def json_lines(self, lines: JsonLines, first_row: int) -> memoryview:
        """The UTF-8 text of rows that are JSON already: as they are, with the landed media where these are marked."""
        if not lines.media:
            return memoryview(lines.text)
        tokens = {one.mark: iter(self._land_media(one.kind, one.values, one.rows + first_row)) for one in lines.media}
        parts = re.split(b"([%s])" % b"".join(tokens), lines.text)
        parts[1::2] = [next(tokens[mark]).encode() for mark in parts[1::2]]
        return memoryview(b"".join(parts))

    def _tokens(self, values: pa.Array, rows: Rows, media: MediaTree | None) -> pa.Array:
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        kind = values.type
        if isinstance(kind, pa.JsonType):
            return tk.or_null(pa.array(map(self._json, values.storage.to_pylist()), tk.TEXT), values.storage)
        if isinstance(kind, pa.BaseExtensionType):
            return self._tokens(values.storage, rows, media)
        if pa.types.is_dictionary(kind):
            return self._tokens(values.dictionary_decode(), rows, media)
        if pa.types.is_run_end_encoded(kind):
            return self._tokens(pc.run_end_decode(values), rows, media)
        if media is not None and media.kind:
            return pa.array(self._land_media(media.kind, values, rows), tk.TEXT)
        if pa.types.is_struct(kind):
            return self._struct(values, rows, media)
        if pa.types.is_map(kind):
            return self._map(values)
        if is_list(kind):
            return self._list(values, rows, media.item if media else None)
        return tk.scalar_tokens(values, self.lost)

    def _json(self, text: str | None) -> str:
        """JSON that a column holds as text, as the value that it is; a text that is no JSON as the text."""
        if text is None:
            return "null"
        try:
            return one_line(text, self.lost)
        except ValueError:
            return json.dumps(text, ensure_ascii=False)

    def _struct(self, values: pa.StructArray, rows: Rows, media: MediaTree | None) -> pa.Array:
        names = [field.name for field in values.type]
        if not names:
            return tk.or_null(pa.repeat(tk.text("{}"), len(values)), values)
        inside = media.fields if media else {}
        children = [
            self._tokens(child, rows, inside.get(name)) for name, child in zip(names, values.flatten(), strict=True)
        ]
        return tk.or_null(self._objects(names, children, end="}"), values)

    def _objects(self, names: list[str], columns: list[pa.Array], end: str) -> pa.Array:
        parts: list[Any] = []
        for at, (name, column) in enumerate(zip(self._keys(names), columns, strict=True)):
            key = json.dumps(name, ensure_ascii=False)
            parts += [tk.text(("," if at else "{") + key + ":"), column]
        return tk.joined(*parts, tk.text(end))

    def _keys(self, names: list[str]) -> list[str]:
        """The names as keys; one that comes again gets ``.2``, since a JSON reader would keep the last value only."""
        if len(set(names)) == len(names):
            return names
        keys: list[str] = []
        for name in names:
            key, number = name, 2
            while key in keys or (key != name and key in names):
                key, number = f"{name}.{number}", number + 1
            self.lost["renamed_columns"] += key != name
            keys.append(key)
        return keys

    def _list(self, values: pa.Array, rows: Rows, media: MediaTree | None) -> pa.Array:
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        if media is not None:  # a list without items has no value that ``land_media`` could count
            self.lost["null_audio"] += int((lengths == 0).sum()) * _audio_fields(media)
        items = self._tokens(values.flatten(), np.repeat(rows, lengths), media)
        return tk.or_null(_arrays(items, lengths), values)

    def _map(self, values: pa.MapArray) -> pa.Array:
        # By hand: casting maps to lists gives broken arrays for some slices and nulls (pyarrow 26 aborts on them).
        offsets = values.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
        inner = np.zeros(count, np.int64)  # no media in maps, so no rows to name them by
        key, value = (self._tokens(one.slice(first, count), inner, None) for one in (values.keys, values.items))
        pairs = tk.joined(tk.text("["), key, tk.text(","), value, tk.text("]"))
        lengths = np.where(values.is_valid().to_numpy(zero_copy_only=False), np.diff(offsets), 0)
        if lengths.sum() < count:  # a null with entries behind it
            taken = np.repeat(offsets[:-1] - first - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
            pairs = pairs.take(pa.array(taken))
        return tk.or_null(_arrays(pairs, lengths), values)


def _audio_fields(media: MediaTree) -> int:
    """How many audio values one item holds."""
    inside = [*media.fields.values(), *([media.item] if media.item else [])]
    return (media.kind == "audio") + sum(map(_audio_fields, inside))


def _arrays(items: pa.Array, lengths: Rows) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    lists = pa.ListArray.from_arrays(pa.array(offsets), items)
    return tk.joined(tk.text("["), pc.binary_join(lists, tk.text(",")), tk.text("]"))
