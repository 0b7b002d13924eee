"""Request files that ask for nothing, since they cannot be read or another file asks already: told as refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from hugflow_assets.errors import DuplicateRequestError, HugflowError, RequestInvalidError
from hugflow_assets.intake import RequestSnapshot, RequestSource
from hugflow_assets.rules import Verdict
from hugflow_assets.store import EventKind, Store

RULE = "files_valid"


def tell_unreadable(store: Store, source: RequestSource, snapshot: RequestSnapshot) -> list[str]:
    """Append what is wrong with each such file, once a content of it; the paths that were told of.

    Such a file has no storage name: its path stands for it.

    Raises:
        StorageError: the log cannot be read or written.
    """
    refused = dict(_refused(snapshot))
    if not refused:
        return []
    known = {
        event.name: event.data.get("digest") for event in store.events.recent() if event.kind is EventKind.REJECTED
    }
    paths = []
    for path, verdicts in refused.items():
        change = _change(source, path)
        content = repr((change, [one.message for one in verdicts]))
        digest = hashlib.sha256(content.encode(errors="replace")).hexdigest()[:16]
        if known.get(path) == digest:
            continue
        commit, author = change
        store.events.append(EventKind.REQUESTED, path, path=path, by=author, commit=commit)
        store.events.append(
            EventKind.REJECTED,
            path,
            request=path,
            digest=digest,
            verdicts=[one.model_dump(mode="json") for one in verdicts],
        )
        paths.append(path)
    return paths


def _refused(snapshot: RequestSnapshot) -> Iterator[tuple[str, list[Verdict]]]:
    by_path: dict[str, list[Verdict]] = {}
    for problem in snapshot.problems:
        said = f"{problem.path}:{problem.line}:{problem.column}: {problem.message}"
        by_path.setdefault(problem.path, []).append(
            Verdict(
                name=RULE,
                passed=False,
                message=said,
                remedy=problem.suggestion or "Correct the file.",
                code=RequestInvalidError.code,
            )
        )
    yield from by_path.items()
    for add in snapshot.adds:
        counts = snapshot.add(add.name)
        if counts is not None and counts.path != add.path:
            said = f"{counts.path} asks for {add.name} already, and is the one that counts."
            verdict = Verdict(
                name=RULE, passed=False, message=said, remedy="Keep one of them.", code=DuplicateRequestError.code
            )
            yield add.path, [verdict]


def _change(source: RequestSource, path: str) -> tuple[str, str]:
    """Commit and author of a file as it is; empty where it is in no commit."""
    try:
        change = source.commit_of(path)
    except HugflowError:
        change = None
    return (change.commit, change.author) if change is not None else ("", "")
