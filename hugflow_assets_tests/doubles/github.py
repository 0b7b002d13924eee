"""A GitHub that holds one repository: pull requests, comments, statuses, reviews, check runs, merging."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from hugflow_assets_tests.doubles.serving import Answer, Double, RefusalError, Request

COMMENT_LIMIT = 65_536
_SETTING_OF = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class GitHubDouble(Double):
    """``token`` is what it accepts; ``login`` whose token that is."""

    def __init__(
        self, *, token: str = "ghp_canary", repository: str = "org/requests", login: str = "hugflow-bot"
    ) -> None:
        super().__init__()
        self.token, self.repository, self.login = token, repository, login
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
            "url": f"{repo}/pulls/{number}",
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

    def comment(self, number: int, login: str, body: str) -> None:
        self._add_comment(number, login, body)

    def bodies(self, number: int = 1, login: str | None = None) -> list[str]:
        by = login or self.login
        return [one["body"] for one in self.comments.get(number, []) if one["user"]["login"] == by]

    def answer(self, request: Request) -> Any:
        if request.headers.get("authorization") not in (f"token {self.token}", f"Bearer {self.token}"):
            raise RefusalError(401, {"message": "Bad credentials"})
        for method, pattern, handler in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return handler(request, *found.groups())
        raise RefusalError(404, {"message": "Not Found"})

    def _routes(self) -> list[tuple[str, str, Any]]:
        repo = f"/repos/{re.escape(self.repository)}"
        return [
            ("GET", "/user", lambda _: self._user(self.login)),
            ("GET", repo, lambda _: self._repository()),
            ("GET", f"{repo}/pulls/(\\d+)", lambda _, number: self._pull(number)),
            ("GET", f"{repo}/pulls/(\\d+)/files", lambda r, number: self._page(r, self.files[int(number)])),
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

    def _merge(self, request: Request, number: str) -> dict[str, Any]:
        _only(request.body, {"commit_message", "commit_title", "merge_method", "sha"})
        self.before_merge()
        if self.repository_settings.get(_SETTING_OF[request.body.get("merge_method", "merge")]) is False:
            raise RefusalError(405, {"message": "This way to merge is not allowed on this repository."})
        pull = self._pull(number)
        if request.body.get("sha") != pull["head"]["sha"]:
            raise RefusalError(409, {"message": "Head branch was modified. Review and try the merge again."})
        pull["state"] = "closed"
        self.merged.append((int(number), request.body["sha"]))
        return {"merged": True, "sha": "f" * 40, "message": "Pull Request successfully merged"}

    def _post_comment(self, request: Request, number: str) -> dict[str, Any]:
        self._pull(number)
        self._check_body(request)
        if int(number) in self.locked:
            raise RefusalError(403, {"message": "Unable to create comment because issue is locked."})
        return self._add_comment(int(number), self.login, request.body["body"])

    def _edit_comment(self, request: Request, comment_id: str) -> dict[str, Any]:
        self._check_body(request)
        for one in (one for many in self.comments.values() for one in many):
            if one["id"] == int(comment_id) and one["user"]["login"] == self.login:
                one["body"] = request.body["body"]
                return one
        raise RefusalError(404, {"message": "Not Found"})

    def _check_body(self, request: Request) -> None:
        _only(request.body, {"body"})
        if not 0 < len(request.body.get("body", "")) < COMMENT_LIMIT:
            raise RefusalError(422, {"message": "Body is too long or blank"})

    def _add_comment(self, number: int, login: str, body: str) -> dict[str, Any]:
        self._ids += 1
        url = f"{self.url}/repos/{self.repository}/issues/comments/{self._ids}"
        one = {"id": self._ids, "url": url, "body": body, "user": self._user(login)}
        self.comments.setdefault(number, []).append(one)
        return one

    def _post_status(self, request: Request, sha: str) -> dict[str, Any]:
        _only(request.body, {"state", "description", "context", "target_url"})
        if request.body["state"] not in ("pending", "success", "failure", "error"):
            raise RefusalError(422, {"message": "state is not included in the list"})
        if len(request.body.get("description", "")) > 140:
            raise RefusalError(422, {"message": "description is too long"})
        self.statuses.setdefault(sha, []).append(dict(request.body))
        return dict(request.body)

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
        return {"login": login, "id": abs(hash(login)) % 10_000, "url": f"{self.url}/users/{login}", "type": "User"}


def _only(body: dict[str, Any], fields: set[str]) -> None:
    if unknown := sorted(set(body) - fields):
        raise RefusalError(422, {"message": f"Invalid request: unknown field {unknown[0]}"})
