"""``delivery_sensor``: what happened is told to Slack, pull requests, commit statuses and OpenLineage.

Channels are readers of the audit log, each with its own cursor, so that a slow or broken one delays no other one and
no landing. Progress is no event: it is looked at here, and told now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import DagsterInstance, DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason

from hugflow_assets.errors import UnexpectedError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import (
    Delivered,
    GitHubChannel,
    OpenLineageChannel,
    SlackBot,
    SlackWebhook,
    alone_at,
    deliver,
    slack_channel,
)
from hugflow_assets.notify.channel_errors import unexpected_error
from hugflow_assets.orchestration.assets.platform import Platform, request_source
from hugflow_assets.orchestration.github.comment_commands import Look, Obeyed, obey_comments
from hugflow_assets.orchestration.github.commit_status import states_of_commits
from hugflow_assets.orchestration.github.origins import Origins, pull_of_event
from hugflow_assets.orchestration.github.pull_requests_sensor import github_of
from hugflow_assets.orchestration.reconcile.retry_policy import PULL_TAG
from hugflow_assets.orchestration.sensor_cursor import SensorCursor
from hugflow_assets.settings import Settings
from hugflow_assets.store import Phase, Progress, Store

if TYPE_CHECKING:
    from slack_sdk import WebClient

AnyChannel = GitHubChannel | SlackBot | SlackWebhook | OpenLineageChannel
SENSOR_NAME = "delivery_sensor"
INTERVAL_S = 15
GITHUB_PROGRESS_S = 60.0  # a comment is edited at most so often, whatever PROGRESS_INTERVAL says
SLACK_PROGRESS_S = 30.0
WORK_S = 8.0  # of a tick and channel; what is left over has its turn at the next
_AT_WORK = (Phase.RESOLVING, Phase.DOWNLOADING, Phase.ASSEMBLING, Phase.PUBLISHING)


class Cursor(SensorCursor):
    """What a tick leaves for the next. ``progress``: channel and name -> when its progress was last shown."""

    progress: dict[str, float] = {}
    comments: Look = Look()


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

    def of(self, store: Store, on_known: Callable[[str, int], None] | None = None) -> list[AnyChannel]:
        """The channels; ``on_known`` learns which pull request a run belongs to."""
        found: list[AnyChannel] = []
        if self.slack is not None:
            found.append(self.slack)
        if self.github is not None:
            pull_of = pull_of_event(self.origins(store), on_known)
            found.append(GitHubChannel(self.github, pull_of, states_of_commits(store)))
        if self.settings.openlineage_url is not None:
            found.append(OpenLineageChannel(self.settings, self._repository_of(store)))
        return found

    def _repository_of(self, store: Store) -> Callable[[str], str | None]:
        def look(name: str) -> str | None:
            if (row := store.index.row(name)) is not None and row.hf_id:
                return row.hf_id
            asked = self.source.snapshot().add(name)
            return asked.request.hf_id if asked is not None else None

        return look


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


def deliver_round(
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
    with ThreadPoolExecutor(max_workers=max(1, len(every)), thread_name_prefix="delivery") as threads:
        served = list(threads.map(lambda channel: _serve(channel, channels, store, cursor, now), every))
    at_work = set(store.progress.all())
    shown = {key: at for one in served for key, at in one.shown.items() if key.partition(" ")[2] in at_work}
    return Round(
        cursor=Cursor(progress=shown, comments=next((one.look for one in served if one.look), cursor.comments)),
        delivered=tuple(one.delivered for one in served),
        progress=tuple(key for one in served for key in one.progress),
        retried=tuple(name for one in served for name in one.retried),
        problems=tuple(problem for one in served for problem in one.problems),
    )


class Served(Frozen):
    """What one channel was served. ``look`` is None where the channel has no comments."""

    delivered: Delivered
    shown: dict[str, float] = {}
    progress: tuple[str, ...] = ()
    look: Look | None = None
    retried: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def _serve(channel: AnyChannel, channels: Channels, store: Store, cursor: Cursor, now: float) -> Served:
    """Whatever is raised here is this channel's problem, and said."""
    problems: list[str] = []
    obeyed: Obeyed | None = None
    if isinstance(channel, GitHubChannel):
        try:
            obeyed = obey_comments(
                channel.github, channels.origins(store), channels.source, store, cursor.comments, now
            )
            problems += obeyed.problems
        except Exception as fault:  # noqa: BLE001  the events are told all the same
            problems.append(unexpected_error(channel.name, "comments", fault).message)
    delivered = deliver(store, channel, now=datetime.fromtimestamp(now, UTC), work_s=WORK_S)
    problems += [delivered.problem] if delivered.problem else []
    shown = {key: at for key, at in cursor.progress.items() if key.partition(" ")[0] == channel.name}
    written: list[str] = []
    if not delivered.problem and delivered.cursor == store.events.last_seq():  # what is not told yet comes first
        try:
            written = _show_progress(channel, channels, store, shown, now)
        except Exception as fault:  # noqa: BLE001  the next progress is as good
            problems.append(unexpected_error(channel.name, "progress", fault).message)
    return Served(
        delivered=delivered,
        shown=shown,
        progress=tuple(written),
        look=obeyed.look if obeyed else None,
        retried=obeyed.retried if obeyed else (),
        problems=tuple(problems),
    )


