"""A shape of the registry is tested, described, and refused nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.registry import BEFORE_LAYOUT, BY_LAYOUT, LANDABLE, SHAPES
from hugflow_assets_tests.shapes.layout_cases import LAYOUT_CASES
from hugflow_assets_tests.shapes.shape_cases import CASES

DOCS = Path(__file__).parents[2] / "docs/shapes.md"


@pytest.mark.parametrize("shape", sorted(LANDABLE))
def test_every_shape_has_a_case_in_the_table_and_a_row_in_the_docs(shape: Shape) -> None:
    assert shape in {case.shape for case in (*CASES.values(), *LAYOUT_CASES.values())}
    assert re.search(rf"^\| `{re.escape(shape.value)}` \|", DOCS.read_text(), re.MULTILINE), shape.value


def test_the_docs_name_no_shape_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", DOCS.read_text(), re.MULTILINE)) == {one.value for one in LANDABLE}


def test_every_name_that_a_repository_may_land_under_is_of_one_shape() -> None:
    names = [name for shape in SHAPES for name in shape.names]
    assert len(names) == len(set(names))
    assert {*names, Shape.UNSUPPORTED} == set(Shape)


def test_no_recogniser_is_asked_twice() -> None:
    asked = (*BEFORE_LAYOUT, *BY_LAYOUT)
    assert len(asked) == len(set(asked))
