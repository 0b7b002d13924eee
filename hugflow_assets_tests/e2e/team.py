"""A team at work: a GitHub with a real repository, a Slack, a Hub, the storage machine's sensors: real, but local.

Time is told: ``now`` moves when a test says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from hugflow_assets.demo import LocalHub
from hugflow_assets.notify.github.comment import MARKER, sections_of
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github import delivery_sensor as delivering
from hugflow_assets.orchestration.github import pull_requests_sensor as pull_requests
from hugflow_assets.orchestration.reconcile.upstream_drift import watch
from hugflow_assets.orchestration.sync.results import SyncResult
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.settings import Settings, load_settings, variable_of
from hugflow_assets.store import Store
from hugflow_assets_tests.datasets_made import speech_files
from hugflow_assets_tests.doubles.repository import RepositoryDouble
from hugflow_assets_tests.doubles.slack import SlackDouble

SPEECH = "org__speech__rev_main"
ADD = "requests/add/speech.yaml"
REMOVE = "requests/remove/speech.yaml"
GOOD = "hf_id: org/speech\ndescription: Speech.\nowner: ada\n"
NOWHERE = "http://127.0.0.1:9"  # nothing listens there
GITHUB_TOKEN, SLACK_TOKEN = "ghp_CanaryGitHubToken", "xoxb-CanarySlackToken"


class Team:
    """What people and the storage machine do. ``instance`` is the machine's Dagster."""

    def __init__(
        self, github: RepositoryDouble, slack: SlackDouble, hub: LocalHub, instance: DagsterInstance, patch: Any
    ) -> None:
        self.github, self.slack, self.hub, self.instance, self._patch = github, slack, hub, instance, patch
        self.now = time.time()
        self.pulls = pull_requests.Cursor()
        self.delivery = delivering.Cursor()

    @property
    def settings(self) -> Settings:
        return load_settings()

    @property
    def store(self) -> Store:
        return Platform().store()

    def point(self, **variables: str) -> None:
        for variable, value in variables.items():
            self._patch.setenv(variable, value)

    # ---- the machine

    def look(self, *, later_s: float = 60) -> pull_requests.Looked:
        """One tick over the open pull requests."""
        self.now += later_s
        client = pull_requests.github_of(self.settings)
        assert client is not None
        looked = pull_requests.look(client, Platform(), self.pulls, self.now)
        self.pulls = pull_requests.Cursor.of(looked.cursor.model_dump_json())
        return looked

    def tick(self, *, later_s: float = 60) -> pull_requests.Looked:
        """As ``look``, until no plan is being made any more."""
        looked = self.look(later_s=later_s)
        while looked.at_work:
            looked = self.look(later_s=0)
        return looked

    def sync(self) -> list[SyncResult]:
        """What the daemon does: the requests' sensor, and the runs that it asks for."""
        return sync(instance=self.instance)

    def deliver(self, *, later_s: float = 60) -> delivering.Round:
        """One tick of delivery."""
        self.now += later_s
        channels = delivering.channels_of(self.settings)
        tagging = delivering._tagging(self.instance)
        done = delivering.deliver_round(channels, self.store, self.delivery, self.now, tagging)
        self.delivery = delivering.Cursor.of(done.cursor.model_dump_json())
        return done

    def deliver_all(self, *, rounds: int = 60, later_s: float = 60) -> None:
        """Ticks until everything that happened is told to every channel."""
        for _ in range(rounds):
            done = self.deliver(later_s=later_s)
            if all(one.cursor == self.store.events.last_seq() for one in done.delivered):
                return
        raise AssertionError(f"not told after {rounds} ticks: {done}")

    def watch_upstream(self) -> None:
        watch(Platform().hub(), self.store, Platform().snapshot())

    # ---- what people see

    def comment(self, number: int) -> str:
        """The one comment of the machine on a pull request."""
        bodies = [one for one in self.github.bodies(number) if one.startswith(MARKER)]
        assert len(bodies) == 1, bodies
        return bodies[0]

    def sections(self, number: int) -> list[str]:
        """The headings of its sections."""
        return [text.split("\n", 1)[0] for text in sections_of(self.comment(number)).values()]

    def statuses(self, commit: str) -> list[str]:
        return [one["state"] for one in self.github.statuses.get(commit, []) if one["context"] == "hugflow/sync"]

    def headlines(self) -> list[str]:
        """The headlines in the thread of the one message on Slack, in order."""
        (parent,) = self.slack.parents()
        return [one["blocks"][0]["text"]["text"] for one in self.slack.thread(parent["ts"])]


@contextmanager
def team_at(tmp_path: Path, hub: LocalHub, instance: DagsterInstance, patch: pytest.MonkeyPatch) -> Iterator[Team]:
    """A project pointed at all of them; the Hub has org/speech."""
    for field in Settings.model_fields:
        patch.delenv(variable_of(field), raising=False)
    root = tmp_path / "project"
    (root / "requests" / "add").mkdir(parents=True)
    hub.add_repo("org/speech", speech_files(tmp_path / "made"), license="cc0-1.0")
    with ExitStack() as stack:
        github = stack.enter_context(RepositoryDouble(tmp_path / "github", token=GITHUB_TOKEN))
        slack = stack.enter_context(SlackDouble(token=SLACK_TOKEN))
        team = Team(github, slack, hub, instance, patch)
        team.point(
            HUGFLOW_PROJECT_DIR=str(root),
            HF_ENDPOINT=hub.url,
            HUB_RETRIES="0",
            STORAGE_MIN_FREE="1MB",
            STORAGE_QUOTA="1GB",
            READ_TIMEOUT="2s",
            REQUESTS_GIT_URL=str(github.remote),
            GITHUB_REPOSITORY=github.repository,
            GITHUB_API_URL=github.url,
            GITHUB_TOKEN=GITHUB_TOKEN,
            SLACK_API_URL=slack.api_url,
            SLACK_BOT_TOKEN=SLACK_TOKEN,
            SLACK_CHANNEL=slack.channel,
        )
        yield team
