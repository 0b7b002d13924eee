"""`hugflow message`: any message as JSON, within the limits of where it goes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hugflow_assets.notify import kinds
from hugflow_assets_tests.cli.conftest import Ran
from hugflow_assets_tests.doubles.slack import block_problem


@pytest.mark.parametrize("kind", kinds())
def test_every_message_is_json_that_slack_takes(run: Callable[..., Ran], kind: str) -> None:
    ran = run("message", kind)
    assert ran.code == 0
    assert block_problem(json.loads(ran.out)["blocks"]) == ""


def test_all_of_them_at_once_and_as_a_comment(run: Callable[..., Ran]) -> None:
    assert list(json.loads(run("message").out)) == kinds()
    assert "Landed" in json.loads(run("message", "landed", "--for", "github").out)["body"]


def test_an_unknown_kind_names_those_that_exist(run: Callable[..., Ran]) -> None:
    ran = run("message", "landd")
    assert ran.code == 2  # usage: it is no dataset
    assert "landed" in ran.err
