"""``AUTO_MERGE``: whether a request's pull request may be merged by itself. Off unless every guard agrees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from hugflow_assets.errors import DeliveryError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify.github.client import GitHub
from hugflow_assets.notify.github.codeowners import CodeOwners

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

VALIDATION_CONTEXT = "request-validate"
LISTED_FILES = 3000  # GitHub lists no more of a pull request: what it does not list, nobody has looked at
# What is said of a pull request binds to its base: another one, or another merge base, means other changes.
_BASE_EVENTS = frozenset({"base_ref_changed", "base_ref_force_pushed", "automatic_base_change_succeeded"})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Review(Frozen):
    """The last word of one reviewer. ``commit`` is the head that was reviewed."""

    login: str
    state: str  # APPROVED, CHANGES_REQUESTED, DISMISSED
    commit: str
    at: datetime = _LONG_AGO


class PullFacts(Frozen):
    """A pull request as GitHub shows it, reduced to what the guards look at.

    ``files`` are all paths it touches, old names of renamed files included; ``listed_files`` is how many there are to
    GitHub. ``validation`` is the conclusion of the required check at ``head``, begun after ``base_since``: ``success``,
    ``failure``, ``pending`` or None where there is none. ``unowned`` are the files that none of their code owners, the
    author aside, has approved at ``head``. ``base_since`` is when its base was last changed.
    """

    number: int
    state: str
    base: str
    head: str
    author: str
    draft: bool
    mergeable: bool | None
    files: tuple[str, ...]
    listed_files: int
    reviews: tuple[Review, ...]
    validation: str | None
    unowned: tuple[str, ...] = ()
    base_since: datetime = _LONG_AGO
    merge_base: str = ""


class Guard(Frozen):
    """One condition. ``holds`` is asked of the facts and of the name of the main branch."""

    name: str
    refusal: str
    holds: Callable[[PullFacts, str], bool]


def _only_requests(pull: PullFacts, _: str) -> bool:
    """Paths are compared as they are: one that climbs out again (``requests/../x``) is not a request's."""
    named = all(path.startswith("requests/") and ".." not in path.split("/") for path in pull.files)
    return bool(pull.files) and pull.listed_files == len(set(pull.files)) and named


def _approved_at_head(pull: PullFacts, _: str) -> bool:
    """Someone else than the author approved this very head against this very base, and nobody asks for changes."""
    approved = any(_approves(one, pull.author, pull.head, pull.base_since) for one in pull.reviews)
    asked = any(one.state == "CHANGES_REQUESTED" for one in pull.reviews if one.login != pull.author)
    return approved and not asked


def _approves(review: Review, author: str, head: str, base_since: datetime) -> bool:
    if review.login == author or review.state != "APPROVED" or review.commit != head:
        return False
    return base_since == _LONG_AGO or review.at > base_since


GUARDS: tuple[Guard, ...] = (
    Guard(name="open", refusal="it is not open", holds=lambda pull, _: pull.state == "open"),
    Guard(name="base_is_main", refusal="its base is another branch", holds=lambda pull, main: pull.base == main),
    Guard(name="not_draft", refusal="it is a draft", holds=lambda pull, _: not pull.draft),
    Guard(name="only_requests", refusal="it touches more than requests/", holds=_only_requests),
    Guard(
        name="validation_green",
        refusal="its validation is not green at this head and base",
        holds=lambda pull, _: pull.validation == "success",
    ),
    Guard(
        name="approved_at_head",
        refusal="it is not approved at this head and base",
        holds=_approved_at_head,
    ),
    Guard(
        name="approved_by_owners",
        refusal="a file of it is not approved by one of its owners (CODEOWNERS)",
        holds=lambda pull, _: not pull.unowned,
    ),
    Guard(name="mergeable", refusal="GitHub does not call it mergeable", holds=lambda pull, _: pull.mergeable is True),
)


class Merged(Frozen):
    """What became of one pull request: merged at ``commit``, put into the merge queue, or the refusals.

    ``asked``: whether GitHub was asked to merge it.
    """

    refusals: tuple[str, ...] = ()
    commit: str = ""
    queued: bool = False
    asked: bool = False


def merge_refusals(pull: PullFacts, *, auto_merge: bool, main: str = "main") -> list[str]:
    """Why a pull request is not merged by itself; empty when it may be."""
    off = [] if auto_merge else ["AUTO_MERGE is off"]
    return off + [guard.refusal for guard in GUARDS if not guard.holds(pull, main)]


def pull_facts(github: GitHub, number: int, *, context: str = VALIDATION_CONTEXT) -> PullFacts:
    """Read a pull request.

    Raises:
        DeliveryError: GitHub cannot be asked.
    """
    with github.errors(f"reading #{number}"):
        return _read(github, github.repo.get_pull(number), context)


