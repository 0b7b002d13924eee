"""WebDataset: members of a tar that share a key, the path up to the first dot of the name, are one row.

Fields as `datasets` names them: everything behind that dot. Text is decoded, ``cls`` and its like are integers, JSON
goes into the record as it is, media become files; what else there is stays binary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.hub.clips import is_named_like_a_table
from hugflow_assets.landing.archives import SPOOLED_BYTES, Member, members
from hugflow_assets.landing.columns import MediaTree
from hugflow_assets.landing.readers.reader import BATCH_BYTES, CLIP, JSON, Reader
from hugflow_assets.landing.readers.seen_types import SeenTypes
from hugflow_assets.landing.readers.values import json_text
from hugflow_assets.landing.shard import Shard
from hugflow_assets.landing.sources import Sources

KEY, URL = "__key__", "__url__"
_KEYED = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # as webdataset's base_plus_ext
_TEXT = frozenset({"txt", "text", "transcript", "tsv", "csv", "md", "srt", "vtt", "lab", "ctm", "xml", "yaml", "yml"})
_WHOLE = frozenset({"cls", "cls2", "index", "inx", "id"})
_JSON = frozenset({"json", "jsn"})
_KINDS = {
    "audio": "aiff aif au caf flac ogg oga opus wav wave mp3 m4a aac w64 nist sph amr wma webm voc rf64",
    "image": "png jpg jpeg gif webp bmp tif tiff jp2 ppm pgm pbm avif heic",
    "video": "mp4 mkv avi mov mpeg mpg m4v",
    "pdf": "pdf",
}
_MEDIA = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}
_FEATURES = {"audio": "Audio", "image": "Image", "video": "Video", "pdf": "Pdf"}
_MOST_ROWS = 1024


class WebDatasetReader(Reader):
    """The tars of a shard, a row a key."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._spooled: dict[str, Path] = {}
        self._number = 0
        self._types = SeenTypes()

    def batches(self) -> Iterator[pa.RecordBatch]:
        for file in self.shard.source.files:
            local = self.sources.fetch(file)
            rows: list[dict[str, Any]] = []
            size = 0
            for row, row_bytes in self._rows(local, file.path):
                rows.append(row)
                size += row_bytes
                if size >= BATCH_BYTES or len(rows) >= _MOST_ROWS:
                    yield self._batch(rows)
                    rows, size = [], 0
            if rows:
                yield self._batch(rows)
        self.features = self._types.features()

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {name: MediaTree(kind=kind) for name in schema.names if (kind := _kind(name)) in (*_FEATURES, JSON)}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        return {path: self._spooled.pop(path) for path in paths if path in self._spooled}

    def _rows(self, local: Path, source_path: str) -> Iterator[tuple[dict[str, Any], int]]:
        row: dict[str, Any] = {}
        size = 0
        keys: set[int] = set()
        for member in members(local, source_path):
            found = _KEYED.fullmatch(member.name)
            if found is None:
                self.counts["members_without_key"] += 1
                continue
            key, field = found[1], found[2]
            if row and row[KEY] != key:
                self._refuse_table(row, source_path)
                yield row, size
                row, size = {}, 0
            if not row:
                self.counts["keys_not_together"] += hash(key) in keys
                keys.add(hash(key))
            if field in row or field in (KEY, URL):
                raise BadSourceError(f"{source_path} holds {member.name} twice.", file=source_path)
            row |= {KEY: key, URL: source_path, field: self._value(member, field, source_path)}
            size += min(member.size_bytes, SPOOLED_BYTES)
        if row:
            self._refuse_table(row, source_path)
            yield row, size

    def _refuse_table(self, row: dict[str, Any], source_path: str) -> None:
        """A table of the clips is no sample. The plan looks at both ends of an archive; this one is in between."""
        name = f"{row[KEY]}.{next(iter(row.keys() - {KEY, URL}))}"
        if len(row) == 3 and is_named_like_a_table(name):
            raise BadSourceError(
                f"{source_path} holds {name} among its clips: a table of them, not a sample.",
                remedy="Tell the dataset's owners: the table is found where it is the first or the last member.",
                file=source_path,
            )

    def _value(self, member: Member, field: str, source_path: str) -> Any:
        kind = _kind(field)
        if kind in _FEATURES:
            if member.size_bytes <= SPOOLED_BYTES:
                return {"bytes": member.data(), "path": member.name}
            self._number += 1
            self._spooled[member.name] = self.shard.work / f"member-{self._number:05d}"
            member.save(self._spooled[member.name])
            return {"bytes": None, "path": member.name}
        data = bytes(member.data())
        try:
            if kind == JSON:
                return json_text(data)
            if kind == "text":
                return data.decode("utf-8")
            if kind == "whole":
                return int(data)
        except ValueError as error:
            if kind == "text":
                return data.decode("utf-8", "replace")
            raise BadSourceError(
                f"{source_path}: {member.name} is not what its name says: {error}", file=source_path
            ) from error
        return data

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        """``__key__`` and ``__url__`` last, as `datasets` gives them; a field that a row lacks is null in it."""
        fields = dict.fromkeys(name for row in rows for name in row if name not in (KEY, URL))
        columns = {}
        for name in (*fields, KEY, URL):
            values = [row.get(name) for row in rows]
            kind = _kind(name)
            if kind in _FEATURES:
                columns[name] = pa.StructArray.from_arrays(
                    [pa.array([v and v[f.name] for v in values], f.type) for f in CLIP],
                    fields=list(CLIP),
                    mask=pa.array([value is None for value in values]),
                )
                self._types.media(name, _FEATURES[kind])
            elif kind == JSON:
                columns[name] = pa.array(values, pa.large_string())
                self._types.json(name, values)
            else:
                columns[name] = pa.array(values)
                self._types.column(name, columns[name].type)
        return pa.RecordBatch.from_pydict(columns)


def _kind(field: str) -> str:
    ending = field.rpartition(".")[2].lower()
    if field in (KEY, URL):
        return "own"
    if ending in _MEDIA:
        return _MEDIA[ending]
    for kind, endings in ((JSON, _JSON), ("text", _TEXT), ("whole", _WHOLE)):
        if ending in endings:
            return kind
    return "binary"
