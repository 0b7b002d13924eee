"""A dataset card is a stranger's text: whatever it says, there is a plan of it or a named refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.pin import plan
from hugflow_assets_tests.datasets_made import speech_files

CONFIG = "configs:\n- config_name: default\n  data_files: "
CARDS = {
    "a pattern that fsspec refuses": CONFIG + '"data/**.parquet"',
    "an open bracket": CONFIG + '"data/[.parquet"',
    "a number of files": CONFIG + "7",
    "splits within splits": CONFIG + "{train: {a: b}}",
    "a split without a name": CONFIG + "[{split: 3, path: [1, 2]}]",
    "lists 3,000 deep": "a: " + "[" * 3000 + "]" * 3000,
    "maps 3,000 deep": "\n".join(" " * depth + "a:" for depth in range(3000)),
    "half a character": 'license: "\\ud800"',
    "a list that holds itself": "a: &a [*a]",
    "a number of 5,000 digits": "license: " + "9" * 5000,
    "a folder that is a list": "configs:\n- config_name: default\n  data_dir: [1]",
    "features of another form": "dataset_info:\n  features:\n  - name: [1]\n    dtype: {a: b}\n  splits: 3",
    "a date for a licence": "license: 2001-01-01",
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_no_card_breaks_a_plan(hub: LocalHub, tmp_path: Path, card: str) -> None:
    hub.add_repo("org/odd", {**speech_files(tmp_path), "README.md": f"---\n{card}\n---\nText.\n".encode()})
    request = DatasetRequest(hf_id="org/odd", description="Odd.")
    found = plan(Hub(HubAccess(hub.url, retries=0)), request, landed=None)
    assert LandingPlan.model_validate_json(found.model_dump_json()) == found
