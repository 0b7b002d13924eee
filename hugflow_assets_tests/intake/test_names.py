"""Storage names: one folder, one partition key, one handle, never shared by two requests."""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Any

import pytest
from dagster._core.definitions.partitions.utils.base import raise_error_on_invalid_partition_key_substring
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.intake import DatasetRequest, escape_component, storage_name
from hugflow_assets_tests.intake.strategies import PARTS, add_requests, lines


def name(hf_id: str, **fields: Any) -> str:
    return storage_name(DatasetRequest(hf_id=hf_id, description="x", **fields))


def identity(request: DatasetRequest) -> tuple[str | None, ...]:
    fields = (request.hf_id, request.subset, request.split, request.revision)
    return tuple(one and unicodedata.normalize("NFC", one) for one in fields)


def test_the_documented_names_are_exact() -> None:
    id_ = "mozilla-foundation/common_voice_11_0"
    assert name(id_) == "mozilla-foundation__common_voice_11_0__rev_main"
    assert (
        name(id_, subset="ms", split="train")
        == "mozilla-foundation__common_voice_11_0__subset_ms__split_train__rev_main"
    )
    assert name(id_, split="train") == "mozilla-foundation__common_voice_11_0__split_train__rev_main"
    assert name("a/b", revision="refs/convert/parquet") == "a__b__rev_refs~2Fconvert~2Fparquet"
    assert name("squad") == "squad__rev_main"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("_x", "~5Fx"),
        ("x_", "x~5F"),
        ("a__b", "a_~5Fb"),
        ("a___b", "a_~5F~5Fb"),
        (".x.", "~2Ex~2E"),
        ("a.b", "a.b"),
        ("-x-y", "~2Dx-y"),
        ("é", "~C3~A9"),
        ("e\u0301", "~C3~A9"),
        ("a...b", "a..~2Eb"),
        ("~", "~7E"),
        ("\ud800", "~ED~A0~80"),
    ],
)
def test_a_component_escapes_what_means_something_at_its_place(text: str, escaped: str) -> None:
    assert escape_component(text) == escaped


def test_an_empty_component_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        escape_component("")


def test_the_pairs_that_meet_under_the_naive_rule_do_not_meet() -> None:
    for one, other in [
        (name("a__b/c"), name("a/b__c")),
        (name("a/b__subset_x"), name("a/b", subset="x")),
        (name("a/b", subset="x__split_t"), name("a/b", subset="x", split="t")),
        (name("a/b", revision="refs/pr/1"), name("a/b", revision="refs__pr__1")),
        (name("squad", subset="x"), name("squad/subset_x")),
        (name("squad"), name("squad/rev_main")),
        (name("a/b", subset="x"), name("a/b", split="x")),
    ]:
        assert one != other


def test_no_two_of_all_combinations_of_hostile_parts_meet() -> None:
    ids = [f"{org}/{repo}" for org, repo in itertools.product(PARTS, PARTS)] + list(PARTS)
    subsets = (None, "x", "x__split_t", "_x", "x_", "h_x", "rev_main", "split_t", "x/y", "x~2Fy", "subset_x")
    splits = (None, "t", "split_t", "t.u", "_t", "t__rev_main")
    revisions = ("main", "refs/pr/1", "refs__pr__1")
    asked = list(itertools.product(ids, subsets, splits, revisions))
    names = {name(id_, subset=subset, split=split, revision=revision) for id_, subset, split, revision in asked}
    assert len(asked) > 12_852
    assert len(names) == len(asked)


@given(add_requests, add_requests)
def test_equal_names_mean_equal_requests(one: DatasetRequest, other: DatasetRequest) -> None:
    assert (storage_name(one) == storage_name(other)) == (identity(one) == identity(other))


@given(add_requests)
def test_a_name_is_one_safe_component_and_a_partition_key(request: DatasetRequest) -> None:
    made = storage_name(request)
    assert re.fullmatch(r"[A-Za-z0-9._~-][A-Za-z0-9._~-]*", made)
    assert len(made.encode()) <= 200
    assert made[0] not in "-." and made[-1] not in "._"
    assert not set(made) & set(",[]/\\: \t\n")
    raise_error_on_invalid_partition_key_substring([made])


@given(add_requests)
def test_the_name_ignores_what_does_not_select_data(request: DatasetRequest) -> None:
    other = request.model_copy(update={"description": "y", "owner": None, "text_column": "t", "keep_until": None})
    assert storage_name(other) == storage_name(request)


def test_a_long_name_is_cut_and_still_its_own() -> None:
    long = "x" * 254
    one, other = name("a/b", subset=long + "1"), name("a/b", subset=long + "2")
    assert one != other
    assert len(one) == 200
    assert re.search(r"__h_[0-9a-f]{16}$", one)
    for length in range(60, 66):
        cut = name("a/b", subset="x" * length + "é" * 100)
        assert re.fullmatch(r"(?:[^~]|~[0-9A-F]{2})*", cut), "an escape is never cut in half"


@given(lines, lines)
def test_components_stay_apart_when_joined(one: str, other: str) -> None:
    a, b = escape_component(one), escape_component(other)
    assert (a == b) == (unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other))
    assert len(a) <= 100
    if len(a) < 100 and "__h_" not in a:
        assert "__" not in a and not a.startswith("_") and not a.endswith("_")


@given(st.text(min_size=1))
def test_any_text_at_all_makes_a_component(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,100}", escape_component(text))
