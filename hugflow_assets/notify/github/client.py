"""One repository on GitHub, as Hugflow asks it and writes to it: its sticky comments and commit statuses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hugflow_assets.notify.channel_errors import delivery_error
from hugflow_assets.notify.github.comment import MARKER, MERGE_SECTION, with_kept, with_section
from hugflow_assets.notify.request_messages import State
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.NamedUser import NamedUser
    from github.Organization import Organization
    from github.PullRequest import PullRequest
    from github.Repository import Repository
    from github.Requester import Requester

STATUS_CONTEXT = "hugflow/sync"
PLAN_CONTEXT = "hugflow/plan"
DESCRIPTION = 140
_VIEWER = "query { viewer { login } }"


class GitHub:
    """One repository, through PyGithub without its own retries (they post twice on a 5xx). Any thread may use it.

    Args:
        token: of the account that comments: a person's, an App's or a workflow's.
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
        from hugflow_assets.notify.github.requester import AnswerCache

        self._token = token
        self._name = repository
        self._api_url = api_url.rstrip("/")
        self._timeout_s = timeout_s
        self._verify = verify
        self._cache = AnswerCache()
        self._of_thread = threading.local()
        self._login: str | None = None
        self._login_is_hidden = False

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
    def requester(self) -> Requester:
        """This thread's; the answers that are kept are everyone's."""
        from github import Auth

        from hugflow_assets.notify.github.requester import ConditionalRequester

        if not hasattr(self._of_thread, "requester"):
            self._of_thread.requester = ConditionalRequester(
                self._cache,
                auth=Auth.Token(self._token),
                base_url=self._api_url,
                timeout=max(1, round(self._timeout_s)),
                user_agent="hugflow",
                per_page=100,
                verify=self._verify,
                retry=None,
                pool_size=None,
            )
        found: Requester = self._of_thread.requester
        return found

    @property
    def repo(self) -> Repository:
        """The repository as it is now; nothing is asked until something of it is read."""
        from github.Repository import Repository

        return Repository(self.requester, url=f"/repos/{self._name}", completed=False)

    @property
    def login(self) -> str:
        """The account's own login; empty where GitHub does not tell this kind of token, before it has written.

        A token of an App or of a workflow is refused ``/user``; GraphQL names the account of every kind.
        """
        if self._login is None and not self._login_is_hidden:
            self._login = self._asked_login()
            self._login_is_hidden = self._login is None
        return self._login or ""

    def _asked_login(self) -> str | None:
        from github import GithubException

        try:
            return str(self.requester.requestJsonAndCheck("GET", "/user")[1]["login"])
        except GithubException as error:
            if error.status not in (403, 404):
                raise
        try:
            _, answer = self.requester.graphql_query(_VIEWER, {})
            return str(answer["data"]["viewer"]["login"])
        except (GithubException, KeyError, TypeError):
            return None

    def is_member(self, org: str, team: str, login: str) -> bool:
        """Whether an account is an active member of a team; where the token may not ask, the answer is no."""
        from github import GithubException

        try:
            _, answer = self.requester.requestJsonAndCheck(
                "GET", f"/orgs/{quote(org)}/teams/{quote(team)}/memberships/{quote(login)}"
            )
        except GithubException as error:
            if error.status in (403, 404):
                return False
            raise
        return bool(answer.get("state") == "active")

    def merge_base(self, branch: str, head: str) -> str:
        """The commit at which a pull request branched off: what it changes is what differs from there.

        To be called inside ``errors``.
        """
        url = f"/repos/{self._name}/compare/{quote(branch, safe='')}...{quote(head, safe='')}"
        _, answer = self.requester.requestJsonAndCheck("GET", url, parameters={"per_page": 1})
        return str(answer["merge_base_commit"]["sha"])

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Turn every fault of a call into a ``DeliveryError`` without the token in it."""
        from github import BadAttributeException, GithubException

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
        except (BadAttributeException, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            # No JSON, or other than GitHub's: PyGithub looks into answers as if they were as documented.
            reason = f"an answer that is not GitHub's: {type(error).__name__}: {error}"
            raise delivery_error("GitHub", what, reason=reason, secrets=[self._token]) from None
        except (requests.RequestException, OSError) as error:
            raise delivery_error("GitHub", what, reason=type(error).__name__, secrets=[self._token]) from None

    def _is_permanent(self, status: int, reason: str) -> bool | None:
        """Whether one message is at fault, and not the token or the repository's name, which a person mends."""
        from github import GithubException

        import requests

        if status != 404:
            return None  # as the status says
        try:
            return bool(self.requester.requestJsonAndCheck("GET", f"/repos/{self._name}")[1]["full_name"])
        except (GithubException, requests.RequestException, OSError, ValueError, KeyError, TypeError):
            return False

    # ---- the sticky comment

    def write_plan(self, number: int, body: str) -> bool:
        """Make the sticky comment of an open pull request say this; whether anything changed. Safe to repeat.

        Once it is merged, the comment tells how it fares; a plan that comes late is left out. What it says of merging
        by itself stays.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        return self.edit_comment(number, lambda before: with_kept(body, before, MERGE_SECTION), only_open=True)

    def write_merge_note(self, number: int, text: str) -> bool:
        """Say in the sticky comment of an open pull request why it is not merged by itself; empty takes that back.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        return self.edit_comment(number, lambda before: with_section(before, MERGE_SECTION, text), only_open=True)

    def has_comment(self, number: int) -> bool:
        """Whether the pull request has a sticky comment of ours.

        Raises:
            DeliveryError: GitHub cannot be asked.
        """
        with self.errors(f"comments of #{number}"):
            return self._own_comment(self.repo.get_pull(number)) is not None

    def edit_comment(self, number: int, made: Callable[[str | None], str], *, only_open: bool = False) -> bool:
        """Make the sticky comment say what ``made`` makes of what it says; whether anything changed. Safe to repeat.

        It is looked up by its hidden marker and our login before one is posted.

        Raises:
            DeliveryError: GitHub did not take it.
        """
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
                posted = pull.create_issue_comment(body)
                self._learn_login(posted.user)
            else:
                comment.edit(body)
            return True

    def answer(self, number: int, body: str) -> None:
        """Post a comment of its own.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        with self.errors(f"answer on #{number}"):
            self.repo.get_pull(number).create_issue_comment(body)

    def _own_comment(self, pull: PullRequest) -> IssueComment | None:
        for comment in pull.get_issue_comments():
            if (comment.body or "").startswith(MARKER) and self._is_own(comment.user):
                return comment
        return None

    def _is_own(self, user: NamedUser | Organization | None) -> bool:
        """By login; where GitHub does not tell us ours, only an App of this repository can be one of type Bot."""
        if user is None:
            return False
        return user.login == self.login if self.login else user.type == "Bot"

    def _learn_login(self, user: NamedUser | Organization | None) -> None:
        if self._login is None and user is not None:
            self._login = user.login

    # ---- rights

    def missing_rights(self, *, merging: bool = False) -> tuple[str, ...]:
        """The rights that the token lacks, found by writing what GitHub never takes: nothing changes.

        Args:
            merging: whether it has to merge too.
        Raises:
            DeliveryError: GitHub cannot be asked.
        """
        with self.errors("rights of the token"):
            repo = self.repo
            missing = []
            if not self._may_write(f"/repos/{self._name}/statuses/{'0' * 40}", {"state": "", "context": PLAN_CONTEXT}):
                missing.append("Commit statuses: write")
            pull = next(iter(repo.get_pulls(state="all", sort="updated", direction="desc")), None)
            if pull is not None and not self._may_write(
                f"/repos/{self._name}/issues/{pull.number}/comments", {"body": ""}
            ):
                missing.append("Pull requests: write")
            if merging and repo.permissions is not None and not repo.permissions.push:
                missing.append("Contents: write")
        return tuple(missing)

    def _may_write(self, url: str, body: dict[str, str]) -> bool:
        """Whether a write without content is refused for its content (422), and not for want of a right (403, 404)."""
        from github import GithubException

        try:
            self.requester.requestJsonAndCheck("POST", url, input=body)
        except GithubException as error:
            if error.status in (403, 404):
                return False
            if error.status != 422:
                raise
        return True

    # ---- commit statuses

    def write_status(self, commit: str, state: State, description: str, *, context: str = STATUS_CONTEXT) -> bool:
        """Set a commit status unless it has that colour already; whether anything changed.

        A commit takes a thousand statuses of one context, and a write counts for more than a read: so the words of a
        status are those of the moment at which its colour changed.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        words = " ".join(description.split())
        words = words if len(words) <= DESCRIPTION else words[: DESCRIPTION - 1] + "…"
        with self.errors(f"status of {commit[:12]}"):
            target = self.repo.get_commit(commit)
            for status in target.get_statuses():
                if status.context == context:  # the newest comes first
                    if status.state == state.value:
                        return False
                    break
            target.create_status(state=state.value, description=words, context=context)
            return True


def web_url(api_url: str) -> str:
    """Where people and git find what an API is of: ``api.github.com``, a GitHub Enterprise, or one with data residency.

    Sources: https://docs.github.com/enterprise-cloud@latest/admin/data-residency (``api.SUBDOMAIN.ghe.com``) and
    https://docs.github.com/enterprise-server@latest/rest (``HOST/api/v3``).
    """
    parts = urlsplit(api_url)
    hosted = parts.netloc == "api.github.com" or parts.netloc.endswith(".ghe.com")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.') if hosted else parts.netloc}"
