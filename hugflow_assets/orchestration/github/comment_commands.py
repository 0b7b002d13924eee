"""``/hugflow retry`` in a comment of a pull request: what failed is tried again at once.

Only the author of the pull request and the owners of its request files (CODEOWNERS) are obeyed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot, RequestSource
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import CodeOwners, GitHub
from hugflow_assets.orchestration.github.origins import Origins
from hugflow_assets.orchestration.reconcile.retry_now import ask_again
from hugflow_assets.orchestration.sync.results import files_of, key_of
from hugflow_assets.store import Store

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

RETRY = re.compile(r"^\s*/hugflow\s+retry\s*$", re.MULTILINE)
LOOK_EVERY_S = 30.0
MAX_COMMENTS = 200


class Command(Frozen):
    """How far comments have been read. ``done``: the newest comment dealt with; 0: none were read yet."""

    done: int = 0
    looked_at: float = 0.0


def obey_comments(
    github: GitHub, origins: Origins, source: RequestSource, store: Store, before: Command, now: float
) -> tuple[Command, tuple[str, ...]]:
    """Read the comments since the last look; the names that are tried again.

    Raises:
        DeliveryError: GitHub cannot be asked; nothing is lost, the next look begins at the same place.
        RequestSourceError: the requests cannot be read.
    """
    if now - before.looked_at < LOOK_EVERY_S:
        return before, ()
    since = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    retried: list[str] = []
    done = before.done
    with github.errors("reading comments"):
        comments = github.repo.get_issues_comments(sort="created", direction="asc", since=since)
        new = (comment for comment in comments if comment.id > done)
        for comment in islice(new, MAX_COMMENTS):
            if RETRY.search(comment.body or "") and comment.user is not None:
                number = int(comment.issue_url.rpartition("/")[2])
                retried += _retry(github, number, comment.user.login, origins, source.snapshot(), store)
            done = comment.id
    return Command(done=done, looked_at=now), tuple(retried)


def _retry(
    github: GitHub, number: int, login: str, origins: Origins, snapshot: RequestSnapshot, store: Store
) -> list[str]:
    from github import UnknownObjectException

    try:
        pull = github.repo.get_pull(number)
    except UnknownObjectException:
        return []  # a comment of an issue
    if not pull.merged:
        return []
    touched = {file.filename.removeprefix("requests/") for file in pull.get_files()}
    # A file that a later pull request changed is that one's business.
    files = [file for file in files_of(snapshot) if file.path in touched and origins.of_path(file.path).pull == number]
    why = f"/hugflow retry on #{number}"
    return [
        key_of(file)
        for file in _allowed(github, pull, login, files)
        if _is_unfinished(store, file) and ask_again(store, key_of(file), file, by=login, why=why)
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
