"""The Hub's HTTP protocol for datasets, as a function from what was asked to an answer. Nothing here knows sockets."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from hugflow_assets.demo.api_rows import commit_row, folder_rows, iso_date, path_row, sibling_row
from hugflow_assets.demo.repos import BRANCHES, TAGS, Blob, Commit, Repo

if TYPE_CHECKING:
    from hugflow_assets.demo.xet_protocol import XetProtocol

HUB = "hub"
CDN = "cdn"
XET = "xet"
JSON = "application/json; charset=utf-8"
ACTIONS = ("revision", "tree", "paths-info", "refs", "commits", "auth-check", "resolve", "xet-read-token")
SIGNED_FOR_S = 3600
INVALID_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - the Hub's message, no secret
DISABLED = "Access to this resource is disabled."


@dataclass
class Request:
    """What was asked of the Hub, and what became of it.

    ``origin`` is "hub" or "cdn", ``path`` is still percent-encoded, header names are lower case. ``status`` is 0 until
    the answer begins, and ``bytes_sent`` counts the bytes of its body.
    """

    origin: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    status: int = 0
    bytes_sent: int = 0

    @property
    def range(self) -> str | None:
        """The Range header as given."""
        return self.headers.get("range")

    @property
    def user_token(self) -> str | None:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    def flag(self, name: str) -> bool:
        return self.parameters().get(name, ["false"])[-1].lower() in ("true", "1")


@dataclass(frozen=True)
class Answer:
    """One answer: a small body in memory, or a file's blob of which the server picks the asked range."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    blob: Blob | None = None

    @staticmethod
    def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return Answer(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(value).encode())


