"""Who owns a path, after a CODEOWNERS file as GitHub reads it.

Source of the rules: https://docs.github.com/articles/about-code-owners (patterns of gitignore, without ``!``, ``[…]``
and an escaped ``#``; the last line that matches counts, also when it names nobody; ``folder/*`` reaches no deeper).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hugflow_assets.notify.github.client import GitHub

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")  # blanks inside a pattern are escaped


class CodeOwners:
    """The owners of a repository's paths.

    Args:
        text: of the CODEOWNERS file.
        is_member: whether an account (third) is an active member of a team (second) of an organisation (first).
    """

    def __init__(self, text: str, is_member: Callable[[str, str, str], bool]) -> None:
        self._text, self._is_member = text, is_member
        self._members: dict[tuple[str, str], bool] = {}

    @classmethod
    def read(cls, github: GitHub, branch: str) -> CodeOwners:
        """Those of a branch: the first file that there is of GitHub's places. To be called inside ``github.errors``."""
        from github import UnknownObjectException

        for path in PLACES:
            try:
                file: Any = github.repo.get_contents(path, ref=branch)
            except UnknownObjectException:
                continue
            if not isinstance(file, list) and file.encoding == "base64":  # a folder or a huge file names nobody
                return cls(file.decoded_content.decode("utf-8", "replace"), github.is_member)
        return cls("", github.is_member)

    def owns(self, login: str, path: str) -> bool:
        """Whether an account owns a path, by name or as a member of a team."""
        owners = owners_of(self._text, path)
        if f"@{login}".casefold() in {one.casefold() for one in owners}:
            return True
        return any(self._in_team(one, login) for one in owners if "/" in one)

    def _in_team(self, owner: str, login: str) -> bool:
        if (owner, login) not in self._members:
            org, _, team = owner.removeprefix("@").partition("/")
            self._members[owner, login] = self._is_member(org, team, login)
        return self._members[owner, login]


def owners_of(text: str, path: str) -> tuple[str, ...]:
    """The accounts and teams (``@login``, ``@org/team``) that own a path; owners by e-mail are left out.

    Args:
        text: of the CODEOWNERS file.
        path: relative to the repository, with ``/``.
    """
    owners: tuple[str, ...] = ()
    for line in text.splitlines():
        words = _words(line)
        if words and not _is_invalid(words) and pattern_matches(words[0], path):
            owners = tuple(word for word in words[1:] if word.startswith("@"))
    return owners


def _words(line: str) -> list[str]:
    """Pattern and owners of a line, without its comment."""
    words: list[str] = []
    for word in _WORD.findall(line):
        if word.startswith("#"):
            break
        words.append(word)
    return words


def _is_invalid(words: list[str]) -> bool:
    """GitHub skips such a line."""
    pattern, *owners = words
    negated = pattern.startswith(("!", "\\#")) or "[" in pattern
    return negated or any("@" not in one for one in owners)


def pattern_matches(pattern: str, path: str) -> bool:
    """Whether a pattern covers a path: the file itself, or a folder that it lies in."""
    folder_only = pattern.endswith("/")
    inner = pattern.strip("/")
    if not inner:
        return False
    anchored = pattern.startswith("/") or "/" in inner
    parts = inner.split("/")
    if not anchored:
        parts.insert(0, "**")
    deeper = "" if anchored and parts[-1] == "*" else "(?:/.*)?"
    return re.fullmatch(_expression(parts) + ("/.*" if folder_only else deeper), path, re.DOTALL) is not None


def _expression(parts: list[str]) -> str:
    """A regular expression of path segments; ``**`` stands for any number of them."""
    made = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            made += ".*" if last else "(?:.*/)?"
        else:
            made += "".join(map(_letter, re.findall(r"\\.|\*+|.", part, re.DOTALL))) + ("" if last else "/")
    return made


def _letter(sign: str) -> str:
    if sign.startswith("*"):
        return "[^/]*"
    return "[^/]" if sign == "?" else re.escape(sign[-1])
