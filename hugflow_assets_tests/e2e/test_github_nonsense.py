"""Whatever GitHub answers, no tick ends in an error without a name, no cursor is lost, and all is told in the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from hugflow_assets.demo import LocalHub
from hugflow_assets.notify.delivery_state import refusals
from hugflow_assets_tests.doubles.serving import Fault
from hugflow_assets_tests.e2e.team import ADD, GOOD, SPEECH, Team, team_at

HTML = "<!doctype html><html><body>Log in</body></html>"
STORMS = [(status, "") for status in (500, 502, 503, 504)] + [(502, HTML), (500, {"message": None})]
ANSWERS: list[Any] = [  # [] is no nonsense: nothing is open
    HTML, '[{"number": 1, "ti', '{"number": 1, "head": {', "null", '"text"', "7", "", {}, [1, "x"], [{}], [None],
    [[]], {"message": "Moved"}, {"number": "one", "head": 3, "base": [], "user": "ada", "state": 7},
    [{"number": None, "id": "x", "user": None, "body": None, "head": None, "base": {"ref": None}}],
]  # fmt: skip
ODD: tuple[Any, ...] = (None, "x", [], 7, {})  # instead of a field's value
# Requests of which one alone is answered so: each way in which GitHub is asked.
ASKED = ["/files", "/git/trees", "/git/blobs", "/compare/", "/comments", "/statuses", "/pulls/", "/commits/", "/user"]


@pytest.fixture
def team(tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with DagsterInstance.ephemeral() as instance, team_at(tmp_path, hub, instance, monkeypatch) as team:
        team.point(AUTO_MERGE="true")
        yield team


def ticks(team: Team, answer: Any) -> None:
    """Both sensors look, some time later; each returns, and says what was wrong by name."""
    known = set(team.pulls.seen)
    for _ in range(2):
        looked = team.look(later_s=900)
        delivered = team.deliver(later_s=0)
        for problem in (*looked.problems, *delivered.problems):
            assert not problem.startswith(("TypeError", "AttributeError", "KeyError", "AssertionError")), problem
    team.github.faults.clear()
    assert known & team.github.pulls.keys() <= set(team.pulls.seen), (answer, looked)


def test_nothing_that_github_answers_ends_a_tick_or_loses_what_is_to_be_told(team: Team) -> None:
    asked = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.tick()
    merged = team.github.merge(asked)
    team.sync()
    team.github.comment(asked, "ada", "/hugflow retry")
    waiting = team.github.open_many({"wait": {"requests/add/other.yaml": GOOD.replace("org/speech", "org/none")}})[0]
    team.tick()
    for status, answer in [*STORMS, *((200, one) for one in ANSWERS)]:
        team.github.faults.append(Fault(status, answer=answer, times=10_000))
        ticks(team, (status, answer))
    for on in ASKED:
        for half in (ANSWERS[::2], ANSWERS[1::2]):  # one after the other, as the requests come
            team.github.faults.extend(Fault(200, on=on, answer=one) for one in half)
            ticks(team, on)
    assert team.store.events.cursor("github") <= team.store.events.last_seq()
    team.deliver_all(later_s=7200)
    team.tick(later_s=7200)
    assert f"### ✅ Landed and checked: `{SPEECH}`" in team.sections(asked)
    assert team.statuses(merged)[-1] == "success"
    assert team.sections(waiting)[0].startswith("### ❌ This cannot land as it is")
    assert len([one for one in team.github.bodies(asked) if "by `ada` changes nothing" in one]) <= 1


def test_pull_requests_that_the_list_tells_wrongly_stop_no_other(team: Team) -> None:
    [fine] = team.github.open_many({"fine": {ADD: GOOD}})
    fields = ("number", "head", "base", "updated_at", "user", "state", "title", "url")
    listed = [
        {**team.github.pulls[fine], "number": 100 + at, field: value}
        for at, (field, value) in enumerate(product(fields, ODD))
    ]
    team.github.faults.append(Fault(200, on="/pulls", answer=[*listed, team.github.pulls[fine]]))
    looked = team.tick()
    assert fine in looked.cursor.seen
    assert "Would land" in team.comment(fine)
    assert set(team.tick(later_s=7200).cursor.seen) == {fine}


def test_an_event_whose_pull_request_may_not_be_asked_for_is_set_aside_by_name(team: Team) -> None:
    asked = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.tick()
    team.github.merge(asked)
    refusal = {"message": "Resource not accessible by integration"}
    team.github.faults.append(Fault(403, on="/commits/", answer=refusal, times=1000))
    team.sync()
    team.deliver(later_s=0)
    aside = refusals(team.store, "github")
    assert aside
    assert all("pull requests of" in one.problem for one in aside)
