"""Where an event comes from: the request file, the commit that merged it, its author and its pull request."""

from __future__ import annotations

from collections.abc import Callable

from hugflow_assets.errors import HugflowError, RequestSourceError
from hugflow_assets.intake import FileCommit, RequestSnapshot, RequestSource
from hugflow_assets.intake.models import Frozen
from hugflow_assets.notify import GitHub
from hugflow_assets.store import Event, EventKind, Store

_KEPT = 2000
# Kinds that are about how a request fares; the others are about data that have landed long ago.
TOLD_ON_PULL = frozenset(
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


class Origin(Frozen):
    """Who asked for a dataset and how. Everything is None where requests are a plain folder."""

    path: str = ""
    commit: str | None = None
    author: str | None = None
    pull: int | None = None


class Origins:
    """Finds the origins of events; what was found for a commit is remembered, since it cannot change."""

    def __init__(self, github: GitHub | None, source: RequestSource, store: Store, *, main: str = "main") -> None:
        self._github, self._source, self._store, self._main = github, source, store, main
        self._pulls: dict[str, int | None] = {}

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
        for key in ("removal_path", "path", "request"):
            told = event.data.get(key)
            if isinstance(told, str) and told.startswith(("add/", "remove/")):
                return told
        snapshot = self._snapshot()
        file = snapshot.add(event.name) if snapshot else None
        return file.path if file else ""

    def pull_of(self, commit: FileCommit) -> int | None:
        """The merged pull request into the main branch that brought a commit."""
        if self._github is None:
            return None
        if commit.commit not in self._pulls:
            while len(self._pulls) >= _KEPT:
                del self._pulls[next(iter(self._pulls))]
            self._pulls[commit.commit] = self._asked(self._github, commit.commit)
        return self._pulls[commit.commit]

    def _asked(self, github: GitHub, commit: str) -> int | None:
        with github.errors(f"pull requests of {commit[:12]}"):
            for pull in github.repo.get_commit(commit).get_pulls():
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
        if event.kind not in TOLD_ON_PULL:
            return None, None
        origin = origins.of(event)
        run_id = event.data.get("run_id")
        if on_known is not None and origin.pull is not None and isinstance(run_id, str):
            on_known(run_id, origin.pull)
        return origin.pull, origin.commit

    return pull_of
