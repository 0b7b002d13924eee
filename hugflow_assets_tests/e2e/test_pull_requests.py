"""Many pull requests, odd ones among them, through the sensor as the daemon evaluates it: each for itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, build_sensor_context
from dagster._core.definitions.sensor_definition import SensorExecutionData

from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.comment_commands import is_command
from hugflow_assets.orchestration.github.pull_requests_sensor import plan_pool, pull_requests_sensor
from hugflow_assets.store import EventKind
from hugflow_assets_tests.datasets_made import speech_files
from hugflow_assets_tests.doubles.serving import Fault
from hugflow_assets_tests.e2e.team import ADD, GOOD, SPEECH, Team, team_at
from hugflow_assets_tests.faulty_hub import FaultyHub

BAD_PATTERN = b'---\nconfigs:\n- config_name: default\n  data_files: "data/**.parquet"\n---\n'


@pytest.fixture
def hub() -> Iterator[FaultyHub]:
    with FaultyHub() as hub:
        yield hub


@pytest.fixture
def team(tmp_path: Path, hub: FaultyHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with DagsterInstance.ephemeral() as instance, team_at(tmp_path, hub, instance, monkeypatch) as team:
        yield team


@dataclass
class Daemon:
    """The sensor, evaluated with the cursor that it left the last time."""

    team: Team
    cursor: str | None = None

    def tick(self) -> SensorExecutionData:
        with build_sensor_context(instance=self.team.instance, cursor=self.cursor) as context:
            data = pull_requests_sensor().evaluate_tick(context)
        self.cursor = data.cursor or self.cursor
        return data


def request(hf_id: str, **fields: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in {"hf_id": hf_id, "description": "Data.", **fields}.items())


def numbered(team: Team, count: int, hf_id: str = "org/speech") -> list[int]:
    """Pull requests that ask for the same dataset at tags that there are not: each has its plan in one answer."""
    return team.github.open_many(
        {f"old-{n}": {f"requests/add/old-{n}.yaml": request(hf_id, revision=f"v{n}")} for n in range(count)}
    )


def plan_of(team: Team, number: int) -> str:
    bodies = team.github.bodies(number)
    assert len(bodies) <= 1
    return bodies[0] if bodies else ""


def plan_status(team: Team, number: int) -> list[str]:
    head = team.github.pulls[number]["head"]["sha"]
    return [one["state"] for one in team.github.statuses.get(head, []) if one["context"] == "hugflow/plan"]


def test_sixty_pull_requests_at_once_with_a_poisoned_and_a_slow_one(team: Team, hub: FaultyHub, tmp_path: Path) -> None:
    files = speech_files(tmp_path / "more")
    hub.add_repo("org/poisoned", {**files, "README.md": BAD_PATTERN})
    hub.add_repo("org/slow", {**files, **{f"extra/{n:03d}.txt": b"x" for n in range(118)}})
    hub.protocol.page_size = 1  # 120 pages and more
    slow = hub.fault("/api/datasets/org/slow/tree", "stall", times=None, hold_s=0.6)
    old = numbered(team, 55)
    [poisoned, waiting] = team.github.open_many(
        {
            "poisoned": {"requests/add/poisoned.yaml": request("org/poisoned")},
            "slow": {"requests/add/slow.yaml": request("org/slow")},
        }
    )
    good = team.github.open_many({f"good-{n}": {ADD: request("org/speech", owner=f"user{n}")} for n in range(3)})
    daemon = Daemon(team)

    daemon.tick()
    pool = plan_pool(team.settings)
    others = {*old, poisoned, *good}
    ends = time.monotonic() + 240  # the time between two ticks, on a machine that is busy with other tests
    while others & pool.unfinished() and time.monotonic() < ends:
        pool.wait(0.2)
    begin = time.monotonic()
    daemon.tick()
    assert time.monotonic() - begin < 15  # nobody waits for the slow one

    for number in good:
        assert f"Would land: `{SPEECH}`" in plan_of(team, number)
        assert plan_status(team, number) == ["success"]
    assert all("has no revision" in plan_of(team, number) for number in old)
    assert "Invalid pattern" in plan_of(team, poisoned).replace("\\", "")
    assert plan_status(team, poisoned) == ["failure"]
    assert plan_of(team, waiting) == ""

    # The slow one has its plan too; what was listed is not asked for again when it is planned anew.
    hub.release()
    pool.wait(240)
    daemon.tick()
    assert "Would land" in plan_of(team, waiting)
    assert slow.hits >= 120

    # At rest: an hour of ticks costs few calls that count.
    before = len(team.github.counted)
    for _ in range(5):
        daemon.tick()
    assert (len(team.github.counted) - before) * (3600 / 30 / 5) < 600


def test_a_list_that_was_cut_short_goes_on_where_it_was(team: Team, hub: FaultyHub, tmp_path: Path) -> None:
    hub.add_repo("org/long", {**speech_files(tmp_path / "more"), **{f"x/{n:03d}.txt": b"x" for n in range(20)}})
    hub.protocol.page_size = 1
    pages = hub.fault("/api/datasets/org/long/tree", 503, times=None, after_bytes=None)
    number = team.github.open_many({"long": {"requests/add/long.yaml": request("org/long")}})[0]
    pages.times = 0
    failing = hub.fault(r"/tree/.*cursor=10\b", 503, times=1)
    team.tick()
    assert failing.hits == 1
    assert "Cannot be planned now; it is tried again" in plan_of(team, number)
    assert plan_status(team, number) == ["error"]
    asked = hub.fault("/api/datasets/org/long/tree", "trickle", times=None, bytes_per_s=1e9)
    team.tick(later_s=120)
    assert "Would land" in plan_of(team, number)
    assert plan_status(team, number) == ["error", "success"]
    assert asked.hits < 20  # the first ten pages were kept


def test_a_fault_of_one_tick_is_counted_against_its_pull_request_alone(team: Team) -> None:
    [broken, fine] = team.github.open_many({"broken": {ADD: GOOD}, "fine": {"requests/add/b.yaml": GOOD}})
    team.github.faults.append(Fault(200, on=f"/pulls/{broken}/files", answer="<html>Log in</html>", times=2))
    looked = team.tick()
    assert plan_of(team, fine)
    assert plan_of(team, broken) == ""
    assert any("no JSON" in one for one in looked.problems)
    assert team.look(later_s=5).at_work == ()  # it has its next try later
    team.tick(later_s=60)
    assert plan_of(team, broken) == ""
    team.tick(later_s=120)
    assert "Would" in plan_of(team, broken)


def test_html_instead_of_the_list_leaves_the_cursor_and_the_next_tick_goes_on(team: Team) -> None:
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.faults.append(Fault(200, on="GET /repos", answer="<html>Log in</html>"))
    daemon = Daemon(team)
    assert daemon.tick().cursor is not None
    team.look(later_s=120)
    assert "Would land" in plan_of(team, number)


def test_five_hundred_files_are_a_table_with_a_line_each(team: Team) -> None:
    team.github.commit_file("requests/add/base.yaml", GOOD)
    files = {f"requests/add/d-{n:03d}.yaml": request("org/speech", revision=f"v{n}") for n in range(498)}
    files |= {"requests/add/own.yaml": GOOD, "requests/add/bad.yaml": "hf_id: [\n"}
    number = team.github.open_many({"many": files})[0]
    team.tick()
    body = plan_of(team, number)
    assert len(body) < 65_536
    assert "500 requests" in body
    assert "| Request files | 500 |" in body
    assert body.count("| ❌ |") > 300
    assert "… and more" not in body
    assert "add/bad.yaml" in body


def test_files_beyond_those_that_github_lists_refuse_the_plan(team: Team) -> None:
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.pulls[number]["changed_files"] = 3001
    team.github.files[number] += [{"filename": f"docs/{n}.md", "status": "added"} for n in range(3000)]
    team.tick()
    assert "GitHub does not list every file of this pull request" in plan_of(team, number)
    assert plan_status(team, number) == ["failure"]


@pytest.mark.parametrize("path", ["requests/adds/x.yaml", "requests/add/deep/x.yaml", "requests/x.yml"])
def test_a_file_that_is_never_read_is_refused_with_the_right_place(team: Team, path: str) -> None:
    number = team.github.open_many({"astray": {path: GOOD}})[0]
    team.tick()
    assert "Cannot be read" in plan_of(team, number)
    assert "add/x.yaml" in plan_of(team, number)
    assert plan_status(team, number) == ["failure"]


def test_a_pull_request_about_something_else_is_green_without_a_comment(team: Team) -> None:
    number = team.github.open_many({"docs": {"README.md": "Hello."}})[0]
    team.tick()
    assert plan_of(team, number) == ""
    assert plan_status(team, number) == ["success"]


def test_a_silent_hub_is_no_refusal(team: Team, hub: FaultyHub) -> None:
    hub.fault("/api/datasets", 503, times=None)
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.tick()
    assert "### ⚠️ Not everything can be planned now; it is tried again" in plan_of(team, number)
    assert plan_status(team, number) == ["error"]


@pytest.mark.parametrize("lacks", ["statuses", "comments"])
def test_a_right_that_is_missing_keeps_nothing_else_from_being_told(team: Team, lacks: str) -> None:
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.rights.discard(lacks)
    looked = team.tick()
    assert any("not accessible" in one for one in looked.problems)
    assert bool(plan_of(team, number)) is (lacks != "comments")
    commit = team.github.merge(number)
    team.sync()
    team.deliver_all(later_s=300)
    assert bool(team.statuses(commit)) is (lacks != "statuses")
    assert team.headlines()[-1] == "Landed and checked"


def test_a_token_of_an_app_finds_its_own_comment(team: Team) -> None:
    team.github.of_app, team.github.login = True, "hugflow[bot]"
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.comment(number, "mallory", "<!-- hugflow:requests -->\nmine")
    team.tick()
    team.github.commit_files({ADD: GOOD.replace("Speech.", "Words.")}, branch="ask")
    team.tick()
    assert len(team.github.bodies(number)) == 1
    assert "Would land" in plan_of(team, number)


# ---- merging by itself


def approved(team: Team, branch: str, files: dict[str, str]) -> int:
    number = team.github.open_many({branch: files})[0]
    team.github.review(number, "carol")
    team.github.check(number)
    return number


def test_an_approval_counts_for_the_base_against_which_it_was_given(team: Team) -> None:
    team.point(AUTO_MERGE="true")
    team.github.commit_files({"requests/add/unseen.yaml": request("org/none")}, branch="release")
    number = approved(team, "ask", {ADD: GOOD})
    team.github.change_base(number, "release")
    team.tick()
    assert team.github.merged == []
    team.github.change_base(number, "main")
    team.tick()
    assert team.github.merged == []
    assert "not approved at this head and base" in plan_of(team, number)
    team.github.review(number, "carol")
    team.github.check(number)
    team.tick()
    assert [one for one, _ in team.github.merged] == [number]
    [event] = [one for one in team.store.events.read() if one.kind is EventKind.MERGED]
    assert event.data["pull_request"] == number


def test_of_two_that_fit_only_one_after_the_other_the_second_waits(team: Team, hub: FaultyHub, tmp_path: Path) -> None:
    hub.add_repo("org/other", speech_files(tmp_path / "other"))
    team.point(AUTO_MERGE="true")
    first = approved(team, "one", {ADD: GOOD})
    second = approved(team, "two", {"requests/add/other.yaml": request("org/other")})
    team.point(AUTO_MERGE="false")
    team.tick()
    needs = {number: sum(one.plan.need_bytes.values()) for number, one in team.pulls.seen.items()}
    team.point(AUTO_MERGE="true", STORAGE_QUOTA=str(needs[first] + needs[second] // 2))
    team.pulls = type(team.pulls)()
    for _ in range(4):
        team.tick()
    assert [one for one, _ in team.github.merged] == [first]
    assert "what was merged before it leaves" in plan_of(team, second)


def test_where_there_is_a_merge_queue_it_is_put_there_once(team: Team) -> None:
    team.point(AUTO_MERGE="true")
    team.github.merge_queue = []
    number = approved(team, "ask", {ADD: GOOD})
    for _ in range(4):
        team.tick()
    assert team.github.merge_queue == [number]
    assert "it is in the merge queue" in plan_of(team, number)
    assert len([one for one in team.github.requests if one.method == "PUT"]) == 1


def test_a_refusal_of_github_is_said_once_and_asked_again_only_after_a_change(team: Team) -> None:
    team.point(AUTO_MERGE="true")
    team.github.rights.discard("contents")
    number = approved(team, "ask", {ADD: GOOD})
    for _ in range(4):
        team.tick(later_s=30)
    assert "GitHub does not merge it" in plan_of(team, number)
    assert len([one for one in team.github.requests if one.method == "PUT"]) == 1
    counted = len(team.github.counted)
    for _ in range(4):
        team.tick(later_s=30)
    assert len(team.github.counted) == counted  # nothing has changed, and nothing is asked


# ---- commands in comments


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ("/hugflow retry", True),
        ("Please:\r\n\r\n/hugflow retry\r\n", True),
        ("```\n/hugflow retry\n```", False),
        ("~~~~\n```\n/hugflow retry\n~~~~\n", False),
        ("```\nx\n```\n/hugflow retry", True),
        ("> /hugflow retry", False),
        ("    /hugflow retry", False),
        ("<!--\n/hugflow retry\n-->", False),
        ("write /hugflow retry", False),
    ],
)
def test_a_command_is_a_line_of_its_own_outside_of_code(body: str, is_one: bool) -> None:
    assert is_command(body) is is_one


def test_each_command_is_obeyed_once_whatever_fails_and_whatever_is_lost(team: Team) -> None:
    number = team.github.open_many({"ask": {ADD: GOOD.replace("org/speech", "org/later")}})[0]
    team.github.merge(number)
    team.sync()
    team.deliver_all()
    team.github.comment(number, "ada", "/hugflow retry")
    team.github.comment(number, "eve", "/hugflow retry")  # whose team cannot be looked up
    team.github.faults.append(Fault(502, on="GET /orgs/org/teams", times=2))
    assert team.deliver().retried == ("org__later__rev_main",)
    for _ in range(4):
        team.delivery = type(team.delivery)()  # the cursor is lost
        assert team.deliver().retried == ()
    assert len([one for one in team.github.bodies(number) if "by `eve` changes nothing" in one]) == 1


def test_a_pull_request_that_github_s_index_knows_late_is_told_all_the_same(team: Team) -> None:
    number = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.merge(number)
    merges, team.github.merges = team.github.merges, {}
    team.sync()
    team.deliver_all()
    assert plan_of(team, number) == ""
    team.github.merges = merges
    from hugflow_assets.orchestration.github.delivery_sensor import channels_of

    channels_of.cache_clear()  # a minute later
    team.deliver()
    assert f"Landed and checked: `{SPEECH}`" in plan_of(team, number)


def test_a_restore_is_told_where_the_removal_was_deleted(team: Team) -> None:
    asked = team.github.open_many({"ask": {ADD: GOOD}})[0]
    team.github.merge(asked)
    team.sync()
    remove = "requests/remove/speech.yaml"
    team.github.commit_files({remove: "hf_id: org/speech\nreason: Replaced.\n"})
    team.sync()
    team.github.commit_files({remove: None}, branch="back")
    back = team.github.propose("back")
    team.github.merge(back)
    team.sync()
    team.deliver_all()
    assert f"Restored: `{SPEECH}`" in plan_of(team, back) or "Landed" in plan_of(team, back)
    assert "Restored" not in plan_of(team, asked)
    assert Platform().store().index.names() == [SPEECH]