def _show_progress(
    channel: AnyChannel,
    channels: Channels,
    store: Store,
    shown: dict[str, float],
    now: float,
) -> list[str]:
    """Show how far landings are, each as often as its channel takes it; ``shown`` learns when that was."""
    if isinstance(channel, SlackWebhook | OpenLineageChannel):
        return []  # a message cannot be edited there; lineage knows no progress
    least = GITHUB_PROGRESS_S if isinstance(channel, GitHubChannel) else SLACK_PROGRESS_S
    interval = max(least, channels.settings.progress_interval.total_seconds())
    due = [
        progress
        for name, progress in store.progress.all().items()
        if progress.phase in _AT_WORK
        and store.leases.holder(name) is not None
        and now - shown.get(f"{channel.name} {name}", 0.0) >= interval
    ]
    shown |= {f"{channel.name} {one.name}": now for one in due}  # also where it fails: the next one is as good
    if isinstance(channel, SlackBot):
        return [f"{channel.name} {one.name}" for one in due if channel.send_progress(one)]
    by_pull: dict[int, list[Progress]] = {}
    snapshot, origins = channels.source.snapshot(), channels.origins(store)
    for one in due:
        file = snapshot.add(one.name)
        pull = origins.of_path(file.path).pull if file else None
        if pull is not None:
            by_pull.setdefault(pull, []).append(one)
    with alone_at(store, channel.name):
        written = channel.send_progress(store, by_pull, datetime.fromtimestamp(now, UTC))
    return [f"{channel.name} {one.name}" for pull in written for one in by_pull[pull]]


def tick(context: SensorEvaluationContext) -> SkipReason:
    """One round. It asks for no run."""
    platform = Platform()
    try:
        settings = platform.settings()
        channels = channels_of(settings)
        if channels.github is None and channels.slack is None and settings.openlineage_url is None:
            return SkipReason("Off: neither GitHub nor Slack is configured, nor OpenLineage.")
        done = deliver_round(
            channels, platform.store(), Cursor.of(context.cursor), time.time(), _tagging(context.instance)
        )
    except Exception as fault:
        error = UnexpectedError.of(fault)
        context.log.error("%s", error, exc_info=None if error is fault else fault)
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
        parts.append(f"{one.channel}: {one.sent} sent, at {one.cursor}{waits}")
    return "; ".join([*parts, *(f"retry of {name}" for name in retried)])


def delivery_sensor(interval_s: int = INTERVAL_S) -> SensorDefinition:
    """The sensor, running from the start."""
    return SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
        description="Tells events to Slack and GitHub, each at least once and none twice; and obeys /hugflow retry.",
    )
