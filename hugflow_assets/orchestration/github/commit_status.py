"""How the request files of a commit stand: its one status is green only when all of them are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hugflow_assets.notify import State, message_of
from hugflow_assets.orchestration.github.origins import EVENTS_OF_REQUESTS
from hugflow_assets.store import EventKind, Store


def states_of_commits(store: Store) -> Callable[[str, int], Mapping[str, State]]:
    """What ``GitHubChannel`` asks: the states of the request files of a commit after an event, by path."""

    def states_of(commit: str, seq: int) -> Mapping[str, State]:
        states: dict[str, State] = {}
        paths: dict[str, str] = {}
        for event in store.events.recent(until=seq):
            if event.kind is EventKind.REQUESTED:
                paths[event.name] = str(event.data.get("path") or "")
                if event.data.get("commit") == commit:
                    states[paths[event.name]] = State.PENDING
            path = str(event.data.get("removal_path") or paths.get(event.name) or event.data.get("path") or "")
            state = message_of(event).state if event.kind in EVENTS_OF_REQUESTS else State.INFO
            if state is not State.INFO and (path in states or event.data.get("commit") == commit):
                states[path] = state
        return states

    return states_of
