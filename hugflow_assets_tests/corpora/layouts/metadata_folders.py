"""Folders of audio with metadata, as `datasets` documents them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hugflow_assets_tests.corpora import naming
from hugflow_assets_tests.corpora.layouts.table_files import cells
from hugflow_assets_tests.corpora.model import Clip, Corpus
from hugflow_assets_tests.corpora.repository import Rendered, Rows, zip_of
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import CSV, JSONL, PARQUET, type_configs

PLACES = ("in each split", "above the splits", "beside the only split's folders")
STYLES = ("from the table", "./", "backslashes", "foreign root", "base name")


@st.composite
def metadata_files(draw: st.DrawFn) -> Rendered:
    """``metadata.csv``, ``.jsonl`` or ``.parquet``."""
    where, table = draw(st.sampled_from(PLACES)), draw(st.sampled_from((CSV, JSONL, PARQUET)))
    corpus = draw(corpora(splits=1 if where == PLACES[2] else 2))
    style = draw(st.sampled_from(STYLES))
    root = draw(st.sampled_from(("", "data/")))
    is_zip = draw(st.booleans())
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    above: Rows = []
    every = {_place(f"{root}{split.name}/", clip): clip.data for split in corpus.splits for clip in split.clips}
    for split in corpus.splits:
        folder = root if where == PLACES[2] else f"{root}{split.name}/"
        clips = {_place(folder, clip): clip.data for clip in split.clips}
        around = folder if where == PLACES[0] else root
        rows, must = [], list[dict[str, Any]]()
        for row in split.rows:
            place = _place(folder, row.clip)
            rows.append(cells(row, "file_name", naming.written(style, place, around.rstrip("/")), table))
            must.append({**rows[-1], "audio": naming.meant(style, place, every if where == PLACES[1] else clips)})
        files |= clips
        above += rows
        if where == PLACES[0]:
            files[f"{around}metadata{table.ending}"] = table.write(rows)
        records["train.jsonl" if where == PLACES[2] else f"{split.name}.jsonl"] = must
    if where != PLACES[0]:
        files[f"{root}metadata{table.ending}"] = table.write(above)
    if where == PLACES[1]:
        told = {name: name if style != "base name" else f"{corpus.splits[0].name}.jsonl" for name in records}
        records = _by_file(corpus, [(told[name], row) for name, must in records.items() for row in must])
    for must in records.values():
        for made in must:
            del made["file_name"]
    if table is CSV:
        type_configs(records)
    if is_zip:
        files = {"data.zip": zip_of(list(files.items()))}
    return Rendered(f"metadata{table.ending} {where}{', in a zip' if is_zip else ''}, {style}", files, records)


def _place(folder: str, clip: Clip) -> str:
    return f"{folder}{clip.speaker}/{clip.file_name}"


def _by_file(corpus: Corpus, rows: list[tuple[str, dict[str, Any]]]) -> dict[str, Rows]:
    """Rows of all splits by that of the clip that they mean, or by that which they speak of if they mean none."""
    split_of = {clip.data: f"{split.name}.jsonl" for split in corpus.splits for clip in split.clips}
    records: dict[str, Rows] = {f"{split.name}.jsonl": [] for split in corpus.splits}
    for told, row in rows:
        records[split_of.get(row["audio"], told)].append(row)
    return records
