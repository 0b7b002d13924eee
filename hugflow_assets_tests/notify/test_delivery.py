"""At least once, in order, no second comment or thread, whatever the channels do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import DeliveryError
from hugflow_assets.notify import GitHub, GitHubChannel, SlackBot, SlackWebhook, deliver, slack_channel, web_client
from hugflow_assets.notify.delivery_state import CATCH_UP, refusals
from hugflow_assets.notify.slack.channel import AGAIN
from hugflow_assets.settings import load_settings
from hugflow_assets.store import Event, EventKind, Phase, Progress, Store
from hugflow_assets_tests.doubles.github import GitHubDouble
from hugflow_assets_tests.doubles.serving import Fault
from hugflow_assets_tests.doubles.slack import SlackDouble

NAME, HEAD = "org__name__rev_main", "a" * 40


def tell(store: Store, *kinds: EventKind, name: str = NAME, **data: Any) -> None:
    for kind in kinds:
        store.events.append(kind, name, **{"pull_request": 1, "request_commit": HEAD, "rows": 5, **data})


def on_github(double: GitHubDouble, timeout_s: float = 2) -> GitHubChannel:
    return GitHubChannel(GitHub(double.token, double.repository, api_url=double.url, timeout_s=timeout_s))


def on_slack(double: SlackDouble, timeout_s: float = 2) -> SlackBot:
    return SlackBot(web_client(double.token, base_url=double.api_url, timeout_s=timeout_s), double.channel)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


def until_told(store: Store, channel: Any, clock: Clock) -> int:
    """Deliver until nothing is left, letting the time pass that each round asks for; how many rounds it took."""
    for rounds in range(1, 100):
        found = deliver(store, channel, clock=clock)
        if not found.problem:
            return rounds
        assert found.retry_at is not None
        clock.now = found.retry_at
    raise AssertionError(found)


def forget(store: Store) -> None:
    """What is left when a process is killed after GitHub took an event and before that was noted."""
    store.events.set_cursor("github", 0)
    (store.state_dir / "delivery" / "github.json").unlink()


def test_events_are_one_comment_that_is_edited_and_a_status_that_follows(store: Store, github: GitHubDouble) -> None:
    tell(store, EventKind.REQUESTED, EventKind.STARTED)
    channel, clock = on_github(github), Clock()
    assert deliver(store, channel, clock=clock).sent == 2
    assert "Started" in github.bodies()[0]
    tell(store, EventKind.LANDED)
    assert deliver(store, channel, clock=clock).cursor == 2  # a comment is edited once a minute
    clock.pass_by(seconds=60)
    assert deliver(store, channel, clock=clock).sent == 1
    [body] = github.bodies()
    assert "Landed" in body
    assert [one["state"] for one in github.statuses[HEAD]] == ["pending", "success"]
    assert {one["context"] for one in github.statuses[HEAD]} == {"hugflow/sync"}


def test_an_event_told_twice_changes_nothing_the_second_time(store: Store, github: GitHubDouble) -> None:
    tell(store, EventKind.LANDED)
    deliver(store, on_github(github))
    forget(store)  # as after a crash between sending and saving
    found = deliver(store, on_github(github))
    assert (found.sent, found.passed_over, len(github.bodies()), len(github.statuses[HEAD])) == (0, 1, 1, 1)


def test_the_same_marker_in_a_strangers_comment_is_not_ours(store: Store, github: GitHubDouble) -> None:
    github.comment(1, "mallory", "<!-- hugflow:requests -->\nmine")
    tell(store, EventKind.LANDED)
    deliver(store, on_github(github))
    assert github.bodies(login="mallory") == ["<!-- hugflow:requests -->\nmine"]
    assert len(github.bodies()) == 1


def test_the_comment_and_the_status_are_found_on_later_pages(store: Store, github: GitHubDouble) -> None:
    for number in range(230):  # GitHub gives at most a hundred a page
        github.comment(1, f"person{number}", "Is it there yet?")
        github.statuses.setdefault(HEAD, []).append({"context": "ci", "state": "success", "description": "Fine."})
    tell(store, EventKind.STARTED)
    deliver(store, on_github(github))
    github.statuses[HEAD] += [{"context": "ci", "state": "success", "description": "Fine."}] * 130
    forget(store)
    assert deliver(store, on_github(github)).passed_over == 1  # it is so already
    tell(store, EventKind.LANDED)
    deliver(store, on_github(github), now=datetime.now(UTC) + timedelta(seconds=61))
    [body] = github.bodies()
    assert "Landed" in body
    assert [one["state"] for one in github.statuses[HEAD] if one["context"] == "hugflow/sync"] == ["pending", "success"]
    assert {one.query.get("page") for one in github.requests if one.path.endswith("/comments")} >= {"2", "3"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(502, on="POST", after=True),
        Fault(502, on="POST"),
        Fault(502, on="PATCH", after=True),
        Fault(429, headers={"Retry-After": "120"}),
        Fault(403, on="GET /repos", headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}),
        Fault(500, on="/user"),
    ],
)
def test_github_failing_once_leaves_one_comment_and_the_right_statuses(
    store: Store, github: GitHubDouble, fault: Fault
) -> None:
    clock = Clock()
    if fault.on in ("PATCH", "/user"):  # of a comment that is there
        tell(store, EventKind.STARTED)
        deliver(store, on_github(github), clock=clock)
        clock.pass_by(seconds=60)
    github.faults.append(fault)
    tell(store, EventKind.STARTED, EventKind.LANDED)
    assert until_told(store, on_github(github), clock) == 2
    [body] = github.bodies()
    assert "Landed" in body
    assert [one["state"] for one in github.statuses[HEAD]][-1:] == ["success"]
    assert len(github.faults) == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(502, on="chat.postMessage", after=True),
        Fault(502, on="chat.postMessage"),
        Fault(502, on="chat.update", after=True),
        Fault(429, headers={"Retry-After": "30"}),
    ],
)
def test_slack_failing_once_leaves_one_message_and_one_reply_an_event(
    store: Store, slack: SlackDouble, fault: Fault
) -> None:
    slack.faults.append(fault)
    tell(store, EventKind.STARTED, EventKind.LANDED)
    clock = Clock()
    for _ in range(3):  # each time another process, which remembers nothing
        found = deliver(store, on_slack(slack), clock=clock)
        clock.now = found.retry_at or clock.now
    assert found.cursor == store.events.last_seq()
    [parent] = slack.parents()
    assert "Landed" in parent["text"]
    assert [one["text"].partition(":")[0] for one in slack.thread(parent["ts"])] == ["Started", "Landed"]


def test_a_reply_that_was_stored_before_the_answer_was_lost_is_not_posted_again(
    store: Store, slack: SlackDouble
) -> None:
    tell(store, EventKind.STARTED)
    deliver(store, on_slack(slack))
    for number in range(10):  # so many others that the message and its replies are on later pages
        tell(store, EventKind.STARTED, name=f"other{number}")
    until_told(store, on_slack(slack), Clock())
    tell(store, EventKind.FAILED, EventKind.STARTED, EventKind.LANDED)
    slack.faults.append(Fault(502, on="chat.postMessage", after=True))
    until_told(store, on_slack(slack), Clock())
    parent = next(one for one in slack.parents() if one["metadata"]["event_payload"] == {"name": NAME})
    assert len(slack.thread(parent["ts"])) == 4
    assert len(slack.parents()) == 11


def test_the_webhook_tells_start_and_end(store: Store, slack: SlackDouble) -> None:
    tell(store, EventKind.REQUESTED, EventKind.STARTED, EventKind.LANDED)
    found = deliver(store, SlackWebhook(slack.hook_url))
    assert (found.sent, found.passed_over) == (2, 1)
    assert [one["text"] for one in slack.hooked] == [f"Started: {NAME}", f"Landed: {NAME}"]


def hooked(double: SlackDouble) -> list[tuple[str, bool]]:
    """What the webhook was told: the text, and whether it says that it may be a repeat."""
    return [(one["text"].partition(":")[0], AGAIN in str(one["blocks"])) for one in double.hooked]


def test_the_webhook_is_told_of_checks_only_when_one_has_something_to_say(store: Store, slack: SlackDouble) -> None:
    fine = {"passed": 18, "failed": [], "warnings": [], "not_judged": []}
    tell(store, EventKind.LANDED, EventKind.CHECKED, checks=fine)
    tell(store, EventKind.CHECKED, checks=fine | {"failed": ["hashes: a.wav is damaged."]})
    deliver(store, SlackWebhook(slack.hook_url))
    assert [text for text, _ in hooked(slack)] == ["Landed", "Landed, but fails a check"]


@pytest.mark.parametrize(
    ("fault", "repeated"),
    [
        (Fault(502, after=True), [("Landed", False), ("Landed", True)]),  # it had arrived, and nobody knew
        (Fault(502), [("Landed", True)]),  # it had not, and nobody knew
        (Fault(429), [("Landed", False)]),  # it had not, and said so
    ],
)
def test_what_the_webhook_may_have_told_before_it_tells_again_and_says_so(
    store: Store, slack: SlackDouble, fault: Fault, repeated: list[tuple[str, bool]]
) -> None:
    slack.faults.append(fault)
    tell(store, EventKind.LANDED)
    until_told(store, SlackWebhook(slack.hook_url), Clock())
    tell(store, EventKind.REMOVED)  # the next one is not in doubt
    deliver(store, SlackWebhook(slack.hook_url))
    assert hooked(slack) == [*repeated, ("Removed", False)]


def test_a_crash_between_sending_by_the_webhook_and_noting_it_is_a_marked_repeat(
    store: Store, slack: SlackDouble
) -> None:
    tell(store, EventKind.LANDED)

    class Crash(BaseException):
        pass

    class Crashing(SlackWebhook):
        def send(self, event: Event, *, again: bool = False) -> bool:
            super().send(event, again=again)
            raise Crash

    with pytest.raises(Crash):
        deliver(store, Crashing(slack.hook_url))
    assert deliver(store, SlackWebhook(slack.hook_url)).sent == 1
    assert hooked(slack) == [("Landed", False), ("Landed", True)]


def test_no_connection_puts_no_message_of_the_webhook_in_doubt(store: Store, slack: SlackDouble) -> None:
    tell(store, EventKind.LANDED)
    clock = Clock()
    found = deliver(store, SlackWebhook("http://127.0.0.1:9/services/x"), clock=clock)
    clock.now = found.retry_at or clock.now
    deliver(store, SlackWebhook(slack.hook_url), clock=clock)
    assert hooked(slack) == [("Landed", False)]


def test_the_bot_finds_its_message_after_a_thousand_others_and_makes_a_new_one_when_it_was_deleted(
    store: Store, slack: SlackDouble, tmp_path: Path
) -> None:
    def bot() -> SlackBot:
        client = web_client(slack.token, base_url=slack.api_url, timeout_s=2)
        return SlackBot(client, slack.channel, tmp_path / "state/delivery/threads.json")

    tell(store, EventKind.STARTED)
    deliver(store, bot())
    slack.messages += [{"ts": f"{number}.5", "text": "Lunch?"} for number in range(100, 1200)]
    tell(store, EventKind.LANDED)
    deliver(store, bot())  # another process
    [first] = [one for one in slack.parents() if "metadata" in one]
    assert len(slack.thread(first["ts"])) == 2
    slack.messages.remove(first)
    tell(store, EventKind.REMOVED)
    deliver(store, bot())
    [second] = [one for one in slack.parents() if "metadata" in one]
    assert [one["text"].partition(":")[0] for one in slack.thread(second["ts"])] == ["Removed"]


def test_where_a_workspace_forbids_late_edits_the_thread_goes_on(store: Store, slack: SlackDouble) -> None:
    tell(store, EventKind.STARTED)
    deliver(store, on_slack(slack))
    slack.no_edits = True
    tell(store, EventKind.LANDED)
    assert deliver(store, on_slack(slack)).problem == ""
    [parent] = slack.parents()
    assert [one["text"].partition(":")[0] for one in slack.thread(parent["ts"])] == ["Started", "Landed"]


def test_retry_after_is_waited_for_and_nothing_is_asked_before(store: Store, slack: SlackDouble) -> None:
    slack.faults.append(Fault(429, headers={"Retry-After": "120"}))
    tell(store, EventKind.LANDED)
    channel, clock = SlackWebhook(slack.hook_url), Clock()
    found = deliver(store, channel, clock=clock)
    assert found.retry_at == clock.now + timedelta(seconds=120)
    clock.pass_by(seconds=119)
    assert deliver(store, channel, clock=clock).problem
    assert len(slack.requests) == 1
    clock.pass_by(seconds=1)
    assert deliver(store, channel, clock=clock).sent == 1


def test_the_bot_and_github_wait_as_long_as_they_are_told(
    store: Store, github: GitHubDouble, slack: SlackDouble
) -> None:
    tell(store, EventKind.LANDED)
    for double, channel in ((github, on_github(github)), (slack, on_slack(slack))):
        double.faults.append(Fault(429, headers={"Retry-After": "77"}))
        clock = Clock()
        assert deliver(store, channel, clock=clock).retry_at == clock.now + timedelta(seconds=77)


def test_a_limit_that_names_no_time_is_waited_for_a_minute(store: Store, github: GitHubDouble) -> None:
    """GitHub's secondary limits: 403 without ``Retry-After``, for which a minute at least is documented."""
    limit = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    github.faults.append(Fault(403, answer=limit))
    tell(store, EventKind.LANDED)
    channel, clock = on_github(github), Clock()
    found = deliver(store, channel, clock=clock)
    assert found.retry_at == clock.now + timedelta(seconds=60)
    asked = len(github.requests)
    clock.pass_by(seconds=59)
    assert deliver(store, channel, clock=clock).problem
    assert len(github.requests) == asked
    clock.pass_by(seconds=1)
    assert deliver(store, channel, clock=clock).sent == 1


