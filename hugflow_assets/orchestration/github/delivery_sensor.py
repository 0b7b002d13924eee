"""``delivery_sensor``: what happened is told where people look: Slack, pull requests, commit statuses.

Channels are readers of the audit log, each with its own cursor, so that a slow or broken one delays no other one and
no landing. Progress is no event: it is looked at here, and told now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import DagsterInstance, DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason
from pydantic import ValidationError

from hugflow_assets.errors import DeliveryError, HugflowError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import Delivered, GitHubChannel, SlackBot, SlackWebhook, deliver, slack_channel
from hugflow_assets.orchestration.assets.platform import Platform, request_source
from hugflow_assets.orchestration.github.comment_commands import Command, obey_comments
from hugflow_assets.orchestration.github.commit_status import standing_of
from hugflow_assets.orchestration.github.origins import Origins, pull_of_event
from hugflow_assets.orchestration.github.pull_requests_sensor import github_of
from hugflow_assets.orchestration.reconcile.retry_policy import PULL_TAG
from hugflow_assets.settings import Settings
from hugflow_assets.store import Phase, Progress, Store

if TYPE_CHECKING:
    from slack_sdk import WebClient

SENSOR_NAME = "delivery_sensor"
INTERVAL_S = 15
GITHUB_PROGRESS_S = 60.0  # a comment is edited at most so often, whatever PROGRESS_INTERVAL says
SLACK_PROGRESS_S = 30.0
_AT_WORK = (Phase.RESOLVING, Phase.DOWNLOADING, Phase.ASSEMBLING, Phase.PUBLISHING)


class Cursor(Frozen):
    """What a tick leaves for the next. ``told``: channel and name -> when its progress was last told."""

    told: dict[str, float] = {}
    commands: Command = Command()

    @classmethod
    def of(cls, text: str | None) -> Cursor:
        """Read a cursor; one that cannot be read is a fresh start."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()


