"""GitHub's answers, kept with their ETags: asking again for what has not changed costs nothing of the rate limit.

Source: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api (conditional requests:
a 304 does not count). A blob or tree by its hash is the same for ever, and is asked for once.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from github.Requester import Requester

_KEPT_BYTES = 64 << 20
_BY_HASH = re.compile(r"/git/(?:blobs|trees)/[0-9a-f]{40}(?:\?|$)")

_LISTS = re.compile(r"/(?:pulls|comments|files|reviews|events|statuses/[0-9a-f]+)(?:\?|$)")

_NO_LIST = re.compile(r"\s*(?:\{|\[\s*null\b)")


@dataclass(frozen=True)
class KeptAnswer:
    """One answer as it came. ``etag`` is empty where the server gave none."""

    etag: str
    headers: dict[str, Any]
    body: str


class AnswerCache:
    """The newest answers of one repository's API, at most 64 MB of them; shared by the threads that ask."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes, self._used = kept_bytes, 0
        self._answers: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> KeptAnswer | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def put(self, key: str, answer: KeptAnswer) -> None:
        with self._lock:
            if key in self._answers:
                self._used -= len(self._answers.pop(key).body)
            self._answers[key] = answer
            self._used += len(answer.body)
            while self._used > self._kept_bytes and len(self._answers) > 1:
                self._used -= len(self._answers.popitem(last=False)[1].body)


class ConditionalRequester(Requester):
    """PyGithub's requester with an ``AnswerCache`` before it; what is no JSON is refused by name.

    One thread's: PyGithub keeps the request that is under way in its connection.
    """

    def __init__(self, cache: AnswerCache, **options: Any) -> None:
        super().__init__(**options)
        self._cache = cache

    def requestJson(  # noqa: N802  PyGithub's name
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002  PyGithub's name
        cnx: Any = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        """Send one request. A GET whose answer is kept and unchanged gives that answer, as status 200.

        Raises:
            ValueError: a success that is no JSON, such as the login page of a proxy, or no list where one is asked for.
        """
        asked = dict(headers or {})
        key = f"{asked.get('Accept', '')} {self.add_parameters_to_url(url, parameters or {})}"
        kept = self._cache.get(key) if verb == "GET" else None
        if kept is not None and _BY_HASH.search(key):
            return 200, dict(kept.headers), kept.body
        if kept is not None and kept.etag:
            asked["If-None-Match"] = kept.etag
        status, answered, body = super().requestJson(
            verb, url, parameters, asked, input, cnx, follow_302_redirect=follow_302_redirect
        )
        if status == 304 and kept is not None:
            return 200, {**kept.headers, **{name: one for name, one in answered.items() if name != "link"}}, kept.body
        if status < 400:
            _check_json(verb, status, body, is_list=verb == "GET" and _LISTS.search(url) is not None)
        if verb == "GET" and status == 200:
            self._cache.put(key, KeptAnswer(str(answered.get("etag") or ""), dict(answered), body))
        return status, answered, body


def _check_json(verb: str, status: int, body: str, *, is_list: bool) -> None:
    begins = body.lstrip()[:1]
    if is_list and _NO_LIST.match(body):  # PyGithub takes it for a list without items: nothing would be open any more
        raise ValueError(f"status {status} with {' '.join(body[:60].split())!r}, which is no list")
    if begins in ("{", "[") or (not begins and verb != "GET"):
        return
    raise ValueError(f"status {status} with {' '.join(body[:60].split())!r}, which is no JSON")