class RefusedError(Exception):
    """An answer that ends the handling of a request early."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        shown = "".join(letter if " " <= letter <= "~" else "?" for letter in message)
        headers = {"X-Error-Message": shown} | ({"X-Error-Code": code} if code else {})
        self.answer = Answer.json({"error": message}, status, headers)


class Protocol:
    """Answers requests from repositories.

    Args:
        repos: repository by lower-case id. Shared with the owner, who changes it under its own lock.
        moved: lower-case old id to the id that the repository has now.
        tokens: token to user name.
        page_size: entries in a page of a tree (the Hub: 1,000; fifty with ``expand``).
    """

    def __init__(
        self, repos: Mapping[str, Repo], moved: Mapping[str, str], tokens: Mapping[str, str], page_size: int = 1000
    ) -> None:
        self.repos = repos
        self.moved = moved
        self.tokens = tokens
        self.page_size = page_size
        self.hub_url = ""
        self.cdn_url = ""
        self.xet: XetProtocol | None = None
        self._secret = secrets.token_bytes(32)
        self._links = itertools.count(1)

    def answer(self, asked: Request) -> Answer:
        """The whole protocol: the CDN serves signed links, the Hub everything else."""
        try:
            if asked.origin == XET and self.xet is not None:
                return self.xet.answer(asked)
            return self._cdn(asked) if asked.origin == CDN else self._hub(asked)
        except RefusedError as refused:
            return refused.answer

    # ---- the Hub's origin

    def _hub(self, asked: Request) -> Answer:
        user = self._user(asked)
        parts = [unquote(part) for part in asked.path.split("/")[1:]]
        match parts:
            case ["api", "whoami-v2"]:
                return self._whoami(user)
            case ["api", "resolve-cache", "datasets", *rest]:
                return self._resolve_cache(asked, user, rest)
            case ["api", "datasets", *rest] if rest and rest != [""]:
                repo, action, arguments = self._find(asked, user, rest)
                return self._api(asked, user, repo, action, arguments)
            case ["datasets", *rest] if "resolve" in rest:
                repo, _, arguments = self._find(asked, user, rest)
                return self._resolve(asked, user, repo, arguments)
        raise RefusedError(404, None, "Sorry, we can't find the page you are looking for.")

    def _user(self, asked: Request) -> str | None:
        token = asked.user_token
        if token is None:
            return None
        if token not in self.tokens:
            raise RefusedError(401, None, INVALID_TOKEN)
        return self.tokens[token]

    def _whoami(self, user: str | None) -> Answer:
        if user is None:
            raise RefusedError(401, None, "Invalid username or password.")
        token = {"displayName": user, "role": "read", "createdAt": "2024-01-01T00:00:00.000Z"}
        about = {"type": "user", "id": hashlib.sha256(user.encode()).hexdigest()[:24], "name": user, "fullname": user}
        return Answer.json({**about, "orgs": [], "auth": {"type": "access_token", "accessToken": token}})

    def _find(self, asked: Request, user: str | None, parts: list[str]) -> tuple[Repo, str, list[str]]:
        """The repository that a path begins with (one or two components), the action and what follows it."""
        length = 1 if len(parts) == 1 or (parts[1] in ACTIONS and "/".join(parts[:2]).lower() not in self.repos) else 2
        repo_id, rest = "/".join(parts[:length]), parts[length:]
        action, arguments = (rest[0], rest[1:]) if rest else ("", [])
        canonical = self.moved.get(repo_id.lower(), repo_id)
        repo = self.repos.get(canonical.lower())
        if repo is None or not repo.may_read(user):
            # Without a valid token the Hub does not tell a missing repository from a private one.
            if user is None:
                raise RefusedError(401, "RepoNotFound", "Invalid username or password.")
            raise RefusedError(404, "RepoNotFound", "Repository not found")
        if repo.disabled:
            raise RefusedError(403, None, DISABLED)
        if repo.repo_id != repo_id:
            asked_id = "/".join(asked.path.split("/")[-len(parts) :][:length])
            raise _MovedError(asked, asked_id, quote(repo.repo_id, safe="/"))
        return repo, action, arguments

    def _api(self, asked: Request, user: str | None, repo: Repo, action: str, arguments: list[str]) -> Answer:
        revision = arguments[0] if arguments else "main"
        match action:
            case "" | "revision":
                return self._info(asked, repo, _at(repo, revision))
            case "tree":
                return self._tree(asked, repo, _at(repo, revision), "/".join(arguments[1:]).strip("/"))
            case "paths-info" if asked.method == "POST":
                return self._paths_info(asked, _at(repo, revision))
            case "refs":
                return self._refs(asked, repo)
            case "commits":
                return Answer.json([commit_row(one) for one in _at(repo, revision).history()])
            case "auth-check":
                self._check_gate(user, repo)
                return Answer(200, {"Content-Type": "text/plain"}, b"OK")
            case "xet-read-token" if self.xet is not None:
                self._check_gate(user, repo)
                return self.xet.token(repo)
        raise RefusedError(404, None, f"No such endpoint: {asked.method} {asked.path}")

    def _info(self, asked: Request, repo: Repo, commit: Commit) -> Answer:
        card = commit.card_data()
        licence = repo.license or card.get("license")
        if licence:
            card.setdefault("license", licence)
        licences = licence if isinstance(licence, list) else [licence] if licence else []
        about: dict[str, Any] = {
            "author": repo.repo_id.split("/")[0] if "/" in repo.repo_id else None,
            "sha": commit.id,
            "lastModified": iso_date(commit),
            "createdAt": iso_date(list(commit.history())[-1]),
            "private": repo.private,
            "gated": repo.gated or False,
            "disabled": repo.disabled,
            "tags": [*(f"license:{one}" for one in licences), "region:us"],
            "description": "",
            "downloads": 0,
            "likes": 0,
            "usedStorage": sum(blob.size_bytes for blob in commit.files.values()),
            "cardData": card or None,
            "siblings": [sibling_row(path, blob, asked.flag("blobs")) for path, blob in commit.files.items()],
        }
        wanted = asked.parameters().get("expand", []) + asked.parameters().get("expand[]", [])
        if wanted:
            if unknown := [one for one in wanted if one not in about]:
                raise RefusedError(400, None, f"Invalid expand property: {unknown[0]}")
            about = {name: about[name] for name in wanted}
        return Answer.json({"_id": repo.oid, "id": repo.repo_id, **about})

    def _tree(self, asked: Request, repo: Repo, commit: Commit, folder: str) -> Answer:
        if folder not in commit.trees:
            raise RefusedError(404, "EntryNotFound", f"{folder} does not exist on {commit.id}")
        expand = asked.flag("expand")
        rows = list(folder_rows(commit, folder, recursive=asked.flag("recursive"), expand=expand))
        size = min(self.page_size, 50) if expand else self.page_size
        cursor = asked.parameters().get("cursor", ["0"])[0]
        if not re.fullmatch("[0-9]{1,9}", cursor):
            raise RefusedError(400, None, f"Invalid cursor: {cursor}")
        start = int(cursor)
        headers = {}
        if start + size < len(rows):
            query = urlencode({"recursive": asked.flag("recursive"), "expand": expand, "cursor": start + size})
            headers["Link"] = f'<{self.hub_url}{asked.path}?{query}>; rel="next"'
        return Answer.json(rows[start : start + size], headers=headers)

    def _paths_info(self, asked: Request, commit: Commit) -> Answer:
        body = asked.body.decode("utf-8", "replace")
        if asked.headers.get("content-type", "").startswith("application/json"):
            try:
                given = json.loads(body)
                paths, expand = [str(one) for one in given["paths"]], given.get("expand", False)
            except (ValueError, KeyError, TypeError):
                raise RefusedError(400, None, 'Expected {"paths": [...]}') from None
        else:
            form = parse_qs(body, keep_blank_values=True)
            paths, expand = form.get("paths", []), form.get("expand", ["false"])[-1].lower() in ("true", "1")
        wanted = [path.strip("/") for path in paths]
        return Answer.json([path_row(commit, path, expand=expand) for path in wanted if _is_there(commit, path)])

    def _refs(self, asked: Request, repo: Repo) -> Answer:
        kinds = {"branches": BRANCHES, "tags": TAGS, "converts": "refs/convert/", "pullRequests": "refs/pr/"}
        rows = {
            kind: [
                {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": commit.id}
                for ref, commit in repo.refs.items()
                if ref.startswith(prefix)
            ]
            for kind, prefix in kinds.items()
        }
        if not asked.flag("include_prs"):
            del rows["pullRequests"]
        return Answer.json(rows)

    # ---- files

    def _resolve(self, asked: Request, user: str | None, repo: Repo, arguments: list[str]) -> Answer:
        self._check_gate(user, repo)
        revision, path = (arguments[0], "/".join(arguments[1:])) if arguments else ("main", "")
        if arguments[:1] == ["refs"] and len(arguments) > 3:
            revision, path = "/".join(arguments[:3]), "/".join(arguments[3:])
        commit = _at(repo, revision)
        blob = _blob(commit, path)
        linked = {"X-Repo-Commit": commit.id, "X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": str(blob.size_bytes)}
        if blob.sha256 is None:
            target = f"/api/resolve-cache/datasets/{repo.repo_id}/{commit.id}/{path}"
            query = urlencode({asked.path: "", "etag": f'"{blob.etag}"'})
            return Answer(307, {**linked, "Location": f"{quote(target)}?{query}", "ETag": f'"{blob.etag}"'})
        headers = {**linked, "Location": self.cdn_link(repo, blob, path), "Accept-Ranges": "bytes"}
        if blob.xet_hash:
            route = f"{self.hub_url}/api/datasets/{repo.repo_id}/xet-read-token/{commit.id}"
            headers |= {"X-Xet-Hash": blob.xet_hash, "X-Xet-Refresh-Route": route, "Link": f'<{route}>; rel="xet-auth"'}
        return Answer(302, headers, b"Found. Redirecting to the storage")

    def _resolve_cache(self, asked: Request, user: str | None, parts: list[str]) -> Answer:
        at = next((i for i, part in enumerate(parts) if re.fullmatch(r"[0-9a-f]{40}", part)), 0)
        repo = self.repos.get("/".join(parts[:at]).lower())
        if not at or repo is None or repo.disabled or not repo.may_download(user):
            raise RefusedError(404, "RepoNotFound", "Repository not found")
        commit = _at(repo, parts[at])
        blob = _blob(commit, "/".join(parts[at + 1 :]))
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{blob.etag}"', "Content-Type": "text/plain; charset=utf-8"}
        return Answer(200, headers, blob=blob)

    def _check_gate(self, user: str | None, repo: Repo) -> None:
        if repo.may_download(user):
            return
        message = f"Access to dataset {repo.repo_id} is restricted"
        if user is None:
            message += ". You must have access to it and be authenticated to access it. Please log in."
            raise RefusedError(401, "GatedRepo", message)
        where = f"{self.hub_url}/datasets/{repo.repo_id}"
        message += f" and you are not in the authorized list. Visit {where} to ask for access."
        raise RefusedError(403, "GatedRepo", message)

    # ---- the CDN's origin

    def cdn_link(self, repo: Repo, blob: Blob, path: str) -> str:
        """A signed link to the bytes of an LFS file, good for an hour and for whoever holds it; no two are alike."""
        target = f"/repos/{repo.oid}/{blob.sha256}"
        signed = {"Expires": str(int(time.time()) + SIGNED_FOR_S), "Nonce": str(next(self._links))}
        signed["Signature"] = self._signature(target, signed)
        shown = f"inline; filename*=UTF-8''{quote(path.rpartition('/')[2])}"
        return f"{self.cdn_url}{target}?{urlencode({'response-content-disposition': shown, **signed})}"

    def _cdn(self, asked: Request) -> Answer:
        given = {name: values[-1] for name, values in asked.parameters().items()}
        signed = hmac.compare_digest(self._signature(asked.path, given), given.get("Signature", ""))
        if not signed or int(given["Expires"]) < time.time():
            return Answer(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
        _, _, oid, sha256 = asked.path.split("/")
        blob = next((repo.stored.get(sha256) for repo in list(self.repos.values()) if repo.oid == oid), None)
        if blob is not None:
            headers = {"ETag": f'"{sha256}"', "Content-Type": "binary/octet-stream"}
            if shown := given.get("response-content-disposition"):
                headers["Content-Disposition"] = shown
            return Answer(200, headers, blob=blob)
        return Answer(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>")

    def _signature(self, path: str, given: Mapping[str, str]) -> str:
        signed = f"{path}?{given.get('Expires')}&{given.get('Nonce')}"
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()


class _MovedError(RefusedError):
    """The repository is spelt otherwise, or has another name now: the same path with the id that it has."""

    def __init__(self, asked: Request, given: str, canonical: str) -> None:
        head = "/datasets/" if asked.path.startswith("/datasets/") else "/api/datasets/"
        rest = asked.path.removeprefix(f"{head}{given}")
        target = f"{head}{canonical}{rest}" + (f"?{asked.query}" if asked.query else "")
        super().__init__(307, None, f"Temporary Redirect. Redirecting to {target}")
        self.answer = Answer(307, {"Location": target, "Content-Type": "text/plain"}, str(self).encode())


def _at(repo: Repo, revision: str) -> Commit:
    commit = repo.at(revision)
    if commit is None:
        raise RefusedError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    return commit


def _blob(commit: Commit, path: str) -> Blob:
    if path not in commit.files:
        raise RefusedError(404, "EntryNotFound", "Entry not found")
    return commit.files[path]


def _is_there(commit: Commit, path: str) -> bool:
    return path in commit.files or (path != "" and path in commit.trees)
