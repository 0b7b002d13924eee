"""``AUTO_MERGE``: at most one pull request a tick is merged by itself, so that each is judged after the others.

What was merged and has not landed yet takes room that no reservation holds: its plan's need counts as a promise until
it has landed, has its own reservation, or is not asked for any more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hugflow_assets.errors import DeliveryError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub, GitHubChannel, Merged, alone_at, merge_if_allowed
from hugflow_assets.notify.channel_errors import unexpected_error
from hugflow_assets.notify.markdown import plain
from hugflow_assets.orchestration.github.pull_request_plan import PullPlan
from hugflow_assets.store import EventKind, Store
from hugflow_assets.wording import human_size

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

ASK_AGAIN_S = 300.0  # a pull request on which nothing has happened: a check may have ended
ASK_SOON_S = 60.0
WORK_S = 4.0  # of a tick
PROMISE_S = 24 * 3600.0
_SOON = ("validation", "mergeable")  # refusals that pass by themselves, without GitHub noting a change


class Judged(Frozen):
    """What was last found of merging one pull request: for which plan, since which change, and the refusals."""

    state: str
    updated: str
    at: float
    refusals: tuple[str, ...] = ()
    queued: bool = False


class Promise(Frozen):
    """Room that a merged request will take."""

    need_bytes: int
    at: float


class Turn(Frozen):
    """What one tick did: who was judged, who was merged."""

    judged: dict[int, Judged] = {}
    merged: tuple[int, ...] = ()
    queued: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


def merge_one(
    github: GitHub,
    store: Store,
    pulls: Iterable[tuple[PullRequest, PullPlan]],
    judged: Mapping[int, Judged],
    promised_bytes: int,
    *,
    main: str,
    now: float,
) -> Turn:
    """Merge the first pull request that every guard allows; say of the others why not. Each for itself.

    Args:
        pulls: those whose plan is as they are now, in the order in which they have their turn.
        judged: what earlier ticks found: only what changed since is asked again.
        promised_bytes: what was merged and has no room of its own yet.
    """
    found = dict(judged)
    problems: list[str] = []
    ends = time.monotonic() + WORK_S
    for pull, plan in pulls:
        before = found.get(pull.number)
        updated = str(pull.updated_at)
        if not _is_due(before, plan, updated, now) or time.monotonic() > ends:
            continue
        try:
            done = _judge(github, store, pull, plan, promised_bytes, main)
            found[pull.number] = Judged(
                state=plan.state, updated=updated, at=now, refusals=done.refusals, queued=done.queued
            )
            if done.commit:
                _tell_merged(store, pull, plan, done)
                return Turn(judged=found, merged=(pull.number,), problems=tuple(problems))
            if _say(github, store, pull.number, done, before):
                found[pull.number] = found[pull.number].model_copy(update={"updated": _updated(github, pull.number)})
            if done.queued:
                return Turn(judged=found, queued=(pull.number,), problems=tuple(problems))
            if done.asked:
                problems += [f"#{pull.number}: {one}" for one in done.refusals]
        except Exception as fault:  # noqa: BLE001  this pull request's alone
            error = unexpected_error("GitHub", f"merging #{pull.number}", fault)
            problems.append(f"#{pull.number}: {error.message}")
            found[pull.number] = Judged(state=plan.state, updated=updated, at=now, refusals=(error.message,))
            if isinstance(fault, DeliveryError) and not error.details.get("permanent"):
                break  # GitHub does not answer
    return Turn(judged=found, problems=tuple(problems))


def promises_of(
    before: Mapping[str, Promise], gone: Mapping[str, int], base: RequestSnapshot, store: Store, now: float
) -> dict[str, Promise]:
    """What merged requests will take, by storage name.

    Args:
        gone: needs of the datasets of pull requests that are no longer open.
    """
    wanted, landed, reserved = base.desired(), set(store.index.names()), frozenset(store.quota.reservations())
    new = {name: Promise(need_bytes=need, at=now) for name, need in gone.items() if name not in before}
    return {
        name: one
        for name, one in {**before, **new}.items()
        if name in wanted and name not in landed and name not in reserved and now - one.at < PROMISE_S
    }


def _is_due(before: Judged | None, plan: PullPlan, updated: str, now: float) -> bool:
    if before is None or before.state != plan.state:
        return True
    if before.queued:
        return False
    if before.updated != updated:
        return True
    soon = bool(before.refusals) and all(any(word in one for word in _SOON) for one in before.refusals)
    return now - before.at >= (ASK_SOON_S if soon else ASK_AGAIN_S)


def _judge(github: GitHub, store: Store, pull: PullRequest, plan: PullPlan, promised_bytes: int, main: str) -> Merged:
    need = sum(plan.need_bytes.values())
    room = store.quota.headroom().available_bytes - promised_bytes
    if need and need > room:
        waits = f"it needs {human_size(need)}, and what was merged before it leaves {human_size(max(0, room))}"
        return Merged(refusals=(waits,))
    return merge_if_allowed(
        github, pull.number, auto_merge=True, head=pull.head.sha, merge_base=plan.merge_base, main=main
    )


def _updated(github: GitHub, number: int) -> str:
    """When something last happened on a pull request: our own comment counts, and is no news."""
    with github.errors(f"reading #{number}"):
        return str(github.repo.get_pull(number).updated_at)


def _say(github: GitHub, store: Store, number: int, done: Merged, before: Judged | None) -> bool:
    """Write the refusals into the comment when they are others than before; whether that was so."""
    if before is not None and (before.refusals, before.queued) == (done.refusals, done.queued):
        return False
    reason = "it is in the merge queue" if done.queued else "; ".join(done.refusals)
    with alone_at(store, GitHubChannel.name, wait_s=2.0):
        github.write_merge_note(number, f"**Merging by itself:** {'' if done.queued else 'not yet: '}{plain(reason)}.")
    return True


def _tell_merged(store: Store, pull: PullRequest, plan: PullPlan, done: Merged) -> None:
    store.events.append(
        EventKind.MERGED, "requests", pull_request=pull.number, head=pull.head.sha, merge_commit=done.commit,
        title=str(pull.title or "")[:200], author=pull.user.login if pull.user else "",
    )  # fmt: skip
