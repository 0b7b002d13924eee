"""Tables of text as rows: the one reader of csv, tsv and their likes, whatever they are called and wherever they lie.

A table is gone through for the types of its columns, and once more for its rows where these are too many to be kept. So
a column is numbers only if all of it is, and memory does not grow with the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.delimited_text import DelimitedText, Dialect, IrregularRowsError
from hugflow_assets.formats.text.number_columns import NOTHING, TEXT, arrow_type, as_numbers, narrowed
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252, TextFile

Batches = list[pa.RecordBatch]
_KEPT_BYTES = 48 << 20
_MEDIA = frozenset({"Audio", "Image", "Video", "Pdf", "Nifti", "Mesh", "BioStructure"})
_OF_LISTS = frozenset({"id", "text", "normalized_text"})  # what the columns of lists without a header are called


class TextTable:
    """Some tables of the same columns, one after the other, as batches of one schema.

    Args:
        sources: local files with their upstream paths.
        dialect: how they are written.
        declared: features that the dataset's card tells; a column among them is what it says.
        encoding: of the files, where the card tells it.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Path, str]],
        dialect: Dialect,
        declared: Mapping[str, Any] | None = None,
        encoding: str | None = None,
    ) -> None:
        self._tables = []
        self._guesses = 0
        self._kept: dict[int, Batches | None] = {}  # rows of small tables, which are so read once
        self._is_list = set(dialect.columns or [""]) <= _OF_LISTS  # it says what is said: digits are words, too
        self._declared = {
            name: feature for name, feature in (declared or {}).items() if _type_of(feature) not in _MEDIA
        }
        for local, path in sources:
            file = TextFile(local, path, encoding)
            self._guesses += file.is_guess
            self._tables.append((path, DelimitedText(file, dialect)))

    @property
    def counts(self) -> Counter[str]:
        """What was changed or guessed."""
        found = Counter({TEXTS_CP1252: self._guesses})
        for _, table in self._tables:
            found += table.counts
        return found

    @cached_property
    def columns(self) -> list[str]:
        """Of all tables, in the order they come."""
        return list(dict.fromkeys(name for _, table in self._tables for name in table.columns))

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What the values of each column are that the card says nothing of, see ``number_columns``."""
        kinds = dict.fromkeys(
            (name for name in self.columns if name not in self._declared), TEXT if self._is_list else NOTHING
        )
        for at, (_, table) in enumerate(self._tables):
            before = dict(kinds)
            try:
                self._kept[at] = _survey(table, kinds)
            except IrregularRowsError:
                kinds.update(before)
                table.read_carefully()
                self._kept[at] = _survey(table, kinds)
            if sum(batch.nbytes for kept in self._kept.values() for batch in kept or ()) > _KEPT_BYTES:
                self._kept[at] = None
        return kinds

    @cached_property
    def schema(self) -> pa.Schema:
        """Of all batches."""
        kinds = self.kinds
        return pa.schema(
            [
                (name, arrow_type(kinds[name]) if name in kinds else _declared_type(self._declared[name]))
                for name in self.columns
            ]
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows.

        Raises:
            BadSourceError: a row is not to be understood, or a value is not what the card says.
        """
        return chain.from_iterable(self.by_source())

    def by_source(self) -> Iterator[Iterator[pa.RecordBatch]]:
        """The rows of each table."""
        _ = self.schema  # all are looked at before any is read
        return (self._of_one(path, table, self._kept.pop(at, None)) for at, (path, table) in enumerate(self._tables))

    def _of_one(self, path: str, table: DelimitedText, kept: Batches | None) -> Iterator[pa.RecordBatch]:
        for batch in table.batches() if kept is None else kept:
            columns = [self._column(batch, field, path) for field in self.schema]
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, batch: pa.RecordBatch, field: pa.Field, path: str) -> pa.Array:
        if field.name not in batch.schema.names:
            return pa.nulls(batch.num_rows, field.type)
        values = batch.column(field.name)
        if field.name in self.kinds:
            return as_numbers(self.kinds[field.name], values)
        return _as_declared(values, field, self._declared[field.name], path)


def _survey(table: DelimitedText, kinds: dict[str, str]) -> Batches | None:
    """Narrow the kinds by the rows of a table; these, where they are few enough to be kept."""
    kept: Batches | None = []
    size = 0
    for batch in table.batches():
        size += batch.nbytes
        kept = None if kept is None or size > _KEPT_BYTES else [*kept, batch]
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if name in kinds:
                kinds[name] = narrowed(kinds[name], values)
    return kept


# ---- what the card says


def _type_of(feature: Any) -> str:
    return str(feature.get("_type")) if isinstance(feature, dict) else ""


def _declared_type(feature: Any) -> pa.DataType:
    from datasets import Features

    return Features.from_dict({"column": feature}).arrow_schema.field("column").type


def _as_declared(values: pa.Array, field: pa.Field, feature: Any, path: str) -> pa.Array:
    from datasets import Features
    from datasets.table import cast_array_to_feature

    try:
        if _type_of(feature) == "ClassLabel":
            return cast_array_to_feature(values.cast(pa.string()), Features.from_dict({"column": feature})["column"])
        return values.cast(field.type)
    except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
        raise BadSourceError(
            f"{path} has values in the column {field.name!r} that are not {feature}, as its card says: "
            f"{' '.join(str(error).split())[:200]}",
            remedy="Tell the dataset's owners: the features of the card are not those of the file.",
            file=path,
        ) from error
