"""``/hugflow retry`` in a comment of a pull request: what failed is tried again at once.

Only the author of the pull request and the owners of ``requests/`` (CODEOWNERS) are obeyed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot, RequestSource
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub
from hugflow_assets.orchestration.origins import Origins
from hugflow_assets.orchestration.results import files_of, key_of
from hugflow_assets.orchestration.retrying import ask_again
from hugflow_assets.store import Store

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

RETRY = re.compile(r"^\s*/hugflow\s+retry\s*$", re.MULTILINE)
LOOK_EVERY_S = 30.0
MAX_COMMENTS = 200
_OWNERS_FILES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_PROTECTED = "requests/add/x.yaml"


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
        for at, comment in enumerate(comments):
            if at >= MAX_COMMENTS:
                break
            if comment.id <= done:
                continue
            if RETRY.search(comment.body or "") and comment.user is not None:
                number = int(comment.issue_url.rpartition("/")[2])
                retried += _retry(github, number, comment.user.login, origins, source.snapshot(), store)
            done = comment.id
    return Command(done=done, looked_at=now), tuple(retried)


def _retry(
    github: GitHub, number: int, login: str, origins: Origins, snapshot: RequestSnapshot, store: Store
) -> list[str]:
    pull = github.repo.get_pull(number)
    if not pull.merged or not may_command(github, pull, login):
        return []
    retried = []
    touched = {file.filename.removeprefix("requests/") for file in pull.get_files()}
    why = f"/hugflow retry on #{number}"
    for file in files_of(snapshot):
        # A file that a later pull request changed is that one's business.
        if file.path not in touched or origins.of_path(file.path).pull != number:
            continue
        if _is_unfinished(store, file) and ask_again(store, key_of(file), file, by=login, why=why):
            retried.append(key_of(file))
    return retried


def _is_unfinished(store: Store, file: AddFile | RemoveFile) -> bool:
    if isinstance(file, RemoveFile):
        return True
    manifest = store.manifest(file.name)
    return manifest is None or manifest.request != file.request


def may_command(github: GitHub, pull: PullRequest, login: str) -> bool:
    """Whether an account may have a pull request's requests tried again."""
    if pull.user.login == login:
        return True
    owners = owners_of(_owners_text(github))
    if f"@{login.casefold()}" in {one.casefold() for one in owners}:
        return True
    return any(_in_team(github, one, login) for one in owners if "/" in one)


def owners_of(text: str, path: str = _PROTECTED) -> tuple[str, ...]:
    """The owners of a path after a CODEOWNERS file: those of the last line that matches.

    Understood are ``*``, folders (``/requests/``, ``requests/``) and files; a line of another form matches nothing.
    """
    owners: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and _matches(words[0], path):
            owners = tuple(word for word in words[1:] if word.startswith("@"))
    return owners


def _matches(pattern: str, path: str) -> bool:
    plain = pattern.lstrip("/")
    if pattern in ("*", "**", "/**"):
        return True
    folder = plain.removesuffix("**").removesuffix("*").rstrip("/")
    is_folder = plain.endswith(("/", "/*", "/**"))
    if is_folder and folder:
        return path.startswith(f"{folder}/")
    return path == plain or path.startswith(f"{plain}/")


def _owners_text(github: GitHub) -> str:
    from github import UnknownObjectException

    for path in _OWNERS_FILES:
        try:
            file: Any = github.repo.get_contents(path)
        except UnknownObjectException:
            continue
        return str(file.decoded_content.decode("utf-8", "replace"))
    return ""


def _in_team(github: GitHub, owner: str, login: str) -> bool:
    """Whether an account is an active member of ``@org/team``; a token that may not ask is told no."""
    org, _, team = owner.removeprefix("@").partition("/")
    return github.is_member(org, team, login)
