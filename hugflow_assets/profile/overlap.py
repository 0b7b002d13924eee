"""Which clips and transcripts occur more than once: in a split, in two splits of a dataset, in two datasets.

Two clips are one when their bytes are (by the checksums that landed with them), two transcripts when their texts are.
Each dataset has an index in the state folder, a SQLite file of its distinct hashes, made once a landing by SQLite's own
sorting on the disk: memory does not grow with the clips.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import xxhash

from hugflow_assets.errors import DamagedDatasetError, UnknownDatasetError
from hugflow_assets.formats.checksums import Checksum, parse_sums
from hugflow_assets.formats.record_rows import value_at
from hugflow_assets.intake.models import Frozen
from hugflow_assets.profile.measure import rows_of_record
from hugflow_assets.store import Manifest, Store

HELD_OUT = re.compile(r"(?:^|[^a-z])(?:test|dev|valid|validation|eval|evaluation)(?![a-z])")
_VERSION = 1
_ROWS_AT_ONCE = 10_000
_EXAMPLES = 3
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -16000;
CREATE TABLE stamp (of TEXT);
CREATE TABLE parts (part INTEGER PRIMARY KEY, name TEXT, held_out INTEGER);
CREATE TABLE raw_clips (hash BLOB, part INTEGER, place TEXT);
CREATE TABLE raw_texts (hash BLOB, part INTEGER, place TEXT);
CREATE TABLE clips (hash BLOB, part INTEGER, n INTEGER, place TEXT, PRIMARY KEY (hash, part)) WITHOUT ROWID;
CREATE TABLE texts (hash BLOB, part INTEGER, n INTEGER, place TEXT, PRIMARY KEY (hash, part)) WITHOUT ROWID;
"""


class Shared(Frozen):
    """What two splits have in common, or one has more than once.

    Attributes:
        first, second: split, or config/split, of each; ``second`` with its dataset where that is another.
        what: ``clips`` or ``transcripts``.
        count: distinct ones that are in both; within one split, how many copies there are too many.
        leaks: whether just one of the two is held out for testing.
        examples: where some of them are, in the first and in the second.
    """

    first: str
    second: str
    what: str
    count: int
    leaks: bool = False
    examples: tuple[tuple[str, str], ...] = ()


def duplicates(store: Store, name: str) -> list[Shared]:
    """What occurs more than once in a dataset, within and between its splits, clips first.

    Raises:
        UnknownDatasetError: it is not landed. DamagedDatasetError: its checksum list or record cannot be read.
    """
    with closing(_opened(store, name)) as index:
        parts = _parts(index, "main")
        found: list[Shared] = []
        for table, what in (("clips", "clips"), ("texts", "transcripts")):
            again = f"SELECT part, SUM(n - 1), MIN(place) FROM main.{table} WHERE n > 1 GROUP BY part"  # noqa: S608
            for part, count, place in index.execute(again):
                split = parts[part][0]
                found.append(Shared(first=split, second=split, what=what, count=count, examples=((place, place),)))
            found += _between(index, table, what, "main", parts, parts, "")
        return found


def overlap(store: Store, name: str, other: str) -> list[Shared]:
    """What two datasets have in common, a line for each pair of splits.

    Raises:
        UnknownDatasetError: one is not landed, or they have checksums of different kinds.
        DamagedDatasetError: a checksum list or a record cannot be read.
    """
    first, second = _manifest(store, name), _manifest(store, other)
    if first.checksums != second.checksums:
        raise UnknownDatasetError(
            f"{name} has {first.checksums} checksums and {other} {second.checksums}: they cannot be compared.",
            remedy="Land both with the same CHECKSUMS.",
        )
    _index(store, second)
    with closing(_opened(store, name)) as index:
        index.execute("ATTACH DATABASE ? AS other", (str(_path(store, other)),))
        parts, theirs = _parts(index, "main"), _parts(index, "other")
        pairs = (("clips", "clips"), ("texts", "transcripts"))
        return [
            one for table, what in pairs for one in _between(index, table, what, "other", parts, theirs, f"{other}: ")
        ]


def leaks(store: Store, name: str) -> list[Shared]:
    """Clips of a dataset that are both held out for testing and not: between its splits, and with all that landed."""
    manifest = _manifest(store, name)
    others = [one for one in store.index.names() if one != name]
    same_kind = [one for one in others if (m := store.manifest(one)) is not None and m.checksums == manifest.checksums]
    every = chain(duplicates(store, name), *(overlap(store, name, one) for one in same_kind))
    return [one for one in every if one.leaks and one.what == "clips"]


# ---- comparing


def _between(
    index: sqlite3.Connection,
    table: str,
    what: str,
    schema: str,
    parts: dict[int, tuple[str, bool]],
    theirs: dict[int, tuple[str, bool]],
    prefix: str,
) -> Iterator[Shared]:
    of_pairs = "AND x.part < y.part" if schema == "main" else ""
    join = f"main.{table} x JOIN {schema}.{table} y ON x.hash = y.hash {of_pairs}"
    counted = index.execute(f"SELECT x.part, y.part, COUNT(*) FROM {join} GROUP BY 1, 2 ORDER BY 1, 2")  # noqa: S608
    for first, second, count in counted.fetchall():
        some = index.execute(
            f"SELECT x.place, y.place FROM {join} WHERE x.part = ? AND y.part = ? LIMIT {_EXAMPLES}",  # noqa: S608
            (first, second),
        )
        yield Shared(
            first=parts[first][0],
            second=prefix + theirs[second][0],
            what=what,
            count=count,
            leaks=parts[first][1] != theirs[second][1],
            examples=tuple((str(one), str(two)) for one, two in some),
        )


