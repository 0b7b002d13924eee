"""The Hub as Hugflow asks it: resolve a request, look at a repository, look up files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from hugflow_assets.errors import (
    HFError,
    HFIdSpellingError,
    HFRateLimitedError,
    HFRevisionNotFoundError,
    HFUnreachableError,
    PlanTimedOutError,
)
from hugflow_assets.hub import refusals
from hugflow_assets.hub.access import HubAccess, file_url
from hugflow_assets.hub.cache import LISTINGS
from hugflow_assets.hub.card import Card, license_of, plain, read_card
from hugflow_assets.hub.http import client
from hugflow_assets.hub.listing_pages import ListingPages
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.hub.prefetch import ahead
from hugflow_assets.hub.ranges import is_promised, read_range_of
from hugflow_assets.hub.refusals import Asked
from hugflow_assets.hub.requests import Answer, call

_LARGEST_CARD = 16 << 20
_USUAL_CARD = 1 << 20
_PATHS_AT_ONCE = 500
_INFO = ("cardData", "disabled", "gated", "lastModified", "private", "sha")
_NO_DATA = frozenset({"README.md", ".gitattributes", ".gitignore"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)


class Hub:
    """A Hub at the endpoint of ``access``. No answer outlives the process, and none is given to another token.

    Every method raises ``HFUnreachableError`` or ``HFRateLimitedError`` when there is no usable answer after every
    retry, and ``HFTokenError`` when the Hub refuses the token itself.
    """

    def __init__(self, access: HubAccess) -> None:
        self.access = access

    # ---- what the rooms above ask

    def repository(
        self, repo_id: str, revision: str, *, known_oid: str | None = None, seen_before: bool = False
    ) -> tuple[RepoState, list[SourceFile], str]:
        """A repository at a revision with its card, all its files, and what is wrong with the card ("": nothing).

        Args:
            known_oid: the Hub's ``_id`` of the repository we landed: another one under this name means ours is gone.
            seen_before: we hold a landing of it, so that "not found" means gone.
        Raises:
            HFNotFoundError, HFGoneError, HFGatedError, HFDisabledError, HFIdSpellingError, HFRevisionNotFoundError.
        """
        asked = Asked(self.access, repo_id, revision, seen_before=seen_before or known_oid is not None)
        self._check_id(asked)
        client(self.access)
        readme = ahead(lambda: self._likely_readme(asked))
        listing = ahead(lambda: self.files(asked.repo_id, revision)) if _COMMIT.fullmatch(revision) else None
        state = self._state(asked)
        if known_oid is not None and state.repo_oid is not None and state.repo_oid != known_oid:
            raise refusals.replaced(asked)
        if listing is None or state.commit != revision:
            listing = ahead(lambda: self.files(state.repo_id, state.commit))
        if state.gated:
            self._check_gate(state, asked)
        files = listing.result()
        by_path = {file.path: file for file in files}
        LISTINGS.put(by_path, self.access, state.repo_id, state.commit)
        card = self._card(state, by_path, readme)
        card_data = card.data or state.card_data
        state = state.model_copy(
            update={
                "files_hash": _files_hash(files),
                "card_text": card.text,
                "card_data": card_data,
                "license": license_of(card_data) or state.license,
            }
        )
        return state, files, card.problem

    def state(self, repo_id: str, revision: str = "main") -> RepoState:
        """The repository at a revision in one call: commit, licence, gate; the card's text is left out.

        Raises:
            HFNotFoundError, HFDisabledError, HFIdSpellingError, HFRevisionNotFoundError.
        """
        asked = Asked(self.access, repo_id, revision)
        self._check_id(asked)
        return self._state(asked)

    def file_info(self, repo_id: str, commit: str, paths: Sequence[str]) -> dict[str, SourceFile]:
        """Size and hashes of the given files at a commit, by path; a path that is not there is left out.

        Nobody is asked after a plan at that commit in this process: it was told of all files.
        """
        if (listed := LISTINGS.get(self.access, repo_id, commit)) is not None:
            return {path: listed[path] for path in paths if path in listed}
        asked = Asked(self.access, repo_id, commit)
        found: dict[str, SourceFile] = {}
        for start in range(0, len(paths), _PATHS_AT_ONCE):
            answer = call(
                self.access,
                "POST",
                f"{self.access.endpoint}/api/datasets/{repo_id}/paths-info/{quote(commit, safe='')}",
                data={"paths": list(paths[start : start + _PATHS_AT_ONCE]), "expand": "false"},
            )
            self._refuse(answer, asked)
            found.update((file.path, file) for file in self._source_files(answer))
        return found

    def files(self, repo_id: str, commit: str) -> list[SourceFile]:
        """Every file of a repository at a commit, in path order; pages of the list that are kept are not asked for."""
        first = f"{self.access.endpoint}/api/datasets/{repo_id}/tree/{quote(commit, safe='')}"
        pages = ListingPages(self.access, repo_id, commit) if _COMMIT.fullmatch(commit) else None
        found: list[SourceFile] = []
        url: str | None = first
        if pages is not None:
            for files, following in pages.read():
                found += files
                url = following
        if found and url is not None:
            try:
                rest = list(self._pages_from(url, repo_id, commit, pages))
            except (HFUnreachableError, HFRateLimitedError, PlanTimedOutError):
                raise
            except HFError:  # the place in the list is no longer known: from the beginning
                if pages is not None:
                    pages.drop()
                found, rest = [], list(self._pages_from(first, repo_id, commit, pages))
            found += rest
        elif url is not None:
            found = list(self._pages_from(first, repo_id, commit, pages))
        return sorted(found, key=lambda file: file.path)

    def _pages_from(self, url: str, repo_id: str, commit: str, pages: ListingPages | None) -> Iterator[SourceFile]:
        """The files from one page of a list on."""
        asked = Asked(self.access, repo_id, commit)
        params: dict[str, str] | None = None if urlsplit(url).query else {"recursive": "true", "expand": "false"}
        seen = {url}
        following: str | None = url
        while following is not None:
            url = following
            answer = call(self.access, "GET", url, params=params)
            self._refuse(answer, asked)
            files, link = self._source_files(answer), _next_link(answer)
            following, params = (None, None) if link is None else (_next_page(link, url), None)
            if link is not None and (following is None or following in seen):
                raise self._odd(answer, "a next page that leads elsewhere")
            seen |= {following} if following else set()
            if pages is not None:
                pages.keep(files, following)
            yield from files

    def refs(self, repo_id: str) -> list[str]:
        """Branches, tags and conversions of a repository, by the names that a request may use."""
        answer = self._get(f"/api/datasets/{repo_id}/refs")
        self._refuse(answer, Asked(self.access, repo_id))
        found = self._json(answer)
        try:
            return [
                str(one["ref"] if kind == "converts" else one["name"])
                for kind in ("branches", "tags", "converts")
                for one in found.get(kind) or []
            ]
        except (KeyError, TypeError):
            raise self._odd(answer, "a list of refs of another form") from None

    def read_range(self, repo_id: str, commit: str, file: SourceFile, start: int, end: int) -> bytes:
        """A file's bytes from ``start`` to ``end`` (exclusive); fewer where the server does not know ranges.

        Raises:
            HFDownloadError: it is not there, or the server gives other bytes than the file's.
        """
        asked = Asked(self.access, repo_id, commit, file.path)
        return read_range_of(self.access, repo_id, commit, file, start, end, lambda answer: self._refuse(answer, asked))

    def whoami(self) -> str | None:
        """The account of the token, or None without one.

        Raises:
            HFTokenError: the Hub refuses the token.
        """
        if self.access.token is None:
            return None
        answer = self._get("/api/whoami-v2")
        if answer.status in (401, 403):
            raise refusals.bad_token(self.access)
        self._refuse(answer, Asked(self.access, "whoami"))
        name = self._json(answer).get("name")
        return str(name) if name else None

    def ping(self) -> None:
        """Return when something that speaks HTTP like a Hub answers at the endpoint.

        Raises:
            HFUnreachableError: it does not.
        """
        answer = self._get("/api/whoami-v2")
        if answer.status == 200 or answer.status == 404:
            self._json(answer)

    # ---- one repository

    def _state(self, asked: Asked) -> RepoState:
        path = f"/api/datasets/{asked.repo_id}/revision/{quote(asked.revision, safe='')}"
        answer = self._get(path, {"expand": list(_INFO)})
        if answer.status == 404 and not answer.header("X-Error-Code"):
            # A plain server names no reason: does the repository itself exist? Asked without a revision it tells main.
            answer = self._get(f"/api/datasets/{asked.repo_id}")
            self._refuse(answer, asked)
            if asked.revision not in ("main", self._json(answer).get("sha")):
                raise self._no_revision(asked)
        self._refuse(answer, asked)
        info = self._json(answer)
        repo_id, commit = str(info.get("id", "")), str(info.get("sha", ""))
        if not _COMMIT.fullmatch(commit) or not _REPO_ID.fullmatch(repo_id):
            raise self._odd(answer, "an answer without id and commit")
        if repo_id != asked.repo_id:
            raise _spelling(asked, repo_id)
        if info.get("disabled"):
            raise refusals.disabled(asked)
        card_data = plain(info["cardData"]) if isinstance(info.get("cardData"), dict) else {}
        return RepoState(
            repo_id=repo_id,
            repo_oid=str(info["_id"]) if info.get("_id") else None,
            commit=commit,
            license=license_of(card_data),
            gated=str(info["gated"]) if info.get("gated") else None,
            private=bool(info.get("private")),
            disabled=bool(info.get("disabled")),
            last_modified=info.get("lastModified"),
            card_data=card_data,
        )

    def _check_id(self, asked: Asked) -> None:
        if not _REPO_ID.fullmatch(asked.repo_id) or ".." in asked.repo_id:
            raise refusals.not_found(asked)

    def _check_gate(self, state: RepoState, asked: Asked) -> None:
        """A gated repository shows itself to all: ask whether its files are ours to have."""
        answer = self._get(f"/api/datasets/{state.repo_id}/auth-check")
        if answer.status == 404 and not answer.header("X-Error-Code"):
            return  # a mirror without this endpoint: the first file will tell
        if answer.status in (401, 403) and not answer.header("X-Error-Code"):
            if self.access.token:
                self.whoami()  # raises when it is the token that is refused
            raise refusals.gated(asked, answer.status)  # a plain server names no reason, and the gate is known
        self._refuse(answer, asked)

    def _card(self, state: RepoState, files: Mapping[str, SourceFile], likely: Future[bytes]) -> Card:
        readme = likely.result() if "README.md" in files else b""
        if readme and not is_promised(files["README.md"], readme):
            readme = b""  # of another commit, or another page
        readme, standalone = (
            self.read_range(state.repo_id, state.commit, files[name], 0, _LARGEST_CARD)
            if name in files and not known
            else known
            for name, known in (("README.md", readme), (".huggingface.yaml", b""))
        )
        return read_card(readme, standalone) if readme or standalone else Card()

    def _likely_readme(self, asked: Asked) -> bytes:
        """What README.md is at a revision whose commit is not known yet; nothing where it does not come at once."""
        url = file_url(self.access.endpoint, asked.repo_id, asked.revision, "README.md")
        hasty = replace(self.access, retries=0)
        try:
            answer = call(hasty, "GET", url, headers={"Accept-Encoding": "identity"}, largest=_USUAL_CARD, cut=True)
        except HFError:
            return b""
        return answer.body if answer.status == 200 else b""

    # ---- one answer

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Answer:
        return call(self.access, "GET", f"{self.access.endpoint}{path}", params=params)

    def _refuse(self, answer: Answer, asked: Asked) -> None:
        """Raise what a status of 400 and above means."""
        if answer.status < 400:
            return
        if answer.status == 401 and self.access.token and answer.header("X-Error-Code") != "GatedRepo":
            self.whoami()  # raises when it is the token that is refused, not the repository
        error = refusals.refusal(answer, asked)
        raise self._no_revision(asked) if isinstance(error, HFRevisionNotFoundError) else error

    def _no_revision(self, asked: Asked) -> HFRevisionNotFoundError:
        try:
            existing = self.refs(asked.repo_id)
        except HFError:
            existing = []
        return refusals.revision_not_found(asked, existing)

    def _json(self, answer: Answer, form: type[dict[str, Any]] | type[list[Any]] = dict) -> Any:
        try:
            found = json.loads(answer.body)
        except ValueError:
            kind = answer.header("Content-Type").partition(";")[0] or "something"
            raise self._odd(answer, f"{kind} that is no JSON") from None
        if not isinstance(found, form):
            raise self._odd(answer, f"JSON of another form ({type(found).__name__})")
        return found

    def _source_files(self, answer: Answer) -> list[SourceFile]:
        try:
            return [_source_file(row) for row in self._json(answer, list) if row["type"] == "file"]
        except (KeyError, TypeError, ValueError):
            raise self._odd(answer, "a list of files of another form") from None

    def _odd(self, answer: Answer, received: str) -> HFUnreachableError:
        begins = self.access.redact(answer.body[:80].decode("utf-8", "replace"))
        return HFUnreachableError(
            f"{self.access.endpoint} does not answer as a Hub does: it sends {received}, status {answer.status}, "
            f"beginning {begins!r}.",
            remedy="Check HF_ENDPOINT and HTTPS_PROXY: a login page or another server may be in between.",
            endpoint=self.access.endpoint,
        )


def _spelling(asked: Asked, right: str) -> HFIdSpellingError:
    why = "spelt" if right.casefold() == asked.repo_id.casefold() else "called"
    return HFIdSpellingError(
        f"The dataset {asked.repo_id!r} is {why} {right!r} at {asked.access.endpoint}.",
        remedy=f"Write `hf_id: {right}` in the request.",
        repo=asked.repo_id,
        right=right,
        endpoint=asked.access.endpoint,
    )


def _source_file(row: dict[str, Any]) -> SourceFile:
    """A row of the tree. The ``oid`` of an LFS file is that of its pointer and says nothing of its bytes."""
    lfs = row.get("lfs")
    if any(part in ("", ".", "..") for part in row["path"].split("/")):
        raise ValueError(f"a path that no repository can hold: {row['path']!r}")
    promised = (lfs.get("oid") or lfs.get("sha256")) if lfs else None
    return SourceFile(
        path=row["path"],
        size_bytes=int(lfs["size"] if lfs and "size" in lfs else row["size"]),
        sha256=promised.removeprefix("sha256:") if promised else None,
        git_sha1=None if lfs else row.get("oid"),
        xet_hash=row.get("xetHash"),
    )


def _files_hash(files: Sequence[SourceFile]) -> str:
    digests = sorted(f"{file.path}\0{file.sha256 or file.git_sha1}" for file in files if file.path not in _NO_DATA)
    return sha256("\n".join(digests).encode()).hexdigest()[:32]


def _next_link(answer: Answer) -> str | None:
    found = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', answer.header("Link"))
    return found[1] if found else None


def _next_page(link: str, page: str) -> str | None:
    """The URL of the page that ``link`` on ``page`` means; None when it is not a page of the same list.

    A mirror may pass on the real Hub's link, a server may know itself by another name, and a link may be relative.
    So what is taken from the link is its query alone: the next page is asked where this one was.
    """
    here, there = urlsplit(page), urlsplit(urljoin(page, link))
    if not unquote(here.path).endswith(unquote(there.path)) and not unquote(there.path).endswith(unquote(here.path)):
        return None
    return here._replace(query=there.query).geturl()