def test_a_refused_connection_for_an_hour_loses_nothing_and_backs_off(store: Store) -> None:
    tell(store, EventKind.STARTED, EventKind.LANDED)
    with SlackDouble() as double:
        gone, token = double.api_url, double.token
    clock, waits = Clock(), []
    begin = clock.now
    while clock.now - begin < timedelta(hours=1):
        found = deliver(store, SlackBot(web_client(token, base_url=gone), "C0001"), clock=clock)
        assert found.retry_at is not None
        waits.append((found.retry_at - clock.now).total_seconds())
        clock.now = found.retry_at
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == 900
    with SlackDouble() as back:
        assert until_told(store, on_slack(back), clock) == 1
        assert len(back.thread(back.parents()[0]["ts"])) == 2


def test_a_server_that_does_not_answer_is_left_after_the_timeout(store: Store, github: GitHubDouble) -> None:
    github.faults.append(Fault(on="GET", hang_s=30))
    tell(store, EventKind.LANDED)
    begin = datetime.now(UTC)
    assert deliver(store, on_github(github, timeout_s=1)).problem
    assert datetime.now(UTC) - begin < timedelta(seconds=10)


def test_one_broken_channel_does_not_touch_the_other(store: Store, github: GitHubDouble, slack: SlackDouble) -> None:
    github.faults.extend(Fault(500) for _ in range(5))
    tell(store, EventKind.LANDED)
    assert deliver(store, on_github(github)).problem
    assert deliver(store, on_slack(slack)).sent == 1
    assert store.events.readers() == {"github": 0, "slack": 1}


