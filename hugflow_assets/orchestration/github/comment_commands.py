"""``/hugflow retry`` in a comment of a pull request: what failed is tried again at once.

Only the author of the pull request and the owners of its request files (CODEOWNERS) are obeyed; everyone else gets an
answer. Each comment is dealt with once, whatever becomes of the sensor's cursor: which were is kept on the storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from hugflow_assets.errors import DeliveryError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot, RequestSource
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import CodeOwners, GitHub
from hugflow_assets.notify.channel_errors import unexpected_error
from hugflow_assets.notify.delivery_state import StateFile
from hugflow_assets.orchestration.github.origins import Origins
from hugflow_assets.orchestration.reconcile.retry_now import ask_again
from hugflow_assets.orchestration.sync.results import files_of, key_of
from hugflow_assets.store import Store

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest

RETRY = re.compile(r" {0,3}/hugflow[ \t]+retry\s*", re.IGNORECASE)
LOOK_EVERY_S = 30.0
OVERLAP = timedelta(hours=1)  # GitHub's list may lag: comments of the last hour are looked at again
LONGEST_LOOK = timedelta(days=1)
MAX_COMMENTS = 500
TRIES = 3
_HANDLED_KEPT = 2000
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HIDDEN = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)


class Look(Frozen):
    """When comments were last looked at."""

    looked_at: float = 0.0


class Handled(StateFile):
    """Which commands were dealt with, by the id of their comment; on the storage, so that no lost cursor repeats one.

    ``seen_to``: when the newest comment that was looked at was written. ``tries``: those that could not be dealt with.
    """

    comments: tuple[int, ...] = ()
    seen_to: datetime | None = None
    tries: dict[int, int] = {}

    def with_comment(self, number: int) -> Handled:
        kept = tuple(sorted({*self.comments, number}))[-_HANDLED_KEPT:]
        tries = {one: count for one, count in self.tries.items() if one != number}
        return self.model_copy(update={"comments": kept, "tries": tries})

    def since(self, now: datetime) -> datetime:
        """From when on comments are looked at; everything of the last day where one waits for another try."""
        longest = now - LONGEST_LOOK
        return longest if self.seen_to is None or self.tries else max(longest, self.seen_to - OVERLAP)


class Obeyed(Frozen):
    """What one look at the comments did."""

    look: Look
    retried: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def obey_comments(
    github: GitHub, origins: Origins, source: RequestSource, store: Store, before: Look, now: float
) -> Obeyed:
    """Deal with the commands in comments since the last look; each for itself.

    Raises:
        DeliveryError: GitHub cannot be asked for comments; nothing is lost, the next look begins at the same place.
    """
    if now - before.looked_at < LOOK_EVERY_S:
        return Obeyed(look=before)
    path = store.layout.github_commands
    handled = Handled.read(path) or Handled()
    retried: list[str] = []
    problems: list[str] = []
    seen_to = handled.seen_to
    for comment in _comments(github, handled.since(datetime.fromtimestamp(now, UTC))):
        seen_to = max(filter(None, (seen_to, comment.created_at)), default=None)
        if comment.id in handled.comments or not is_command(comment.body or "") or comment.user is None:
            continue
        try:
            retried += _obey(github, comment, origins, source, store)
            handled = handled.with_comment(comment.id)
        except Exception as fault:  # noqa: BLE001  this comment's; the others are dealt with
            error = unexpected_error("GitHub", f"/hugflow retry in comment {comment.id}", fault)
            problems.append(error.message)
            handled = _tried(handled, comment.id)
        handled.write_shared(path)
    if seen_to != handled.seen_to:
        handled.model_copy(update={"seen_to": seen_to}).write_shared(path)
    return Obeyed(look=Look(looked_at=now), retried=tuple(retried), problems=tuple(problems))


def is_command(body: str) -> bool:
    """Whether a line of a comment is the command; not one in a code block, a quotation or a hidden part."""
    fence = ""
    for line in _HIDDEN.sub("", body.replace("\r\n", "\n")).split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif mark:
            fence = mark[1]
        elif RETRY.fullmatch(line):
            return True
    return False


def _comments(github: GitHub, since: datetime) -> Iterator[IssueComment]:
    with github.errors("reading comments"):
        # Newest first: where there are more than are read, it is the old ones that are left out.
        comments = github.repo.get_issues_comments(sort="created", direction="desc", since=since)
        newest = list(islice(comments, MAX_COMMENTS))
    return reversed(newest)


def _tried(handled: Handled, number: int) -> Handled:
    count = handled.tries.get(number, 0) + 1
    if count >= TRIES:
        return handled.with_comment(number)
    return handled.model_copy(update={"tries": {**handled.tries, number: count}})


def _obey(github: GitHub, comment: IssueComment, origins: Origins, source: RequestSource, store: Store) -> list[str]:
    from github import UnknownObjectException

    number, login = int(comment.issue_url.rpartition("/")[2]), comment.user.login
    with github.errors(f"/hugflow retry on #{number}"):
        try:
            pull = github.repo.get_pull(number)
            _ = pull.state
        except UnknownObjectException:
            return []  # a comment of an issue
        if login == github.login:
            return []
        if not pull.merged:
            _answer(github, number, login, "nothing of this pull request has been tried yet: it is not merged")
            return []
        files = _files(pull, origins, source.snapshot())
        allowed = _allowed(github, pull, login, files)
    why = f"/hugflow retry on #{number}"
    retried = [
        key_of(file)
        for file in allowed
        if _is_unfinished(store, file) and ask_again(store, key_of(file), file, by=login, why=why)
    ]
    if not files:
        _answer(github, number, login, "no request file is as this pull request left it; a later one decides now")
    elif not allowed:
        _answer(
            github, number, login, "only the author of the pull request and the owners of its request files may do that"
        )
    elif not retried:
        _answer(github, number, login, "everything of it has landed, or is held by a person (`hugflow status`)")
    return retried


def _answer(github: GitHub, number: int, login: str, why: str) -> None:
    try:
        github.answer(number, f"`/hugflow retry` by `{login}` changes nothing: {why}.")
    except DeliveryError as error:
        if not error.details.get("permanent"):
            raise


def _files(pull: PullRequest, origins: Origins, snapshot: RequestSnapshot) -> list[AddFile | RemoveFile]:
    """The request files of a pull request, but those that a later one changed: they are that one's business."""
    touched = {file.filename.removeprefix("requests/") for file in pull.get_files()}
    return [
        file for file in files_of(snapshot) if file.path in touched and origins.of_path(file.path).pull == pull.number
    ]


def _is_unfinished(store: Store, file: AddFile | RemoveFile) -> bool:
    if isinstance(file, RemoveFile):
        return True
    manifest = store.manifest(file.name)
    return manifest is None or manifest.request != file.request


def _allowed(
    github: GitHub, pull: PullRequest, login: str, files: list[AddFile | RemoveFile]
) -> list[AddFile | RemoveFile]:
    """The files that an account may have tried again: the author all of them, an owner those that it owns."""
    if not files or (pull.user is not None and pull.user.login == login):
        return files
    owners = CodeOwners.read(github, pull.base.ref)
    return [file for file in files if owners.owns(login, f"requests/{file.path}")]
