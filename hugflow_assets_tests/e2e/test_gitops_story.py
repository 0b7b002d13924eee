"""From pull request to data, told where people look: the whole story, also while GitHub and Slack fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster import DagsterInstance

from hugflow_assets.demo import LocalHub
from hugflow_assets.notify import alone_at
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github import pull_requests_sensor as pull_requests
from hugflow_assets.orchestration.reconcile import requests_sensor as sensor
from hugflow_assets.rules import POSTLANDING_RULES, PREFLIGHT_RULES
from hugflow_assets.store import Phase, Progress, now_text
from hugflow_assets_tests.datasets_made import text_files
from hugflow_assets_tests.doubles.serving import Fault, RefusalError
from hugflow_assets_tests.e2e.team import ADD, GOOD, NOWHERE, REMOVE, SPEECH, Team, team_at
from hugflow_assets_tests.polling import poll

LANDED = ["Started", "Landed", "Landed and checked"]  # what a landing says on Slack


@pytest.fixture
def team(tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with DagsterInstance.ephemeral() as instance, team_at(tmp_path, hub, instance, monkeypatch) as team:
        yield team


def propose(team: Team, files: dict[str, str | None], *, branch: str = "ask", author: str = "ada") -> int:
    team.github.commit_files(files, branch=branch)
    return team.github.propose(branch, author=author)


def land(team: Team) -> tuple[int, str]:
    """A request, merged and landed; the pull request and its merge commit."""
    number = propose(team, {ADD: GOOD})
    team.look()
    commit = team.github.merge(number)
    assert [one.state for one in team.sync()] == ["landed"]
    team.deliver_all()
    return number, commit


def test_a_request_from_its_first_draft_to_its_removal(team: Team) -> None:
    # A bad request: what is wrong is said within one look, with what to do.
    number = propose(team, {ADD: "hf_id: org/speeck\ndescription: Speech.\n"})
    assert team.look().written == (number,)
    assert team.sections(number)[0].startswith("### ❌ This cannot land as it is")
    assert "hub-not-found" in team.comment(number) or "no dataset" in team.comment(number).lower()

    # Fixed by a push: the same comment says what would land.
    first = team.github.comments[number][0]["id"]
    head = team.github.commit_files({ADD: GOOD}, branch="ask")
    team.look()
    plan = team.comment(number)
    assert team.github.comments[number][0]["id"] == first
    assert team.sections(number)[1:] == [f"### ✅ Would land: `{SPEECH}`"]
    assert head[:12] in plan
    upstream = team.hub.repo("org/speech").refs["refs/heads/main"]
    for told in (
        upstream.id,
        "| Rows |",
        "| Hours |",
        "cc0-1.0",
        "| Access | open |",
        "1.0 GB, then",
        str(team.store.root),
    ):
        assert told in plan
    assert not (team.store.root / SPEECH).exists()

    # Nothing new: nothing is written.
    before = len([one for one in team.github.requests if one.method != "GET"])
    team.look()
    team.look(later_s=3600)
    assert len([one for one in team.github.requests if one.method != "GET"]) == before

    # Merged, landed, told.
    commit = team.github.merge(number)
    assert [one.state for one in team.sync()] == ["landed"]
    team.deliver_all()
    assert f"### ✅ Landed and checked: `{SPEECH}`" in team.sections(number)
    facts = ("Rows", "Hours", "Size", f"Path | `{team.store.root / SPEECH}`", "Commit", "Time", "Speed", "Checks")
    for told in facts:
        assert f"| {told} |" in team.comment(number)
    assert f"| Checks | {len(PREFLIGHT_RULES) + len(POSTLANDING_RULES)} passed |" in team.comment(number)
    assert [one["description"] for one in team.github.statuses[commit]] == [f"Landed and checked: {SPEECH}"]
    assert team.statuses(commit) == ["success"]
    assert team.headlines() == LANDED
    run = next(iter(team.instance.get_runs()))
    assert run.tags[".dagster/hugflow_request"] == "add/speech.yaml"
    assert run.tags[".dagster/hugflow_merged_in"] == commit
    assert run.tags["hugflow/author"] == "Ada"
    assert run.tags["hugflow/pull_request"] == str(number)
    assert run.tags[".dagster/hugflow_request_commit"] == commit

    # Upstream moves: Slack hears of it; the pull request, long closed, does not change.
    said = team.comment(number)
    team.hub.commit("org/speech", {"NEWS.md": b"More speech."})
    team.watch_upstream()
    team.deliver_all()
    assert team.headlines() == [*LANDED, "Upstream moved"]
    assert team.comment(number) == said

    # Withdrawn: the plan says what goes and when it is freed, the removal that it went.
    removal = propose(team, {REMOVE: "hf_id: org/speech\nreason: Replaced.\n"}, branch="withdraw")
    team.look()
    plan = team.comment(removal)
    assert "### ✅ Would remove: `remove/speech.yaml`" in plan
    for told in (SPEECH, "owner ada", "| Frees |", "| On |", "Replaced"):
        assert told in plan
    commit = team.github.merge(removal)
    team.sync()
    team.deliver_all()
    assert team.sections(removal)[1:] == [f"### ✅ Removed: `{SPEECH}`"]  # in place of the plan, and of what was queued
    assert [one["description"] for one in team.github.statuses[commit]] == [f"Removed: {SPEECH}"]
    assert team.statuses(commit) == ["success"]
    assert team.headlines()[-1] == "Removed"
    assert not (team.store.root / SPEECH).exists()
    assert len(team.slack.parents()) == 1


def test_a_withdrawn_removal_and_an_edit_say_what_they_do(team: Team) -> None:
    land(team)
    edit = propose(team, {ADD: GOOD.replace("Speech.", "Better words.")}, branch="edit")
    team.github.commit_files({REMOVE: "hf_id: org/speech\nreason: Replaced.\n"})
    team.sync()
    back = propose(team, {REMOVE: None}, branch="back")
    team.look()
    assert "description: Speech. -> Better words." in team.comment(edit)
    assert "Removal withdrawn" in team.comment(back)
    assert "out of the trash" in team.comment(back)
    assert f"### ✅ Comes back from the trash, nothing is fetched: `{SPEECH}`" in team.sections(back)
    team.github.merge(back)
    team.sync()
    assert (team.store.root / SPEECH).exists()


def test_a_deleted_request_leaves_its_data(team: Team) -> None:
    land(team)
    number = propose(team, {ADD: None}, branch="forget")
    team.look()
    assert f"### ℹ️ Stays on the storage, asked for by nobody: `{SPEECH}`" in team.sections(number)


def test_files_of_strangers_are_data(team: Team) -> None:
    team.github.commit_file("requests/add/link.yaml", "/etc/passwd", branch="evil", mode="120000")
    team.github.commit_files(
        {
            "requests/add/huge.yaml": "#" * 70_000,
            "requests/add/a b'\"`$(id)`.yaml": "hf_id: org/x@y\ndescription: '@everyone <!-- hugflow:requests -->'\n",
            "requests/add/odd.txt": "hf_id: org/x\n",
            "README.md": "Something else.\n",
        },
        branch="evil",
    )
    number = team.github.propose("evil", author="mallory")
    team.look()
    said = team.comment(number)
    assert said.count("Cannot be read") == 4
    assert "symbolic link" in said
    assert "root:" not in said
    assert "@everyone" not in said
    assert said.count("<!-- hugflow:requests -->") == 1
    assert "Other files, not looked at here" in said
    assert len(said) < 65_536


def test_a_plan_that_comes_after_the_merge_is_left_out_and_makes_no_second_comment(team: Team) -> None:
    number = propose(team, {ADD: GOOD})
    with alone_at(team.store, "github"):  # events are being told right now
        assert team.look().written == ()
    assert team.github.bodies(number) == []
    client = pull_requests.github_of(team.settings)
    assert client is not None
    team.github.merge(number)
    team.sync()
    team.deliver_all()
    assert not client.write_plan(number, "a plan that was made before the merge")
    assert f"### ✅ Landed and checked: `{SPEECH}`" in team.sections(number)


def test_a_pull_request_about_something_else_gets_no_comment(team: Team) -> None:
    number = propose(team, {"README.md": "Hello.\n"})
    team.look()
    assert team.github.bodies(number) == []


def test_a_pull_request_that_asks_for_nothing_any_more_says_so(team: Team) -> None:
    number = propose(team, {ADD: GOOD})
    team.look()
    team.github.commit_files({ADD: None, "README.md": "Hello.\n"}, branch="ask")
    team.look()
    assert len(team.sections(number)) == 1
    assert "Nothing is asked for any more" in team.comment(number)


def asked_for(team: Team) -> list[str]:
    """The datasets that the daemon's next tick would ask runs for."""
    found = sensor.look(team.instance, sensor.Cursor(), Platform(), time.time())
    return [str(one.partition_key) for one in getattr(found, "run_requests", None) or []]