def test_a_message_that_is_refused_for_good_gives_way_to_the_next_after_three_times(
    store: Store, github: GitHubDouble
) -> None:
    tell(store, EventKind.LANDED, pull_request=99)  # no such pull request
    tell(store, EventKind.LANDED, name="another")
    channel, clock = on_github(github), Clock()
    for _ in range(2):
        found = deliver(store, channel, clock=clock)
        assert found.retry_at is not None
        clock.now = found.retry_at
    found = deliver(store, channel, clock=clock)
    assert found.given_up == (1,)
    assert [one.about for one in refusals(store, "github")] == ["comments of 99"]
    assert "another" in github.bodies()[0]  # it has waited for nothing


def test_a_locked_conversation_gives_way_to_the_next(store: Store, github: GitHubDouble) -> None:
    github.open_pull(2)
    github.locked.add(1)
    tell(store, EventKind.LANDED)
    tell(store, EventKind.LANDED, name="another", pull_request=2)
    until_told(store, on_github(github), Clock())
    assert github.bodies(1) == []
    assert "another" in github.bodies(2)[0]
    assert [one["state"] for one in github.statuses[HEAD]] == ["success"]


@pytest.mark.parametrize(("token", "repository"), [("ghp_wrong", "org/requests"), ("ghp_canary", "org/reqests")])
def test_a_wrong_token_or_name_loses_nothing_however_long_it_is_wrong(
    store: Store, github: GitHubDouble, token: str, repository: str
) -> None:
    tell(store, EventKind.LANDED)
    wrong = GitHubChannel(GitHub(token, repository, api_url=github.url))
    clock = Clock()
    for _ in range(6):
        found = deliver(store, wrong, clock=clock)
        assert (found.given_up, found.cursor) == ((), 0)
        clock.now = found.retry_at or clock.now
    assert until_told(store, on_github(github), clock) == 1


