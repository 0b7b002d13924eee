"""The plan of a pull request, as the text of its sticky comment: a section a dataset, and one on top for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hugflow_assets.hub import Hub
from hugflow_assets.intake import AddFile, DatasetRequest, RemoveFile
from hugflow_assets.notify import RequestMessage, State, comment_body, message_section, plan_comment
from hugflow_assets.notify.comment import section_key
from hugflow_assets.orchestration.github.proposed_changes import Change, Proposed
from hugflow_assets.planning.models import Forecast, LandingPlan
from hugflow_assets.planning.pin import plan_on
from hugflow_assets.rules import Stock, lands_again, preflight, removal_preview
from hugflow_assets.settings import Settings
from hugflow_assets.store import Store
from hugflow_assets.wording import human_size


@dataclass(frozen=True)
class Section:
    """One part of the comment. ``fine``: nothing in it keeps the pull request from being merged."""

    key: str
    text: str
    fine: bool = True


@dataclass(frozen=True)
class PlanComment:
    """The whole comment, and whether everything in it would land or go as asked."""

    body: str
    fine: bool


def plan_of(proposed: Proposed, store: Store, hub: Hub, settings: Settings) -> PlanComment:
    """Plan every change of a pull request: the Hub's lists and headers are read, data are not.

    Raises:
        StorageError: the storage cannot be read.
    """
    sections = [
        *_unreadable(proposed),
        *_unplanned(proposed),
        *(one for change in proposed.changes for one in _sections(change, proposed, store, hub, settings)),
    ]
    fine = all(one.fine for one in sections)
    top = Section("the pull request", _overview(proposed, sections, fine))
    return PlanComment(comment_body({section_key(one.key): one.text for one in [top, *sections]}), fine)


def _overview(proposed: Proposed, sections: list[Section], fine: bool) -> str:
    if not sections:
        headline, state = "Nothing is asked for any more", State.INFO
    elif fine:
        headline, state = "This is what the merge does", State.SUCCESS
    else:
        headline, state = "This cannot land as it is", State.FAILURE
    facts = [("Request files", f"{len(proposed.changes):,}")]
    if proposed.other_files:
        facts.append(("Other files, not looked at here", f"{proposed.other_files:,}"))
    return message_section(RequestMessage(name=proposed.head[:12], state=state, headline=headline, facts=tuple(facts)))


def _sections(change: Change, proposed: Proposed, store: Store, hub: Hub, settings: Settings) -> Iterator[Section]:
    before, after = change.before, change.after
    if isinstance(after, AddFile):
        yield _landing(after, before, proposed, store, hub, settings)
    elif isinstance(after, RemoveFile):
        yield _removal(after, proposed, store, settings)
    if isinstance(before, RemoveFile) and before != after:
        yield from _again(before, proposed, store, hub, settings)
    if isinstance(before, AddFile) and _name(after) != before.name:
        yield from _orphan(before, proposed, store)


def _name(file: AddFile | RemoveFile | None) -> str | None:
    return file.name if isinstance(file, AddFile) else None


def _landing(
    file: AddFile, before: AddFile | RemoveFile | None, proposed: Proposed, store: Store, hub: Hub, settings: Settings
) -> Section:
    from hugflow_assets.landing.forecast import forecast
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.shapes.registry import LANDABLE

    stock = Stock(store)
    plan = plan_on(hub, store, file.request)
    expected = forecast(plan, store, LandingOptions.of(settings))
    verdicts = preflight(
        file, proposed.snapshot, plan, store, settings, forecast=expected, stock=stock, landable=LANDABLE
    )
    text = plan_comment(
        file.name,
        verdicts,
        plan=plan if isinstance(plan, LandingPlan) else None,
        forecast=expected if isinstance(expected, Forecast) else None,
        room=store.headroom(file.name),
        path=str(settings.storage_root / file.name),
        differs=differences(before.request, file.request) if isinstance(before, AddFile) else "",
    )
    return Section(file.name, text, fine=not any(one.blocks for one in verdicts))


def differences(before: DatasetRequest, after: DatasetRequest) -> str:
    """``owner: ada -> grace``, a line a field; empty when nothing differs."""
    lines = []
    for field in type(after).model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            lines.append(f"{field}: {old or '(none)'} -> {new or '(none)'}")
    return "\n".join(lines)


def _removal(file: RemoveFile, proposed: Proposed, store: Store, settings: Settings) -> Section:
    preview = removal_preview(file, proposed.snapshot, store, settings)
    verdict = preview.verdict
    rows = [
        f"{hit.name}: {human_size(hit.size_bytes)}, {hit.rows:,} rows, owner {hit.owner or 'not known'}"
        if hit.landed
        else f"{hit.name}: not landed yet, owner {hit.owner or 'not known'}"
        for hit in preview.hits
    ]
    told = RequestMessage(
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
    return Section(file.path, message_section(told), fine=not verdict.blocks)


def _again(before: RemoveFile, proposed: Proposed, store: Store, hub: Hub, settings: Settings) -> Iterator[Section]:
    """What a deleted removal held back, each as a landing of its own."""
    found = lands_again(before, proposed.snapshot, store)
    yield Section(
        before.path,
        message_section(
            RequestMessage(
                name=before.path,
                state=State.INFO,
                headline="Removal withdrawn",
                facts=(("Datasets that land again", f"{len(found):,}"),),
                body="\n".join(one.story() for one in found),
            )
        ),
    )
    for one in found[:10]:
        file = proposed.snapshot.add(one.name)
        if file is not None:
            yield _landing(file, None, proposed, store, hub, settings)


def _orphan(before: AddFile, proposed: Proposed, store: Store) -> Iterator[Section]:
    """A request that is deleted, or that asks for something else now, leaves its data where they are."""
    row = store.row(before.name)
    if row is None or proposed.snapshot.add(before.name) is not None:
        return
    yield Section(
        before.name,
        message_section(
            RequestMessage(
                name=before.name,
                state=State.INFO,
                headline="Stays on the storage, asked for by nobody",
                facts=(("Size", human_size(row.size_bytes)), ("Rows", f"{row.rows:,}")),
                remedy="To free the space, add a file to requests/remove/.",
            )
        ),
    )


def _unreadable(proposed: Proposed) -> Iterator[Section]:
    for path, problems in proposed.problems.items():
        told = RequestMessage(
            name=path,
            state=State.FAILURE,
            headline="Cannot be read",
            body="\n".join(problems),
            remedy="Correct the file; requests/README.md explains the fields.",
        )
        yield Section(path, message_section(told), fine=False)


def _unplanned(proposed: Proposed) -> Iterator[Section]:
    if proposed.unread:
        told = RequestMessage(
            name=f"{len(proposed.unread):,} files",
            state=State.FAILURE,
            headline="Too many request files to plan at once",
            body="\n".join(proposed.unread[:50]),
            remedy="Split them over several pull requests.",
        )
        yield Section("too many", message_section(told), fine=False)
