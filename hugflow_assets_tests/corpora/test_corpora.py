"""Small corpora, laid out in every way that is known, land as they are: rows, texts, bytes and counts.

``make fuzz`` looks for more than these; see ``fuzz``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets_tests.corpora.landing import Lander
from hugflow_assets_tests.corpora.layouts import LAYOUTS

_EXAMPLES = 8  # of each layout


@pytest.fixture(scope="module")
def lander(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lander]:
    with LocalHub() as hub:
        yield Lander(hub, Path(tmp_path_factory.mktemp("corpora")) / "landed")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_corpus_lands_as_it_is_however_it_is_laid_out(lander: Lander, layout: str) -> None:
    @settings(max_examples=_EXAMPLES, database=None)
    @given(st.data())
    def lands(data: st.DataObject) -> None:
        rendered = data.draw(LAYOUTS[layout])
        assert lander.differences(rendered) == []

    lands()
