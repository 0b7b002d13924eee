"""Runs that are asked for, and told; and another try by a person's or a workflow's wish, whatever has failed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dagster import RunRequest

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSource
from hugflow_assets.orchestration.reconcile.closing_events import ENDS
from hugflow_assets.orchestration.reconcile.retry_policy import AUTHOR_TAG, CHANGE_TAG, REQUEST_TAG
from hugflow_assets.store import Event, EventKind, Held, Hold, Store, now_text


def ask_again(store: Store, name: str, file: AddFile | RemoveFile, *, by: str, why: str = "") -> bool:
    """Have the sensor try ``name`` again at its next tick, whatever it is waiting for; False where a person holds it.

    The event makes the sensor look, and tells people that it is queued.
    """
    hold = store.holds.read(name)
    if hold is not None and isinstance(file, AddFile) and hold.holds(file.request):
        return False
    store.holds.write(Hold(name=name, held=Held.RESUMED, by=by, at=now_text()))
    owner = file.request.owner if isinstance(file, AddFile) else None
    store.events.append(EventKind.REQUESTED, name, path=file.path, owner=owner, by=by, why=why, again=True)
    return True


@dataclass
class Queue:
    """Which requests were told to be queued and have not ended, by name; and the number of what ended last.

    A process can be killed between telling and making the run, and two can find the same request at once.
    """

    waiting: dict[str, Event] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Queue:
        found = cls()
        for event in store.events.recent():
            if event.kind is EventKind.REQUESTED:
                found.waiting[event.name] = event
            elif event.kind in ENDS:
                found.waiting.pop(event.name, None)
                found.ended[event.name] = event.seq
        return found

    def tell(self, store: Store, name: str, path: str, *, by: str, commit: str) -> None:
        """Tell that a request is queued, if that is not told yet.

        What ended last is part of the event's id, so that of two who find it waiting at once one tells it.
        """
        earlier = self.waiting.get(name)
        facts = earlier.data if earlier is not None else {}
        if facts.get("path") == path and (facts.get("again") or facts.get("commit", "") == commit):
            return
        ended = self.ended.get(name, 0)
        planned = store.events.plan(EventKind.REQUESTED, name, path=path, by=by, commit=commit)
        known = hashlib.sha256(f"{name}\0{path}\0{commit}\0{ended}".encode()).hexdigest()[:16]
        store.events.append_planned(planned.model_copy(update={"id": known, "after_seq": ended}))


def announced(run: RunRequest, source: RequestSource, store: Store, queue: Queue) -> RunRequest:
    """The run with who asked for it in its tags; that it is queued is told to everyone who reads the audit log."""
    path, name = run.tags[REQUEST_TAG], str(run.partition_key)
    try:
        change = source.commit_of(path)
    except HugflowError:
        change = None  # known by name only; it lands all the same
    change_tags = {CHANGE_TAG: change.commit, AUTHOR_TAG: change.author} if change else {}
    queue.tell(store, name, path, by=change_tags.get(AUTHOR_TAG, ""), commit=change_tags.get(CHANGE_TAG, ""))
    return run.with_replaced_attrs(tags={**run.tags, **change_tags})
