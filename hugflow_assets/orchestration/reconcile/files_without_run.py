"""Request files for which there is never a run: told once, so that nobody waits for them.

Those that cannot be read, ask for what another file asks already, or remove what is not there, are told as refused; a
removal that only keeps something from landing is told to be in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from hugflow_assets.errors import DuplicateRequestError, HugflowError, RequestInvalidError
from hugflow_assets.intake import RequestSnapshot, RequestSource
from hugflow_assets.orchestration.reconcile.closing_events import open_requests
from hugflow_assets.rules import Verdict, idle_removals
from hugflow_assets.store import EventKind, Store

RULE = "files_valid"


@dataclass(frozen=True)
class _End:
    """The event that ends a file. ``content`` is what it was told of: the same is not told again."""

    path: str
    kind: EventKind
    data: dict[str, Any]
    content: object


def tell_files_without_run(
    store: Store, source: RequestSource, snapshot: RequestSnapshot, at_work: Collection[str] = ()
) -> list[str]:
    """Append how each such file ends, once a content of it; the paths that were told of.

    Such a file has no storage name: its path stands for it.

    Args:
        at_work: names for which a run is under way; a removal of one of them has a run that tells its end.
    Raises:
        StorageError: the log cannot be read or written.
    """
    ends = [*_refused(snapshot), *_idle(snapshot, store, at_work)]
    if not ends:
        return []
    known = {event.name: event.data["digest"] for event in store.events.recent() if "digest" in event.data}
    begun = open_requests(store)
    paths = []
    for end in ends:
        commit, author = change = _change(source, end.path)
        digest = hashlib.sha256(repr((change, end.content)).encode(errors="replace")).hexdigest()[:16]
        if known.get(end.path) == digest:
            continue
        if end.path not in begun:
            store.events.append(EventKind.REQUESTED, end.path, path=end.path, by=author, commit=commit)
        store.events.append(end.kind, end.path, digest=digest, **end.data)
        paths.append(end.path)
    return paths


def _refusal(path: str, verdicts: list[Verdict], content: object) -> _End:
    told = [one.model_dump(mode="json") for one in verdicts]
    return _End(path, EventKind.REJECTED, {"request": path, "verdicts": told}, content)


def _idle(snapshot: RequestSnapshot, store: Store, at_work: Collection[str]) -> Iterator[_End]:
    for one in idle_removals(snapshot, store):
        file = one.removal
        if {file.key, *one.held_back} & set(at_work):
            continue
        if one.held_back:
            facts = {"removal_path": file.path, "reason": file.request.reason, "held_back": ", ".join(one.held_back)}
            yield _End(file.path, EventKind.REMOVED, facts, f"{file.digest} in force")
        else:
            yield _refusal(file.path, [one.verdict], f"{file.digest} {one.verdict.code}")


def _refused(snapshot: RequestSnapshot) -> Iterator[_End]:
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
    for path, verdicts in by_path.items():
        yield _refusal(path, verdicts, [one.message for one in verdicts])
    for add in snapshot.adds:
        counts = snapshot.add(add.name)
        if counts is not None and counts.path != add.path:
            said = f"{counts.path} asks for {add.name} already, and is the one that counts."
            verdict = Verdict(
                name=RULE, passed=False, message=said, remedy="Keep one of them.", code=DuplicateRequestError.code
            )
            yield _refusal(add.path, [verdict], [said])


def _change(source: RequestSource, path: str) -> tuple[str, str]:
    """Commit and author of a file as it is; empty where it is in no commit."""
    try:
        change = source.commit_of(path)
    except HugflowError:
        change = None
    return (change.commit, change.author) if change is not None else ("", "")
