"""GitHub as a channel: the sticky comment of the pull request, and the status of the commit.

Events become few writes, since a write counts for several reads and about 500 an hour are allowed: a comment is edited
at most once a minute with everything that is new, and a status is set when its colour changes. Comments and statuses
wait, and are set aside, each for itself: a right that the token lacks, or a pull request that is locked, holds up
nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from hugflow_assets.errors import DeliveryError
from hugflow_assets.notify.channel_errors import unexpected_error
from hugflow_assets.notify.delivery_state import TRIES, Delivered, first_cursor, set_aside, wait_s
from hugflow_assets.notify.github.client import GitHub
from hugflow_assets.notify.github.comment import Entry, entry_of
from hugflow_assets.notify.github.outbox import PACES_KEPT, CommentRecord, Outbox, Pending, outbox_path, record_path
from hugflow_assets.notify.request_messages import RequestMessage, State, message_of, message_of_progress
from hugflow_assets.store import Event, Progress, Store

EVENTS_A_ROUND = 1000
EDIT_EVERY = timedelta(seconds=60)
PLACED_WITHIN = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=1)  # of one comment or status that only fails, while others are taken
_FAILED = {State.FAILURE, State.ERROR}
_LOG = logging.getLogger(__name__)

Key = TypeVar("Key")
PullOf = Callable[[Event], tuple[int | None, str | None]]
StatesOf = Callable[[str, int], Mapping[str, State]]


class GitHubChannel:
    """Tells events on the pull request that asked for a dataset, and on its commit.

    Args:
        github: the repository.
        pull_of: the pull request and the commit of an event, each None where not known; by default what the event
            itself says (``pull_request``, ``request_commit``).
        states_of: how the request files of a commit stood after an event, by path: a commit has one status, and the
            worst of them counts.
    """

    name = "github"

    def __init__(self, github: GitHub, pull_of: PullOf | None = None, states_of: StatesOf | None = None) -> None:
        self.github = github
        self.pull_of = pull_of or _of_event
        self.states_of = states_of or (lambda commit, seq: {})

    def deliver_batch(self, store: Store, now: datetime, *, ends: float) -> Delivered:
        """Read what is new, then write what is due, until ``ends``."""
        path = outbox_path(store, self.name)
        cursor = first_cursor(store, self.name, now)
        box = Outbox.read(path)
        if box is None or box.read_to < cursor:
            box = Outbox(read_to=cursor)
        if box.wait_until is not None and now < box.wait_until:
            return Delivered(channel=self.name, cursor=cursor, problem=box.problem, retry_at=box.wait_until)
        work = _Batch(self, store, now, box.model_copy(update={"wait_until": None, "problem": ""}))
        work.read()
        work.write(ends)
        work.box.write(path)
        if work.box.cursor != cursor:
            store.events.set_cursor(self.name, work.box.cursor)
        return work.delivered()

    def send_progress(self, store: Store, progress: Mapping[int, Iterable[Progress]], now: datetime) -> list[int]:
        """Edit what comments say of landings that are under way; the pull requests that were written to.

        Raises:
            DeliveryError: GitHub did not take it.
        """
        path = outbox_path(store, self.name)
        written = []
        for number, several in progress.items():
            box = Outbox.read(path) or Outbox(read_to=store.events.cursor(self.name))
            if number in box.comments or now - box.edited.get(number, now - EDIT_EVERY) < EDIT_EVERY:
                continue
            entries = [entry_of(message_of_progress(one)) for one in several]
            edit_comment(self.github, store, number, {one.name: one for one in entries}, frozenset())
            box.model_copy(update={"edited": {**box.edited, number: now}}).write(path)
            written.append(number)
        return written


def edit_comment(
    github: GitHub, store: Store, number: int, entries: dict[str, Entry], instead_of: frozenset[str]
) -> bool:
    """Make the comment of a merged pull request say the news of some requests; whether anything changed.

    Raises:
        DeliveryError: GitHub did not take it.
    """
    path, made = record_path(store, number), list[CommentRecord]()

    def body(before: str | None) -> str:
        known = CommentRecord.read(path) if before is not None else None
        made.append((known or CommentRecord.before_merge(before)).updated(entries, instead_of))
        return made[-1].body()

    changed = github.edit_comment(number, body)
    made[-1].write(path)
    return changed


def status_of(message: RequestMessage, states: Iterable[State]) -> tuple[State, str]:
    """State and description of the status of a commit, of which ``message`` is the latest news."""
    every = list(states) or [message.state]
    state = next((one for one in (State.FAILURE, State.ERROR, State.PENDING) if one in every), State.SUCCESS)
    news = f"{message.headline}: {message.name}"
    if len(every) == 1:
        return state, news
    failed, done = (sum(one in kinds for one in every) for kinds in (_FAILED, {State.SUCCESS}))
    count = f"{failed} of {len(every)} failed" if failed else f"{done} of {len(every)} done"
    return state, f"{count}; {news}"


@dataclass
class _Batch:
    """One round: the outbox as it was, what is read into it, and what is written out of it."""

    channel: GitHubChannel
    store: Store
    now: datetime
    box: Outbox
    events: dict[int, Event] = field(default_factory=dict)
    read_from: int = 0
    changed: set[int] = field(default_factory=set)
    given_up: list[int] = field(default_factory=list)
    began_with: frozenset[int] = frozenset()

    # ---- reading

    def read(self) -> None:
        """Put every new event to the comment and the status that it is about."""
        self.began_with, self.read_from = self.box.pending, self.box.read_to
        comments, statuses = dict(self.box.comments), dict(self.box.statuses)
        unplaced = self._place(comments)
        read_to = self.box.read_to
        for event in self.store.events.read(after=read_to, limit=EVENTS_A_ROUND):
            try:
                number, commit = self.channel.pull_of(event)
            except DeliveryError as error:
                if not error.details.get("permanent"):
                    self._wait(error)
                    break
                self._set_aside([event], "origin", error.message)
                number, commit = None, None
            except Exception as fault:  # noqa: BLE001  this event is at fault; the others go on
                self._set_aside([event], "origin", unexpected_error("GitHub", "origin", fault).message)
                number, commit = None, None
            if number is None and commit is not None:
                unplaced[event.seq] = self.now + PLACED_WITHIN
            if number is not None:
                comments[number] = comments.get(number, Pending(seqs=())).with_event(event.seq)
            if commit is not None and message_of(event).state is not State.INFO:
                statuses[commit] = statuses.get(commit, Pending(seqs=())).with_event(event.seq)
            read_to = event.seq
            self.events[event.seq] = event
        self._keep(read_to=read_to, comments=comments, statuses=statuses, unplaced=unplaced)

    def _place(self, comments: dict[int, Pending]) -> dict[int, datetime]:
        """Ask once more for the pull requests of events that had none; those that still have none, for a while."""
        left: dict[int, datetime] = {}
        for event in self._events(Pending(seqs=tuple(self.box.unplaced))):
            try:
                number, _ = self.channel.pull_of(event)
            except Exception as fault:  # noqa: BLE001  asked again at the next round
                _LOG.info("no pull request of event %d: %s", event.seq, unexpected_error("GitHub", "origin", fault))
                number = None
            if number is not None:
                comments[number] = comments.get(number, Pending(seqs=())).with_event(event.seq)
            elif self.now < self.box.unplaced[event.seq]:
                left[event.seq] = self.box.unplaced[event.seq]
        return left

    # ---- writing

    def write(self, ends: float) -> None:
        """Write every comment and status that is due; each for itself."""
        for number, pending in _least_tried(self.box.comments):
            if self.now - self.box.edited.get(number, self.now - EDIT_EVERY) >= EDIT_EVERY:
                self._attempt("comments", number, pending, self._write_comment, ends)
        for commit, pending in _least_tried(self.box.statuses):
            self._attempt("statuses", commit, pending, self._write_status, ends)

    def _attempt(
        self, kind: str, key: Any, pending: Pending, write: Callable[[Any, Pending], bool], ends: float
    ) -> None:
        if pending.waits(self.now) or self.box.wait_until is not None or time.monotonic() > ends:
            return
        try:
            if write(key, pending):
                self.changed.update(pending.seqs)
            self._done(kind, key)
            self._keep(attempts=0)
        except Exception as fault:  # noqa: BLE001  counted against this one; the others go on
            self._failed(kind, key, pending, unexpected_error("GitHub", f"{kind} of {key}", fault))

    def _write_comment(self, number: int, pending: Pending) -> bool:
        entries: dict[str, Entry] = {}
        renamed: set[str] = set()
        for event in self._events(pending):
            message, former = message_of(event), str(event.data.get("removal_path") or "")
            if former:  # what was said of the removal's file is said of the dataset now
                entries.pop(former, None)
                renamed.add(former)
            renamed.discard(message.name)
            entries[message.name] = entry_of(message)
        changed = edit_comment(self.channel.github, self.store, number, entries, frozenset(renamed))
        if changed:
            edited = {**self.box.edited, number: self.now}
            self._keep(edited=dict(list(edited.items())[-PACES_KEPT:]))
        return changed

    def _write_status(self, commit: str, pending: Pending) -> bool:
        messages = [message_of(event) for event in self._events(pending)]
        if not messages:
            return False
        states = self.channel.states_of(commit, self.box.read_to)
        state, words = status_of(messages[-1], states.values())
        if self.box.colours.get(commit) is state:
            return False
        changed = self.channel.github.write_status(commit, state, words)
        colours = {**self.box.colours, commit: state}
        self._keep(colours=dict(list(colours.items())[-PACES_KEPT:]))
        return changed

    def _events(self, pending: Pending) -> Iterator[Event]:
        """The events themselves, in order; those of an earlier round are read again from the log."""
        for seq in pending.seqs:
            found = self.events.get(seq) or next(islice(self.store.events.read(after=seq - 1, limit=1), 1), None)
            if found is not None and found.seq == seq:
                self.events[seq] = found
                yield found

    # ---- what failed

    def _failed(self, kind: str, key: Any, pending: Pending, error: DeliveryError) -> None:
        began = pending.began or self.now
        attempts = pending.attempts + 1
        retry_at = self.now + timedelta(seconds=wait_s(attempts, error))
        waiting = pending.model_copy(
            update={"attempts": attempts, "retry_at": retry_at, "problem": error.message, "began": began}
        )
        self._keep(**{kind: {**getattr(self.box, kind), key: waiting}})
        if error.details.get("permanent"):
            if attempts >= TRIES:
                self._give_up(kind, key, waiting)
            return
        if self.now - began > GIVE_UP_AFTER and self.changed:
            self._give_up(kind, key, waiting)
        elif error.details.get("status") != 409:
            self._wait(error)

    def _give_up(self, kind: str, key: Any, pending: Pending) -> None:
        self._set_aside(list(self._events(pending)), f"{kind} of {key}", pending.problem)
        self.given_up.extend(pending.seqs)
        self._done(kind, key)

    def _set_aside(self, events: list[Event], about: str, problem: str) -> None:
        _LOG.warning("GitHub refuses %s for good, and it is set aside: %s", about, problem)
        set_aside(self.store, self.channel.name, events, about, problem, self.now)

    def _wait(self, error: DeliveryError) -> None:
        """GitHub itself does not answer, or asks us to wait: everything waits."""
        attempts = self.box.attempts + 1
        until = self.now + timedelta(seconds=wait_s(attempts, error))
        self._keep(wait_until=until, problem=error.message, attempts=attempts)

    # ---- the outbox

    def _done(self, kind: str, key: Any) -> None:
        self._keep(**{kind: {one: pending for one, pending in getattr(self.box, kind).items() if one != key}})

    def _keep(self, **changes: Any) -> None:
        self.box = self.box.model_copy(update=changes)

    def delivered(self) -> Delivered:
        done = (self.began_with | set(range(self.read_from + 1, self.box.read_to + 1))) - self.box.pending
        sent = len(done & self.changed)
        waiting = [one for one in (*self.box.comments.values(), *self.box.statuses.values()) if one.problem]
        problem = self.box.problem or next((one.problem for one in waiting), "")
        paced = [self.box.edited[number] + EDIT_EVERY for number in self.box.comments if number in self.box.edited]
        retry_at = self.box.wait_until or min(
            [*paced, *(one.retry_at for one in waiting if one.retry_at)], default=None
        )
        return Delivered(
            channel=self.channel.name,
            sent=sent,
            passed_over=len(done) - sent,
            given_up=tuple(sorted(self.given_up)),
            cursor=self.box.cursor,
            problem=problem,
            retry_at=retry_at,
        )


def _least_tried(pending: Mapping[Key, Pending]) -> list[tuple[Key, Pending]]:
    """What has failed comes last, so that it keeps nothing else waiting."""
    return sorted(pending.items(), key=lambda one: one[1].attempts)


def _of_event(event: Event) -> tuple[int | None, str | None]:
    number: Any = event.data.get("pull_request")
    commit: Any = event.data.get("request_commit")
    return (number if isinstance(number, int) else None), (commit if isinstance(commit, str) and commit else None)
