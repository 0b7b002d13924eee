"""Large row groups landed while they arrive: the rows that Arrow reads, in no more memory than the stream may have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hugflow_assets.errors import BadSourceError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.settings import DownloadMode
from hugflow_assets.shapes.parquet.plain_pages import long_columns
from hugflow_assets.shapes.parquet.row_group_stream import ArrivingGroup, ReadRange, arriving_group, rows_arriving
from hugflow_assets.transfer.to_memory import FileStream, StreamBrokenError
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.conftest import REPO, House
from hugflow_assets_tests.landing.trees import tree_of

MIB = 1 << 20
ROOM = 20 * MIB  # a batch and a little more
PLAIN: dict[str, Any] = {"compression": "none", "use_dictionary": False}
AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def clips(count: int, size: int, seed: int = 0) -> pa.Array:
    chance = random.Random(seed)
    return pa.array([{"bytes": chance.randbytes(size + at), "path": f"{at}.wav"} for at in range(count)], AUDIO)


def speech(count: int = 60, size: int = 700_000) -> pa.Table:
    rows = range(count)
    return pa.table({"id": list(rows), "audio": clips(count, size), "text": [f"sentence {at}" for at in rows]})


def written(path: Path, table: pa.Table, **more: Any) -> Path:
    pq.write_table(table, path, row_group_size=len(table), **{**PLAIN, **more})
    return path


def group_of(path: Path) -> ArrivingGroup | None:
    metadata = pq.read_metadata(path)
    return arriving_group(metadata, long_columns(metadata), 0, 4, path.stat().st_size - metadata.serialized_size - 8)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("made") / "x.parquet", speech())


@pytest.fixture
def hub() -> Iterator[FaultyHub]:
    with FaultyHub() as hub:
        yield hub


def rows(hub: FaultyHub, path: Path, read: ReadRange, room: int = ROOM) -> Iterator[tuple[pa.RecordBatch, FileStream]]:
    """What is read of the first row group, batch by batch, with the stream that it comes from."""
    commit = hub.add_repo(REPO, {"x.parquet": path})
    access = HubAccess(hub.url, retries=2, backoff_s=0.01)
    file = Hub(access).file_info(REPO, commit, ["x.parquet"])["x.parquet"]
    group = group_of(path)
    assert group is not None
    with FileStream(access, REPO, commit, file, room) as stream:
        for batch in rows_arriving(stream, pq.read_metadata(path), group, read):
            yield batch, stream
        stream.release(file.size_bytes)
        stream.verify()


def ranges_of(path: Path) -> ReadRange:
    content = path.read_bytes()
    return lambda start, end: content[start:end]


def test_rows_come_while_the_rest_is_still_on_its_way_and_are_those_that_arrow_reads(
    hub: FaultyHub, made: Path
) -> None:
    wanted, at = pq.read_table(made), 0
    for batch, stream in rows(hub, made, ranges_of(made)):
        assert at or stream.size_bytes <= ROOM < made.stat().st_size / 2
        assert batch.to_pylist() == wanted.slice(at, batch.num_rows).to_pylist()
        assert batch.schema.names == wanted.schema.names and batch.nbytes <= ROOM
        at += batch.num_rows
    assert at == len(wanted)


def test_columns_that_arrive_other_than_they_were_read_by_range_make_it_void(hub: FaultyHub, made: Path) -> None:
    content = made.read_bytes()
    other = content.replace(b"sentence 7", b"sentence x")
    assert len(other) == len(content) != content.count(b"sentence 7") == 1
    with pytest.raises(StreamBrokenError, match="read by range"):
        list(rows(hub, made, lambda start, end: other[start:end]))


def test_a_server_that_gives_no_ranges_makes_it_void(hub: FaultyHub, made: Path) -> None:
    with pytest.raises(StreamBrokenError, match="no ranges"):
        list(rows(hub, made, lambda start, end: b""))


def test_a_value_that_is_larger_than_the_room_makes_it_void(hub: FaultyHub, tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", speech(2, 9 * MIB))
    with pytest.raises(StreamBrokenError, match="memory"):
        list(rows(hub, path, ranges_of(path), room=8 * MIB))


@pytest.mark.parametrize("where", [0.0, 0.5])
def test_pages_that_are_none_are_told_as_over_the_disk(
    hub: FaultyHub, made: Path, tmp_path: Path, where: float
) -> None:
    content, group = bytearray(made.read_bytes()), group_of(made)
    assert group is not None
    table = pq.read_table(made)
    middle = content.index(table["audio"][int(where * len(table))]["bytes"].as_py())
    content[middle - 4 : middle] = b"\xff\xff\xff\x7f"  # a length of 2 GB
    hub.add_repo(REPO, {"data/train-00000-of-00001.parquet": bytes(content)})
    (tmp_path / "storage").mkdir()
    with pytest.raises(BadSourceError, match="train-00000"):
        House(hub, tmp_path, LandingOptions(download_mode="stream", workers=1)).land()


def test_what_is_landed_while_it_arrives_is_what_lands_over_the_disk(
    hub: FaultyHub, made: Path, tmp_path: Path
) -> None:
    hub.add_repo(REPO, {"data/train-00000-of-00001.parquet": made})
    trees = []
    modes: tuple[DownloadMode, ...] = ("stream", "disk")
    for mode in modes:
        (tmp_path / mode / "storage").mkdir(parents=True)
        house = House(hub, tmp_path / mode, LandingOptions(download_mode=mode, workers=1))
        landed = house.land()
        assert made.stat().st_size <= landed.bytes_fetched < made.stat().st_size + MIB
        trees.append(tree_of(landed.path))
    assert trees[0] == trees[1]


LONG = clips(30, 700_000)
OTHERS: dict[str, tuple[pa.Table, dict[str, Any]]] = {
    "small": (speech(10), {}),
    "two long columns": (pa.table({"audio": LONG, "noise": clips(30, 700_000, 1), "text": ["x"] * 30}), {}),
    "nothing but the long one": (pa.table({"audio": LONG.field("bytes")}), {}),
    "large columns around it": (pa.table({"audio": LONG, "vector": [[float(at)] * 50_000 for at in range(30)]}), {}),
    "compressed": (pa.table({"audio": LONG, "text": ["x"] * 30}), {"compression": "snappy"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_row_groups_are_waited_for(tmp_path: Path, name: str) -> None:
    table, more = OTHERS[name]
    assert group_of(written(tmp_path / "x.parquet", table, **more)) is None
