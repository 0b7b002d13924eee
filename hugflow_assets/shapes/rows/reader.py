"""Tables and text, through the rows that `datasets` streams of them, with the types that it gives them."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from posixpath import basename
from typing import Any

import pyarrow as pa

from hugflow_assets.errors import BadSourceError, HugflowError
from hugflow_assets.formats.datasets_internals import python_module
from hugflow_assets.formats.tables import delimiter_seen
from hugflow_assets.formats.text.number_columns import both
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252, TextFile
from hugflow_assets.shapes.columns import MediaTree, media_columns
from hugflow_assets.shapes.reader import BATCH_BYTES, Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.repo_files import RepoPaths
from hugflow_assets.shapes.rows.csv_dialect import dialect_of
from hugflow_assets.shapes.rows.fixed_formats import OWN_ROWS
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.values.inferred_types import SeenTypes
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows, media_in
from hugflow_assets.shapes.values.text_table import TextTable

_ROWS_AT_ONCE = 2048
_HEAD_BYTES = 64 << 10
_COPIED_BYTES = 4 << 20
_OF_TEXT = frozenset({"text", "conll", "xml"})


class RowReader(Reader):
    """The files of a shard, each read by the builder that the spec names."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._paths = RepoPaths(shard)
        self._types = SeenTypes()
        self._lines = JsonRows(self.counts, media_in(shard.features or {}))
        self._spec = spec_of(shard, RowsSpec)
        self._told: dict[str, Any] = {}  # what the builder says of columns that are more than values

    def batches(self) -> Iterator[pa.RecordBatch | JsonLines]:
        for file in self.shard.source.files:
            local = self.sources.fetch(file, suffix="".join(Path(basename(file.path)).suffixes[-2:])[:24])
            self._paths.beside = file.path
            try:
                yield from self._rows(local, file.path)
            except (HugflowError, MemoryError):
                raise
            except Exception as error:  # whatever a parser of any format makes of bytes that are not of it
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # the disk's fault, not the file's
                raise _unreadable(file.path, self._spec.module, error) from error
        if self.shard.features is not None:
            return
        if self._is_json:
            self.features = self._lines.type.features
        elif (seen := self._types.features()) is not None:
            self.features = seen | {name: feature for name, feature in self._told.items() if name in seen}

    @property
    def _is_json(self) -> bool:
        return self._spec.module == "json"

    def _rows(self, local: Path, path: str) -> Iterator[pa.RecordBatch | JsonLines]:
        if self._is_json:
            yield from self._json(local, path)
        elif self._spec.module == "csv" and (table := self._table(local, path)) is not None:
            self._saw(table.schema)
            self.kinds |= {name: both(self.kinds.get(name, kind), kind) for name, kind in table.kinds.items()}
            for batch in table.batches():
                for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                    yield batch.slice(start, _ROWS_AT_ONCE)
            self.counts += table.counts
        else:
            yield from self._columns(self._as_utf8(local, path))

    def _as_utf8(self, local: Path, path: str) -> Path:
        """A file of text in the encoding that all builders read; any other file as it is."""
        if self._spec.module not in _OF_TEXT or "encoding_errors" in self._spec.params:
            return local
        text = TextFile(local, path, self._spec.params.get("encoding"))
        self.counts[TEXTS_CP1252] += text.is_guess
        if text.is_plain:
            return local
        recoded = self.shard.work / f"utf8-{local.name.split('.')[0]}.{self._spec.module}"
        with closing(text.open()) as opened, recoded.open("wb") as out:
            shutil.copyfileobj(opened, out, _COPIED_BYTES)
        return recoded

    def _table(self, local: Path, path: str) -> TextTable | None:
        """A table whose cells stay what they are, unless its card asks for something else."""
        encoding = self._spec.params.get("encoding")
        with closing(TextFile(local, path, encoding).open()) as opened:
            dialect = dialect_of(self._spec.params, delimiter_seen(opened.read(_HEAD_BYTES), path))
        return None if dialect is None else TextTable([(local, path)], dialect, self.shard.features, encoding)

    def _json(self, local: Path, path: str) -> Iterator[JsonLines]:
        params = self._spec.params
        text = TextFile(local, path, params.get("encoding"))
        self.counts[TEXTS_CP1252] += text.is_guess
        yield from self._lines.of_file(text, path, params.get("field"))

    def _columns(self, local: Path) -> Iterator[pa.RecordBatch]:
        for table in self._tables(local):
            for batch in table.to_batches(max_chunksize=_rows_at_once(table)):
                self._saw(batch.schema)
                yield batch

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return media_columns(schema, self.shard.features or self._told)

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        before = self._paths.bytes_fetched
        found = self._paths.resolve(paths)
        self.sources.bytes_fetched += self._paths.bytes_fetched - before
        return found

    @property
    def _params(self) -> dict[str, Any]:
        """What the builder is given: files of text are UTF-8 by now."""
        given = dict(self._spec.params)
        if self._spec.module in _OF_TEXT and "encoding_errors" not in given:
            given.pop("encoding", None)
        return given

    def _tables(self, local: Path) -> Iterator[pa.Table]:
        module = self._spec.module
        if (read := OWN_ROWS.get(module)) is not None:
            yield from read(local, self._params)
            return
        builder = _builder(
            module,
            local,
            self.shard.work / "cache",
            self._params,
            self.shard.features,
        )
        rows = builder.as_streaming_dataset(split="train")
        if rows.features is not None:
            told = rows.features.to_dict()
            self._told |= {name: feature for name, feature in told.items() if feature.get("_type", "Value") != "Value"}
        yield from rows.with_format("arrow").iter(batch_size=_ROWS_AT_ONCE)

    def _saw(self, schema: pa.Schema) -> None:
        for field in schema:
            self._types.column(field.name, field.type)


def _builder(module: str, local: Path, cache: Path, params: dict[str, Any], features: dict[str, Any] | None) -> Any:
    """The builder itself, without a look at any network. Only its own config's fields are given to it."""
    from datasets import DatasetBuilder, Features
    from tqdm import tqdm  # type: ignore[import-untyped]

    tqdm.get_lock()  # made here, it stays: `datasets` removes one that it made, also from under another thread
    loaded = importlib.import_module(python_module(module))
    kind: Any = next(
        one
        for one in vars(loaded).values()
        if isinstance(one, type) and issubclass(one, DatasetBuilder) and one.__module__ == loaded.__name__
    )
    known = {name: value for name, value in params.items() if name in kind.BUILDER_CONFIG_CLASS.__dataclass_fields__}
    if features is not None:
        known["features"] = Features.from_dict(features)
    return kind(cache_dir=str(cache), data_files={"train": [str(local)]}, **known)


def _rows_at_once(table: pa.Table) -> int:
    return max(1, int(table.num_rows) * BATCH_BYTES // max(1, int(table.nbytes)))


def _unreadable(path: str, module: str, error: Exception) -> BadSourceError:
    said = " ".join(str(error).split())[:500]
    return BadSourceError(
        f"{path} cannot be read as {module}: {said}",
        remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
        file=path,
    )
