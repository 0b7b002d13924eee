"""Clips of equal bytes and equal transcripts are found, all of them and no others, in both forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import UnknownDatasetError
from hugflow_assets.profile import Shared, duplicates, leaks, overlap
from hugflow_assets_tests.datasets_made import write_parquet
from hugflow_assets_tests.landing.conftest import House, hub, repo
from hugflow_assets_tests.landing.corpus import clip

__all__ = ["hub", "repo"]


@pytest.fixture
def house(hub: Any, tmp_path: Path) -> House:
    return House(hub, tmp_path)


def rows(*numbers: int, text: str = "number {}") -> list[dict[str, Any]]:
    return [
        {"id": at, "audio": {"bytes": clip(n), "path": f"{at}-{n}.wav"}, "text": text.format(n)}
        for at, n in enumerate(numbers)
    ]


def publish(repo: Callable[..., str], folder: Path, name: str, **splits: list[dict[str, Any]]) -> None:
    files = {
        f"data/{split}-00000-of-00001.parquet": write_parquet(folder / f"{name}-{split}.parquet", of)
        for split, of in splits.items()
    }
    repo(files, f"acme/{name}")


def told(found: list[Shared]) -> set[tuple[str, str, str, int, bool]]:
    return {(one.first, one.second, one.what, one.count, one.leaks) for one in found}


@pytest.mark.parametrize("form", ["files", "packed"])
def test_what_occurs_twice_is_found_and_nothing_else(
    house: House, repo: Callable[..., str], tmp_path: Path, form: str
) -> None:
    publish(repo, tmp_path, "one", train=rows(1, 2, 3, 3, 3), test=rows(3, 4), validation=rows(4, 5, text=" "))
    publish(repo, tmp_path, "two", train=rows(4, 9, text="other {}"), test=rows(8, 1, text="odd {}"))
    publish(repo, tmp_path, "apart", train=rows(20, text="apart"), test=rows(21, text="apart too"))
    for name in ("one", "two", "apart"):
        house.land(house.plan(f"acme/{name}", form=form))
    one, two, apart = (f"acme__{name}__rev_main" for name in ("one", "two", "apart"))
    store = house.store
    assert told(duplicates(store, one)) == {
        ("train", "train", "clips", 2, False),
        ("train", "train", "transcripts", 2, False),
        ("train", "test", "clips", 1, True),
        ("train", "test", "transcripts", 1, True),
        ("validation", "test", "clips", 1, False),
    }
    assert told(overlap(store, one, two)) == {
        ("train", f"{two}: test", "clips", 1, True),
        ("test", f"{two}: train", "clips", 1, True),
        ("validation", f"{two}: train", "clips", 1, True),
    }
    (shared,) = [s for s in overlap(store, one, two) if s.first == "train"]
    assert [path.rpartition("/")[2] for path in shared.examples[0]] == ["0-1.wav", "1-1.wav"]
    assert told(overlap(store, two, one)) == {
        ("test", f"{one}: train", "clips", 1, True),
        ("train", f"{one}: test", "clips", 1, True),
        ("train", f"{one}: validation", "clips", 1, True),
    }
    assert duplicates(store, apart) == overlap(store, apart, one) == leaks(store, apart) == []
    assert sum(one.count for one in leaks(store, one)) == 4
    with pytest.raises(UnknownDatasetError, match="is not landed"):
        overlap(store, one, "acme__none__rev_main")


def test_an_index_is_made_anew_for_another_landing_and_when_it_is_cut_off(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    publish(repo, tmp_path, "speech", train=rows(1, 1))
    name = house.land(house.plan("acme/speech")).manifest.name
    assert [one.count for one in duplicates(house.store, name)] == [1, 1]
    index = house.store.layout.state_dir / "overlap" / f"{name}.sqlite"
    index.write_bytes(index.read_bytes()[:5000])
    assert [one.count for one in duplicates(house.store, name)] == [1, 1]
    files = {"data/train-00000-of-00001.parquet": write_parquet(tmp_path / "new.parquet", rows(1, 2))}
    house.hub.commit("acme/speech", files)
    house.land(house.plan("acme/speech", update=True))
    assert duplicates(house.store, name) == []