def _parts(index: sqlite3.Connection, schema: str) -> dict[int, tuple[str, bool]]:
    rows = index.execute(f"SELECT part, name, held_out FROM {schema}.parts")  # noqa: S608  a constant of ours
    return {part: (name, bool(held_out)) for part, name, held_out in rows}


# ---- the index


def _opened(store: Store, name: str) -> sqlite3.Connection:
    return sqlite3.connect(_index(store, _manifest(store, name)))


def _manifest(store: Store, name: str) -> Manifest:
    manifest = store.manifest(name) if name in store.index.names() else None
    if manifest is None:
        raise UnknownDatasetError(f"{name[:200]!r} is not landed.", remedy="`hugflow status` lists what is.", name=name)
    return manifest


def _path(store: Store, name: str) -> Path:
    return store.layout.state_dir / "overlap" / f"{name}.sqlite"


def _index(store: Store, manifest: Manifest) -> Path:
    """The index of what is landed, made anew where it is of another landing."""
    path = _path(store, manifest.name)
    stamp = f"{_VERSION} {manifest.fingerprint} {manifest.counts} {manifest.text_column} {manifest.form}"
    if path.is_file():
        with closing(sqlite3.connect(path)) as index:
            try:
                if index.execute("SELECT of FROM stamp").fetchone() == (stamp,):
                    return path
            except sqlite3.DatabaseError:
                pass  # cut off, or no index at all
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".partial")
    made.unlink(missing_ok=True)
    with closing(sqlite3.connect(made)) as index:
        index.executescript(_SCHEMA)
        _fill(index, store.layout.dataset(manifest.name), manifest)
        index.execute("INSERT INTO stamp VALUES (?)", (stamp,))
        index.commit()
    return made.replace(path)


def _fill(index: sqlite3.Connection, root: Path, manifest: Manifest) -> None:
    several = len(manifest.configs) > 1
    splits = [(config.name, split) for config in manifest.configs for split in config.splits]
    folders: dict[str, int] = {}
    for part, (config, split) in enumerate(splits):
        name = f"{config}/{split.name}" if several else split.name
        index.execute(
            "INSERT INTO parts VALUES (?, ?, ?)", (part, name, HELD_OUT.search(split.name.lower()) is not None)
        )
        folders |= {folder: part for shard in split.shards for folder in shard.folders}
        texts = _texts(rows_of_record(root / split.record_path), manifest.text_column)
        _insert(index, "raw_texts", ((digest, part, f"row {row}") for digest, row in texts))
    _insert(index, "raw_clips", _clips(_checksum_lines(root, manifest), folders))
    for table in ("clips", "texts"):
        grouped = f"SELECT hash, part, COUNT(*), MIN(place) FROM raw_{table} GROUP BY hash, part"  # noqa: S608
        index.execute(f"INSERT INTO {table} {grouped}")
        index.execute(f"DROP TABLE raw_{table}")


def _insert(index: sqlite3.Connection, table: str, rows: Iterator[tuple[bytes, int, str]]) -> None:
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        index.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", chunk)  # noqa: S608  a constant of ours


def _texts(rows: Iterable[object], column: str | None) -> Iterator[tuple[bytes, int]]:
    """The hash of each transcript, and its row; texts without a letter are none."""
    names = (column or "").split(".")
    for number, row in enumerate(rows):
        value = value_at(row, names)
        if isinstance(value, str) and value.strip():
            yield xxhash.xxh3_128_digest(value.encode("utf-8", "surrogatepass")), number


def _clips(lines: Iterable[tuple[str, str]], folders: dict[str, int]) -> Iterator[tuple[bytes, int, str]]:
    """Hash, split and path of each media file."""
    for path, digest in lines:
        folder = path
        while folder := folder.rpartition("/")[0]:
            if (part := folders.get(folder)) is not None:
                yield bytes.fromhex(digest), part, path
                break


def _checksum_lines(root: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Path and digest of every file that is listed, and of every member of the tars of a packed landing."""
    checksum = Checksum.called(manifest.checksums)
    lists = [(root / checksum.list_name, "")]
    if manifest.form == "packed":
        found = sorted(root.glob(f"*/**/{checksum.members_name}"))
        lists = [(one, f"{one.parent.relative_to(root).as_posix()}/") for one in found]
    for path, below in lists:
        try:
            with path.open(encoding="utf-8", newline="\n") as lines:
                yield from ((below + name, digest) for name, digest in parse_sums(lines))
        except OSError as error:
            raise DamagedDatasetError(
                f"{path} cannot be read: {error.strerror}.", remedy="Materialize the dataset again to repair it."
            ) from None
