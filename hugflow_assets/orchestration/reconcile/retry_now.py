"""Runs that are asked for, and told; and another try by a person's or a workflow's wish, whatever has failed."""

from __future__ import annotations

from dagster import RunRequest

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSource
from hugflow_assets.orchestration.reconcile.retry_policy import AUTHOR_TAG, CHANGE_TAG, REQUEST_TAG
from hugflow_assets.store import EventKind, Held, Hold, Store, now_text


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


def announced(run: RunRequest, source: RequestSource, store: Store) -> RunRequest:
    """The run with who asked for it in its tags; that it is queued is told to everyone who reads the audit log."""
    path, name = run.tags[REQUEST_TAG], str(run.partition_key)
    try:
        change = source.commit_of(path)
    except HugflowError:
        change = None  # known by name only; it lands all the same
    change_tags = {CHANGE_TAG: change.commit, AUTHOR_TAG: change.author} if change else {}
    store.events.append(
        EventKind.REQUESTED, name, path=path, by=change_tags.get(AUTHOR_TAG, ""), commit=change_tags.get(CHANGE_TAG, "")
    )
    return run.with_replaced_attrs(tags={**run.tags, **change_tags})