def test_a_landing_that_fails_says_why_and_is_tried_again_on_demand(team: Team) -> None:
    team.point(STORAGE_QUOTA="1MB", HF_ENDPOINT=team.hub.url)
    number = propose(team, {ADD: GOOD.replace("org/speech", "org/later")})
    commit = team.github.merge(number)
    assert [one.state for one in team.sync()] == ["failed"]
    team.deliver_all()
    assert "### ❌ Refused before download: `org__later__rev_main`" in team.sections(number)
    assert "**Next:**" in team.comment(number)
    assert team.statuses(commit)[-1] == "failure"
    events = team.store.events.last_seq()
    team.github.comment(number, "mallory", "/hugflow retry")
    team.github.comment(77, "mallory", "/hugflow retry")  # on an issue
    team.github.comment(number, "ada", "please /hugflow retry it")
    done = team.deliver()
    assert (done.retried, done.problems) == ((), ())
    answers = [one for one in team.github.bodies(number) if "by `mallory` changes nothing" in one]
    assert len(answers) == 1
    assert team.store.events.last_seq() == events
    assert asked_for(team) == []  # it waits for an edit
    for number_ in range(230):  # more than are read at once, and than a page holds
        team.github.comment(number, f"person{number_}", "Is it there?")
    team.deliver()
    for who in ("ada", "carol", "dave"):  # author, owner by name, owner by team
        team.github.comment(number, who, "/hugflow retry\r\n")
        assert team.deliver().retried == ("org__later__rev_main",)
    assert team.deliver().retried == ()
    team.deliver_all()
    assert "### ⏳ Queued again: `org__later__rev_main`" in team.sections(number)
    assert asked_for(team) == ["org__later__rev_main"]


