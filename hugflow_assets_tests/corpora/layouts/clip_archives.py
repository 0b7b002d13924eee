"""Tables that name the clips of archives: beside them, or inside."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from hugflow_assets_tests.corpora import naming
from hugflow_assets_tests.corpora.layouts.table_files import PATH_COLUMNS, cells, expected, record
from hugflow_assets_tests.corpora.model import Clip, Corpus, Split
from hugflow_assets_tests.corpora.repository import ARCHIVES, Rendered, Rows, archive
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import CSV, FORMATS, JSONL, TSV, type_configs

ARRANGED = ("one for all", "one a split", "several a split", "each with a table of its own")


@dataclass
class _Packing:
    """Which archive each clip is in, and where in it."""

    arranged: str
    ending: str
    inner: str
    corpus: Corpus
    members: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)

    def name(self, split: Split, part: int) -> str:
        language = f"{split.config}/" if split.config else ""
        if self.arranged == ARRANGED[0]:
            return f"{language}clips{self.ending}"
        if self.arranged == ARRANGED[1]:
            return f"{language}{split.name}{self.ending}"
        return f"{language}{split.name}_{part}{self.ending}"

    def inside(self, split: Split, clip: Clip) -> str:
        """A clip's path in its archive; in one for all, splits have speakers of their own."""
        own = str(self.corpus.splits.index(split)) if self.arranged == ARRANGED[0] else ""
        return f"{self.inner}{clip.speaker}{own}/{clip.file_name}"

    def part(self, split: Split, clip: Clip) -> int:
        """Of several archives of a split: the clips go round them."""
        return clip.number % 2 if self.arranged in ARRANGED[2:] else 0

    def pack(self, split: Split) -> None:
        for part in (0, 1) if self.arranged in ARRANGED[2:] else (0,):
            name = self.name(split, part)
            clips = [clip for clip in split.clips if self.part(split, clip) == part]
            self.members.setdefault(name, []).extend((self.inside(split, clip), clip.data) for clip in clips)

    def scope(self, split: Split) -> dict[str, bytes]:
        """Archive and path of all clips that a table of the split can speak of."""
        names = {self.name(split, part) for part in (0, 1)}
        return {f"{name}/{path}": data for name in names for path, data in self.members.get(name, ())}


@st.composite
def tables_beside(draw: st.DrawFn) -> Rendered:
    """Archives of clips, and a table a split (or an archive) beside them."""
    corpus = draw(corpora(configs=2, splits=2))
    kind = draw(st.sampled_from(tuple(FORMATS)))
    table, style = FORMATS[kind], draw(st.sampled_from(("inside", "foreign root", "base name", "id")))
    arranged, ending = draw(st.sampled_from(ARRANGED)), draw(st.sampled_from(tuple(ARCHIVES)))
    packing = _Packing(arranged, ending, draw(st.sampled_from(("", "clips/", "x/y/"))), corpus)
    column = draw(st.sampled_from(PATH_COLUMNS)) if style != "id" else "id"
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        packing.pack(split)
    lost_archive, lost_table = draw(_lost(packing)) if arranged == ARRANGED[3] else ("", "")
    packing.members.pop(lost_archive, None)
    for split in corpus.splits:
        tables: dict[str, Rows] = {}
        must: list[tuple[str, dict[str, object]]] = []
        homes = {packing.name(split, packing.part(split, row.clip)) for row in split.rows}
        for row in split.rows:
            inside = packing.inside(split, row.clip)
            home = packing.name(split, packing.part(split, row.clip))
            if home == lost_table and len(homes) > 1:
                continue
            said = naming.written("from the root" if style == "inside" else style, inside, "")
            cell = cells(row, column, said, table)
            each = arranged == ARRANGED[3]
            path = (home.removesuffix(ending) if each else _beside(split)) + table.ending
            tables.setdefault(path, []).append(cell)
            must.append((path, expected(cell, column, _meant(style, inside, home if each else None, packing, split))))
        files |= {path: table.write(rows) for path, rows in tables.items()}
        records[record(corpus, split)] = [row for path in sorted(tables) for of, row in must if of == path]
    if table.is_text:
        type_configs(records)
    files |= {name: archive(name, members) for name, members in packing.members.items() if members}
    is_ordered = ending == ".zip" and arranged in ARRANGED[:2]
    refusals = ("shape-unsupported",) if ending == ".zip" and style == "id" else ()  # zips are opened if they are most
    told = f"{ending} archives, {arranged}, {kind} beside in {column!r}, {style}"
    return Rendered(told, files, records, refusals, is_ordered, is_joined=True)


@st.composite
def _lost(draw: st.DrawFn, packing: _Packing) -> tuple[str, str]:
    """An archive and another one's table that are not in the repository; "" for none."""
    names = sorted(name for name, members in packing.members.items() if members)
    if len(names) < 3:
        return "", ""
    archive, table = draw(st.permutations(names))[:2]
    return archive if draw(st.booleans()) else "", table if draw(st.booleans()) else ""


def _beside(split: Split) -> str:
    return f"{split.config}/{split.name}" if split.config else split.name


def _meant(style: str, inside: str, home: str | None, packing: _Packing, split: Split) -> bytes | None:
    """The clip at a path of the archives that a table speaks of: its own, or all of the split."""
    scope = packing.scope(split)
    if home is not None:
        scope = {path: data for path, data in scope.items() if path.startswith(f"{home}/")}
    if style in ("base name", "id"):
        return naming.meant(style, inside, scope)
    found = [data for path, data in scope.items() if path.partition(packing.ending + "/")[2] == inside]
    return found[0] if len(found) == 1 else None


@st.composite
def tables_inside(draw: st.DrawFn) -> Rendered:
    """An archive a split, with its table as its first or last member."""
    corpus = draw(corpora(splits=2))
    table = draw(st.sampled_from((CSV, TSV, JSONL)))
    ending, is_first = draw(st.sampled_from(tuple(ARCHIVES))), draw(st.booleans())
    folder = draw(st.sampled_from(("", "x/")))
    style = draw(st.sampled_from(("from the table", "base name", "id", "foreign root")))
    column = draw(st.sampled_from(PATH_COLUMNS[:4])) if style != "id" else "id"
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        clips = {f"{folder}{clip.speaker}/{clip.file_name}": clip.data for clip in split.clips}
        rows, must = [], []
        for row in split.rows:
            place = f"{folder}{row.clip.speaker}/{row.clip.file_name}"
            cell = cells(row, column, naming.written(style, place, folder.rstrip("/")), table)
            rows.append(cell)
            must.append(expected(cell, column, naming.meant(style, place, clips)))
        inside = (f"{folder}{split.name}{table.ending}", table.write(rows))
        name = f"{split.name}{ending}"
        files[name] = archive(name, [inside, *clips.items()] if is_first else [*clips.items(), inside])
        records[record(corpus, split)] = must
    if table.is_text:
        type_configs(records)
    return Rendered(f"{ending} archives with their {table.ending} inside, {style} in {column!r}", files, records,
                    is_joined=True, is_ordered=ending == ".zip")  # fmt: skip
