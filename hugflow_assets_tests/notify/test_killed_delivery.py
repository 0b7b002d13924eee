"""A delivering process that is killed at any moment leaves no second comment, message or reply.

A webhook, which cannot be asked what it has taken, is told everything, and nothing twice without a word about it.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from hugflow_assets.notify import GitHub, GitHubChannel, SlackBot, SlackWebhook, deliver, web_client
from hugflow_assets.notify.slack.channel import AGAIN
from hugflow_assets.store import EventKind, Store
from hugflow_assets_tests.doubles.github import GitHubDouble
from hugflow_assets_tests.doubles.slack import SlackDouble
from hugflow_assets_tests.processes import unmeasured

EVENTS, NAMES, KILLS = 30, 3, 5
DELIVERING = """
import sys
from pathlib import Path
from hugflow_assets.notify import GitHub, GitHubChannel, SlackBot, SlackWebhook, deliver, web_client
from hugflow_assets.store import Store

root, github, slack, hook = sys.argv[1:]
SlackWebhook.name = "hook"
store = Store(Path(root) / "datasets", Path(root) / "state", lease_ttl_s=1)
channels = [
    SlackBot(web_client("xoxb-canary", base_url=slack), "C0001"),
    SlackWebhook(hook),
    GitHubChannel(GitHub("ghp_canary", "org/requests", api_url=github)),
]
print("ready", flush=True)
while True:
    for channel in channels:
        deliver(store, channel, limit=2)
"""


def test_sigkill_at_any_moment_tells_nothing_twice(tmp_path: Path, github: GitHubDouble, slack: SlackDouble) -> None:
    store = Store(tmp_path / "datasets", tmp_path / "state", lease_ttl_s=1)
    for number in range(EVENTS):
        store.events.append(EventKind.LANDED, f"name{number % NAMES}", pull_request=1, rows=number)
    chance = random.Random(7)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", DELIVERING, str(tmp_path), github.url, slack.api_url, slack.hook_url],
            stdout=subprocess.PIPE,
            env=unmeasured(),
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            # Killed after so many requests have come in, or a second: at the doubles' pace, not at the clock's.
            enough = len(github.requests) + len(slack.requests) + chance.randint(1, 25)
            deadline = time.monotonic() + chance.uniform(0.5, 3)
            while len(github.requests) + len(slack.requests) < enough and time.monotonic() < deadline:
                time.sleep(0.001)
            process.kill()
    hook = SlackWebhook(slack.hook_url)
    hook.name = "hook"
    for channel in (
        hook,
        SlackBot(web_client(slack.token, base_url=slack.api_url), slack.channel),
        GitHubChannel(GitHub(github.token, github.repository, api_url=github.url)),
    ):
        deadline = time.monotonic() + 30
        while store.events.cursor(channel.name) < EVENTS and time.monotonic() < deadline:
            deliver(store, channel)
            time.sleep(0.05)  # the killed one's place is free once its heartbeat is a second old
    assert store.events.readers() == {"github": EVENTS, "hook": EVENTS, "slack": EVENTS}
    hooked = Counter((one["blocks"][2]["fields"][0]["text"], AGAIN in str(one["blocks"])) for one in slack.hooked)
    assert {rows for rows, _ in hooked} == {f"*Rows*\n{number}" for number in range(EVENTS)}
    assert {times for (_, again), times in hooked.items() if not again} == {1}
    assert len(github.bodies()) == 1
    assert len(slack.parents()) == NAMES
    told = [one["metadata"]["event_payload"]["seq"] for one in slack.messages if "thread_ts" in one]
    assert sorted(told) == list(range(1, EVENTS + 1))
