"""Texts in a tar that stand by themselves and speak of its clips: tables, lists of ids, and files called as clips are.

Where they lie in the archive does not matter: it is gone through for their names, then for what they say, and only then
for its rows. What they say is kept on the disk.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from posixpath import basename, dirname, splitext
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import Member, UnusualTarError, members, plain_names
from hugflow_assets.formats.names import split_named
from hugflow_assets.formats.tables import Table, clip_table, json_rows
from hugflow_assets.formats.text.json_values import dumped, parsed
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252
from hugflow_assets.formats.text.transcripts import (
    LIST_COLUMNS,
    SIDE_ENDINGS,
    is_clip,
    is_list,
    is_named_like_a_list,
    side_of,
)
from hugflow_assets.formats.webdataset import keyed
from hugflow_assets.shapes.clip_tables.clip_table import ClipTable, make_clip_table
from hugflow_assets.shapes.join import counts
from hugflow_assets.shapes.join.clip_of_row import ABSENT, Decision, count_rows
from hugflow_assets.shapes.join.clips import Clips, Names, write_names
from hugflow_assets.shapes.join.row_names import Names as RowNames
from hugflow_assets.shapes.join.row_names import keep_names
from hugflow_assets.shapes.join.scope import Scope
from hugflow_assets.shapes.texts.clip_name_index import ClipNames
from hugflow_assets.shapes.texts.sidecar_index import SideTexts, make_side_texts
from hugflow_assets.shapes.texts.text_places import places_of
from hugflow_assets.shapes.texts.transcript_lists import Lists, make_lists
from hugflow_assets.shapes.values.kept_rows import LINE, are_lines

TABLE_ENDINGS = (".tsv", ".csv", ".jsonl")
JSON_TEXT = pa.json_()  # the type of a value that is the text of its JSON
TABLES = "__tables__"  # a column: the tables that have a row, where tables of several splits speak of one archive
_HEAD_BYTES = 64 << 10
_KEPT_BYTES = 1 << 20  # a larger text gets a file of its own
_BATCH_BYTES, _BATCH_ROWS = 8 << 20, 4096
_MOST_TABLES = 64
_MEMBERS_AT_ONCE = 256
_TEXTS = pa.schema([("name", pa.large_string()), ("data", pa.large_binary())])
Columns = dict[str, tuple[Any, pa.DataType]]  # name -> value and type


class LoneTexts:
    """What stands alone in one archive; false where nothing of it speaks of clips.

    Args:
        local, source_path: the archive, and what it is called upstream.
        work: a folder for what is read.
        go_on: called now and then; what it raises ends the reading.
    Raises:
        BadSourceError: a table cannot be read.
    """

    def __init__(self, local: Path, source_path: str, work: Path, go_on: Callable[[], None]) -> None:
        self._path, self._work = source_path, work
        self._members = partial(_members, local, source_path, go_on)
        self._names = ClipNames()
        self._tables: list[_Table] = []
        self._clips: Clips | None = None  # what the tables may name
        self._lists: Lists | None = None
        self._sides: SideTexts | None = None
        self._taken, self._unread = array("Q"), array("Q")  # hashes of the names of texts
        self._counts: Counter[str] = Counter()  # of the lines of lists
        self._unmatched = self._ambiguous = 0  # files that are called as clips are, and are for none
        self._beside = set[tuple[str, str]]()  # folders with endings of texts that lie beside their clips there
        if self._are_there(local):
            self._read()

    def __bool__(self) -> bool:
        return bool(self._tables) or self._lists is not None or self._sides is not None

    @property
    def hides_others(self) -> bool:
        """Whether the other texts that stand alone are oddities beside clips (README.TXT), and no samples."""
        said = sum(len(one.rows) for one in self._tables) + len(self._lists or ()) + len(self._sides or ())
        return said > len(self._unread)

    def took(self, name: str) -> bool:
        """Whether a member is one of the texts that are no row of their own."""
        at = bisect_left(self._taken, key := _hash(name))
        return at < len(self._taken) and self._taken[at] == key

    def rows_of(self, clip: str) -> int:
        """How many rows of tables name a clip."""
        return sum(len(rows) for _, rows in self._named(clip))

    def fields_of(self, clip: str) -> list[tuple[str, bytes]]:
        """The fields of the files that are called as a clip is, with their bytes."""
        return [] if self._sides is None else self._sides.of(clip)

    def columns_of(self, clip: str) -> list[Columns]:
        """What lists and tables say of a clip: once for each row that names it."""
        listed: Columns = {}
        if self._lists is not None and (lines := self._lists.of(clip)):
            is_told = len({text for _, text in lines}) == 1
            self._counts[counts.ROWS_JOINED if is_told else counts.ROWS_AMBIGUOUS] += len(lines)
            told = zip(LIST_COLUMNS, lines[0], strict=True)
            listed = {name: (value, pa.large_string()) for name, value in told} if is_told else {}
        found = [(table.name, {**listed, **table.columns(row)}) for table, rows in self._named(clip) for row in rows]
        if len({split_named(table.name) for table in self._tables}) > 1:
            return _with_tables(found) or ([listed] if listed else [])
        return [columns for _, columns in found] or ([listed] if listed else [])

    def columns_of_none(self) -> Iterator[Columns]:
        """What tables say in the rows that no clip was given for; when all clips have been asked for."""
        are_of_splits = len({split_named(table.name) for table in self._tables}) > 1
        for table in self._tables:
            for row in np.flatnonzero(~table.used).tolist():
                columns = table.values(row)
                yield _with_tables([(table.name, columns)])[0] if are_of_splits else columns

    def count(self, found: Counter[str], names: RowNames) -> None:
        """Count and name what belongs to no clip; when all clips have been asked for."""
        for table in self._tables:
            found.update(table.count())
            keep_names(names, np.arange(len(table.rows)), table.decided, table.rows.paths)
            found["rows_without_clip"] += len(table.rows) - int(table.used.sum())
            found.update(table.rows.counts)
        for one in self._lists.lists if self._lists is not None else ():
            self._counts.update({counts.ROWS_ABSENT: one.absent, counts.ROWS_AMBIGUOUS: one.ambiguous})
            found.update({TEXTS_CP1252: one.is_guess, "rows_without_clip": one.absent + one.ambiguous})
        found.update({counts.TABLE_ROWS: self._counts.total(), **self._counts})
        if self._sides is not None:
            found["ambiguous_texts"] += self._sides.ambiguous
        found["ambiguous_texts"] += self._ambiguous
        found["texts_of_no_clip"] += self._unmatched
        found["texts_of_no_clip"] += len(self._unread) if self.hides_others else 0

    def _named(self, clip: str) -> list[tuple[_Table, list[int]]]:
        """The rows of each table that mean the clip."""
        if not self._tables or self._clips is None or (number := self._clips.number(clip)) is None:
            return []
        return [(one, rows) for one in self._tables if (rows := one.rows_of(number))]

    # ---- reading them

    def _are_there(self, local: Path) -> bool:
        try:
            return _are_in(plain_names(local))
        except UnusualTarError:
            with closing(self._members()) as every:
                return _are_in(member.name for member in every)

    def _read(self) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        large = self._gather(self._work / "texts.arrow")
        lists: list[tuple[Path, str]] = []
        made = make_side_texts(self._judged(large, lists), self._work / "sides.arrow")
        self._sides = made if len(made) else None
        if lists or self._tables:
            with closing(self._members()) as every:
                write_names((member.name for member in every), self._work / "names.arrow")
            self._clips = Clips([Names(self._work / "names.arrow", "")])
        if lists and self._clips is not None:
            make_lists(lists, self._clips, self._work / "lists.arrow")
            self._lists = Lists(self._work / "lists.arrow")
        if self._clips is not None:
            self._join(self._clips)
        self._taken = array("Q", sorted([*self._taken, *(self._unread if self.hides_others else ())]))

    def _join(self, clips: Clips) -> None:
        splits = [split_named(table.name) for table in self._tables]
        for table, split in zip(self._tables, splits, strict=True):
            alike = [one.name for one, other in zip(self._tables, splits, strict=True) if other == split]
            table.join(clips, list(filter(None, splits)), alike)

    def _gather(self, to: Path) -> dict[str, Path]:
        """Write the texts that stand alone to an Arrow file, and know the clips; large texts get files of their own."""
        large: dict[str, Path] = {}
        names, texts, size = list[str](), list[bytes | None](), 0
        with pa.OSFile(str(to), "wb") as out, pa.ipc.new_file(out, _TEXTS) as writer:
            for name, text in self._alone():
                if isinstance(text, Path):
                    large[name] = text
                names.append(name)
                texts.append(None if isinstance(text, Path) else text)
                size += len(texts[-1] or b"")
                if size >= _BATCH_BYTES or len(names) >= _BATCH_ROWS:
                    writer.write_batch(pa.record_batch([names, texts], schema=_TEXTS))
                    names, texts, size = [], [], 0
            writer.write_batch(pa.record_batch([names, texts], schema=_TEXTS))
        return large

    def _alone(self) -> Iterator[tuple[str, bytes | Path]]:
        """The texts that share their key with no member next to them."""
        key, held = "", None
        with closing(self._members()) as every:
            for number, member in enumerate(every):
                if is_clip(member.name):
                    self._names.add(member.name)
                found = _key(member.name)
                if found is None:
                    continue
                if found == key and (named := side_of(member.name, (basename(key),))) is not None:
                    self._beside.add((dirname(member.name), named[1]))
                if found != key and held is not None:
                    yield held
                held = None
                if found != key and _may_speak(member.name):
                    held = member.name, self._kept(member, number)
                key = found
        if held is not None:
            yield held

    def _kept(self, member: Member, number: int) -> bytes | Path:
        if member.size_bytes <= _KEPT_BYTES:
            return bytes(member.data())
        path = self._work / f"text-{number:07d}"
        member.save(path)
        return path

    def _judged(self, large: dict[str, Path], lists: list[tuple[Path, str]]) -> Iterator[tuple[str, str, bytes, bool]]:
        """The files that are called as clips are, as place, field, bytes and whether they lie there; lists and tables
        are put aside.
        """
        with pa.memory_map(str(self._work / "texts.arrow")) as source:
            file = pa.ipc.open_file(source)
            for at in range(file.num_record_batches):
                batch = file.get_batch(at)
                for row, name in enumerate(batch.column("name").to_pylist()):
                    path = large.get(name)
                    data = batch.column("data")[row].as_py() if path is None else _head(path)
                    if path is None and (named := side_of(name, self._names)) is not None:
                        if (place := self._place(name, *named)) is not None:
                            yield place, named[1].removeprefix("."), data, dirname(place) == dirname(name)
                    elif self._is_table(name, data[:_HEAD_BYTES], path or data):
                        pass
                    elif basename(name) != "wav.scp" and is_list(data[:_HEAD_BYTES], self._names.__contains__):
                        lists.append((path or self._saved(data, len(lists)), name))
                    else:
                        self._unread.append(_hash(name))
                        continue
                    self._taken.append(_hash(name))

    def _place(self, name: str, stem: str, ending: str) -> str | None:
        """The clip that a text is for, without its ending."""
        found = places_of(stem, dirname(name), self._names)
        found = [place for place in found if place == dirname(name) or (place, ending) not in self._beside]
        self._unmatched += not found
        self._ambiguous += len(found) > 1
        return (f"{found[0]}/{stem}" if found[0] else stem) if len(found) == 1 else None

    def _is_table(self, name: str, head: bytes, text: Path | bytes) -> bool:
        at = len(self._tables)
        table = _table_of(name, head, self._names)
        if table is None:
            return False
        if at == _MOST_TABLES:
            raise BadSourceError(
                f"{self._path} holds more than {_MOST_TABLES} tables of its clips, {name} among them.",
                remedy="Ask the dataset's owners for one table of all clips, or for the tables beside the archive.",
                file=self._path,
            )
        local = text if isinstance(text, Path) else self._saved(text, at, "table")
        target = self._work / f"table-{at:03d}.arrow"
        make_clip_table([(local, f"{self._path}/{name}")], table.path_column, table.told, target)
        elsewhere = not self._names.around(dirname(name))
        self._tables.append(_Table(name, ClipTable(target, table.path_column), elsewhere))
        return True

    def _saved(self, data: bytes, number: int, kind: str = "list") -> Path:
        path = self._work / f"{kind}-{number:05d}"
        path.write_bytes(data)
        return path


class _Table:
    """A table of clips, the folder that it is in, and which of its rows were given out."""

    def __init__(self, name: str, rows: ClipTable, is_elsewhere: bool) -> None:
        self.name, self.folder, self.rows, self.is_elsewhere = name, dirname(name), rows, is_elsewhere
        self.used = np.zeros(len(rows), bool)
        self._match, self._by_clip = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def join(self, clips: Clips, splits: Sequence[str], tables: Sequence[str]) -> None:
        """Decide which clips the rows mean."""
        decision = Decision(clips)
        split = split_named(self.name) or "train"
        decision.add(self.rows.paths, Scope.of(self.name, "default", split, (), splits, tables))
        self._match = decision.all()
        self._by_clip = np.argsort(self._match, kind="stable")

    def rows_of(self, clip: int) -> list[int]:
        """The rows of a clip, in table order."""
        first, end = np.searchsorted(self._match, [clip, clip + 1], sorter=self._by_clip)
        return [int(row) for row in self._by_clip[first:end]]

    @property
    def decided(self) -> Any:
        """The number of each row's clip; one whose clip was given to nobody has none."""
        return np.where((self._match >= 0) & ~self.used, ABSENT, self._match)

    def count(self) -> dict[str, int]:
        """Its rows by what became of them: one whose clip another table speaks of is absent too."""
        found = count_rows(self._match)
        used = int(self.used.sum())
        absent = found[counts.ROWS_ABSENT] + found[counts.ROWS_JOINED] - used
        return {**found, counts.ROWS_JOINED: used, counts.ROWS_ABSENT: absent}

    def columns(self, row: int) -> Columns:
        """What a row says that is given out with its clip."""
        self.used[row] = True
        return self.values(row)

    def values(self, row: int) -> Columns:
        if are_lines(self.rows.rows.schema):
            line, _ = parsed(self.rows.rows.column(LINE)[row].as_py(), Counter())
            return {name: (dumped(value).decode(), JSON_TEXT) for name, value in line.items()}
        return {
            field.name: (self.rows.rows.column(at)[row].as_py(), field.type)
            for at, field in enumerate(self.rows.rows.schema)
        }


