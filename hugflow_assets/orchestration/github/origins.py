"""Where an event comes from: the request file, the commit that merged it, its author and its pull request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hugflow_assets.errors import HugflowError, RequestSourceError
from hugflow_assets.intake import FileCommit, RequestSnapshot, RequestSource
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub
from hugflow_assets.store import Event, EventKind, Store, is_safe

_KEPT = 2000
# GitHub's index of the pull requests of a commit lags behind a merge: "none" is asked again after a minute, and only
# after ten is it an answer.
_NONE_KEPT_S = 60.0
# Kinds that are about how a request fares; the others are about data that have landed long ago.
EVENTS_OF_REQUESTS = frozenset(
    {
        EventKind.REQUESTED,
        EventKind.REJECTED,
        EventKind.STARTED,
        EventKind.LANDED,
        EventKind.CHECKED,
        EventKind.FAILED,
        EventKind.REMOVED,
        EventKind.RESTORED,
        EventKind.PAUSED,
        EventKind.RESUMED,
        EventKind.CANCELLED,
    }
)
# Of these, what tells of a dataset that comes back since its removal was deleted: it is told where that was done.
_OF_A_RETURN = frozenset(
    {
        EventKind.REQUESTED,
        EventKind.REJECTED,
        EventKind.STARTED,
        EventKind.LANDED,
        EventKind.CHECKED,
        EventKind.FAILED,
        EventKind.RESTORED,
    }
)


class Origin(Frozen):
    """Who asked for a dataset and how. Everything is None where requests are a plain folder."""

    path: str = ""
    commit: str | None = None
    author: str | None = None
    pull: int | None = None


class Origins:
    """Finds the origins of events. What was found for a commit is kept, since it cannot change; "none" for a minute."""

    def __init__(self, github: GitHub | None, source: RequestSource, store: Store, *, main: str = "main") -> None:
        self._github, self._source, self._store, self._main = github, source, store, main
        self._pulls: dict[str, int] = {}
        self._none_until: dict[str, float] = {}

    def of(self, event: Event) -> Origin:
        """The origin of an event.

        Raises:
            DeliveryError: GitHub cannot be asked for the pull request of a commit.
        """
        path = self.path_of(event)
        return self.of_path(path) if path else Origin()

    def of_path(self, path: str) -> Origin:
        """The origin of a request file as it is now.

        Raises:
            DeliveryError: GitHub cannot be asked for the pull request of a commit.
        """
        try:
            commit = self._source.commit_of(path)
        except RequestSourceError:
            return Origin(path=path)
        if commit is None:
            return Origin(path=path)
        return Origin(path=path, commit=commit.commit, author=commit.author, pull=self.pull_of(commit))

    def path_of(self, event: Event) -> str:
        """The request file that an event is about; empty when none is known."""
        snapshot = self._snapshot()
        if event.kind in _OF_A_RETURN and (removal := self._withdrawn_removal(event, snapshot)):
            return removal
        for key in ("removal_path", "path", "request"):
            path = event.data.get(key)
            if isinstance(path, str) and path.startswith(("add/", "remove/")):
                return path
        file = snapshot.add(event.name) if snapshot else None
        return file.path if file else ""

    def _withdrawn_removal(self, event: Event, snapshot: RequestSnapshot | None) -> str:
        """The removal request whose deletion brings a dataset back; empty where something else does."""
        if not is_safe(event.name) or not self._store.trash.tombstones(event.name):
            return ""
        removed = cause = ""
        for one in self._store.events.recent(until=event.seq):
            if one.name == event.name and one.kind is EventKind.REMOVED:
                removed = str(one.data.get("removal_path") or "")
            elif one.name == event.name and one.kind in (EventKind.REQUESTED, EventKind.RESTORED) and removed:
                removed, cause = "", removed
            elif one.name == event.name and one.kind is EventKind.REQUESTED:
                cause = ""
        in_force = {one.path for one in snapshot.removals} if snapshot else set()
        return "" if cause in in_force else cause

    def pull_of(self, commit: FileCommit) -> int | None:
        """The merged pull request into the main branch that brought a commit."""
        if self._github is None:
            return None
        known = self._pulls.get(commit.commit)
        if known is not None or time.monotonic() < self._none_until.get(commit.commit, 0.0):
            return known
        found = self._asked(self._github, commit.commit)
        kept: dict[str, Any] = self._none_until if found is None else self._pulls
        while len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[commit.commit] = time.monotonic() + _NONE_KEPT_S if found is None else found
        return found

    def _asked(self, github: GitHub, commit: str) -> int | None:
        with github.errors(f"pull requests of {commit[:12]}"):
            for pull in github.repo.get_commit(commit).get_pulls():
                if pull.number is None or pull.base is None:
                    raise ValueError("a pull request without number or base")
                if pull.merged_at is not None and pull.base.ref == self._main:
                    return pull.number
        return None

    def _snapshot(self) -> RequestSnapshot | None:
        try:
            return self._source.snapshot()
        except HugflowError:
            return None


def pull_of_event(
    origins: Origins, on_known: Callable[[str, int], None] | None = None
) -> Callable[[Event], tuple[int | None, str | None]]:
    """What ``GitHubChannel`` asks: the pull request and the commit of an event.

    Args:
        on_known: called with the id of a run and the number of its pull request.
    """

    def pull_of(event: Event) -> tuple[int | None, str | None]:
        if event.kind not in EVENTS_OF_REQUESTS:
            return None, None
        origin = origins.of(event)
        run_id = event.data.get("run_id")
        if on_known is not None and origin.pull is not None and isinstance(run_id, str):
            on_known(run_id, origin.pull)
        return origin.pull, origin.commit

    return pull_of
