"""The record put together from shards, cut short at any point and begun again."""

from __future__ import annotations

from pathlib import Path

import pytest
import xxhash

from hugflow_assets.errors import IncompleteLandingError
from hugflow_assets.hub import HubAccess
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.tree.assemble import LandedShard, assemble
from hugflow_assets.shapes.models import ShardSource
from hugflow_assets.store import Counts, ShardReceipt

PARTS = [b'{"a":1}\n' * 3, b'{"b":22}\n', b"", b'{"c":333}\n' * 5]
WHOLE = b"".join(PARTS)


def staged(folder: Path) -> list[LandedShard]:
    """Shards with their lines in their working folders, and receipts."""
    found = []
    for index, part in enumerate(PARTS):
        shard = Shard(
            access=HubAccess(endpoint="http://127.0.0.1:1"),
            repo_id="acme/speech",
            commit="0" * 40,
            config="default",
            split="train",
            source=ShardSource(index=index, files=()),
            folder=f"train/{index:05d}",
            tree=folder / "tree",
            work=folder / f"work/{index}",
            checksums="xxh128",
            features=None,
            file_mode=0o440,
            stop_file=folder / "stop",
        )
        shard.work.mkdir(parents=True)
        shard.lines_path.write_bytes(part)
        receipt = ShardReceipt(
            config="default",
            split="train",
            index=index,
            sources=(),
            folders=(),
            json_xxh128=xxhash.xxh3_128_hexdigest(part),
            sums_xxh128=xxhash.xxh3_128_hexdigest(b""),
            counts=Counts(rows=part.count(b"\n"), json_bytes=len(part)),
        )
        found.append(LandedShard(shard, receipt))
    return found


def test_parts_come_in_upstream_order_and_are_gone_afterwards(tmp_path: Path) -> None:
    shards = staged(tmp_path)
    split = assemble(tmp_path / "tree", "json/train.jsonl", "train", shards)
    assert (tmp_path / "tree/json/train.jsonl").read_bytes() == WHOLE
    assert [shard.json_offset for shard in split.shards] == [0, 24, 33, 33]
    assert split.counts.rows == 9
    assert not any(one.shard.lines_path.exists() for one in shards)


@pytest.mark.parametrize("done", range(len(PARTS) + 1))
@pytest.mark.parametrize("torn", [0, 1, 7])
def test_cut_short_at_any_point_it_ends_the_same(tmp_path: Path, done: int, torn: int) -> None:
    shards = staged(tmp_path)
    record = tmp_path / "tree/json/train.jsonl"
    if done:  # the first parts are in, and some bytes of the next one
        record.parent.mkdir(parents=True)
        following = PARTS[done] if done < len(PARTS) else b""
        record.write_bytes(b"".join(PARTS[:done]) + following[:torn])
        for one in shards[:done]:
            one.shard.lines_path.unlink()
    for _ in range(2):
        assemble(tmp_path / "tree", "json/train.jsonl", "train", shards)
        assert record.read_bytes() == WHOLE


def test_a_part_that_is_not_what_was_written_is_named(tmp_path: Path) -> None:
    shards = staged(tmp_path)
    shards[3].shard.lines_path.write_bytes(PARTS[3].replace(b"c", b"d"))
    with pytest.raises(IncompleteLandingError) as caught:
        assemble(tmp_path / "tree", "json/train.jsonl", "train", shards)
    assert caught.value.details["shards"] == [3]


def test_a_part_that_is_gone_is_named(tmp_path: Path) -> None:
    shards = staged(tmp_path)
    shards[1].shard.lines_path.unlink()
    with pytest.raises(IncompleteLandingError) as caught:
        assemble(tmp_path / "tree", "json/train.jsonl", "train", shards)
    assert 1 in caught.value.details["shards"]
