"""What people read: complete, within the limits, and harmless whatever strangers wrote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugflow_assets.intake import DatasetRequest
from hugflow_assets.notify import (
    MARKER,
    RequestMessage,
    SlackBot,
    SlackWebhook,
    State,
    comment_body,
    message_of,
    message_of_progress,
    message_section,
    slack_blocks,
    slack_message,
    web_client,
)
from hugflow_assets.notify.examples import EXAMPLES, NAME, example
from hugflow_assets.notify.github.comment import plan_entry, sections_of, with_section
from hugflow_assets.orchestration.github.origins import EVENTS_OF_REQUESTS
from hugflow_assets.planning.models import Action, Forecast
from hugflow_assets.rules import Severity, Verdict
from hugflow_assets.store import Event, EventKind, Headroom, Phase, Progress
from hugflow_assets.store.marks import Trouble
from hugflow_assets_tests.doubles.slack import SlackDouble, block_problem
from hugflow_assets_tests.rules.world import plan_of

TOLD = {
    EventKind.REQUESTED: ["Queued", "add/x.yaml", "ada"],
    EventKind.REJECTED: ["Refused before download", "within_quota: Too big.", "quota-exceeded", "Free some."],
    EventKind.STARTED: ["Started", "2.0 MB", "aaaaaaaaaaaa"],
    EventKind.LANDED: ["Landed", "12,345", "3.0 MB", "1 min 15 s", "26.7 kB/s"],
    EventKind.CHECKED: ["Landed and checked", "12,345", "/srv/datasets/", "aaaaaaaaaaaa", "17 passed; 1 warning: lic"],
    EventKind.FAILED: ["tried again", "hub-unreachable", "No answer.", "Wait."],
    EventKind.REMOVED: ["Removed", "consent withdrawn", "3.0 MB", "2030-01-08", "ben"],
    EventKind.RESTORED: ["Restored"],
    EventKind.DRIFTED: ["Upstream moved", "aaaaaaaaaaaa", "bbbbbbbbbbbb", "hugflow update"],
    EventKind.SCRUBBED: ["Damaged: 1 file", "audio/a.wav"],
    EventKind.QUOTA: ["soft limit", "9.0 kB", "10.0 kB"],
    EventKind.PAUSED: ["Paused", "ben", "was stopped", "hugflow resume"],
    EventKind.RESUMED: ["Resumed", "ben"],
    EventKind.CANCELLED: ["Cancelled", "ben"],
    EventKind.FREED: ["Freed for good", "3.0 MB"],
    EventKind.EXPIRING: ["keep_until", "2030-02-01", "ada"],
    EventKind.WITHDRAWN: ["Rows withdrawn for good", "12,342", "speaker", "asked to", "ben"],
    EventKind.MERGED: ["Merged by itself", "Ask for org/name", "ada"],
}


def event(kind: EventKind, **data: Any) -> Event:
    return Event(seq=1, time="2030-01-01T00:00:00Z", kind=kind, name=NAME, data=data)


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_every_event_is_told_in_full_to_slack_and_to_github(kind: EventKind) -> None:
    one = example(kind)
    section = message_section(one).replace("\\", "")
    for word in TOLD[kind]:
        assert word in str(slack_blocks(one))
        assert word in section
    assert block_problem(slack_blocks(one)) == ""


@pytest.mark.parametrize(
    ("checks", "state", "told"),
    [
        ({"passed": 18}, State.SUCCESS, "18 passed"),
        ({"passed": 17, "failed": ["hashes: a.wav"], "remedy": "Again."}, State.FAILURE, "17 passed; 1 failed: hashes"),
        (
            {"passed": 15, "warnings": ["a: x", "b: y"], "not_judged": ["c: z"]},
            State.SUCCESS,
            "15 passed; 2 warnings: a, b; 1 not judged: c",
        ),
        (None, State.SUCCESS, "0 passed"),
    ],
)
def test_checks_are_told_in_short_and_what_did_not_pass_by_name(checks: Any, state: State, told: str) -> None:
    message = message_of(event(EventKind.CHECKED, checks=checks))
    assert (message.state, dict(message.facts)["Checks"]) == (state, told)
    named = [one for kind in ("failed", "warnings", "not_judged") for one in (checks or {}).get(kind, ())]
    assert message.body.splitlines() == named
    assert bool(message.remedy) == (state is State.FAILURE)


_KEYS = sorted({key for data in EXAMPLES.values() for key in data} | {"what", "stage", "why", "cancelled"})
_JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.text(max_size=3))


@given(kind=st.sampled_from(list(EventKind)), data=st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=6))
def test_whatever_another_version_wrote_can_be_told(kind: EventKind, data: dict[str, Any]) -> None:
    assert message_of(event(kind, **data)).headline


@pytest.mark.parametrize("what", [*(one.value for one in Trouble), "moved", "as-landed", "edited"])
def test_every_change_upstream_has_its_own_words(what: str) -> None:
    assert message_of(event(EventKind.DRIFTED, what=what)).headline not in ("Drifted", "")


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (EventKind.EXPIRING, {"stage": "soon"}, "Its keep_until is near; nothing is deleted"),
        (EventKind.EXPIRING, {"stage": "past"}, "Its keep_until is past; nothing is deleted"),
        (EventKind.FREED, {"why": "replaced"}, "An earlier version was freed for good"),
        (EventKind.PAUSED, {"stopped_a_landing": True}, "hugflow resume org__name__rev_main"),
        (EventKind.PAUSED, {"stopped_a_landing": True}, "was stopped; what it has is kept"),
        (
            EventKind.SCRUBBED,
            {"damaged": ["a"] * 20, "damaged_count": 1000, "missing_count": 5},
            "Damaged: 1,005 files",
        ),
        (EventKind.FAILED, {"cancelled": True}, "Stopped"),
    ],
)
def test_what_an_event_tells_apart(kind: EventKind, data: dict[str, Any], words: str) -> None:
    assert words in message_section(message_of(event(kind, **data))).replace("\\", "")


# Where an event is told: Slack by webhook, Slack by a bot, the pull request of the request.
EVERYWHERE, SLACK_ALONE, PULL_ALONE = (True, True, True), (True, True, False), (False, False, True)
PLACES = {
    EventKind.REQUESTED: PULL_ALONE,
    EventKind.REJECTED: EVERYWHERE,
    EventKind.STARTED: EVERYWHERE,
    EventKind.LANDED: EVERYWHERE,
    EventKind.CHECKED: EVERYWHERE,
    EventKind.FAILED: EVERYWHERE,
    EventKind.REMOVED: EVERYWHERE,
    EventKind.RESTORED: EVERYWHERE,
    EventKind.DRIFTED: SLACK_ALONE,
    EventKind.SCRUBBED: SLACK_ALONE,
    EventKind.QUOTA: SLACK_ALONE,
    EventKind.PAUSED: EVERYWHERE,
    EventKind.RESUMED: EVERYWHERE,
    EventKind.CANCELLED: EVERYWHERE,
    EventKind.FREED: SLACK_ALONE,
    EventKind.EXPIRING: SLACK_ALONE,
    EventKind.WITHDRAWN: SLACK_ALONE,
    EventKind.MERGED: SLACK_ALONE,
}


def test_every_kind_is_told_where_it_belongs_and_nowhere_else(slack: SlackDouble) -> None:
    webhook = SlackWebhook(slack.hook_url)
    bot = SlackBot(web_client(slack.token, base_url=slack.api_url), slack.channel)
    found = {}
    for seq, kind in enumerate(EventKind):
        one = Event(seq=seq, time="2030-01-01T00:00:00Z", kind=kind, name=NAME, data=EXAMPLES[kind])
        found[kind] = (webhook.send(one), bot.send(one), kind in EVENTS_OF_REQUESTS)
    assert found == PLACES
    whole = event(EventKind.SCRUBBED, checked=10, damaged=[], missing=[])
    assert not webhook.send(whole) and not bot.send(whole)  # no news


@pytest.mark.parametrize("kind", list(EventKind))
def test_an_event_without_data_is_told_all_the_same(kind: EventKind) -> None:
    assert message_of(event(kind)).name in str(slack_message(event(kind)))
    assert message_section(message_of(event(kind)))


def test_progress_tells_share_speed_and_what_is_left() -> None:
    progress = Progress(
        name=NAME, phase=Phase.DOWNLOADING, started_at="", updated_at="", bytes_done=250, bytes_total=1000,
        shards_done=1, shards_total=4, bytes_per_s=50.0, eta_s=5400,
    )  # fmt: skip
    message = message_of_progress(progress)
    assert message.headline == "Downloading: 25 %"
    assert dict(message.facts) == {
        "Bytes": "250 B of 1.0 kB",
        "Shards": "1 of 4",
        "Speed": "50 B/s",
        "Left": "1 h 30 min",
    }


HOSTILE = st.text(max_size=200) | st.sampled_from(
    ["<!channel>", "@ada", "<!-- hugflow:end -->", "```", "&" * 5000, "a" * 70_000]
)


@given(
    name=HOSTILE.filter(bool), headline=HOSTILE.filter(bool), body=HOSTILE, label=HOSTILE, value=HOSTILE, remedy=HOSTILE
)
def test_no_text_breaks_slacks_limits_or_means_anything_to_it(
    name: str, headline: str, body: str, label: str, value: str, remedy: str
) -> None:
    message = RequestMessage(
        name=name, state=State.INFO, headline=headline, facts=((label, value),) * 12, body=body, remedy=remedy
    )
    blocks = slack_blocks(message)
    assert block_problem(blocks) == ""
    assert not any("<" in one["text"]["text"] for one in blocks[1:] if "text" in one)
    texts = [one["text"] for one in blocks if "text" in one] + [
        one for block in blocks for one in block.get("fields", ())
    ]
    assert all(one["verbatim"] is True for one in texts if one["type"] == "mrkdwn")


@pytest.mark.parametrize("words", ["<!channel> <!here>", "<@U024BE7LH>", "<#C024BE7LR>", "@channel &lt;!channel&gt;"])
def test_slack_shows_what_strangers_wrote_and_fetches_nothing_of_it(slack: SlackDouble, words: str) -> None:
    """No mention, no preview, no link made of a bare address: by the bot, in its thread, and by the webhook."""
    stranger = event(EventKind.FAILED, code="hub-bad-source", message=f"{words} https://evil.example/a.png #general")
    SlackWebhook(slack.hook_url).send(stranger)
    SlackBot(web_client(slack.token, base_url=slack.api_url), slack.channel).send(stranger)
    told = [*slack.messages, *slack.hooked]
    assert len(told) == 3
    for message in told:
        assert (message["unfurl_links"], message["unfurl_media"]) in ((False, False), ("false", "false"), ("0", "0"))
        shown = str(message["blocks"])
        assert not any(mention in shown + message["text"] for mention in ("<!", "<@", "<#"))
        assert "mrkdwn" not in shown or "'verbatim': True" in shown


BARE = [
    "https://evil.example/x",
    "HTTP://evil.example",
    "www.evil.example",
    "mailto:a@b.example",
    "GH-1",
    "gh-22",
    "#1",
]


@pytest.mark.parametrize("text", BARE)
def test_nothing_in_a_comment_becomes_a_link_by_itself(text: str) -> None:
    """In a line, in inline code and in a fenced block: GitHub finds neither an address nor a reference to an issue."""
    message = RequestMessage(
        name=NAME, state=State.INFO, headline=f"See {text} now", facts=((text, text),), body=text, remedy=text
    )
    section = message_section(message).replace("\\", "")
    assert text not in section
    assert text in section.replace("\u200b", "")


@given(texts=st.lists(HOSTILE, min_size=1, max_size=5))
def test_no_text_breaks_a_comment_or_mentions_anyone(texts: list[str]) -> None:
    body = None
    for number, text in enumerate(texts):
        message = RequestMessage(
            name=f"{number}{text}", state=State.INFO, headline=text, facts=((text, text),), body=text, remedy=text
        )
        body = with_section(body, message.name, message_section(message))
    assert body is not None
    assert body.startswith(MARKER)
    assert len(body) < 65_536
    assert "@ada" not in body
    assert len(sections_of(body)) == len(texts)


def test_a_section_is_replaced_and_the_others_stay() -> None:
    body = with_section(with_section(None, "one", "first"), "two", "second")
    changed = with_section(body, "one", "again")
    assert list(sections_of(changed).values()) == ["again", "second"]
    assert with_section(changed, "one", "again") == changed


def test_a_comment_with_too_many_sections_is_cut_and_never_refused() -> None:
    text = "````text\n```\n" + "x\n" * 10_000 + "````"
    body = comment_body({f"{number:016x}": text for number in range(20)})
    assert len(body) < 65_536
    assert len(sections_of(body)) == 20
    assert body.count("````text\n") == body.count("\n````\n") == 20
    assert len(comment_body({f"{number:016x}": text for number in range(2000)})) < 65_536


def test_a_plan_tells_what_would_land_and_every_verdict_with_its_remedy() -> None:
    plan = plan_of(DatasetRequest(hf_id="org/name", description="d"), landed_bytes=2_000_000, rows=1234)
    verdicts = [
        Verdict(name="canonical_id", passed=True, message="Fine."),
        Verdict(name="within_quota", passed=False, message="No room for @ada.", remedy="Free some."),
        Verdict(name="licence_allowed", passed=False, severity=Severity.WARNING, message="None named."),
    ]
    room = Headroom(quota_bytes=10_000_000, used_bytes=9_000_000)
    takes = Forecast(action=Action.LAND, download_bytes=2_000_000, stays_bytes=2_000_000, peak_bytes=5_000_000)
    entry = plan_entry(plan.name, verdicts, plan=plan, forecast=takes, room=room, path="/data/x")
    told = entry.text.replace("\\", "")
    for word in (
        "❌ Would not land",
        "a" * 40,
        "1,234",
        "2.0 MB",
        "mit",
        "9.0 MB of 10.0 MB, then 11.0 MB; 14.0 MB while it lands",
        "Free some.",
    ):
        assert word in told
    assert "@ada" not in told
    assert "✅ Would land" in plan_entry(plan.name, verdicts[:1], plan=plan).text


def test_there_is_an_example_of_every_kind_and_of_progress() -> None:
    assert set(EXAMPLES) == set(EventKind)
    assert example("progress").headline == "Downloading: 25 %"
    assert example("landed") == message_of(event(EventKind.LANDED, **EXAMPLES[EventKind.LANDED]))
