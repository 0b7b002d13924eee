"""How the other requests of a commit stand: its one status is green only when all of them are."""

from __future__ import annotations

from collections.abc import Callable

from hugflow_assets.notify import State, message_of
from hugflow_assets.orchestration.github.origins import TOLD_ON_PULL
from hugflow_assets.store import Event, EventKind, Store

_RECENT_EVENTS = 5000


def standing_of(store: Store) -> Callable[[Event, str], list[State]]:
    """What ``GitHubChannel`` asks: the states of the other request files of a commit, as they were at an event."""

    def others(event: Event, commit: str) -> list[State]:
        states: dict[str, State] = {}
        paths: dict[str, str] = {}
        own = ""
        for one in store.events.read(after=max(0, event.seq - _RECENT_EVENTS)):
            if one.seq > event.seq:
                break
            if one.kind is EventKind.REQUESTED:
                paths[one.name] = str(one.data.get("path") or "")
                if one.data.get("commit") == commit:
                    states[paths[one.name]] = State.PENDING
            own = str(one.data.get("removal_path") or paths.get(one.name) or "")
            state = message_of(one).state if one.kind in TOLD_ON_PULL and own in states else State.INFO
            if state is not State.INFO:
                states[own] = state
        return [state for path, state in states.items() if path != own]

    return others
