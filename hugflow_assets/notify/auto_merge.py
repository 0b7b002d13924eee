"""``AUTO_MERGE``: whether a request's pull request may be merged by itself. Off unless every guard agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify.codeowners import CodeOwners
from hugflow_assets.notify.github_channel import GitHub

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

VALIDATION_CONTEXT = "request-validate"


class Review(Frozen):
    """The last word of one reviewer. ``commit`` is the head that was reviewed."""

    login: str
    state: str  # APPROVED, CHANGES_REQUESTED, DISMISSED
    commit: str


class PullFacts(Frozen):
    """A pull request as GitHub tells it, reduced to what the guards look at.

    ``files`` are all paths it touches, old names of renamed files included. ``validation`` is the conclusion of the
    required check at ``head``: ``success``, ``failure``, ``pending`` or None where there is none. ``unowned`` are the
    files that none of their code owners, the author aside, has approved at ``head``.
    """

    number: int
    state: str
    base: str
    head: str
    author: str
    draft: bool
    mergeable: bool | None
    files: tuple[str, ...]
    files_told: int
    reviews: tuple[Review, ...]
    validation: str | None
    unowned: tuple[str, ...] = ()


class Guard(Frozen):
    """One condition. ``holds`` is asked of the facts and of the name of the main branch."""

    name: str
    refusal: str
    holds: Callable[[PullFacts, str], bool]


def _only_requests(pull: PullFacts, _: str) -> bool:
    """Paths are compared as told: one that climbs out again (``requests/../x``) is not a request's."""
    named = all(path.startswith("requests/") and ".." not in path.split("/") for path in pull.files)
    return bool(pull.files) and pull.files_told == len(set(pull.files)) and named


def _approved_at_head(pull: PullFacts, _: str) -> bool:
    """Someone else than the author approved this very head, and nobody asks for changes."""
    approved = any(_approves(one, pull.author, pull.head) for one in pull.reviews)
    asked = any(one.state == "CHANGES_REQUESTED" for one in pull.reviews if one.login != pull.author)
    return approved and not asked


def _approves(review: Review, author: str, head: str) -> bool:
    return review.login != author and review.state == "APPROVED" and review.commit == head


GUARDS: tuple[Guard, ...] = (
    Guard(name="open", refusal="it is not open", holds=lambda pull, _: pull.state == "open"),
    Guard(name="base_is_main", refusal="its base is another branch", holds=lambda pull, main: pull.base == main),
    Guard(name="not_draft", refusal="it is a draft", holds=lambda pull, _: not pull.draft),
    Guard(name="only_requests", refusal="it touches more than requests/", holds=_only_requests),
    Guard(
        name="validation_green",
        refusal="its validation is not green at this head",
        holds=lambda pull, _: pull.validation == "success",
    ),
    Guard(name="approved_at_head", refusal="it is not approved at this head", holds=_approved_at_head),
    Guard(
        name="approved_by_owners",
        refusal="a file of it is not approved by one of its owners (CODEOWNERS)",
        holds=lambda pull, _: not pull.unowned,
    ),
    Guard(name="mergeable", refusal="GitHub does not call it mergeable", holds=lambda pull, _: pull.mergeable is True),
)


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
    main: str = "main",
    context: str = VALIDATION_CONTEXT,
) -> list[str]:
    """Merge a pull request at the head that the guards saw; the refusals, empty when it was merged.

    GitHub itself refuses when the head has moved in between (409), since the call names it.

    Args:
        head: the commit that was planned; at another one it is not merged.

    Raises:
        DeliveryError: GitHub cannot be asked, or refuses.
    """
    if not auto_merge:
        return ["AUTO_MERGE is off"]
    with github.errors(f"merging #{number}"):
        pull = github.repo.get_pull(number)
        facts = _read(github, pull, context)
        refusals = merge_refusals(facts, auto_merge=auto_merge, main=main)
        if head not in (None, facts.head):
            refusals.append("it was pushed to after it was planned")
        if not refusals:
            pull.merge(sha=facts.head, merge_method=_method(github))
        return refusals


def _method(github: GitHub) -> str:
    """The first way to merge that the repository allows; a token that may not see which is told nothing."""
    repo = github.repo
    allowed = {
        "merge": repo.allow_merge_commit, "squash": repo.allow_squash_merge, "rebase": repo.allow_rebase_merge,
    }  # fmt: skip
    return next((method for method, may in allowed.items() if may is not False), "merge")


def _read(github: GitHub, pull: PullRequest, context: str) -> PullFacts:
    head = pull.head.sha
    paths: list[str] = []
    told = 0
    for file in pull.get_files():
        told += 1
        paths.append(file.filename)
        previous = file.previous_filename
        if previous and previous not in paths:
            told += 1
            paths.append(previous)
    last: dict[str, Review] = {}
    for one in pull.get_reviews():  # oldest first; a comment withdraws no approval
        if one.user is not None and one.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[one.user.login] = Review(login=one.user.login, state=one.state, commit=one.commit_id or "")
    author = pull.user.login if pull.user is not None else ""  # an account may be deleted
    return PullFacts(
        number=pull.number,
        state=pull.state,
        base=pull.base.ref,
        head=head,
        author=author,
        draft=bool(pull.draft),
        mergeable=pull.mergeable,
        files=tuple(paths),
        # GitHub lists at most 3,000 files: what it does not list, nobody has looked at.
        files_told=told if pull.changed_files <= 3000 else pull.changed_files,
        reviews=tuple(last.values()),
        validation=_validation(github, head, context),
        unowned=_unowned(github, pull.base.ref, paths, [one for one in last.values() if _approves(one, author, head)]),
    )


def _unowned(github: GitHub, branch: str, paths: list[str], approvals: list[Review]) -> tuple[str, ...]:
    """The paths that nobody who owns them has approved. Anyone may approve on GitHub, whatever it counts for there."""
    if not approvals:
        return ()  # another guard refuses
    owners = CodeOwners.read(github, branch)
    return tuple(path for path in paths if not any(owners.owns(one.login, path) for one in approvals))


def _validation(github: GitHub, head: str, context: str) -> str | None:
    """The conclusion of the check; of several runs of that name the first that did not succeed."""
    found = [
        str(run.conclusion or "pending")
        for run in github.repo.get_commit(head).get_check_runs(check_name=context, filter="latest")
    ]
    return next((one for one in found if one != "success"), "success" if found else None)
