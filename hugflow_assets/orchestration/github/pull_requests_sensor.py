"""``pull_requests_sensor``: the plan of every open pull request, as one comment that follows each push.

It runs on the storage machine, which alone knows quota, store and token, and asks GitHub; no workflow needs a right to
write. Plans are made beside the ticks, in a pool: a tick asks what has changed, begins plans, and takes those that are
done. With ``AUTO_MERGE`` it merges what every guard allows. Off where GitHub is not configured.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason

from hugflow_assets.errors import DeliveryError, UnexpectedError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.merge_turn import Judged, Promise, Turn, merge_one, promises_of
from hugflow_assets.orchestration.github.plan_cache import PlanCache
from hugflow_assets.orchestration.github.plan_pool import PlanPool, pool_of
from hugflow_assets.orchestration.github.pull_request_plan import PullPlan, PullPlanner, state_of
from hugflow_assets.orchestration.sensor_cursor import SensorCursor
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

SENSOR_NAME = "pull_requests_sensor"
INTERVAL_S = 30
MOST_PULLS = 3000  # open ones that are listed, newest first
TICK_WAIT_S = 3.0  # of a tick for the plans that it began; what takes longer is taken by a later one
LOOK_AGAIN_S = 600.0  # at a pull request that has not changed: quota and Hub have
LOOK_AGAIN_A_REQUEST_S = 30.0  # a large one is not planned anew every ten minutes
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 3600.0
WAIT_S = 60.0
_LOG = logging.getLogger(__name__)


class Seen(Frozen):
    """One pull request as it was last planned. ``failures`` in a row delay the next try, until ``retry_at``."""

    plan: PullPlan
    at: float
    failures: int = 0
    retry_at: float = 0.0


class Cursor(SensorCursor):
    """What a tick leaves for the next.

    ``seen``: the open pull requests. ``judged``: those that may merge by themselves. ``promised``: room that merged
    requests will take. ``wait_until``: GitHub asked us to leave it alone.
    """

    seen: dict[int, Seen] = {}
    judged: dict[int, Judged] = {}
    promised: dict[str, Promise] = {}
    wait_until: float = 0.0


class Looked(Frozen):
    """What one look did."""

    cursor: Cursor
    written: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()
    queued: tuple[int, ...] = ()
    at_work: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def github_of(settings: Settings) -> GitHub | None:
    """One client a process and setting."""
    return GitHub.of(settings)


@lru_cache(maxsize=4)
def _plans_of(settings: Settings) -> PlanCache:
    return PlanCache()


def plan_pool(settings: Settings) -> PlanPool[PullPlan]:
    """The plans that are being made in this process."""
    return cast("PlanPool[PullPlan]", pool_of(settings))


def look(github: GitHub, platform: Platform, cursor: Cursor, now: float, *, wait_s: float = TICK_WAIT_S) -> Looked:
    """Bring the comments of all open pull requests up to date at the time ``now``; take what is planned in ``wait_s``.

    Raises:
        RequestSourceError, StorageError: nothing can be planned.
    """
    settings = platform.settings()
    pool = plan_pool(settings)
    if now < cursor.wait_until:
        return Looked(cursor=cursor, problems=("GitHub asked us to wait",))
    try:
        listed = open_pulls(github, settings.requests_git_branch)
    except DeliveryError as error:
        waiting = cursor.model_copy(update={"wait_until": now + _wait_s(error)})
        return Looked(cursor=waiting, problems=(error.message,))
    tick = _Tick(github, platform, platform.snapshot(), listed, cursor, now, pool)
    tick.take_plans()
    tick.begin_plans()
    pool.wait(wait_s)
    tick.take_plans()
    turn = tick.merge() if settings.auto_merge and not tick.wait_until else Turn(judged=cursor.judged)
    return tick.looked(turn)


@dataclass
class Listed:
    """The open pull requests, newest first. ``is_whole``: GitHub told of each what a tick needs."""

    pulls: list[PullRequest] = field(default_factory=list)
    is_whole: bool = True


def open_pulls(github: GitHub, branch: str) -> Listed:
    """The open pull requests into a branch, those on which something happened last first.

    Raises:
        DeliveryError: GitHub cannot be asked.
    """
    found = Listed()
    with github.errors("listing pull requests"):
        # Without a direction GitHub gives those first on which nothing has happened for longest.
        for pull in github.repo.get_pulls(state="open", base=branch, sort="updated", direction="desc"):
            if not _is_told(github, pull):
                found.is_whole = False
            elif pull.base.ref == branch:
                found.pulls.append(pull)
            if len(found.pulls) >= MOST_PULLS:
                _LOG.warning("more than %d pull requests are open; the oldest are left out", MOST_PULLS)
                break
    return found


def _is_told(github: GitHub, pull: PullRequest) -> bool:
    """Whether the list says of a pull request what a tick needs; one of which it does not waits for a better answer."""
    facts: tuple[object, ...] = (None,)
    try:
        with github.errors("a pull request of the list"):
            facts = (pull.number, pull.head.sha, pull.base.ref, pull.updated_at)
    except DeliveryError as error:
        if error.details.get("status") is not None:
            raise
    if None in facts:
        _LOG.warning("GitHub lists a pull request without number, head, base or time; it is left out")
    return None not in facts


@dataclass
class _Tick:
    """One look: what was known before, and what becomes of it."""

    github: GitHub
    platform: Platform
    base: RequestSnapshot
    listed: Listed
    cursor: Cursor
    now: float
    pool: PlanPool[PullPlan]
    seen: dict[int, Seen] = field(init=False)
    written: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    wait_until: float = 0.0

    def __post_init__(self) -> None:
        is_open = {pull.number for pull in self.pulls}
        self.seen = {
            number: one
            for number, one in self.cursor.seen.items()
            if number in is_open or not self.listed.is_whole  # then it may be open all the same
        }

    @property
    def pulls(self) -> list[PullRequest]:
        return self.listed.pulls

    def begin_plans(self) -> None:
        """Begin the plans that are due, newest first; each is made for itself."""
        if self.wait_until:
            return
        planner = PullPlanner(self.github, self.platform, self.base, _plans_of(self.platform.settings()))
        for pull in self.pulls:
            before = self.seen.get(pull.number)
            if self._is_due(pull, before):
                self.pool.submit(pull.number, partial(planner.plan, pull.number, before.plan if before else None))

    def take_plans(self) -> None:
        """Take what is done. A failed one has its next try later, each time twice as much later."""
        is_open = {pull.number for pull in self.pulls}
        for number, plan in self.pool.take().items():
            if number not in is_open:
                continue
            before = self.seen.get(number)
            failures = (before.failures if before else 0) + 1 if plan.failed or plan.passes else 0
            wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures - 1, 10)) if failures else 0.0
            self.seen[number] = Seen(plan=plan, at=self.now, failures=failures, retry_at=self.now + wait)
            self.problems += [f"#{number}: {one}" for one in plan.problems]
            if plan.written:
                self.written.append(number)
            if plan.wait_s:  # GitHub's limit: nothing else is begun
                self.wait_until = self.now + max(WAIT_S, plan.wait_s)
                self.pool.forget_waiting()

    def _is_due(self, pull: PullRequest, before: Seen | None) -> bool:
        if before is None:
            return True
        if before.failures:
            if before.plan.state == state_of(pull.head.sha, pull.base.ref, self.base) or before.plan.failed:
                return self.now >= before.retry_at
            return True
        if before.plan.state != state_of(pull.head.sha, pull.base.ref, self.base):
            return True
        return self.now - before.at >= max(LOOK_AGAIN_S, LOOK_AGAIN_A_REQUEST_S * before.plan.requests)

    def merge(self) -> Turn:
        """Give those whose plan is fine, and of what they are now, their turn to be merged; the oldest first."""
        fine = [
            (pull, self.seen[pull.number].plan)
            for pull in sorted(self.pulls, key=lambda one: one.number)
            if pull.number in self.seen
            and self.seen[pull.number].plan.fine
            and self.seen[pull.number].plan.state == state_of(pull.head.sha, pull.base.ref, self.base)
        ]
        promised = sum(one.need_bytes for one in self._promised().values())
        return merge_one(
            self.github,
            self.platform.store(),
            fine,
            self.cursor.judged,
            promised,
            main=self.platform.settings().requests_git_branch,
            now=self.now,
        )

    def _promised(self) -> dict[str, Promise]:
        gone = {
            name: need
            for number, one in self.cursor.seen.items()
            if number not in self.seen
            for name, need in one.plan.need_bytes.items()
        }
        return promises_of(self.cursor.promised, gone, self.base, self.platform.store(), self.now)

    def looked(self, turn: Turn) -> Looked:
        promised = self._promised()
        for number in turn.merged:
            needs = self.seen.pop(number).plan.need_bytes
            promised |= {name: Promise(need_bytes=need, at=self.now) for name, need in needs.items()}
        return Looked(
            cursor=Cursor(
                seen=self.seen,
                judged={number: one for number, one in turn.judged.items() if number in self.seen},
                promised=promised,
                wait_until=self.wait_until,
            ),
            written=tuple(self.written),
            merged=turn.merged,
            queued=turn.queued,
            at_work=tuple(sorted(self.pool.unfinished())),
            problems=(*self.problems, *turn.problems),
        )


def _wait_s(error: DeliveryError) -> float:
    asked = error.details.get("retry_after_s")
    return max(WAIT_S, float(asked)) if isinstance(asked, int | float) else WAIT_S


def tick(context: SensorEvaluationContext) -> SkipReason:
    """Look, and say what was done. It asks for no run."""
    platform = Platform()
    try:
        github = github_of(platform.settings())
        if github is None:
            return SkipReason("Off: GITHUB_REPOSITORY and GITHUB_TOKEN are not both set.")
        looked = look(github, platform, Cursor.of(context.cursor), time.time())
    except Exception as fault:
        error = UnexpectedError.of(fault)
        context.log.error("%s", error, exc_info=None if error is fault else fault)
        return SkipReason(str(error))
    context.update_cursor(looked.cursor.model_dump_json(exclude_defaults=True))
    for problem in looked.problems:
        context.log.warning("%s", problem)
    return SkipReason(summary(looked))


def summary(looked: Looked) -> str:
    """One line for the tick's row."""
    parts: Mapping[str, tuple[object, ...]] = {
        "planned": looked.written,
        "being planned": looked.at_work,
        "merged": looked.merged,
        "queued": looked.queued,
        "problems": looked.problems,
    }
    shown = [f"{word}: {', '.join(map(str, found[:20]))}" for word, found in parts.items() if found]
    return f"{len(looked.cursor.seen):,} open pull requests. {'; '.join(shown)}".strip()


def pull_requests_sensor(interval_s: int = INTERVAL_S) -> SensorDefinition:
    """The sensor, running from the start."""
    return SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        minimum_interval_seconds=interval_s,
        default_status=DefaultSensorStatus.RUNNING,
        description="Comments the plan on every open pull request that touches requests; with AUTO_MERGE, merges.",
    )