class Channels:
    """The channels that the settings name, and what they need."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.github = github_of(settings)
        self.source = request_source(settings)
        self.slack: SlackBot | SlackWebhook | None = slack_channel(settings, _client_of_resource)
        self._origins: Origins | None = None

    def origins(self, store: Store) -> Origins:
        if self._origins is None:
            self._origins = Origins(self.github, self.source, store, main=self.settings.requests_git_branch)
        return self._origins

    def of(
        self, store: Store, on_known: Callable[[str, int], None] | None = None
    ) -> list[GitHubChannel | SlackBot | SlackWebhook]:
        """The channels; ``on_known`` learns which pull request a run belongs to."""
        found: list[GitHubChannel | SlackBot | SlackWebhook] = []
        if self.slack is not None:
            found.append(self.slack)
        if self.github is not None:
            pull_of = pull_of_event(self.origins(store), on_known)
            found.append(GitHubChannel(self.github, pull_of, standing_of(store)))
        return found


def _client_of_resource(token: str) -> WebClient:
    # Made here and not among the definitions: a resource's token is shown by its repr.
    from dagster_slack import SlackResource

    return SlackResource(token=token).get_client()


@lru_cache(maxsize=4)
def channels_of(settings: Settings) -> Channels:
    """One a process and setting: what they remember of threads and commits saves calls."""
    return Channels(settings)


class Round(Frozen):
    """What one round did."""

    cursor: Cursor
    delivered: tuple[Delivered, ...] = ()
    progress: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def play(
    channels: Channels,
    store: Store,
    cursor: Cursor,
    now: float,
    on_known: Callable[[str, int], None] | None = None,
) -> Round:
    """One round at the time ``now``: commands in comments, events, then progress.

    The channels are served beside one another: one that is slow or at fault keeps no other one waiting.
    """
    every = channels.of(store, on_known)
    with ThreadPoolExecutor(max_workers=max(1, len(every)), thread_name_prefix="delivery") as beside:
        served = list(beside.map(lambda channel: _serve(channel, channels, store, cursor, now), every))
    at_work = set(store.progress.all())
    told = {key: at for one in served for key, at in one.told.items() if key.partition(" ")[2] in at_work}
    return Round(
        cursor=Cursor(told=told, commands=next((one.commands for one in served if one.commands), cursor.commands)),
        delivered=tuple(one.delivered for one in served),
        progress=tuple(key for one in served for key in one.progress),
        retried=tuple(name for one in served for name in one.retried),
        problems=tuple(problem for one in served for problem in one.problems),
    )


class Served(Frozen):
    """What one channel was told. ``commands`` is None where the channel has none."""

    delivered: Delivered
    told: dict[str, float] = {}
    progress: tuple[str, ...] = ()
    commands: Command | None = None
    retried: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def _serve(
    channel: GitHubChannel | SlackBot | SlackWebhook, channels: Channels, store: Store, cursor: Cursor, now: float
) -> Served:
    problems: list[str] = []
    commands: Command | None = None
    retried: tuple[str, ...] = ()
    if channels.github is not None and isinstance(channel, GitHubChannel):
        try:
            commands, retried = obey_comments(
                channels.github, channels.origins(store), channels.source, store, cursor.commands, now
            )
        except HugflowError as error:
            problems.append(error.message)
    delivered = deliver(store, channel, now=datetime.fromtimestamp(now, UTC))
    told = {key: at for key, at in cursor.told.items() if key.partition(" ")[0] == channel.name}
    shown: list[str] = []
    if delivered.problem:
        problems.append(delivered.problem)
    elif delivered.cursor == store.events.last_seq():  # what has not been told yet comes first
        try:
            shown += _tell_progress(channel, channels, store, told, now)
        except DeliveryError as error:
            problems.append(error.message)
    return Served(
        delivered=delivered,
        told=told,
        progress=tuple(shown),
        commands=commands,
        retried=retried,
        problems=tuple(problems),
    )


def _tell_progress(
    channel: GitHubChannel | SlackBot | SlackWebhook,
    channels: Channels,
    store: Store,
    told: dict[str, float],
    now: float,
) -> Iterator[str]:
    if isinstance(channel, SlackWebhook):
        return  # a message cannot be edited there
    least = GITHUB_PROGRESS_S if isinstance(channel, GitHubChannel) else SLACK_PROGRESS_S
    interval = max(least, channels.settings.progress_interval.total_seconds())
    for name, progress in store.progress.all().items():
        key = f"{channel.name} {name}"
        if progress.phase not in _AT_WORK or store.holder(name) is None or now - told.get(key, 0.0) < interval:
            continue
        told[key] = now  # also when it fails: the next one is as good
        if _send(channel, channels, store, progress):
            yield key


def _send(channel: GitHubChannel | SlackBot, channels: Channels, store: Store, progress: Progress) -> bool:
    if isinstance(channel, SlackBot):
        return channel.send_progress(progress)
    snapshot = channels.source.snapshot()
    file = snapshot.add(progress.name)
    origin = channels.origins(store).of_path(file.path) if file else None
    return origin is not None and origin.pull is not None and channel.send_progress(progress, origin.pull)


def tick(context: SensorEvaluationContext) -> SkipReason:
    """One round. It asks for no run."""
    platform = Platform()
    try:
        settings = platform.settings()
        channels = channels_of(settings)
        if channels.github is None and channels.slack is None:
            return SkipReason("Off: neither GitHub nor Slack is configured.")
        done = play(channels, platform.store(), Cursor.of(context.cursor), time.time(), _tagging(context.instance))
    except HugflowError as error:
        context.log.error("%s", error)
        return SkipReason(str(error))
    context.update_cursor(done.cursor.model_dump_json(exclude_defaults=True))
    for problem in done.problems:
        context.log.warning("%s", problem)
    return SkipReason(summary(done.delivered, done.retried))


def _tagging(instance: DagsterInstance) -> Callable[[str, int], None]:
    def tag(run_id: str, pull: int) -> None:
        if instance.has_run(run_id):
            instance.add_run_tags(run_id, {PULL_TAG: str(pull)})

    return tag


def summary(delivered: Sequence[Delivered], retried: Sequence[str]) -> str:
    """One line for the tick's row."""
    parts = []
    for one in delivered:
        waits = f", waits: {one.problem}" if one.problem else ""
        parts.append(f"{one.channel}: {one.sent} told, at {one.cursor}{waits}")
    return "; ".join([*parts, *(f"retry of {name}" for name in retried)])


def delivery_sensor() -> SensorDefinition:
    """The sensor, running from the start."""
    return SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells events to Slack and GitHub, each at least once and none twice; and obeys /hugflow retry.",
    )
