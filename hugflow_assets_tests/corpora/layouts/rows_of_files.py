"""Layouts in which the files are the rows: WebDataset, parquet, folders, plain tables."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import strategies as st

from hugflow_assets_tests.corpora.layouts.known_corpora import audio
from hugflow_assets_tests.corpora.repository import Rendered, Rows, archive
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import FORMATS, parquet, type_configs


@st.composite
def webdataset(draw: st.DrawFn) -> Rendered:
    """Tars whose members of one key are a row, with text or JSON."""
    corpus = draw(corpora(splits=2))
    content, ending = draw(st.sampled_from(("txt", "json", "both"))), draw(st.sampled_from((".tar", ".tar.gz")))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        members, must, said = [], [], {row.clip: row for row in split.rows}
        for clip in split.clips:
            stem, row = f"{clip.speaker}/{clip.name}".replace(".", "_"), said.get(clip)
            members.append((f"{stem}{clip.ending}", clip.data))
            made: dict[str, Any] = {clip.ending[1:]: clip.data, "__key__": stem}
            if content != "json":
                made["txt"] = row.text if row else None
                members += [(f"{stem}.txt", row.text.encode())] if row else []
            if content != "txt":
                made["json"] = {"text": row.text, "n": clip.number, "code": row.code} if row else None
                members += [(f"{stem}.json", json.dumps(made["json"]).encode())] if row else []
            must.append(made)
        files[f"{split.name}-0000{ending}"] = archive(ending, members)
        records[f"{split.name}.jsonl"] = must
    return Rendered(f"WebDataset, {content} in {ending}", files, records)


@st.composite
def parquet_bytes(draw: st.DrawFn) -> Rendered:
    """Parquet with the bytes of its clips, in a struct or bare."""
    corpus, is_bare = draw(corpora(splits=2)), draw(st.booleans())
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        rows, must = [], []
        for row in split.rows:
            data = audio(split, row.clip)
            held = data if is_bare else {"bytes": data, "path": row.clip.file_name}
            told = {"text": row.text, "note": row.note, "n": row.clip.number}
            rows.append({"audio": held, **told})
            must.append({"audio": data, **told})
        files[f"data/{split.name}-00000-of-00001.parquet"] = parquet(rows)
        records[f"{split.name}.jsonl"] = must
    return Rendered(f"parquet with bytes{', bare' if is_bare else ''}", files, records)


@st.composite
def parquet_paths(draw: st.DrawFn) -> Rendered:
    """Parquet whose audio is a struct of a path, with the files beside it."""
    corpus = draw(corpora(splits=2))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        rows, must = [], []
        for row in split.rows:
            path = f"audio/{split.name}/{row.clip.speaker}/{row.clip.file_name}"
            rows.append({"audio": {"path": path}, "text": row.text, "n": row.clip.number})
            must.append({"audio": audio(split, row.clip), "text": row.text, "n": row.clip.number})
        files[f"{split.name}.parquet"] = parquet(rows)
        files |= {f"audio/{split.name}/{clip.speaker}/{clip.file_name}": clip.data for clip in split.clips}
        records[f"{split.name}.jsonl"] = must
    return Rendered("parquet with paths in a struct", files, records)


@st.composite
def audio_folder(draw: st.DrawFn) -> Rendered:
    """Folders of clips and nothing else."""
    corpus = draw(corpora(splits=2))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        files |= {f"{split.name}/{clip.speaker}/{clip.file_name}": clip.data for clip in split.clips}
        records[f"{split.name}.jsonl"] = [{"audio": clip.data} for clip in split.clips]
    return Rendered("folders of clips", files, records, is_ordered=False)


VALUES: tuple[Any, ...] = (
          1, -7, 2**53 + 1, 2**64 + 3, 1.5, 3.141592653589793, 1e300, True, None, "x", "Nan", "007", "2020-01-01",
          "1", [], [1, "a"], {}, {"a": 1}, {"a": "b", "c": [None]}, [{"role": "user", "content": "x"}])  # fmt: skip


@st.composite
def json_rows(draw: st.DrawFn) -> Rendered:
    """JSON lines or lists without audio: whatever they say."""
    kind = draw(st.sampled_from(("JSON lines", "a JSON list")))
    table = FORMATS[kind]
    names = st.sampled_from(("a", "b c", "é", "id", "messages"))
    values = st.sampled_from(VALUES) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(
        st.characters(exclude_categories=["Cs"]), max_size=5)  # fmt: skip
    rows: Rows = draw(st.lists(st.dictionaries(names, values, min_size=1, max_size=3), min_size=1, max_size=4))
    return Rendered(f"rows of {kind}", {f"train{table.ending}": table.write(rows)}, {"train.jsonl": rows})


CELLS: tuple[tuple[str, ...], ...] = (
    ("1", "-7", "0", "9007199254740993"), ("0.5", "1.0", "-2.25", "1e-07"), ("007", "1"), ("one", "two", "null", "NA"),
    ("true", "false"), ("2020-01-01", "2020-01-02"), ("x, y", 'say "no"', "a;b", "line\nbreak", "\u00e9"), ("",),
)  # fmt: skip
WRITTEN = ("utf-8", "utf-8-sig", "utf-16")


@st.composite
def text_tables(draw: st.DrawFn) -> Rendered:
    """Tables of text of two splits in several files: what is numbers in all of them is numbers."""
    usual = [draw(st.sampled_from(CELLS)) for _ in range(draw(st.integers(1, 3)))]
    encoding, is_packed = draw(st.sampled_from(WRITTEN)), draw(st.booleans())
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in ("train", "test")[: draw(st.integers(1, 2))]:
        for part in range(draw(st.integers(1, 2))):
            odd = draw(st.integers(-3, len(usual) - 1))  # of the columns, the one that is otherwise in this file
            kinds = [draw(st.sampled_from(CELLS)) if at == odd else kind for at, kind in enumerate(usual)]
            rows = draw(st.lists(st.tuples(*(st.sampled_from((*kind, kind[0], "")) for kind in kinds)), min_size=1,
                                 max_size=4))  # fmt: skip
            cells = [{"key": "k", **{f"c{at}": cell for at, cell in enumerate(row)}} for row in rows]
            data = FORMATS["csv"].write(cells).decode().encode(encoding)
            name = f"data/{split}-{part:05}-of-00009.csv"
            files[f"{name}.gz" if is_packed else name] = gzip.compress(data, mtime=0) if is_packed else data
            records.setdefault(f"{split}.jsonl", []).extend(cells)
    type_configs(records)
    return Rendered(f"tables of text in {encoding}", files, records)
