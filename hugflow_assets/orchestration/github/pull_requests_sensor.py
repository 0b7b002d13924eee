"""``pull_requests_sensor``: the plan of every open pull request, as one comment that follows each push.

It runs on the storage machine, which alone knows quota, store and token, and asks GitHub; no workflow needs a right to
write. With ``AUTO_MERGE`` it merges what every guard allows. Off where GitHub is not configured.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from dagster import DefaultSensorStatus, SensorDefinition, SensorEvaluationContext, SkipReason
from pydantic import ValidationError

from hugflow_assets.errors import DeliveryError, HugflowError, LeaseHeldError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub, GitHubChannel, alone_at, merge_if_allowed
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.plan_comment import plan_of
from hugflow_assets.orchestration.github.proposed_changes import read_proposal
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

SENSOR_NAME = "pull_requests_sensor"
INTERVAL_S = 30
MAX_PULLS = 50  # open ones that are looked at
WORK_S = 40.0  # of a tick; what is left over has its turn at the next
LOOK_AGAIN_S = 600.0  # at a pull request that has not changed: quota and Hub have
WAIT_S = 60.0
WRITE_WAIT_S = 2.0  # while events are told
_REFUSED_MERGE = (405, 409)


class Seen(Frozen):
    """One pull request as it was last planned.

    ``state``: digest of its head and of what it would be merged into. ``told``: of what the comment says.
    """

    state: str
    at: float
    fine: bool = False
    told: str = ""


class Cursor(Frozen):
    """What a tick leaves for the next: the open pull requests, and until when GitHub asked us to wait."""

    seen: dict[int, Seen] = {}
    wait_until: float = 0.0

    @classmethod
    def of(cls, text: str | None) -> Cursor:
        """Read a cursor; one that cannot be read is a fresh start: comments that are right are left as they are."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()


class Looked(Frozen):
    """What one look did."""

    cursor: Cursor
    written: tuple[int, ...] = ()
    merged: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def github_of(settings: Settings) -> GitHub | None:
    """One client a process and setting."""
    return GitHub.of(settings)


def look(github: GitHub, platform: Platform, cursor: Cursor, now: float) -> Looked:
    """Bring the comments of all open pull requests up to date at the time ``now``.

    Raises:
        RequestSourceError, StorageError: nothing can be planned.
    """
    if now < cursor.wait_until:
        return Looked(cursor=cursor, problems=("GitHub asked us to wait",))
    settings, base = platform.settings(), platform.snapshot()
    seen: dict[int, Seen] = {}
    written, merged, problems = [], [], []
    wait_until = 0.0
    ends = time.monotonic() + WORK_S
    try:
        pulls = _open_pulls(github, settings)
    except DeliveryError as error:
        return Looked(cursor=cursor.model_copy(update={"wait_until": now + _wait_s(error)}), problems=(error.message,))
    for pull in sorted(pulls, key=lambda one: cursor.seen[one.number].at if one.number in cursor.seen else 0.0):
        number, before = pull.number, cursor.seen.get(pull.number)
        if wait_until or time.monotonic() > ends:
            if before is not None:
                seen[number] = before
            continue
        try:
            planned = (
                before if _is_new_enough(before, pull, base, now) else _plan(github, platform, pull, base, before, now)
            )
            if planned is not before:
                written.append(number)
            seen[number] = planned  # type: ignore[assignment]
            if settings.auto_merge and seen[number].fine and _merged(github, pull, settings):
                merged.append(number)
        except LeaseHeldError:
            if before is not None:
                seen[number] = before  # events are being told; the next look plans it again
        except DeliveryError as error:
            problems.append(f"#{number}: {error.message}")
            if error.details.get("status") in _REFUSED_MERGE and number in seen:
                continue  # a rule of the repository, or a push just now: this one stays open, the others go on
            if not error.details.get("permanent"):
                wait_until = now + _wait_s(error)
            else:  # this one is at fault: the others go on, and it has its turn again later
                seen[number] = Seen(state=_state(pull, base), at=now)
    return Looked(
        cursor=Cursor(seen=seen, wait_until=wait_until),
        written=tuple(written),
        merged=tuple(merged),
        problems=tuple(problems),
    )


def _open_pulls(github: GitHub, settings: Settings) -> list[PullRequest]:
    found: list[PullRequest] = []
    with github.errors("listing pull requests"):
        for pull in github.repo.get_pulls(state="open", base=settings.requests_git_branch, sort="updated"):
            if pull.base.ref == settings.requests_git_branch:
                found.append(pull)
            if len(found) >= MAX_PULLS:
                break
    return found


def _state(pull: PullRequest, base: RequestSnapshot) -> str:
    return hashlib.sha256(f"{pull.head.sha} {base.digest}".encode()).hexdigest()[:16]


def _is_new_enough(before: Seen | None, pull: PullRequest, base: RequestSnapshot, now: float) -> bool:
    return before is not None and before.state == _state(pull, base) and now - before.at < LOOK_AGAIN_S


def _plan(
    github: GitHub, platform: Platform, pull: PullRequest, base: RequestSnapshot, before: Seen | None, now: float
) -> Seen:
    proposed = read_proposal(github, pull, base)
    state = _state(pull, base)
    if not proposed.changes and not github.has_comment(pull.number):
        return Seen(state=state, at=now)  # it is about something else
    comment = plan_of(proposed, platform.store(), platform.hub(), platform.settings())
    # The disk's free space moves all the time, and is no news.
    told = hashlib.sha256(re.sub(r"[\d.,]+ \w?B free", "", comment.body).encode()).hexdigest()[:16]
    if before is None or (before.state, before.told) != (state, told):
        with alone_at(platform.store(), GitHubChannel.name, wait_s=WRITE_WAIT_S):
            github.write_plan(pull.number, comment.body)
    return Seen(state=state, at=now, fine=comment.fine and bool(proposed.changes), told=told)


def _merged(github: GitHub, pull: PullRequest, settings: Settings) -> bool:
    return not merge_if_allowed(
        github, pull.number, auto_merge=settings.auto_merge, head=pull.head.sha, main=settings.requests_git_branch
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
    except HugflowError as error:
        context.log.error("%s", error)
        return SkipReason(str(error))
    context.update_cursor(looked.cursor.model_dump_json(exclude_defaults=True))
    for problem in looked.problems:
        context.log.warning("%s", problem)
    return SkipReason(summary(looked))


def summary(looked: Looked) -> str:
    """One line for the tick's row."""
    told: Mapping[str, tuple[object, ...]] = {
        "planned": looked.written,
        "merged": looked.merged,
        "problems": looked.problems,
    }
    parts = [f"{word}: {', '.join(map(str, found))}" for word, found in told.items() if found]
    return f"{len(looked.cursor.seen):,} open pull requests. {'; '.join(parts)}".strip()


def pull_requests_sensor() -> SensorDefinition:
    """The sensor, running from the start."""
    return SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        minimum_interval_seconds=INTERVAL_S,
        default_status=DefaultSensorStatus.RUNNING,
        description="Comments the plan on every open pull request that touches requests; with AUTO_MERGE, merges.",
    )
