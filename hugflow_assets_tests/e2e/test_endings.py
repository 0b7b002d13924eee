"""However a request ends, people see one end of it: on the pull request, on the commit and on Slack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from hugflow_assets_tests.closing import ends_of
from hugflow_assets_tests.datasets_made import card, speech_files, wav_bytes
from hugflow_assets_tests.e2e.team import GOOD, Team, team_at
from hugflow_assets_tests.faulty_hub import FaultyHub

NAMES = ("landed", "refused", "silent", "malformed", "double", "withdrawn")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with (
        FaultyHub() as hub,
        DagsterInstance.ephemeral() as instance,
        team_at(tmp_path, hub, instance, monkeypatch) as team,
    ):
        hub.add_repo("org/silent", speech_files(tmp_path / "silent"))
        hub.add_repo("org/withdrawn", speech_files(tmp_path / "withdrawn"))
        yield team


def request(hf_id: str, owner: str = "ada") -> str:
    return f"hf_id: {hf_id}\ndescription: Data.\nowner: {owner}\n"


FILES = {
    "requests/add/landed.yaml": GOOD,
    "requests/add/refused.yaml": request("org/nosuch"),
    "requests/add/silent.yaml": request("org/silent"),
    "requests/add/malformed.yaml": "hf_id: [\n",
    "requests/add/zz-double.yaml": GOOD,
}
# What the comment says in the end of each request, and the colour of a commit with it alone.
ENDINGS = {
    "requests/add/landed.yaml": ("✅ Landed and checked", "success"),
    "requests/add/refused.yaml": ("❌ Refused before download", "failure"),
    "requests/add/silent.yaml": ("⚠️ Cannot begin now; it is tried again", "error"),
    "requests/add/malformed.yaml": ("❌ Refused before download", "failure"),
}


@pytest.mark.parametrize("path", ENDINGS)
def test_each_request_alone_has_one_end_everywhere(team: Team, path: str) -> None:
    assert isinstance(team.hub, FaultyHub)
    team.hub.fault("/api/datasets/org/silent", 503, times=None)
    number = team.github.open_many({"ask": {path: FILES[path]}})[0]
    team.tick()
    commit = team.github.merge(number)
    team.sync()
    team.deliver_all()
    headline, colour = ENDINGS[path]
    ends = [one for one in team.sections(number) if "This " not in one and "Not everything" not in one]
    assert len(ends) == 1
    assert headline in ends[0]
    assert team.statuses(commit) == [colour]
    [parent] = team.slack.parents()
    assert parent["blocks"][0]["text"]["text"] == headline.partition(" ")[2]
    closings = [text for text in team.headlines() if text not in ("Started", "Landed")]
    assert closings == [headline.partition(" ")[2]]


def merged(team: Team, asks: dict[str, dict[str, str | None]]) -> dict[str, tuple[int, str]]:
    """A pull request for each, merged: its number and the commit on main."""
    found = {}
    for branch, files in asks.items():
        team.github.commit_files(files, branch=branch)
        number = team.github.propose(branch)
        found[branch] = number, team.github.merge(number)
    return found


def test_every_way_out_of_a_run_is_told_once_in_each_place(team: Team) -> None:
    """One closing event, one state in the comment, one last colour of the commit, one last word on Slack."""
    hub = team.hub
    assert isinstance(hub, FaultyHub)
    clips = {f"train/clip_{number}.wav": wav_bytes(0.1, hz=300.0 + number) for number in range(3)}
    hub.add_repo("org/damaged", {"README.md": card("cc0-1.0"), **clips})
    hub.fault("/api/datasets/org/silent", 503, times=None)
    colours: dict[str, str] = {}
    found: dict[str, tuple[int, str]] = {}

    def turn(asks: dict[str, tuple[dict[str, str | None], str]]) -> None:
        """Merge them, let the machine do its work, and tell."""
        found.update(merged(team, {branch: files for branch, (files, _) in asks.items()}))
        colours.update({branch: colour for branch, (_, colour) in asks.items()})
        team.sync()
        team.deliver_all()

    turn(
        {
            "landed": ({"requests/add/landed.yaml": GOOD}, "success"),
            "refused": ({"requests/add/refused.yaml": request("org/nosuch")}, "failure"),
            "silent": ({"requests/add/silent.yaml": request("org/silent")}, "error"),
            "malformed": ({"requests/add/malformed.yaml": "hf_id: [\n"}, "failure"),
            "twin": ({"requests/add/zz-double.yaml": GOOD}, "failure"),
            "odd-removal": ({"requests/remove/odd.yaml": "hf_id: org/other\n"}, "failure"),
            "misspelt": ({"requests/remove/none.yaml": "hf_id: org/speeck\nreason: Gone.\n"}, "failure"),
            "kept-out": (
                {
                    "requests/add/withdrawn.yaml": request("org/withdrawn"),
                    "requests/remove/early.yaml": "hf_id: org/withdrawn\nreason: Not yet.\n",
                },
                "success",
            ),
        }
    )
    hub.fault("clip_", "flip", times=None)
    turn(
        {
            "damaged": ({"requests/add/damaged.yaml": request("org/damaged")}, "error"),
            "owner": ({"requests/add/landed.yaml": GOOD.replace("ada", "grace")}, "success"),
        }
    )
    turn({"removal": ({"requests/remove/landed.yaml": "hf_id: org/speech\nreason: Gone.\n"}, "success")})
    turn({"back": ({"requests/remove/landed.yaml": None}, "success")})

    for branch, (number, commit) in found.items():
        sections = [one for one in team.sections(number) if "This " not in one and "Not everything" not in one]
        assert len(sections) == 1 and "⏳" not in sections[0], (branch, sections)
        assert team.statuses(commit)[-1] == colours[branch], (branch, team.statuses(commit), sections)
    assert "### ❌ Refused: nothing was removed: `remove/none.yaml`" in team.comment(found["misspelt"][0])
    assert "did you mean hf_id: org/speech" in team.comment(found["misspelt"][0]).replace("\\", "")
    assert "### ✅ In force: nothing of it had landed: `remove/early.yaml`" in team.comment(found["kept-out"][0])
    said = [one["blocks"][0]["text"]["text"] for one in team.slack.parents()]
    assert said.count("Refused: nothing was removed") == 2  # the odd one, and the misspelt one
    assert said.count("In force: nothing of it had landed") == 1
    assert all(len(closing) == 1 for _, closing in ends_of(team.store)), ends_of(team.store)
    assert not any("Queued" in one["text"] or "Started" in one["text"] for one in team.slack.parents())


def test_an_edit_that_lands_nothing_new_ends_what_was_queued(team: Team) -> None:
    first = team.github.open_many({"ask": {"requests/add/landed.yaml": GOOD}})[0]
    team.github.merge(first)
    team.sync()
    team.deliver_all()
    team.github.commit_files({"requests/add/landed.yaml": GOOD.replace("owner: ada", "owner: grace")}, branch="edit")
    edit = team.github.propose("edit")
    team.tick()
    commit = team.github.merge(edit)
    team.sync()
    team.deliver_all()
    assert not any("⏳" in one for one in team.sections(edit))
    assert team.statuses(commit) == ["success"]


def test_a_commit_with_every_kind_of_request_is_red_and_none_of_them_stays_queued(team: Team) -> None:
    assert isinstance(team.hub, FaultyHub)
    team.hub.fault("/api/datasets/org/silent", 503, times=None)
    number = team.github.open_many({"ask": FILES})[0]
    commit = team.github.merge(number)
    team.sync()
    team.deliver_all()
    assert not any("⏳" in one for one in team.sections(number))
    assert len(team.sections(number)) == len(FILES)
    assert team.statuses(commit) == ["failure"]
    assert team.github.statuses[commit][-1]["description"].startswith("4 of 5 failed")
    parents = team.slack.parents()
    assert len(parents) == len(FILES)
    assert not any("Queued" in one["text"] or "Started" in one["text"] for one in parents)
