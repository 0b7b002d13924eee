"""Long values of parquet read where they lie: the same values as Arrow reads, or left to Arrow."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hugflow_assets.formats import parquet_thrift as thrift
from hugflow_assets.shapes.parquet.batches import rows_of
from hugflow_assets.shapes.parquet.byte_views import pieces_of
from hugflow_assets.shapes.parquet.plain_pages import Bytes, DiskBytes, MemoryBytes, long_columns, long_values

ROWS = 120
AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False}


def values(least: int = 0, most: int = 6000, seed: int = 0) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.randint(least, most)) for _ in range(ROWS)]


def clips(data: list[Any]) -> pa.Array:
    return pa.array([{"bytes": one, "path": f"{at}.wav"} for at, one in enumerate(data)], AUDIO)


def table(**columns: Any) -> pa.Table:
    return pa.table({**columns, "text": [f"text {at}" for at in range(ROWS)]})


SPEECH = table(audio=clips(values()))
SOME_NULL = [None if at % 7 == 0 else one for at, one in enumerate(values())]
WITHOUT = [one and {"bytes": one, "path": "a"} for one in SOME_NULL]
DELTA = {"audio.bytes": "DELTA_LENGTH_BYTE_ARRAY"}
NOT_NULL = pa.schema([pa.field("audio", pa.binary(), nullable=False), pa.field("text", pa.string())])

CASES: dict[str, tuple[pa.Table, dict[str, Any], bool]] = {
    # the table, how it is written, whether its long values are read where they lie
    "as datasets writes it": (SPEECH, PLAIN, True),
    "small pages, several row groups": (SPEECH, {**PLAIN, "data_page_size": 9000, "row_group_size": 50}, True),
    "pages of version 2": (SPEECH, {**PLAIN, "data_page_version": "2.0", "data_page_size": 9000}, True),
    "checked pages and a page index": (SPEECH, {**PLAIN, "write_page_checksum": True, "write_page_index": True}, True),
    "only the text compressed": (SPEECH, {**PLAIN, "compression": {"audio.bytes": "none", "text": "zstd"}}, True),
    "short values among long ones": (table(audio=clips([*values(0, 13)[:60], *values()[60:]])), PLAIN, True),
    "two columns": (table(audio=clips(values()), noise=clips(values(seed=1))), PLAIN, True),
    "bare bytes": (table(audio=pa.array(values(), pa.large_binary())), PLAIN, True),
    "bytes that cannot be null": (pa.table([pa.array(values()), SPEECH["text"]], NOT_NULL), PLAIN, True),
    "nothing but the bytes": (pa.table({"audio": pa.array(values(), pa.binary())}), PLAIN, False),
    "compressed": (SPEECH, {**PLAIN, "compression": "snappy"}, False),
    "a dictionary": (SPEECH, {**PLAIN, "use_dictionary": True}, False),
    "lengths apart from the bytes": (SPEECH, {**PLAIN, "column_encoding": DELTA}, False),
    "null bytes": (table(audio=clips(SOME_NULL)), PLAIN, False),
    "null structs": (table(audio=pa.array(WITHOUT, AUDIO)), PLAIN, False),
    "no statistics": (SPEECH, {**PLAIN, "write_statistics": False}, False),
    "in lists": (table(audio=pa.array([[one] for one in clips(values()).to_pylist()], pa.list_(AUDIO))), PLAIN, False),
    "short": (table(audio=clips(values(0, 300))), PLAIN, False),
    "names with dots": (table(**{"a.b": clips(values())}), PLAIN, False),
}  # fmt: skip


@contextmanager
def opened(path: Path, where: str) -> Iterator[tuple[pq.ParquetFile, Bytes]]:
    with path.open("rb") as handle, pq.ParquetFile(path) as file:
        yield file, MemoryBytes(memoryview(path.read_bytes())) if where == "memory" else DiskBytes(handle.fileno())


@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("name", CASES)
def test_the_rows_are_those_that_arrow_reads(tmp_path: Path, name: str, where: str) -> None:
    content, written, in_place = CASES[name]
    pq.write_table(content, tmp_path / "some.parquet", **written)
    rows, seen = [], set()
    with opened(tmp_path / "some.parquet", where) as (file, source):
        for batch in rows_of(file, range(file.num_row_groups), source):
            batch.validate(full=True)
            assert batch.schema.names == content.schema.names
            seen.add(any("binary_view" in str(kind) for kind in batch.schema.types))
            rows += batch.to_pylist()
    assert rows == content.to_pylist()
    assert seen == {in_place}


def test_the_values_are_views_of_the_files_own_bytes(tmp_path: Path) -> None:
    path, wanted = tmp_path / "some.parquet", values(2000)
    pq.write_table(table(audio=clips(wanted)), path, **PLAIN)
    memory = memoryview(bytearray(path.read_bytes()))
    with pq.ParquetFile(path) as file:
        (batch,) = rows_of(file, range(1), MemoryBytes(memory))
        found = pieces_of(batch.column("audio").field("bytes").slice(3))
        assert [bytes(one or b"") for one in found] == wanted[3:]
        memory[:] = bytes(len(memory))
        assert [bytes(one or b"") for one in found] == [bytes(len(one)) for one in wanted[3:]]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_page_header_of_nonsense_is_left_to_arrow(tmp_path: Path, version: str) -> None:
    path = tmp_path / "some.parquet"
    pq.write_table(SPEECH, path, **PLAIN, data_page_version=version, data_page_size=9000)
    good = path.read_bytes()
    left, wanted = 0, [row["bytes"] for row in SPEECH["audio"].to_pylist()]
    with pq.ParquetFile(path) as file:
        (column,) = long_columns(file.metadata)
        group = file.metadata.row_group(0)
        begin = group.column(column.leaf).data_page_offset
        _, size = thrift.read_struct(memoryview(good)[begin:])
        for seed in range(300):
            chance, bad = random.Random(seed), bytearray(good)
            for _ in range(chance.randint(1, 3)):
                bad[begin + chance.randrange(min(size, 16))] = chance.randrange(256)
            found = long_values(column, group, MemoryBytes(memoryview(bad)))
            left += found is None
            if found is not None:
                assert [bytes(one or b"") for one in pieces_of(found.view(0, ROWS))] == wanted
    assert left > 100


def test_a_file_that_becomes_shorter_while_it_is_read_is_an_error_of_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    pq.write_table(SPEECH, path, **PLAIN)
    with opened(path, "disk") as (file, source):
        (column,) = long_columns(file.metadata)
        found = long_values(column, file.metadata.row_group(0), source)
        assert found is not None
        path.write_bytes(b"")
        with pytest.raises(OSError, match="shorter"):
            found.view(0, ROWS)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x15", b"\x18\xff\xff\xff\xff\x0f", b"\x19\xfc\xff\xff\xff\x0f", b"\x1c" * 500, b"\x1b\x00", b"\x15\x80"],
    ids=["nothing", "cut off", "long text", "long list", "deep", "a map", "an open number"],
)
def test_what_is_no_thrift_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(thrift.MalformedError):
        thrift.read_struct(data)
