"""What the shards of one landing share: made once, and made anew when nobody can say that it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugflow_assets.durable import host_id
from hugflow_assets.errors import LandingCancelledError
from hugflow_assets.hub import HubAccess
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.shards.sources import Sources
from hugflow_assets.shapes.models import Shape, ShardSource


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(
        Shard(
            access=HubAccess("http://127.0.0.1:9"), repo_id="org/name", commit="a" * 40, config="default",
            split="train", source=ShardSource(index=0, files=(), shape=Shape.PARQUET), folder="train/00000",
            tree=tmp_path / "tree", work=tmp_path / "work", checksums="xxh128", features=None, file_mode=0o440,
            stop_file=tmp_path / "stop",
        )
    )  # fmt: skip


def make(sources: Sources, target: Path, text: str) -> str:
    """What is at ``target`` in the end, where making it would write ``text``."""
    with sources.making(target) as is_made:
        if not is_made:
            target.write_text(text)
    return target.read_text()


def test_what_is_shared_is_made_once(sources: Sources) -> None:
    target = sources.shared_folder / "archive"
    assert [make(sources, target, text) for text in ("one", "two")] == ["one", "one"]


@pytest.mark.parametrize("mark", [None, "", host_id()[:-1], f"{host_id().partition('/')[0]}/an-earlier-boot"])
def test_what_was_made_before_this_boot_is_made_anew(sources: Sources, mark: str | None) -> None:
    """After a power cut a file can be shorter than what was written to it: the mark beside it names the boot."""
    target = sources.shared_folder / "archive"
    make(sources, target, "one")
    done = target.with_name("archive.done")
    done.unlink() if mark is None else done.write_text(mark)
    assert [make(sources, target, text) for text in ("two", "three")] == ["two", "two"]


def test_what_could_not_be_made_is_tried_again(sources: Sources) -> None:
    target = sources.shared_folder / "archive"
    with pytest.raises(ZeroDivisionError), sources.making(target):
        _ = 1 / 0
    assert make(sources, target, "one") == "one"


def test_a_landing_that_is_stopped_waits_for_nobody(sources: Sources, tmp_path: Path) -> None:
    target = sources.shared_folder / "archive"
    with sources.making(target):
        (tmp_path / "stop").touch()
        with pytest.raises(LandingCancelledError), sources.making(target):
            raise AssertionError("it is being made by another")
