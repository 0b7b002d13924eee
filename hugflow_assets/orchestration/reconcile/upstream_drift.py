"""What the Hub has of the datasets that are landed or asked for: looked at together, a call a repository and revision.

What is new since the last look is an event, once; what is so now is a mark that sensor and ``hugflow status`` read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hugflow_assets.errors import (
    HFDisabledError,
    HFError,
    HFGatedError,
    HFIdSpellingError,
    HFNotFoundError,
    HFRateLimitedError,
    HFRevisionNotFoundError,
    HFTokenError,
    HFUnreachableError,
    HugflowError,
    UnexpectedError,
)
from hugflow_assets.hub import Hub, RepoState
from hugflow_assets.hub.prefetch import in_order
from hugflow_assets.intake import DatasetRequest, RequestSnapshot
from hugflow_assets.orchestration.reconcile.bulkhead import Problems
from hugflow_assets.store import EventKind, Landed, Store, Trouble, Upstream, now_text

_TROUBLES: tuple[tuple[type[HFError], Trouble], ...] = (
    (HFDisabledError, Trouble.DISABLED),
    (HFRevisionNotFoundError, Trouble.REVISION_GONE),
    (HFGatedError, Trouble.NO_ACCESS),
    (HFIdSpellingError, Trouble.RENAMED),
    (HFNotFoundError, Trouble.GONE),
)


@dataclass(frozen=True)
class Watched:
    """One look. ``marks`` has every name that the Hub told something of; ``unanswered`` the others and why."""

    marks: Mapping[str, Upstream]
    changed: tuple[str, ...]
    unanswered: Mapping[str, str]
    problems: tuple[str, ...] = ()  # of datasets of which something could not be noted; it is tried again

    @property
    def commits(self) -> dict[str, str]:
        """Name -> newest commit, where the Hub told one."""
        return {name: mark.commit for name, mark in self.marks.items() if mark.commit}


def watch(hub: Hub, store: Store, snapshot: RequestSnapshot, *, only: Collection[str] | None = None) -> Watched:
    """Ask the Hub at which commit every landed or requested dataset is, and note what changed of what is landed.

    Raises:
        HFUnreachableError, HFRateLimitedError, HFTokenError: nobody can be asked about; what was known stays.
    """
    landed = store.index.landed()
    marks: dict[str, Upstream] = {}
    unanswered: dict[str, str] = {}
    changed: list[str] = []
    problems = Problems()
    asked = by_repo(landed, snapshot, only)
    answers = in_order(lambda place: _state(hub, *place), asked)
    for ((_, revision), names), answer in zip(asked.items(), answers, strict=True):
        for name in names:
            mark = _mark(name, revision, answer, landed.get(name))
            if mark is None:
                unanswered[name] = str(answer)
                continue
            marks[name] = mark
            with problems.apart(name):
                if name in landed and _note(store, landed[name], mark):
                    changed.append(name)
    for name in store.upstream.all().keys() - landed.keys():
        with problems.apart(name):
            store.upstream.clear(name)
    return Watched(marks, tuple(changed), unanswered, tuple(problems))


def _state(hub: Hub, repo_id: str, revision: str) -> RepoState | HugflowError:
    try:
        return hub.state(repo_id, revision)
    except (HFUnreachableError, HFRateLimitedError, HFTokenError):
        raise
    except Exception as fault:  # noqa: BLE001  whatever it is, it is about this repository alone
        return UnexpectedError.of(fault)


def by_repo(
    landed: Mapping[str, Landed], snapshot: RequestSnapshot, only: Collection[str] | None = None
) -> dict[tuple[str, str], list[str]]:
    """Repository and revision -> the names that come from there."""
    requests: dict[str, DatasetRequest] = {
        **{name: one.asked for name, one in landed.items()},
        **{name: add.request for name, add in snapshot.desired().items()},
    }
    grouped = defaultdict(list)
    for name, request in sorted(requests.items()):
        if only is None or name in only:
            grouped[request.hf_id, request.revision].append(name)
    return grouped


def _mark(name: str, revision: str, answer: RepoState | HugflowError, landed: Landed | None) -> Upstream | None:
    now = now_text()
    if isinstance(answer, HugflowError):
        trouble = next((one for kind, one in _TROUBLES if isinstance(answer, kind)), None)
        if trouble is None or (landed is None and trouble is not Trouble.RENAMED):
            return None
        renamed = str(answer.details.get("right", "")) if trouble is Trouble.RENAMED else ""
        return Upstream(name=name, revision=revision, trouble=trouble, told=answer.message, repo_id=renamed, since=now)
    mark = Upstream(
        name=name,
        revision=revision,
        commit=answer.commit,
        repo_id=answer.repo_id,
        license=answer.license,
        since=now,
    )
    if landed is None:
        return mark
    if landed.repo_oid and answer.repo_oid and landed.repo_oid != answer.repo_oid:
        change = f"another repository has the name {answer.repo_id} now; the one that landed is gone"
        return mark.model_copy(update={"trouble": Trouble.GONE, "told": change, "commit": ""})
    if answer.disabled:
        return mark.model_copy(update={"trouble": Trouble.DISABLED, "told": "the Hub has disabled it"})
    if answer.repo_id != landed.hf_id:
        change = f"{landed.hf_id} is called {answer.repo_id} now"
        return mark.model_copy(update={"trouble": Trouble.RENAMED, "told": change})
    if answer.license != landed.license:
        change = f"its licence was {landed.license or 'not stated'} and is {answer.license or 'not stated'} now"
        return mark.model_copy(update={"trouble": Trouble.RELICENSED, "told": change})
    return mark


def _note(store: Store, landed: Landed, mark: Upstream) -> bool:
    """Keep the mark and append an event, if there is news; whether there was."""
    known = store.upstream.read(landed.name)
    if known is not None and _facts(known) == _facts(mark):
        return False
    stale = mark.is_stale(landed.commit)
    was_quiet = known is None or (known.trouble is None and not known.is_stale(landed.commit))
    event = None
    if stale or mark.trouble is not None or not was_quiet:
        event = store.events.plan(
            EventKind.DRIFTED,
            landed.name,
            what=mark.trouble.value if mark.trouble else "moved" if stale else "as-landed",
            landed_commit=landed.commit,
            commit=mark.commit,
            message=story(mark, landed.commit) or "upstream is as it landed again",
        )
    store.upstream.write(mark, event)
    return True


def _facts(mark: Upstream) -> tuple[object, ...]:
    return mark.revision, mark.commit, mark.repo_id, mark.license, mark.trouble


def story(mark: Upstream, landed_commit: str) -> str:
    """What a person should know of a dataset's upstream; empty when it is as it landed."""
    parts = [mark.told] if mark.trouble is not None else []
    if mark.is_stale(landed_commit):
        parts.append(f"{mark.revision} has moved to {mark.commit[:12]} upstream (landed: {landed_commit[:12]})")
    return "; ".join(parts)