def test_a_new_channel_starts_a_day_back(store: Store, slack: SlackDouble) -> None:
    tell(store, EventKind.STARTED, EventKind.LANDED)
    later = datetime.now(UTC) + CATCH_UP + timedelta(minutes=1)
    assert deliver(store, on_slack(slack), now=later).sent == 0
    tell(store, EventKind.REMOVED)
    assert deliver(store, on_slack(slack), now=later).sent == 1


def test_an_event_of_no_pull_request_is_passed_over(store: Store, github: GitHubDouble) -> None:
    store.events.append(EventKind.QUOTA, "storage", taken_bytes=1)
    found = deliver(store, on_github(github))
    assert (found.sent, found.passed_over, found.cursor) == (0, 1, 1)
    assert github.requests == []


def test_of_two_that_deliver_at_once_one_returns(store: Store, github: GitHubDouble) -> None:
    tell(store, EventKind.LANDED)
    with store.slot("delivery-github", limit=1):
        assert deliver(store, on_github(github)).problem == "another one is at it"
    assert deliver(store, on_github(github)).sent == 1


@pytest.mark.parametrize("fault", [Fault(500), Fault(403), Fault(404), Fault(429), Fault(200, after=True)])
def test_no_secret_is_in_an_error_or_on_the_storage(
    store: Store, github: GitHubDouble, slack: SlackDouble, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    tell(store, EventKind.LANDED)
    secrets = ("ghp_canary", "xoxb-canary", "hookcanary")
    for channel, double in (
        (on_github(github), github),
        (on_slack(slack), slack),
        (SlackWebhook(slack.hook_url), slack),
    ):
        double.faults.append(fault)
        found = deliver(store, channel)
        assert not any(secret in found.problem for secret in secrets)
        store.events.disable(channel.name)
        (store.state_dir / "delivery" / f"{channel.name}.json").unlink(missing_ok=True)
    gone = SlackWebhook("http://127.0.0.1:9/services/T1/B1/hookcanary")
    with pytest.raises(DeliveryError) as caught:
        gone.send(next(iter(store.events.read())))
    told = f"{caught.value!r} {caught.value} {caught.value.__cause__} {caplog.text}"
    assert not any(secret in told for secret in secrets)
    for path in (*store.root.rglob("*"), *store.state_dir.rglob("*")):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in secrets)


