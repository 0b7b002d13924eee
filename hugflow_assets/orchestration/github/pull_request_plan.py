"""One pull request planned: its files are read, what they ask for is planned, the comment and the status say it."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from dataclasses import replace

from hugflow_assets.errors import DeliveryError, UnexpectedError
from hugflow_assets.hub import Hub
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import PLAN_CONTEXT, GitHub, GitHubChannel, State, alone_at
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.github.plan_cache import PlanCache
from hugflow_assets.orchestration.github.plan_comment import PlanComment, Planner, error_comment, plan_of
from hugflow_assets.orchestration.github.proposed_changes import Proposed, read_proposal

PLAN_LIMIT_S = 600.0  # of one pull request; what is not planned then is said, and goes on with the next look
WRITE_WAIT_S = 20.0  # while events are told
ABOUT_SOMETHING_ELSE = "It touches no request file"
_COLOURS = {State.INFO: State.SUCCESS}
_LOG = logging.getLogger(__name__)


class PullPlan(Frozen):
    """What a pull request's plan said when it was last made.

    ``state``: digest of its head, its base and everything asked for there. ``digest``: of what the comment says.
    ``need_bytes``: the room that its datasets would take. ``requests``: how many request files it touches.
    """

    state: str
    digest: str = ""
    fine: bool = False
    merge_base: str = ""
    need_bytes: dict[str, int] = {}
    requests: int = 0
    passes: bool = False
    colour: str = ""
    written: bool = False
    problems: tuple[str, ...] = ()
    wait_s: float = 0.0
    failed: bool = False


def state_of(head: str, branch: str, base: RequestSnapshot) -> str:
    """What a plan is of: it is made anew when one of these changes."""
    return hashlib.sha256(f"{head} {branch} {base.digest}".encode()).hexdigest()[:16]


class PullPlanner:
    """Plans pull requests for one look at them.

    Args:
        base: everything asked for on the branch that they would be merged into.
        plans: what was planned a moment ago.
    """

    def __init__(
        self,
        github: GitHub,
        platform: Platform,
        base: RequestSnapshot,
        plans: PlanCache,
        limit_s: float = PLAN_LIMIT_S,
    ) -> None:
        self._github, self._platform, self._base, self._plans = github, platform, base, plans
        self._limit_s = limit_s

    def plan(self, number: int, before: PullPlan | None) -> PullPlan:
        """Plan one pull request, and write what changed. Whatever is raised becomes the plan's ``problems``."""
        try:
            return self._plan(number, before)
        except Exception as fault:  # noqa: BLE001  this pull request's alone
            error = UnexpectedError.of(fault)
            _LOG.warning("#%d cannot be planned: %s", number, error, exc_info=None if error is fault else fault)
            asked = error.details.get("retry_after_s")
            return (before or PullPlan(state="")).model_copy(
                update={
                    "failed": True,
                    "fine": False,
                    "written": False,
                    "problems": (error.message,),
                    "wait_s": float(asked) if isinstance(asked, int | float) else 0.0,
                }
            )

    def _plan(self, number: int, before: PullPlan | None) -> PullPlan:
        with self._github.errors(f"reading #{number}"):
            pull = self._github.repo.get_pull(number)
            head, branch = pull.head.sha, pull.base.ref
        state = state_of(head, branch, self._base)
        proposed: Proposed | None = None
        try:
            proposed = read_proposal(self._github, pull, self._base)
            comment = self._comment(proposed)
        except DeliveryError:
            raise  # GitHub's: nothing can be said there
        except Exception as fault:  # noqa: BLE001  said in the comment
            error = UnexpectedError.of(fault)
            _LOG.warning("#%d cannot be planned: %s", number, error, exc_info=None if error is fault else fault)
            comment = error_comment(head, error)
        found = PullPlan(
            state=state,
            digest=_digest(comment),
            fine=comment.fine,
            merge_base=proposed.merge_base if proposed else "",
            need_bytes=dict(comment.need_bytes),
            requests=len(proposed.changes) if proposed else 0,
            passes=comment.state is State.ERROR,
        )
        concerns_us = proposed is None or bool(proposed.changes or proposed.problems)
        return self._write(number, head, found, comment, before, concerns_us=concerns_us)

    def _comment(self, proposed: Proposed) -> PlanComment:
        ends = time.monotonic() + self._limit_s
        settings = self._platform.settings()
        access = replace(self._platform.access(), ends_at=ends)
        return plan_of(proposed, Planner(self._platform.store(), Hub(access), settings, self._plans, ends))

    def _write(
        self,
        number: int,
        head: str,
        found: PullPlan,
        comment: PlanComment,
        before: PullPlan | None,
        *,
        concerns_us: bool,
    ) -> PullPlan:
        """The comment and the status, each for itself: a token may have the right to one of them alone."""
        problems: list[str] = []
        written = False
        same = before is not None and (before.state, before.digest) == (found.state, found.digest)
        if not same and (concerns_us or self._github.has_comment(number)):
            with alone_at(self._platform.store(), GitHubChannel.name, wait_s=WRITE_WAIT_S):
                written = self._github.write_plan(number, comment.body)
        colour = _COLOURS.get(comment.state, comment.state)
        words = comment.headline if concerns_us else ABOUT_SOMETHING_ELSE
        wanted = f"{head} {colour.value}"
        if before is None or before.colour != wanted:
            try:
                written = self._github.write_status(head, colour, words, context=PLAN_CONTEXT) or written
            except DeliveryError as error:
                if not error.details.get("permanent"):
                    raise
                problems.append(error.message)  # a right that is missing; the comment says it all the same
        return found.model_copy(update={"colour": wanted, "written": written, "problems": tuple(problems)})


def _digest(comment: PlanComment) -> str:
    # The disk's free space moves all the time, and is no news.
    return hashlib.sha256(re.sub(r"[\d.,]+ \w?B free", "", comment.body).encode()).hexdigest()[:16]
