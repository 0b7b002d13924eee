"""Folders of audio with metadata, as `datasets` documents them."""

from __future__ import annotations

from hypothesis import strategies as st

from hugflow_assets_tests.corpora import naming
from hugflow_assets_tests.corpora.layouts.table_files import cells
from hugflow_assets_tests.corpora.model import Clip
from hugflow_assets_tests.corpora.repository import Rendered, Rows, zip_of
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import CSV, JSONL, PARQUET

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
    for split in corpus.splits:
        folder = root if where == PLACES[2] else f"{root}{split.name}/"
        clips = {_place(folder, clip): clip.data for clip in split.clips}
        around = folder if where == PLACES[0] else root
        rows, must = [], []
        for row in split.rows:
            place = _place(folder, row.clip)
            rows.append(cells(row, "file_name", naming.written(style, place, around.rstrip("/")), table))
            must.append({**rows[-1], "audio": naming.meant(style, place, clips)})
        files |= clips
        above += rows
        if where == PLACES[0]:
            files[f"{around}metadata{table.ending}"] = table.write(rows)
        records["train.jsonl" if where == PLACES[2] else f"{split.name}.jsonl"] = must
    if where != PLACES[0]:
        files[f"{root}metadata{table.ending}"] = table.write(above)
    for must in records.values():
        for row in must:
            del row["file_name"]
    if table is CSV:
        _type(records)
    if is_zip:
        files = {"data.zip": zip_of(list(files.items()))}
    return Rendered(f"metadata{table.ending} {where}{', in a zip' if is_zip else ''}, {style}", files, records)


def _place(folder: str, clip: Clip) -> str:
    return f"{folder}{clip.speaker}/{clip.file_name}"


def _type(records: dict[str, Rows]) -> None:
    """The values of csv: numbers where all of a column are written as numbers are, empty fields null."""
    for column in ("text", "note", "code"):
        every = [row[column] for must in records.values() for row in must if row[column]]
        kind = next((one for one in (int, float) if every and all(_is(one, value) for value in every)), str)
        for must in records.values():
            for row in must:
                row[column] = kind(row[column]) if row[column] else None


def _is(kind: type[int] | type[float], text: str) -> bool:
    try:
        return text.isascii() and repr(kind(text)) == text and text not in ("nan", "inf", "-inf")
    except ValueError:
        return False
