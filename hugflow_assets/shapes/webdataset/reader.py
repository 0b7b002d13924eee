"""WebDataset: members of a tar that share a key, the path up to the first dot of the name, are one row.

Fields as `datasets` names them: everything behind that dot. Text is decoded, ``cls`` and its like are integers, JSON
goes into the record as it is, media become files; what else there is stays binary.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import SPOOLED_BYTES, Member, members, refuse_archive_inside
from hugflow_assets.formats.names import is_archive, is_named_like_a_table
from hugflow_assets.formats.tables import PATH_COLUMNS
from hugflow_assets.formats.text.json_values import dumped
from hugflow_assets.formats.webdataset import FEATURES, JSON, KEY, URL, keyed, kind_of
from hugflow_assets.shapes.columns import CLIP, MediaTree
from hugflow_assets.shapes.reader import BATCH_BYTES, Reader
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.texts.in_tar import JSON_TEXT, LoneTexts
from hugflow_assets.shapes.texts.text_values import json_text, whole_text
from hugflow_assets.shapes.values.inferred_types import SeenTypes

_MOST_ROWS = 1024
_OF_NO_CLIP = 1 << 10  # bytes that a row without a clip is taken for
_SAID = "\0"  # in a row: the columns of what is said of its clip
Row = dict[str, Any]


class WebDatasetReader(Reader):
    """The tars of a shard, a row a key."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._spooled: dict[str, Path] = {}
        self._number = 0
        self._types = SeenTypes()
        self._json: set[str] = set()  # columns of tables of JSON, whose values are the texts of it
        self._texts: LoneTexts | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        for file in self.shard.source.files:
            local = self.sources.fetch(file)
            texts = LoneTexts(local, file.path, self.shard.work, self.sources.stop_if_asked)
            self._texts = texts if texts else None
            rows: list[Row] = []
            size = 0
            for several, row_bytes in self._all_rows(local, file.path):
                rows += several
                size += row_bytes
                if size >= BATCH_BYTES or len(rows) >= _MOST_ROWS:
                    yield self._batch(rows)
                    rows, size = [], 0
            if rows:
                yield self._batch(rows)
            if self._texts is not None:
                self._texts.count(self.counts, self.unmatched)
        self.features = self._types.features()

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        kinds = {name: JSON if name in self._json else kind_of(name) for name in schema.names}
        return {name: MediaTree(kind=kind) for name, kind in kinds.items() if kind in (*FEATURES, JSON)}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        return {path: self._spooled.pop(path) for path in paths if path in self._spooled}

    def _all_rows(self, local: Path, source_path: str) -> Iterator[tuple[list[Row], int]]:
        """The samples with what is said of them, and then the rows of tables whose clips are not there."""
        media: dict[str, None] = {}
        for row, row_bytes in self._rows(local, source_path):
            media |= {field: None for field in row if kind_of(field) in FEATURES}
            yield self._with_texts(row, source_path), row_bytes
        for said in self._texts.columns_of_none() if self._texts is not None else ():
            yield [{**media, KEY: None, URL: source_path, _SAID: said}], _OF_NO_CLIP

    def _rows(self, local: Path, source_path: str) -> Iterator[tuple[Row, int]]:
        row: Row = {}
        size = 0
        keys: set[int] = set()
        for member in members(local, source_path):
            if self._texts is not None and self._texts.took(member.name):
                continue
            if (found := keyed(member.name)) is None:
                self.counts["members_without_key"] += 1
                continue
            key, field = found
            if row and row[KEY] != key:
                self._refuse_no_sample(row, source_path)
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
            self._refuse_no_sample(row, source_path)
            yield row, size

    def _with_texts(self, row: Row, source_path: str) -> list[Row]:
        """The row with what is said of its clip; several rows where a table has several for it."""
        if self._texts is None:
            return [row]
        clips = [str(value["path"]) for field, value in row.items() if kind_of(field) == "audio"]
        rows: list[Row] = []
        for clip in clips:
            for field, data in self._texts.fields_of(clip):
                row.setdefault(field, self._typed(data, field, f"{source_path}: the {field} of {clip}", source_path))
            rows = rows or [{**row, _SAID: said} for said in self._texts.columns_of(clip)]
        self.counts["clips_without_row"] += bool(clips) and not rows and len(row) == 2 + len(clips)
        return rows or [row]

    def _refuse_no_sample(self, row: Row, source_path: str) -> None:
        """Archives are no sample, nor is a table that stands among clips and has no column that names them."""
        names = [f"{row[KEY]}.{field}" for field in row if field not in (KEY, URL)]
        name = names[0]
        if all(map(is_archive, names)):
            refuse_archive_inside(name, source_path)
        if len(row) == 3 and is_named_like_a_table(name):
            raise BadSourceError(
                f"{source_path} holds {name} among its clips: a table of them, not a sample.",
                remedy=f"Tell the dataset's owners: no column of it names clips ({', '.join(PATH_COLUMNS)}).",
                file=source_path,
            )

    def _value(self, member: Member, field: str, source_path: str) -> Any:
        kind = kind_of(field)
        if kind in FEATURES:
            several = self._texts is not None and self._texts.rows_of(member.name) > 1
            if member.size_bytes <= SPOOLED_BYTES and not several:
                return {"bytes": member.data(), "path": member.name}
            self._number += 1
            self._spooled[member.name] = self.shard.work / f"member-{self._number:05d}"
            member.save(self._spooled[member.name])
            return {"bytes": None, "path": member.name}
        return self._typed(bytes(member.data()), field, f"{source_path}: {member.name}", source_path)

    def _typed(self, data: bytes, field: str, told: str, source_path: str) -> Any:
        """The bytes of a member as a value; ``told`` is what it is called."""
        kind = kind_of(field)
        try:
            if kind == JSON:
                return json_text(data, told, self.counts)
            if kind == "text":
                return whole_text(data, told, self.counts)
            if kind == "whole":
                return int(data)
        except ValueError as error:
            raise BadSourceError(f"{told} is not what its name says: {error}", file=source_path) from error
        return data

    def _batch(self, rows: list[Row]) -> pa.RecordBatch:
        """``__key__`` and ``__url__`` last, as `datasets` gives them; a field that a row lacks is null in it."""
        fields = dict.fromkeys(name for row in rows for name in row if name not in (KEY, URL, _SAID))
        columns = {name: self._column(name, [row.get(name) for row in rows]) for name in fields}
        columns |= self._said(rows, columns)
        return pa.RecordBatch.from_pydict(
            columns | {name: self._column(name, [row[name] for row in rows]) for name in (KEY, URL)}
        )

    def _column(self, name: str, values: list[Any]) -> pa.Array:
        kind = kind_of(name)
        if kind in FEATURES:
            self._types.media(name, FEATURES[kind])
            return pa.StructArray.from_arrays(
                [pa.array([v and v[f.name] for v in values], f.type) for f in CLIP],
                fields=list(CLIP),
                mask=pa.array([value is None for value in values]),
            )
        if kind == JSON:
            self._types.json(name, values)
            return pa.array(values, pa.large_string())
        found = pa.array(values)
        self._types.column(name, found.type)
        return found

    def _said(self, rows: list[Row], fields: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns of lists and tables; one that is called as a field is gets another name."""
        said = [row.get(_SAID) or {} for row in rows]
        found = {}
        for name in dict.fromkeys(name for one in said for name in one):
            is_taken = name in fields or name in (KEY, URL) or kind_of(name) in (*FEATURES, JSON)
            column = f"{name}_in_table" if is_taken else name
            values = [one.get(name) for one in said]
            kind = next(one[1] for one in values if one is not None)
            if any(one is not None and one[1] == JSON_TEXT for one in values) or column in self._json:
                self._json.add(column)
                tokens = [one and (one[0] if one[1] == JSON_TEXT else dumped(one[0]).decode()) for one in values]
                self._types.json(column, tokens)
                found[column] = pa.array(tokens, pa.large_string())
            else:
                found[column] = pa.array([one and one[0] for one in values], kind)
                self._types.column(column, kind)
        return found