def test_channels_are_off_when_not_configured_and_the_bot_wins_over_the_webhook(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HUGFLOW_PROJECT_DIR", str(tmp_path))
    assert slack_channel(load_settings()) is None
    assert GitHub.of(load_settings()) is None
    assert GitHub.of(load_settings(github_token="t")) is None
    assert isinstance(slack_channel(load_settings(slack_webhook_url="http://x/y")), SlackWebhook)
    both = load_settings(slack_webhook_url="http://x/y", slack_bot_token="xoxb", slack_channel="C1")
    assert isinstance(slack_channel(both), SlackBot)


def test_the_doubles_refuse_what_the_services_refuse(github: GitHubDouble, slack: SlackDouble) -> None:
    from slack_sdk.errors import SlackApiError

    with pytest.raises(SlackApiError, match="invalid_arguments"):
        web_client(slack.token, base_url=slack.api_url).chat_postMessage(channel="C0001", text="x", icon_emoji=":x:")
    with pytest.raises(DeliveryError, match="422"):
        _too_long(github)


def _too_long(github: GitHubDouble) -> None:
    channel = GitHub(github.token, github.repository, api_url=github.url)
    with channel.errors("comment"):
        channel.repo.get_pull(1).create_issue_comment("x" * 65_536)


def test_progress_edits_what_is_there_and_adds_nothing(store: Store, github: GitHubDouble, slack: SlackDouble) -> None:
    tell(store, EventKind.STARTED)
    on, bot = on_github(github), on_slack(slack)
    deliver(store, on)
    deliver(store, bot)
    progress = Progress(name=NAME, phase=Phase.DOWNLOADING, started_at="", updated_at="", bytes_done=1, bytes_total=2)
    assert on.send_progress(store, {1: [progress]}, datetime.now(UTC)) == []  # it was edited just now
    assert on.send_progress(store, {1: [progress]}, datetime.now(UTC) + timedelta(seconds=61)) == [1]
    assert bot.send_progress(progress)
    assert "Downloading: 50" in github.bodies()[0]
    assert len(github.bodies()) == 1
    [parent] = slack.parents()
    assert "Downloading: 50 %" in parent["text"]
    assert len(slack.thread(parent["ts"])) == 1