def _table_of(name: str, head: bytes, clips: ClipNames) -> Table | None:
    """The table of clips that a text is; one object of JSON is none, nor is a .txt without bars between columns."""
    ending = splitext(name)[1].lower()
    if ending not in (*TABLE_ENDINGS, ".json", ".txt") or (table := clip_table(head, name, clips)) is None:
        return None
    is_one = ending == ".json" and not table.rows and head.lstrip()[:1] != b"[" and len(json_rows(head)) < 2
    return None if is_one or (ending == ".txt" and table.delimiter != "|") else table


def _with_tables(found: list[tuple[str, Columns]]) -> list[Columns]:
    """Rows of tables of several splits that one archive holds: each once, with the tables that have it."""
    merged: dict[str, tuple[Columns, list[str]]] = {}
    for name, columns in found:
        _, names = merged.setdefault(repr([(column, value) for column, (value, _) in columns.items()]), (columns, []))
        names.append(name)
    return [{**columns, TABLES: (names, pa.list_(pa.large_string()))} for columns, names in merged.values()]


def _members(local: Path, source_path: str, go_on: Callable[[], None]) -> Generator[Member]:
    with closing(members(local, source_path)) as every:
        for number, member in enumerate(every):
            if number % _MEMBERS_AT_ONCE == 0:
                go_on()
            yield member


def _are_in(names: Iterable[str]) -> bool:
    """Whether there are both clips and texts that stand alone; by the names, as far as it takes to know."""
    key, clips, texts, last = "", False, False, False
    for name in names:
        clips = clips or is_clip(name)
        if (found := _key(name)) is None:
            continue
        if found != key:
            texts = texts or last
        last = found != key and _may_speak(name)
        key = found
        if clips and texts:
            return True
    return clips and (texts or last)


def _key(name: str) -> str | None:
    if "." not in basename(name) and is_named_like_a_list(name):  # ``text``, as Kaldi calls its list
        return name
    found = keyed(name)
    return None if found is None else found[0]


def _may_speak(name: str) -> bool:
    if any("\ud800" <= char <= "\udfff" for char in name):
        return False  # bytes that are no UTF-8: a name that no text can be looked up by
    return name.lower().endswith((*SIDE_ENDINGS, *TABLE_ENDINGS, ".scp")) or is_named_like_a_list(name)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))