def test_the_status_of_a_commit_with_two_requests_is_green_only_when_both_are(team: Team) -> None:
    nowhere = "hf_id: org/none\ndescription: None.\n"
    number = propose(team, {ADD: GOOD, "requests/add/none.yaml": nowhere})
    commit = team.github.merge(number)
    assert sorted(one.state for one in team.sync()) == ["failed", "landed"]
    team.deliver_all()
    last = team.github.statuses[commit][-1]
    assert (last["state"], last["description"].partition(";")[0]) == ("failure", "1 of 2 failed")
    assert "success" not in team.statuses(commit)
    team.hub.add_repo("org/none", text_files(team.github.work.parent / "late"))
    assert sorted(one.state for one in team.sync()) == ["landed", "landed"]
    team.deliver_all()
    last = team.github.statuses[commit][-1]
    assert (last["state"], last["description"].partition(";")[0]) == ("success", "2 of 2 done")


# ---- while GitHub and Slack fail

FAULTS = {
    "429": [Fault(429, on=word, headers={"Retry-After": "30"}) for word in ("comments", "statuses", "postMessage")],
    "502 after storing": [Fault(502, on=f"POST {word}", after=True) for word in ("/repos", "/repos", "/api", "/api")],
    "500": [Fault(500, on=word) for word in ("GET", "GET", "POST", "PATCH", "chat.update")],
    "silence": [Fault(200, on=word, hang_s=4) for word in ("POST /repos", "chat.postMessage")],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_faults_delay_what_is_told_and_neither_lose_nor_repeat_it(team: Team, faults: list[Fault]) -> None:
    number = propose(team, {ADD: GOOD})
    team.github.faults.extend(faults)
    for _ in range(8):
        team.look(later_s=120)
    assert f"### ✅ Would land: `{SPEECH}`" in team.sections(number)
    commit = team.github.merge(number)
    assert [one.state for one in team.sync()] == ["landed"]
    team.github.faults.extend(faults)
    team.slack.faults.extend(faults)
    team.deliver_all(later_s=120)
    assert f"### ✅ Landed and checked: `{SPEECH}`" in team.sections(number)
    assert team.statuses(commit)[-1] == "success"
    assert len(team.slack.parents()) == 1
    assert team.headlines() == LANDED


def test_an_hour_without_github_and_slack_is_caught_up(team: Team) -> None:
    number = propose(team, {ADD: GOOD})
    commit = team.github.merge(number)
    github, slack = team.github.url, team.slack.api_url
    team.point(GITHUB_API_URL=NOWHERE, SLACK_API_URL=f"{NOWHERE}/api/")
    assert [one.state for one in team.sync()] == ["landed"]  # a landing waits for nobody
    for _ in range(60):
        assert not any(one.sent for one in team.deliver(later_s=60).delivered)
    team.point(GITHUB_API_URL=github, SLACK_API_URL=slack)
    team.deliver_all(later_s=300)
    assert f"### ✅ Landed and checked: `{SPEECH}`" in team.sections(number)
    assert team.statuses(commit)[-1] == "success"
    assert team.headlines() == LANDED


def test_one_broken_channel_does_not_delay_the_other(team: Team) -> None:
    team.point(GITHUB_API_URL=NOWHERE)
    team.github.commit_files({ADD: GOOD})
    team.sync()
    team.deliver()
    assert team.headlines() == LANDED


def test_a_silent_channel_keeps_the_other_from_nothing(team: Team) -> None:
    number = propose(team, {ADD: GOOD})
    team.github.merge(number)
    team.sync()
    team.point(READ_TIMEOUT="60s")
    team.slack.faults.append(Fault(hang_s=60))
    with ThreadPoolExecutor() as beside:
        round_ = beside.submit(team.deliver)
        poll(lambda: any("Landed and checked" in body for body in team.github.bodies(number)), within_s=20)
        assert not round_.done()
        team.slack.release()
        assert [bool(one.problem) for one in round_.result().delivered] == [True, False]


# ---- merging by itself


def approve(team: Team, number: int) -> None:
    team.github.review(number, "carol")
    team.github.check(number)


def test_an_approved_request_merges_by_itself_only_where_that_is_wanted(team: Team) -> None:
    number = propose(team, {ADD: GOOD})
    approve(team, number)
    team.look()
    assert team.github.merged == []
    team.point(AUTO_MERGE="true")
    assert team.look().merged == (number,)
    assert team.github.merged == [(number, team.github.pulls[number]["head"]["sha"])]


def test_a_merge_that_the_repository_s_rules_refuse_keeps_no_other_pull_request_waiting(team: Team) -> None:
    def protected() -> None:
        raise RefusalError(405, {"message": "At least 2 approving reviews are required."})

    team.point(AUTO_MERGE="true")
    team.github.before_merge = protected
    first = propose(team, {ADD: GOOD})
    approve(team, first)
    second = propose(team, {"requests/add/other.yaml": GOOD.replace("org/speech", "org/none")}, branch="other")
    looked = team.look()
    assert (looked.merged, set(looked.written)) == ((), {first, second})
    assert "At least 2 approving reviews" in looked.problems[0]
    team.github.before_merge = lambda: None
    assert team.look(later_s=400).merged == (first,)


def test_what_would_not_land_is_not_merged_though_it_is_approved(team: Team) -> None:
    team.point(AUTO_MERGE="true")
    number = propose(team, {ADD: GOOD.replace("org/speech", "org/none")})
    approve(team, number)
    team.look()
    assert team.github.merged == []


def test_a_removal_that_cannot_be_carried_out_is_told(team: Team) -> None:
    land(team)
    number = propose(team, {REMOVE: "hf_id: org/speech\nsplit: train\nreason: Less.\n"}, branch="cut")
    team.look()
    assert team.sections(number)[0].startswith("### ❌ This cannot land as it is")
    commit = team.github.merge(number)
    assert "failed" in [one.state for one in team.sync()]
    team.deliver_all()
    assert any(one == "### ❌ Failed: `remove/speech.yaml`" for one in team.sections(number))
    assert team.statuses(commit)[-1] == "failure"
    assert (team.store.root / SPEECH).exists()


def test_progress_is_told_now_and_then_on_the_pull_request_and_on_slack(team: Team) -> None:
    number, _ = land(team)
    moment = now_text()
    progress = Progress(
        name=SPEECH, phase=Phase.DOWNLOADING, started_at=moment, updated_at=moment, bytes_done=25, bytes_total=100,
        bytes_per_s=5.0, eta_s=15.0,
    )  # fmt: skip
    with team.store.leases.take(SPEECH, purpose="landing"):
        team.store.progress.write(progress)
        assert len(team.deliver().progress) == 2
        assert f"### ⏳ Downloading: 25 %: `{SPEECH}`" in team.sections(number)
        assert "| Left | 15 s |" in team.comment(number)
        assert team.slack.parents()[0]["blocks"][0]["text"]["text"] == "Downloading: 25 %"
        team.store.progress.write(progress.model_copy(update={"bytes_done": 50}))
        assert team.deliver(later_s=20).progress == ()
        assert len(team.deliver(later_s=20).progress) == 1  # Slack takes more than GitHub
        assert len(team.deliver(later_s=40).progress) == 2
        assert f"### ⏳ Downloading: 50 %: `{SPEECH}`" in team.sections(number)
    assert team.deliver(later_s=600).progress == ()  # nobody is at work on it any more
    assert team.headlines() == LANDED
