"""Tables that name loose files of the repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from hugflow_assets_tests.corpora import naming
from hugflow_assets_tests.corpora.model import Clip, Corpus, Row, Split
from hugflow_assets_tests.corpora.repository import Rendered, Rows
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import FORMATS, PARQUET, Format, type_configs

PATH_COLUMNS = ("path", "file_name", "audio_path", "audio_filepath", "file", "wav", "filename", "audio")
PLACES = ("each split in its folder", "a table beside its split's folder", "one folder for all")


def cells(row: Row, column: str, said: str, table: Format) -> dict[str, str]:
    """A row of a table."""
    return {column: said, "text": table.clean(row.text), "note": row.note, "code": row.code}


def expected(row: Mapping[str, Any], column: str, audio: bytes | None) -> dict[str, Any]:
    """The row that must land of it: text as it is written, and the clip."""
    return {**{name: value for name, value in row.items() if name != column}, "audio": audio}


def record(corpus: Corpus, split: Split) -> str:
    """The path of a split's record."""
    return f"{split.name}.jsonl" if corpus.is_of_one_config else f"{split.config}/{split.name}.jsonl"


def place_of(where: str, corpus: Corpus) -> Callable[[Split, Clip], str]:
    """Where a clip is."""

    def placed(split: Split, clip: Clip) -> str:
        language = f"{split.config}/" if split.config else ""
        if where == PLACES[0]:
            return f"{language}{split.name}/wavs/{clip.speaker}/{clip.file_name}"
        if where == PLACES[1]:
            return f"{language}{split.name}/{clip.speaker}/{clip.file_name}"
        return f"wavs/{language}{clip.speaker}{corpus.splits.index(split)}/{clip.file_name}"

    return placed


def table_of(where: str, split: Split, ending: str) -> str:
    """Where a split's table is."""
    language = f"{split.config}/" if split.config else ""
    return f"{language}{split.name}/{split.name}{ending}" if where == PLACES[0] else f"{language}{split.name}{ending}"


@st.composite
def loose_tables(draw: st.DrawFn) -> Rendered:
    """A table a split."""
    corpus = draw(corpora(configs=2, splits=3))
    kind = draw(st.sampled_from((*FORMATS, "parquet")))
    table = FORMATS.get(kind, PARQUET)
    where, style = draw(st.sampled_from(PLACES)), draw(st.sampled_from(naming.STYLES))
    if (
        kind == "parquet"
        and style == "id"
        and not all(split.has(row.clip) for split in corpus.splits for row in split.rows)
    ):
        style = "base name"  # a footer shows the first and the last id alone
    column = draw(st.sampled_from(PATH_COLUMNS)) if style != "id" else "id"
    placed = place_of(where, corpus)
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    every = {placed(split, clip): clip.data for split in corpus.splits for clip in split.clips}
    for split in corpus.splits:
        path = table_of(where, split, table.ending)
        own = {placed(split, clip): clip.data for clip in split.clips}
        scope = own if where != PLACES[2] else _shared(every, split)
        rows, must = [], []
        for row in split.rows:
            place = placed(split, row.clip)
            cell = cells(row, column, naming.written(style, place, path.rpartition("/")[0]), table)
            rows.append(cell)
            must.append(expected(cell, column, naming.meant(style, place, scope)))
        files[path] = table.write(rows)
        records[record(corpus, split)] = must
    if table.is_text:
        type_configs(records)
    return Rendered(f"loose files, {kind} a split in {column!r}, {where}, {style}", {**files, **every}, records,
                    is_joined=True)  # fmt: skip


def _shared(every: Mapping[str, bytes], split: Split) -> dict[str, bytes]:
    """The clips of one folder for all splits, without those of other languages."""
    return {path: data for path, data in every.items() if not split.config or path.startswith(f"wavs/{split.config}/")}
