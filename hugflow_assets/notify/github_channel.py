"""GitHub as a channel: the sticky comment of the pull request, and the status of the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hugflow_assets.errors import DeliveryError
from hugflow_assets.notify.channel_errors import delivery_error
from hugflow_assets.notify.comment import MARKER, message_section, with_section
from hugflow_assets.notify.request_messages import RequestMessage, State, message_of, message_of_progress
from hugflow_assets.settings import Settings
from hugflow_assets.store import Event, Progress

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest
    from github.Repository import Repository

STATUS_CONTEXT = "hugflow/sync"
DESCRIPTION = 140
_FAILED = {State.FAILURE, State.ERROR}


class GitHub:
    """One repository on GitHub, through PyGithub, without its own retries (they post twice on a 5xx).

    Args:
        token: of the account that comments.
        repository: ``ORG/NAME``.
        api_url: of the API.
        timeout_s: of each call.
        verify: a CA bundle, or True for the system's.
    """

    def __init__(
        self,
        token: str,
        repository: str,
        *,
        api_url: str = "https://api.github.com",
        timeout_s: float = 10,
        verify: bool | str = True,
    ) -> None:
        from github import Auth, Github

        self._token = token
        self._name = repository
        self._github = Github(
            auth=Auth.Token(token),
            base_url=api_url.rstrip("/"),
            timeout=max(1, round(timeout_s)),
            per_page=100,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            verify=verify,
        )
        self._repo: Repository | None = None
        self._login: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> GitHub | None:
        """The repository that the settings name; None when they name none or have no token."""
        if settings.github_token is None or settings.github_repository is None:
            return None
        return cls(
            settings.github_token.get_secret_value(),
            settings.github_repository,
            api_url=settings.github_api_url,
            timeout_s=min(30.0, settings.read_timeout.total_seconds()),
            verify=True if settings.ssl_cert_file is None else str(settings.ssl_cert_file),
        )

    @property
    def repo(self) -> Repository:
        if self._repo is None:
            self._repo = self._github.get_repo(self._name)
        return self._repo

    @property
    def login(self) -> str:
        """The account's own login, by which its comments are known."""
        if self._login is None:
            self._login = self._github.get_user().login
        return self._login

    def is_member(self, org: str, team: str, login: str) -> bool:
        """Whether an account is an active member of a team; a token that may not ask is told no."""
        from github import GithubException

        try:
            _, told = self._github.requester.requestJsonAndCheck(
                "GET", f"/orgs/{quote(org)}/teams/{quote(team)}/memberships/{quote(login)}"
            )
        except GithubException as error:
            if error.status in (403, 404):
                return False
            raise
        return bool(told.get("state") == "active")

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Turn every fault of a call into a ``DeliveryError`` without the token in it."""
        from github import GithubException

        import requests

        try:
            yield
        except GithubException as error:
            data = error.data if isinstance(error.data, dict) else {}
            reason = str(data.get("message") or error.message or "")
            raise delivery_error(
                "GitHub", what, status=error.status, reason=reason, permanent=self._is_permanent(error.status, reason),
                headers={key: str(value) for key, value in (error.headers or {}).items()}, secrets=[self._token],
            ) from None  # fmt: skip
        except (requests.RequestException, OSError, ValueError) as error:
            reason = f"{type(error).__name__}"
            raise delivery_error("GitHub", what, reason=reason, secrets=[self._token]) from None

    def _is_permanent(self, status: int, reason: str) -> bool | None:
        """Whether one pull request is at fault, and not the token or the repository's name, which a person mends."""
        from github import GithubException

        import requests

        if status == 403 and "locked" in reason.lower():
            return True  # nobody comments there any more
        if status != 404:
            return None  # as the status says
        try:
            return bool(self._github.get_repo(self._name).full_name)
        except (GithubException, requests.RequestException, OSError, ValueError):
            return False

    def write_section(self, number: int, name: str, text: str, *, instead_of: str = "") -> bool:
        """Put one dataset's section into the sticky comment of a pull request; whether anything changed.

        Safe to repeat: the comment is looked up by its hidden marker and our login before one is posted.

        Args:
            instead_of: another section, which is left out from now on.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        return self._write_comment(number, lambda before: with_section(before, name, text, instead_of=instead_of))

    def write_plan(self, number: int, body: str) -> bool:
        """Make the sticky comment of an open pull request say this; whether anything changed. Safe to repeat.

        Once it is merged, the comment tells how it fares; a plan that comes late is left out.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        return self._write_comment(number, lambda _: body, only_open=True)

    def has_comment(self, number: int) -> bool:
        """Whether the pull request has a sticky comment of ours.

        Raises:
            DeliveryError: GitHub cannot be asked.
        """
        with self.errors(f"comments of #{number}"):
            return self._own_comment(self.repo.get_pull(number)) is not None

    def _write_comment(self, number: int, made: Callable[[str | None], str], *, only_open: bool = False) -> bool:
        with self.errors(f"comment on #{number}"):
            pull = self.repo.get_pull(number)
            if only_open and pull.state != "open":
                return False
            comment = self._own_comment(pull)
            before = comment.body if comment is not None else None
            body = made(before)
            if before is not None and before.replace("\r\n", "\n") == body:
                return False
            if comment is None:
                pull.create_issue_comment(body)
            else:
                comment.edit(body)
            return True

    def _own_comment(self, pull: PullRequest) -> IssueComment | None:
        login = self.login
        for comment in pull.get_issue_comments():
            if comment.user is not None and comment.user.login == login and (comment.body or "").startswith(MARKER):
                return comment
        return None

    def write_status(self, commit: str, state: State, description: str, *, context: str = STATUS_CONTEXT) -> bool:
        """Set a commit status unless it is so already; whether anything changed.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        told = " ".join(description.split())
        told = told if len(told) <= DESCRIPTION else told[: DESCRIPTION - 1] + "…"
        with self.errors(f"status of {commit[:12]}"):
            target = self.repo.get_commit(commit)
            for status in target.get_statuses():
                if status.context == context:  # the newest comes first
                    if (status.state, status.description) == (state.value, told):
                        return False
                    break
            target.create_status(state=state.value, description=told, context=context)
            return True


class GitHubChannel:
    """Tells events on the pull request that asked for a dataset, and on its commit.

    Args:
        github: the repository.
        pull_of: the pull request and the commit of an event, each None where not known; by default what the event
            itself says (``pull_request``, ``request_commit``).
        others_of: how the other requests of that commit stand: a commit has one status, and the worst of them counts.
    """

    name = "github"
    blind = False

    def __init__(
        self,
        github: GitHub,
        pull_of: Callable[[Event], tuple[int | None, str | None]] | None = None,
        others_of: Callable[[Event, str], Sequence[State]] | None = None,
    ) -> None:
        self._github = github
        self._pull_of = pull_of or _told_by_event
        self._others_of = others_of or (lambda event, commit: ())

    def send(self, event: Event, *, again: bool = False) -> bool:
        number, commit = self._pull_of(event)
        if number is None and commit is None:
            return False
        message = message_of(event)
        changed, fault = False, None
        if number is not None:
            text, instead_of = message_section(message), str(event.data.get("removal_path") or "")
            try:
                changed = self._github.write_section(number, message.name, text, instead_of=instead_of)
            except DeliveryError as error:
                if not error.details.get("permanent"):
                    raise
                fault = error  # the commit is told all the same
        if commit is not None and message.state is not State.INFO:
            state, told = status_of(message, self._others_of(event, commit))
            changed = self._github.write_status(commit, state, told) or changed
        if fault is not None:
            raise fault
        return changed

    def send_progress(self, progress: Progress, number: int) -> bool:
        """Edit the section of a landing that is under way.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        return self._github.write_section(number, progress.name, message_section(message_of_progress(progress)))


def status_of(message: RequestMessage, others: Sequence[State]) -> tuple[State, str]:
    """State and description of the status of a commit, of which ``message`` is the latest news."""
    every = [message.state, *others]
    state = next(one for one in (State.FAILURE, State.ERROR, State.PENDING, State.SUCCESS) if one in every)
    news = f"{message.headline}: {message.name}"
    if not others:
        return state, news
    failed, done = (sum(one in kinds for one in every) for kinds in (_FAILED, {State.SUCCESS}))
    count = f"{failed} of {len(every)} failed" if failed else f"{done} of {len(every)} done"
    return state, f"{count}; {news}"


def _told_by_event(event: Event) -> tuple[int | None, str | None]:
    number: Any = event.data.get("pull_request")
    commit: Any = event.data.get("request_commit")
    return (number if isinstance(number, int) else None), (commit if isinstance(commit, str) and commit else None)
