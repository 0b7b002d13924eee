"""The plan of a pull request, as the text of its sticky comment: a section or line a request, one on top for all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hugflow_assets.errors import HugflowError, PlanTimedOutError, StorageError, UnexpectedError
from hugflow_assets.hub import Hub
from hugflow_assets.hub.prefetch import in_order
from hugflow_assets.intake import AddFile, DatasetRequest, RemoveFile
from hugflow_assets.notify import RequestMessage, State, comment_body, message_section
from hugflow_assets.notify.github.comment import Entry, entries_body, entry_of, plan_entry, section_key
from hugflow_assets.notify.request_messages import passes_by_itself
from hugflow_assets.orchestration.github.plan_cache import PlanCache
from hugflow_assets.orchestration.github.proposed_changes import MAX_FILES, Change, Proposed
from hugflow_assets.planning.models import Forecast, LandingPlan
from hugflow_assets.rules import lands_again, preflight, removal_preview
from hugflow_assets.settings import Settings
from hugflow_assets.store import IndexRow, Store
from hugflow_assets.wording import human_size

PLANS_AT_ONCE = 4
_LOG = logging.getLogger(__name__)


Index = Mapping[str, IndexRow]


@dataclass(frozen=True)
class Planned:
    """What is planned of one request. ``fine``: nothing in it keeps the pull request from being merged.

    ``need_bytes`` is the room that it will take, by storage name. ``passes``: what is wrong may pass by itself.
    """

    entry: Entry
    fine: bool = True
    need_bytes: Mapping[str, int] = field(default_factory=dict)
    passes: bool = False


@dataclass(frozen=True)
class PlanComment:
    """The whole comment, and whether everything in it would land or go as asked."""

    body: str
    state: State
    headline: str
    need_bytes: Mapping[str, int]

    @property
    def fine(self) -> bool:
        return self.state is State.SUCCESS


@dataclass(frozen=True)
class Planner:
    """What planning needs. ``ends``: until when (of ``time.monotonic``) requests are planned; the rest says so."""

    store: Store
    hub: Hub
    settings: Settings
    plans: PlanCache
    ends: float

    def over_all(self, files: Iterable[AddFile]) -> Iterator[tuple[AddFile, LandingPlan | HugflowError]]:
        """The plans of some requests, a few at a time."""
        several = list(files)
        return zip(several, in_order(self._plan, several, most=PLANS_AT_ONCE), strict=True)

    def _plan(self, file: AddFile) -> LandingPlan | HugflowError:
        if time.monotonic() > self.ends:
            return too_late()
        return self.plans.plan(self.hub, self.store, file.request)


def plan_of(proposed: Proposed, planner: Planner) -> PlanComment:
    """Plan every change of a pull request: the Hub's lists and headers are read, data are not.

    Each request is planned for itself: whatever is raised is said there, by name.

    Raises:
        StorageError: the storage cannot be read.
    """
    index = planner.store.index.rows()
    planned = [*_unreadable(proposed), *_unlisted(proposed)]
    adds = [change.after for change in proposed.changes if isinstance(change.after, AddFile)]
    plans = {file.path: plan for file, plan in planner.over_all(adds)}
    for change in proposed.changes:
        planned += _each(change, lambda change=change: _changes(change, proposed, planner, index, plans))  # type: ignore[misc]
    state, headline = _outcome(planned)
    top = message_section(
        RequestMessage(name=proposed.head[:12], state=state, headline=headline, facts=tuple(_counts(proposed)))
    )
    return PlanComment(
        body=entries_body([one.entry for one in planned], {section_key("the pull request"): top}),
        state=state,
        headline=headline,
        need_bytes={name: need for one in planned for name, need in one.need_bytes.items()},
    )


def too_late() -> PlanTimedOutError:
    return PlanTimedOutError(
        "Planning took too long, and this request has not been planned yet.",
        remedy="It goes on by itself with the next look; what was listed is kept.",
    )


def error_comment(head: str, error: HugflowError) -> PlanComment:
    """The comment of a pull request that could not be planned at all."""
    state = State.ERROR if error.transient else State.FAILURE
    headline = "The plan cannot be made" + (" now; it is tried again" if error.transient else "")
    text = message_section(
        RequestMessage(
            name=head[:12], state=state, headline=headline, facts=(("Code", error.code),), body=error.message,
            remedy=error.remedy,
        )
    )  # fmt: skip
    return PlanComment(comment_body({section_key("the pull request"): text}), state, headline, {})


def _outcome(planned: list[Planned]) -> tuple[State, str]:
    wrong = [one for one in planned if not one.fine]
    if not planned:
        return State.INFO, "Nothing is asked for any more"
    if not wrong:
        return State.SUCCESS, "This is what the merge does"
    if all(one.passes for one in wrong):
        return State.ERROR, "Not everything can be planned now; it is tried again"
    return State.FAILURE, "This cannot land as it is"


def _counts(proposed: Proposed) -> Iterator[tuple[str, str]]:
    yield "Request files", f"{len(proposed.changes):,}"
    if proposed.other_files:
        yield "Other files, not looked at here", f"{proposed.other_files:,}"


def _each(change: Change, plan: Callable[[], Iterator[Planned]]) -> list[Planned]:
    """What is planned of one change; an error is said of it, and no other change waits for it."""
    try:
        return list(plan())
    except StorageError:
        raise
    except Exception as fault:  # noqa: BLE001  told by its name where it was raised
        error = UnexpectedError.of(fault)
        _LOG.warning("%s cannot be planned: %s", change.path, error, exc_info=None if error is fault else fault)
        name = change.after.name if isinstance(change.after, AddFile) else change.path
        message = RequestMessage(
            name=name, state=State.ERROR if error.transient else State.FAILURE, headline="Cannot be planned",
            facts=(("Code", error.code),), body=error.message, remedy=error.remedy,
        )  # fmt: skip
        return [Planned(entry_of(message), fine=False, passes=error.transient)]


def _changes(
    change: Change,
    proposed: Proposed,
    planner: Planner,
    index: Index,
    plans: Mapping[str, LandingPlan | HugflowError],
) -> Iterator[Planned]:
    before, after = change.before, change.after
    if isinstance(after, AddFile):
        yield _landing(after, before, plans[after.path], proposed, planner, index)
    elif isinstance(after, RemoveFile):
        yield _removal(after, proposed, planner)
    if isinstance(before, RemoveFile) and before != after:
        yield from _again(before, proposed, planner, index)
    if isinstance(before, AddFile) and _name(after) != before.name:
        yield from _orphan(before, proposed, planner.store)


def _name(file: AddFile | RemoveFile | None) -> str | None:
    return file.name if isinstance(file, AddFile) else None


def _landing(
    file: AddFile,
    before: AddFile | RemoveFile | None,
    plan: LandingPlan | HugflowError,
    proposed: Proposed,
    planner: Planner,
    index: Index,
) -> Planned:
    from hugflow_assets.landing.forecast import forecast
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.shapes.registry import LANDABLE

    store, settings = planner.store, planner.settings
    expected = forecast(plan, store, LandingOptions.of(settings))
    verdicts = preflight(
        file, proposed.snapshot, plan, store, settings, forecast=expected, index=index, landable=LANDABLE
    )
    blocking = [one for one in verdicts if one.blocks]
    if isinstance(plan, HugflowError) and not blocking:
        raise plan  # no rule is about it
    entry = plan_entry(
        file.name,
        verdicts,
        plan=plan if isinstance(plan, LandingPlan) else None,
        forecast=expected if isinstance(expected, Forecast) else None,
        room=store.quota.headroom(file.name),
        path=str(settings.storage_root / file.name),
        differs=differences(before.request, file.request) if isinstance(before, AddFile) else "",
    )
    need_bytes = expected.peak_bytes if isinstance(expected, Forecast) else 0
    return Planned(
        entry,
        fine=not blocking,
        need_bytes={file.name: need_bytes} if need_bytes else {},
        passes=bool(blocking) and all(passes_by_itself(one) for one in blocking),
    )


def differences(before: DatasetRequest, after: DatasetRequest) -> str:
    """``owner: ada -> grace``, a line a field; empty when nothing differs."""
    lines = []
    for name in type(after).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            lines.append(f"{name}: {old or '(none)'} -> {new or '(none)'}")
    return "\n".join(lines)


def _removal(file: RemoveFile, proposed: Proposed, planner: Planner) -> Planned:
    preview = removal_preview(file, proposed.snapshot, planner.store, planner.settings)
    verdict = preview.verdict
    rows = [
        f"{hit.name}: {human_size(hit.size_bytes)}, {hit.rows:,} rows, owner {hit.owner or 'not known'}"
        if hit.landed
        else f"{hit.name}: not landed yet, owner {hit.owner or 'not known'}"
        for hit in preview.hits
    ]
    message = RequestMessage(
        name=file.path,
        state=State.FAILURE if verdict.blocks else State.SUCCESS if verdict.passed else State.INFO,
        headline="Would not remove anything" if not preview.hits else "Would remove",
        facts=(
            ("Reason", preview.reason),
            ("Datasets", f"{len(preview.hits):,}"),
            ("Frees", human_size(preview.frees_bytes)),
            ("On", preview.frees_at[:10]),
        ),
        body="\n".join(rows) if preview.hits else verdict.message,
        remedy=verdict.remedy,
    )
    return Planned(entry_of(message), fine=not verdict.blocks)


def _again(before: RemoveFile, proposed: Proposed, planner: Planner, index: Index) -> Iterator[Planned]:
    """What a deleted removal held back, each as a landing of its own."""
    found = lands_again(before, proposed.snapshot, planner.store)
    message = RequestMessage(
        name=before.path,
        state=State.INFO,
        headline="Removal withdrawn",
        facts=(("Datasets that land again", f"{len(found):,}"),),
        body="\n".join(one.story() for one in found),
    )
    yield Planned(entry_of(message))
    files = [file for one in found[:10] if (file := proposed.snapshot.add(one.name)) is not None]
    for file, plan in planner.over_all(files):
        yield _landing(file, None, plan, proposed, planner, index)


def _orphan(before: AddFile, proposed: Proposed, store: Store) -> Iterator[Planned]:
    """A request that is deleted, or that asks for something else now, leaves its data where they are."""
    row = store.index.row(before.name)
    if row is None or proposed.snapshot.add(before.name) is not None:
        return
    message = RequestMessage(
        name=before.name,
        state=State.INFO,
        headline="Stays on the storage, asked for by nobody",
        facts=(("Size", human_size(row.size_bytes)), ("Rows", f"{row.rows:,}")),
        remedy="To free the space, add a file to requests/remove/.",
    )
    yield Planned(entry_of(message))


def _unreadable(proposed: Proposed) -> Iterator[Planned]:
    for path, problems in proposed.problems.items():
        message = RequestMessage(
            name=path,
            state=State.FAILURE,
            headline="Cannot be read",
            body="\n".join(problems),
            remedy="Correct the file; requests/README.md explains the fields.",
        )
        yield Planned(entry_of(message), fine=False)


def _unlisted(proposed: Proposed) -> Iterator[Planned]:
    if proposed.unlisted_files:
        message = RequestMessage(
            name=f"{proposed.unlisted_files:,} files",
            state=State.FAILURE,
            headline="GitHub does not list every file of this pull request",
            body=f"GitHub lists the first {MAX_FILES:,} files of a pull request; nobody can say what the others do.",
            remedy="Split it into several pull requests.",
        )
        yield Planned(entry_of(message), fine=False)
