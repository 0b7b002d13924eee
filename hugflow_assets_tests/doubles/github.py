"""A GitHub that holds one repository: pull requests, comments, statuses, reviews, check runs, merging.

As documented: order and paging of lists, at most 3,000 files of a pull request, ETags (a 304 costs nothing of the rate
limit), rights of tokens (``/user`` is 403 for an App's), 405 on a branch with a merge queue.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from hugflow_assets_tests.doubles.serving import Answer, Double, RefusalError, Request

COMMENT_LIMIT = 65_536
FILES_LISTED = 3000
RIGHTS = frozenset({"comments", "statuses", "contents"})
_SETTING_OF = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class GitHubDouble(Double):
    """``token`` is what it accepts; ``login`` whose token that is. ``of_app``: it is an App's or a workflow's.

    ``counted`` are the requests that cost of the rate limit. ``rights`` are what the token may write.
    """

    def __init__(
        self, *, token: str = "ghp_canary", repository: str = "org/requests", login: str = "hugflow-bot"
    ) -> None:
        super().__init__()
        self.token, self.repository, self.login = token, repository, login
        self.of_app = False
        self.rights = set(RIGHTS)
        self.counted: list[Request] = []
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.merge_queue: list[int] | None = None  # the queue of main, where there is one
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, list[dict[str, Any]]] = {}
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.check_runs: dict[str, list[dict[str, Any]]] = {}
        self.owners = "* @ben\n"  # .github/CODEOWNERS
        self.teams: dict[str, set[str]] = {"org/stewards": {"ben"}}
        self.repository_settings: dict[str, Any] = {"allow_merge_commit": True, "allow_squash_merge": True}
        self.merged: list[tuple[int, str]] = []
        self.locked: set[int] = set()
        self.before_merge: Callable[[], None] = lambda: None  # what happens just before a merge is looked at
        self._ids = 0

    def open_pull(self, number: int = 1, *, head: str = "a" * 40, author: str = "ada", **changes: Any) -> None:
        repo = f"{self.url}/repos/{self.repository}"
        self.pulls[number] = {
            "number": number,
            "id": 1000 + number,
            "node_id": f"PR_{number}",
            "title": "A request",
            "url": f"{repo}/pulls/{number}",
            "created_at": now_text(),
            "updated_at": now_text(),
            "issue_url": f"{repo}/issues/{number}",
            "state": "open",
            "draft": False,
            "mergeable": True,
            "changed_files": 1,
            "base": {"ref": "main", "sha": "0" * 40},
            "head": {"ref": "request", "sha": head},
            "user": self._user(author),
            **changes,
        }
        self.files[number] = [{"filename": "requests/add/x.yaml", "status": "added"}]

    def comment(self, number: int, login: str, body: str) -> int:
        return int(self._add_comment(number, login, body)["id"])

    def review(self, number: int, login: str, state: str = "APPROVED", *, commit: str = "") -> None:
        """A review of the head as it is, or was."""
        head = commit or self.pulls[number]["head"]["sha"]
        one = {"user": self._user(login), "state": state, "commit_id": head, "submitted_at": now_text()}
        self.reviews.setdefault(number, []).append(one)
        self._touch(number)

    def check(self, number: int, conclusion: str | None = "success", *, name: str = "request-validate") -> None:
        """A run of a check on the head as it is. GitHub does not count that as a change of the pull request."""
        head = self.pulls[number]["head"]["sha"]
        done = "completed" if conclusion else "in_progress"
        runs = self.check_runs.setdefault(head, [])
        runs[:] = [one for one in runs if one["name"] != name]
        runs.append(
            {"id": len(runs) + 1, "name": name, "conclusion": conclusion, "status": done, "started_at": now_text()}
        )

    def change_base(self, number: int, branch: str) -> None:
        """What the author may do at any time; reviews stay as they are."""
        self.pulls[number]["base"] = {**self.pulls[number]["base"], "ref": branch}
        self.events.setdefault(number, []).append(
            {"id": len(self.events) + 1, "event": "base_ref_changed", "created_at": now_text()}
        )
        self._touch(number)

    def _touch(self, number: int) -> None:
        if number in self.pulls:
            self.pulls[number]["updated_at"] = now_text()

    def bodies(self, number: int = 1, login: str | None = None) -> list[str]:
        by = login or self.login
        return [one["body"] for one in self.comments.get(number, []) if one["user"]["login"] == by]

    def answer(self, request: Request) -> Any:
        if request.headers.get("authorization") not in (f"token {self.token}", f"Bearer {self.token}"):
            raise RefusalError(401, {"message": "Bad credentials"})
        for method, pattern, handler in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return self._conditional(request, handler(request, *found.groups()))
        self.counted.append(request)
        raise RefusalError(404, {"message": "Not Found"})

    def _conditional(self, request: Request, answered: Any) -> Answer:
        """With an ETag; 304 where the client has this very answer."""
        answer = answered if isinstance(answered, Answer) else Answer(answered, {})
        whole = json.dumps([answer.body, answer.headers], sort_keys=True, default=str)
        etag = f'W/"{hashlib.sha256(whole.encode()).hexdigest()}"'
        if request.method == "GET" and request.headers.get("if-none-match") == etag:
            return Answer("", {"ETag": etag}, 304)
        self.counted.append(request)
        return replace(answer, headers={**answer.headers, "ETag": etag}) if request.method == "GET" else answer

    def _need(self, right: str) -> None:
        if right not in self.rights:
            raise RefusalError(403, {"message": "Resource not accessible by personal access token"})

    def _account(self) -> dict[str, Any]:
        if self.of_app:
            raise RefusalError(403, {"message": "Resource not accessible by integration"})
        return self._user(self.login)

    def _graphql(self, request: Request) -> dict[str, Any]:
        query = str(request.body.get("query"))
        if "viewer" in query:
            return {"data": {"viewer": {"login": self.login}}}
        if "enqueuePullRequest" not in query:
            return {"errors": [{"message": "Field does not exist"}]}
        self._need("contents")
        asked = request.body["variables"]["input"]
        number = int(asked["pullRequestId"].removeprefix("PR_"))
        if self.merge_queue is None:
            return {"errors": [{"type": "UNPROCESSABLE", "message": "The branch has no merge queue"}]}
        if asked["expectedHeadOid"] != self.pulls[number]["head"]["sha"]:
            return {"errors": [{"type": "UNPROCESSABLE", "message": "Head has changed"}]}
        self.merge_queue.append(number)
        return {"data": {"enqueuePullRequest": {"mergeQueueEntry": {"position": len(self.merge_queue)}}}}

    def _routes(self) -> list[tuple[str, str, Any]]:
        repo = f"/repos/{re.escape(self.repository)}"
        return [
            ("GET", "/user", lambda _: self._account()),
            ("POST", "/graphql", self._graphql),
            ("GET", repo, lambda _: self._repository()),
            ("GET", f"{repo}/pulls/(\\d+)", lambda _, number: self._pull(number)),
            ("GET", f"{repo}/pulls", self._list_pulls),
            ("GET", f"{repo}/pulls/(\\d+)/files", lambda r, n: self._page(r, self.files[int(n)][:FILES_LISTED])),
            ("GET", f"{repo}/issues/(\\d+)/events", lambda r, n: self._page(r, self.events.get(int(n), []))),
            ("GET", f"{repo}/compare/(.+)\\.\\.\\.(.+)", self._compare),
            ("GET", f"{repo}/issues/comments", self._all_comments),
            ("GET", f"{repo}/pulls/(\\d+)/reviews", lambda r, number: self._page(r, self.reviews.get(int(number), []))),
            ("PUT", f"{repo}/pulls/(\\d+)/merge", self._merge),
            ("GET", f"{repo}/issues/(\\d+)/comments", lambda r, n: self._page(r, self.comments.get(int(n), []))),
            ("POST", f"{repo}/issues/(\\d+)/comments", self._post_comment),
            ("PATCH", f"{repo}/issues/comments/(\\d+)", self._edit_comment),
            ("GET", f"{repo}/commits/([0-9a-f]+)", lambda _, sha: self._commit(sha)),
            ("GET", f"{repo}/statuses/([0-9a-f]+)", lambda r, s: self._page(r, self.statuses.get(s, [])[::-1])),
            ("GET", f"{repo}/commits/([0-9a-f]+)/check-runs", self._runs),
            ("POST", f"{repo}/statuses/([0-9a-f]+)", self._post_status),
            ("GET", f"{repo}/contents/(.+)", self._contents),
            ("GET", r"/orgs/([^/]+)/teams/([^/]+)/memberships/([^/]+)", self._membership),
        ]

    def _membership(self, request: Request, org: str, team: str, login: str) -> dict[str, Any]:
        if login not in self.teams.get(f"{org}/{team}", ()):
            raise RefusalError(404, {"message": "Not Found"})
        return {"state": "active", "role": "member"}

    def _contents(self, request: Request, path: str) -> dict[str, Any]:
        if path != ".github/CODEOWNERS":
            raise RefusalError(404, {"message": "Not Found"})
        return {
            "type": "file", "encoding": "base64", "path": path, "name": "CODEOWNERS", "sha": "0" * 40,
            "size": len(self.owners), "content": base64.b64encode(self.owners.encode()).decode(),
        }  # fmt: skip

    def _repository(self) -> dict[str, Any]:
        owner = self._user(self.repository.partition("/")[0])
        url = f"{self.url}/repos/{self.repository}"
        facts = {"full_name": self.repository, "url": url, "owner": owner, "default_branch": "main"}
        return facts | self.repository_settings

    def _pull(self, number: str) -> dict[str, Any]:
        if int(number) not in self.pulls:
            raise RefusalError(404, {"message": "Not Found"})
        return self.pulls[int(number)]

    def _list_pulls(self, request: Request) -> Answer:
        """Newest created first; with ``sort=updated`` alone the one on which nothing has happened for longest."""
        asked = request.query
        state, head, base = asked.get("state", "open"), asked.get("head"), asked.get("base")
        sort = asked.get("sort", "created")
        key = {"created": "created_at", "updated": "updated_at"}[sort]
        descending = asked.get("direction", "desc" if sort == "created" else "asc") == "desc"
        rows = [
            one
            for one in self.pulls.values()
            if state in ("all", one["state"])
            and head in (None, f"{self.repository.split('/')[0]}:{one['head']['ref']}")
            and base in (None, one["base"]["ref"])
        ]
        rows.sort(key=lambda one: (one[key], one["number"]), reverse=descending)
        # The list leaves out what GitHub has to work out for each.
        left_out = ("mergeable", "changed_files", "merged")
        return self._page(request, [{name: one[name] for name in one if name not in left_out} for one in rows])

    def _all_comments(self, request: Request) -> Answer:
        asked = request.query
        rows = [
            {**one, "issue_url": f"{self.url}/repos/{self.repository}/issues/{number}"}
            for number, comments in self.comments.items()
            for one in comments
            if one["updated_at"] >= asked.get("since", "")
        ]
        descending = "sort" in asked and asked.get("direction", "desc") == "desc"
        return self._page(request, sorted(rows, key=lambda one: one["id"], reverse=descending))

    def _compare(self, request: Request, base: str, head: str) -> dict[str, Any]:
        return {"merge_base_commit": self._commit(self.pulls[1]["base"]["sha"]), "files": [], "commits": []}

    def _check_merge(self, request: Request, number: str) -> None:
        self._need("contents")
        self.before_merge()
        if self.merge_queue is not None:
            why = "Changes must be made through the merge queue"
            raise RefusalError(405, {"message": f"Repository rule violations found\n\n{why}"})
        if self.repository_settings.get(_SETTING_OF[request.body.get("merge_method", "merge")]) is False:
            raise RefusalError(405, {"message": "This way to merge is not allowed on this repository."})
        if request.body.get("sha") != self._pull(number)["head"]["sha"]:
            raise RefusalError(409, {"message": "Head branch was modified. Review and try the merge again."})

    def _merge(self, request: Request, number: str) -> dict[str, Any]:
        _only(request.body, {"commit_message", "commit_title", "merge_method", "sha"})
        self._check_merge(request, number)
        self._pull(number)["state"] = "closed"
        self.merged.append((int(number), request.body["sha"]))
        return {"merged": True, "sha": "f" * 40, "message": "Pull Request successfully merged"}

    def _post_comment(self, request: Request, number: str) -> dict[str, Any]:
        self._need("comments")
        self._pull(number)
        self._check_body(request)
        if int(number) in self.locked:
            raise RefusalError(403, {"message": "Unable to create comment because issue is locked."})
        return self._add_comment(int(number), self.login, request.body["body"])

    def _edit_comment(self, request: Request, comment_id: str) -> dict[str, Any]:
        self._need("comments")
        self._check_body(request)
        for one in (one for many in self.comments.values() for one in many):
            if one["id"] == int(comment_id) and one["user"]["login"] == self.login:
                one |= {"body": request.body["body"], "updated_at": now_text()}
                return one
        raise RefusalError(404, {"message": "Not Found"})

    def _check_body(self, request: Request) -> None:
        _only(request.body, {"body"})
        if not 0 < len(request.body.get("body", "")) < COMMENT_LIMIT:
            raise RefusalError(422, {"message": "Body is too long or blank"})

    def _add_comment(self, number: int, login: str, body: str) -> dict[str, Any]:
        self._ids += 1
        url = f"{self.url}/repos/{self.repository}/issues/comments/{self._ids}"
        now = now_text()
        one = {
            "id": self._ids, "url": url, "body": body, "user": self._user(login), "created_at": now, "updated_at": now,
        }  # fmt: skip
        self.comments.setdefault(number, []).append(one)
        self._touch(number)
        return one

    def _post_status(self, request: Request, sha: str) -> dict[str, Any]:
        self._need("statuses")
        _only(request.body, {"state", "description", "context", "target_url"})
        if request.body["state"] not in ("pending", "success", "failure", "error"):
            raise RefusalError(422, {"message": "state is not included in the list"})
        if len(request.body.get("description", "")) > 140:
            raise RefusalError(422, {"message": "description is too long"})
        self.statuses.setdefault(sha, []).append({**request.body, "creator": self._user(self.login)})
        return self.statuses[sha][-1]

    def _runs(self, request: Request, sha: str) -> Answer:
        runs = [one for one in self.check_runs.get(sha, []) if one["name"] == request.query.get("check_name")]
        return self._page(request, runs, "check_runs")

    def _commit(self, sha: str) -> dict[str, Any]:
        return {"sha": sha, "url": f"{self.url}/repos/{self.repository}/commits/{sha}"}

    def _page(self, request: Request, rows: list[dict[str, Any]], key: str = "") -> Answer:
        """One page of a list, 30 rows or as many as are asked for up to 100, with the links to the others."""
        size = max(1, min(100, int(request.query.get("per_page", 30))))
        page, last = int(request.query.get("page", 1)), max(1, -(-len(rows) // size))
        links = {"next": page + 1, "last": last} if page < last else {}
        links |= {"prev": page - 1, "first": 1} if page > 1 else {}
        shown = rows[(page - 1) * size : page * size]
        address = f"{self.url}{request.path}?"
        told = ", ".join(
            f'<{address}{urlencode(request.query | {"page": number})}>; rel="{rel}"' for rel, number in links.items()
        )
        return Answer({"total_count": len(rows), key: shown} if key else shown, {"Link": told} if told else {})

    def _user(self, login: str) -> dict[str, Any]:
        kind = "Bot" if login.endswith("[bot]") else "User"
        return {"login": login, "id": abs(hash(login)) % 10_000, "url": f"{self.url}/users/{login}", "type": kind}


def now_text() -> str:
    """GitHub's form of now; with the part of a second, so that what comes later is later."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _only(body: dict[str, Any], fields: set[str]) -> None:
    if unknown := sorted(set(body) - fields):
        raise RefusalError(422, {"message": f"Invalid request: unknown field {unknown[0]}"})
