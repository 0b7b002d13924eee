"""The rows of metadata with the paths of the files that they mean, decided once for all shards that read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hugflow_assets.formats.tables import names_files
from hugflow_assets.formats.text.json_values import dumped, parsed
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.join.clip_of_row import ABSENT, Decision, Lookup
from hugflow_assets.shapes.join.clips import Clips
from hugflow_assets.shapes.join.scope import Scope
from hugflow_assets.shapes.media_folders.metadata import FILE_NAME, read_rows
from hugflow_assets.shapes.values.kept_rows import LINE, kept_schema

_ROWS_AT_ONCE = 4096
FOUND = "\0"  # stands before a path that is a file's; others are as the metadata have them


def join_rows(
    rows: Path, schema: pa.Schema, trees: Mapping[str, MediaTree], clips: Clips, scope: Scope, to: Path
) -> None:
    """Write the rows with the paths of their files, and beside them the decision of each row.

    Args:
        schema: what the rows are once the columns that name files are media.
        trees: where the media are in these.
    """
    decided = {}
    for name in (name for name, tree in trees.items() if tree.kind):
        decision = Decision(clips)
        decision.add(_column(rows, schema.get_field_index(name)), scope)
        decided[name] = decision.all()
    lookup = Lookup(clips, scope)
    status, at = [np.zeros(0, np.int64)], 0
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for batch in read_rows(rows, schema, 0, None, _ROWS_AT_ONCE):
            nested, columns = np.zeros(batch.num_rows, np.int64), dict(zip(schema.names, batch.columns, strict=True))
            for name, tree in trees.items():
                if name in decided:
                    columns[name] = _decided(columns[name], decided[name][at : at + batch.num_rows], clips)
                else:
                    columns[name] = _nested(columns[name], tree, lookup, nested)
            writer.write_batch(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
            status.append(next(iter(decided.values()))[at : at + batch.num_rows] if decided else nested)
            at += batch.num_rows
    np.save(status_path(to), np.concatenate(status))


def status_path(rows: Path) -> Path:
    """Where the decisions of rows are: the number of the file in the first column of media, or below 0."""
    return rows.with_name(f"{rows.name}.status.npy")


def join_lines(rows: Path, clips: Clips, scope: Scope, to: Path) -> None:
    """Likewise of rows that are lines of JSON: by the paths of the members that name files, however deep."""
    decision, lookup = Decision(clips), Lookup(clips, scope)
    schema = kept_schema(rows)
    told = _column(rows, schema.get_field_index(FILE_NAME))
    decision.add(told, scope)
    match, nothing = decision.all(), told.null_count == len(told)
    status = np.full(len(told), ABSENT, np.int64) if nothing else match

    def path_of(path: str, at: int, *, of_row: bool) -> str:
        clip = int(match[at]) if of_row else lookup.clip_of(path)[0]
        if nothing:
            status[at] = max(int(status[at]), clip)
        return f"{FOUND}{clips.name(clip)}" if clip >= 0 else path

    at = 0
    with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, schema) as writer:
        for batch in read_rows(rows, schema, 0, None, _ROWS_AT_ONCE):
            lines = []
            for text in batch.column(LINE).to_pylist():
                row, _ = parsed(text, Counter())
                lines.append(dumped(with_paths(row, partial(path_of, at=at))))
                at += 1
            writer.write_batch(pa.record_batch([batch.column(FILE_NAME), lines], schema=schema))
    np.save(status_path(to), status)


def with_paths(value: Any, change: Callable[..., Any], is_row: bool = True) -> Any:
    """A value of JSON whose paths of files are changed; ``of_row``: it is the file of the row itself."""
    if isinstance(value, list):
        return [with_paths(one, change, is_row=False) for one in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for name, one in value.items():
        if not names_files([name]):
            made[name] = with_paths(one, change, is_row=False)
        elif isinstance(one, list):
            made[name] = [change(path, of_row=False) if isinstance(path, str) else path for path in one]
        else:
            made[name] = change(one, of_row=is_row and name == FILE_NAME) if isinstance(one, str) else one
    return made


def given(
    batch: pa.RecordBatch, media: Mapping[str, MediaTree], shown: Callable[[str | None], str | None]
) -> pa.RecordBatch:
    """Rows as they land: ``shown`` makes of a path of theirs what lands."""
    columns = [
        _mapped(values, media[name], shown) if name in media else values
        for name, values in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _column(rows: Path, column: int) -> pa.ChunkedArray:
    with pa.memory_map(str(rows)) as source:
        return pa.ipc.open_file(source).read_all().column(column)


def _decided(values: pa.Array, match: Any, clips: Clips) -> pa.Array:
    told = values.to_pylist()
    paths = [
        f"{FOUND}{clips.name(clip)}" if clip >= 0 else path for clip, path in zip(match.tolist(), told, strict=True)
    ]
    return pa.array(paths, values.type)


def _nested(values: pa.Array, tree: MediaTree, lookup: Lookup, status: Any) -> pa.Array:
    at = 0

    def path_of(path: str | None) -> str | None:
        clip = lookup.clip_of(path)[0] if path else ABSENT
        if clip < 0 and path:
            status[at] = clip
        return f"{FOUND}{lookup.clips.name(clip)}" if clip >= 0 else path

    found = []
    for at, value in enumerate(values.to_pylist()):  # noqa: B007  of the row that path_of is in
        found.append(_walked(value, tree, path_of))
    return pa.array(found, values.type)


def _mapped(values: pa.Array, tree: MediaTree, change: Callable[[str | None], str | None]) -> pa.Array:
    return pa.array([_walked(value, tree, change) for value in values.to_pylist()], values.type)


def _walked(value: Any, tree: MediaTree, change: Callable[[str | None], str | None]) -> Any:
    """A value whose paths are changed."""
    if value is None:
        return None
    if tree.kind:
        return change(value)
    if tree.item is not None:
        return [_walked(one, tree.item, change) for one in value]
    return {
        name: _walked(one, tree.fields[name], change) if name in tree.fields else one for name, one in value.items()
    }