def merge_if_allowed(
    github: GitHub,
    number: int,
    *,
    auto_merge: bool,
    head: str | None = None,
    merge_base: str | None = None,
    main: str = "main",
) -> Merged:
    """Merge a pull request at the head that the guards saw, or put it into the queue of a branch that has one.

    GitHub itself refuses when the head has moved in between (409), since the call names it.

    Args:
        head: the commit that was planned; at another one it is not merged.
        merge_base: where the planned commit branched off; with another one its changes are others.

    Raises:
        DeliveryError: GitHub cannot be asked.
    """
    if not auto_merge:
        return Merged(refusals=("AUTO_MERGE is off",))
    facts = pull_facts(github, number)
    refusals = merge_refusals(facts, auto_merge=auto_merge, main=main)
    if head not in (None, facts.head):
        refusals.append("it was pushed to after it was planned")
    if merge_base not in (None, facts.merge_base):
        refusals.append("its base has changed since it was planned")
    return Merged(refusals=tuple(refusals)) if refusals else _merge(github, facts)


def _merge(github: GitHub, facts: PullFacts) -> Merged:
    try:
        with github.errors(f"merging #{facts.number}"):
            pull = github.repo.get_pull(facts.number)
            done = pull.merge(sha=facts.head, merge_method=_method(github))
            return Merged(commit=done.sha, asked=True)
    except DeliveryError as error:
        if error.details.get("status") not in (403, 405, 409, 422):
            raise
        if error.details.get("retry_after_s") is not None:
            raise
        if error.details.get("status") == 405 and _enqueued(github, facts):
            return Merged(queued=True, asked=True)
        return Merged(refusals=(f"GitHub does not merge it: {error.message}",), asked=True)


def _enqueued(github: GitHub, facts: PullFacts) -> bool:
    """Whether the pull request is in the merge queue of its branch now. A branch without one has none to put it in."""
    from github import GithubException

    with github.errors(f"queueing #{facts.number}"):
        node = str(github.repo.get_pull(facts.number).node_id)
        try:
            github.requester.graphql_named_mutation(
                "enqueuePullRequest",
                {"pullRequestId": node, "expectedHeadOid": facts.head},
                "mergeQueueEntry { position }",
            )
        except GithubException as error:
            if error.status >= 500 or error.status == 429:
                raise
            return False
    return True


def _method(github: GitHub) -> str:
    """The first way to merge that the repository allows; a token that may not see which is shown nothing."""
    repo = github.repo
    allowed = {
        "merge": repo.allow_merge_commit, "squash": repo.allow_squash_merge, "rebase": repo.allow_rebase_merge,
    }  # fmt: skip
    return next((method for method, may in allowed.items() if may is not False), "merge")


def _read(github: GitHub, pull: PullRequest, context: str) -> PullFacts:
    head = pull.head.sha
    paths: list[str] = []
    listed = 0
    for file in islice(pull.get_files(), LISTED_FILES):
        listed += 1
        paths.append(file.filename)
        previous = file.previous_filename
        if previous and previous not in paths:
            listed += 1
            paths.append(previous)
    base_since = max(
        (one.created_at for one in pull.get_issue_events() if one.event in _BASE_EVENTS), default=_LONG_AGO
    )
    reviews = _last_reviews(pull)
    author = pull.user.login if pull.user is not None else ""  # an account may be deleted
    approvals = [one for one in reviews if _approves(one, author, head, base_since)]
    return PullFacts(
        number=pull.number,
        state=pull.state,
        base=pull.base.ref,
        head=head,
        author=author,
        draft=bool(pull.draft),
        mergeable=pull.mergeable,
        files=tuple(paths),
        listed_files=listed if pull.changed_files <= LISTED_FILES else pull.changed_files,
        reviews=tuple(reviews),
        validation=_validation(github, head, context, base_since),
        unowned=_unowned(github, pull.base.ref, paths, approvals),
        base_since=base_since,
        merge_base=github.merge_base(pull.base.ref, head),
    )


def _last_reviews(pull: PullRequest) -> list[Review]:
    last: dict[str, Review] = {}
    for one in pull.get_reviews():  # oldest first; a comment withdraws no approval
        if one.user is not None and one.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            at = one.submitted_at or _LONG_AGO
            last[one.user.login] = Review(login=one.user.login, state=one.state, commit=one.commit_id or "", at=at)
    return list(last.values())


def _unowned(github: GitHub, branch: str, paths: Iterable[str], approvals: list[Review]) -> tuple[str, ...]:
    """The paths that nobody who owns them has approved. Anyone may approve on GitHub, whatever it counts for there."""
    if not approvals:
        return ()  # another guard refuses
    owners = CodeOwners.read(github, branch)
    return tuple(path for path in paths if not any(owners.owns(one.login, path) for one in approvals))


def _validation(github: GitHub, head: str, context: str, base_since: datetime) -> str | None:
    """The conclusion of the check; of several runs of that name the first that did not succeed.

    A run that began before the base was changed has looked at other changes.
    """
    runs = [
        run
        for run in github.repo.get_commit(head).get_check_runs(check_name=context, filter="latest")
        if base_since == _LONG_AGO or (run.started_at or _LONG_AGO) > base_since
    ]
    found = [str(run.conclusion or "pending") for run in runs]
    return next((one for one in found if one != "success"), "success" if found else None)
