"""Every value lands as it was written, under a type that its rows allow, or its file is refused by name."""

from __future__ import annotations

import json

import pytest

from hugflow_assets.errors import BadSourceError
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import rows_of, tree_of
from hugflow_assets_tests.shapes.shape_cases import Case
from hugflow_assets_tests.shapes.test_shapes import landed, with_bytes
from hugflow_assets_tests.shapes.value_cases import REFUSED, TYPES, VALUES

_TRAIN = "json/train.jsonl"


@pytest.mark.parametrize("name", VALUES)
def test_a_value_lands_as_it_was_written(house: House, name: str) -> None:
    case = VALUES[name]
    found = landed(house, case)
    assert found.manifest.shape == case.shape.value
    for path, rows in case.records.items():
        lines = (found.path / "json" / path).read_bytes().splitlines()
        assert repr([with_bytes(found.path, json.loads(line)) for line in lines]) == repr(rows)
    assert case.extra.items() <= found.manifest.counts.extra.items()
    assert verify(house.store, found.manifest.name).whole


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_can_be_read_in_no_way_or_in_several_is_refused_by_name(house: House, name: str) -> None:
    files, message = REFUSED[name]
    house.hub.add_repo("acme/speech", {"README.md": b"# Speech\n", **files})
    with pytest.raises(BadSourceError, match=message):
        house.land(house.plan())
    assert not list(house.store.layout.root.glob("acme__*"))


@pytest.mark.parametrize("name", TYPES)
def test_the_types_are_what_all_rows_allow(house: House, name: str) -> None:
    lines, features = TYPES[name]
    found = landed(house, Case({"train.jsonl": lines}, VALUES["half a letter"].shape, {}))
    assert json.loads((found.path / "json/features.json").read_bytes()) == features


def test_numbers_of_a_landed_file_become_words_as_soon_as_another_file_has_some(house: House) -> None:
    house.hub.add_repo("acme/speech", {"a.csv": b"n,f\n7,1e-07\n", "b.csv": b"n,f\n8,0.5\n"})
    first = rows_of(house.land(), _TRAIN)
    assert first == [{"n": 7, "f": 1e-07}, {"n": 8, "f": 0.5}]
    house.hub.commit("acme/speech", {"b.csv": b"n,f\neight,half\n"})
    words = house.land(house.plan(update=True))
    assert rows_of(words, _TRAIN) == [{"n": "7", "f": "1e-07"}, {"n": "eight", "f": "half"}]
    assert words.manifest.volatile.bytes_fetched == len(b"n,f\neight,half\n")
    house.hub.commit("acme/speech", {"b.csv": b"n,f\n8,0.5\n"})
    landed = house.land(house.plan(update=True))
    assert rows_of(landed, _TRAIN) == first
    assert tree_of(landed.path) == tree_of(house.elsewhere("fresh").land().path)
    assert json.loads((landed.path / "json/features.json").read_bytes())["n"] == {"dtype": "int64", "_type": "Value"}
    assert verify(house.store, landed.manifest.name).whole


def test_a_number_beyond_a_double_stays_the_text_that_it_is(house: House) -> None:
    found = landed(house, VALUES["numbers as they are written"])
    assert (found.path / "json/train.jsonl").read_bytes().endswith(b'{"x": 1.8e308}\n')
