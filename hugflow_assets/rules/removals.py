"""What a removal request withdraws, and what it must not touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot, matches
from hugflow_assets.intake.models import Frozen
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.rules.withdrawing import MATCHES_NOTHING, REMOVALS_MATCH, TOO_NARROW, cuts, near_misses
from hugflow_assets.settings import Settings
from hugflow_assets.wording import human_size, listed

if TYPE_CHECKING:
    from hugflow_assets.store import Landed, Store, Tombstone


class RemovalHit(Frozen):
    """A dataset that a removal request is about. ``path`` is its request's file, None when that is gone.

    Sizes are zero where nothing is landed yet.
    """

    name: str
    path: str | None
    owner: str | None
    landed: bool
    size_bytes: int = 0
    files: int = 0
    rows: int = 0
    hours: float = 0.0
    commit: str = ""


class RemovalPreview(Frozen):
    """What carrying out a removal request would do.

    ``hits`` go; ``cut`` are landings and requests that the removal would have to cut a part out of, which it never
    does: then ``verdict`` blocks and nothing goes. ``done`` are datasets that it has removed already.
    """

    path: str
    reason: str
    hits: tuple[RemovalHit, ...]
    cut: tuple[RemovalHit, ...]
    done: tuple[str, ...]
    frees_bytes: int
    frees_at: str
    verdict: Verdict


class LandsAgain(Frozen):
    """A dataset that lands again once a removal file is deleted. ``size_bytes`` None: never landed here."""

    name: str
    path: str
    owner: str | None
    size_bytes: int | None
    in_trash: bool

    def story(self) -> str:
        """``org__x__rev_main: 1.2 GB, out of the trash, nothing is fetched, owner ada``."""
        held = "out of the trash, nothing is fetched" if self.in_trash else "from the Hub"
        size = "size not known" if self.size_bytes is None else human_size(self.size_bytes)
        return f"{self.name}: {size}, {held}, owner {self.owner or 'not known'}"


def removal_preview(
    removal: RemoveFile,
    snapshot: RequestSnapshot,
    store: Store,
    settings: Settings,
    *,
    now: datetime | None = None,
) -> RemovalPreview:
    """Find every dataset that a removal request withdraws, asked for or landed, with its owner and size.

    Raises:
        StorageError: the storage cannot be read.
    """
    hits, cut = removal_hits(removal, snapshot, store.index.landed())
    done = _done(removal, store.trash.archived())
    frees_bytes = sum(one.size_bytes for one in hits)
    frees_at = ((now or datetime.now(UTC)) + settings.trash_grace).isoformat(timespec="minutes")
    return RemovalPreview(
        path=removal.path,
        reason=removal.request.reason,
        hits=hits,
        cut=cut,
        done=done,
        frees_bytes=frees_bytes,
        frees_at=frees_at,
        verdict=_verdict(removal, snapshot, hits, cut, done, f"frees {human_size(frees_bytes)} on {frees_at[:10]}"),
    )


def removal_hits(
    removal: RemoveFile, snapshot: RequestSnapshot, landed: Mapping[str, Landed]
) -> tuple[tuple[RemovalHit, ...], tuple[RemovalHit, ...]]:
    """What a removal withdraws and what it would cut, each in order of name: requests and landings, orphans too."""
    wanted = removal.request
    landed = {name: one for name, one in landed.items() if one.hf_id.casefold() == wanted.hf_id.casefold()}
    asked: dict[str, AddFile] = {}
    for one in snapshot.adds:
        if one.request.hf_id == wanted.hf_id:
            asked.setdefault(one.name, one)
    hits, cut = [], []
    for name in sorted({*landed, *asked}):
        found, file = landed.get(name), asked.get(name)
        # What is on the storage counts; a request that has been rewritten since has another name.
        request = found.asked if found else file.request if file else None
        if request is None:
            continue
        if matches(wanted, request):
            hits.append(_hit(name, file, found))
        elif cuts(wanted, request, found.selection if found else ()):
            cut.append(_hit(name, file, found))
    return tuple(hits), tuple(cut)


class IdleRemoval(Frozen):
    """A removal with nothing to remove. ``held_back`` is what it keeps from landing, ``verdict`` what is said of it."""

    removal: RemoveFile
    held_back: tuple[str, ...]
    verdict: Verdict


def idle_removals(snapshot: RequestSnapshot, store: Store) -> tuple[IdleRemoval, ...]:
    """The removals that were never carried out and find nothing landed: misspelt, or there before what they name.

    Raises:
        StorageError: the storage cannot be read.
    """
    if not snapshot.removals:
        return ()
    landed, buried = store.index.landed(), store.trash.archived()
    found = []
    for one in snapshot.removals:
        hits, cut = removal_hits(one, snapshot, landed)
        if cut or any(hit.landed for hit in hits) or _done(one, buried):
            continue
        names = tuple(hit.name for hit in hits)
        if not any(store.leases.holder(name) for name in names):
            verdict = _verdict(one, snapshot, hits, (), (), "nothing of it had landed")
            found.append(IdleRemoval(removal=one, held_back=names, verdict=verdict))
    return tuple(found)


def _done(removal: RemoveFile, buried: Iterable[Tombstone]) -> tuple[str, ...]:
    """What a removal has taken away already."""
    return tuple(
        one.name
        for one in buried
        if one.restored_at is None and one.hf_id == removal.request.hf_id and one.removal_path == removal.path
    )


def lands_again(removal: RemoveFile, snapshot: RequestSnapshot, store: Store) -> tuple[LandsAgain, ...]:
    """What lands again once ``removal`` is deleted: what is asked for, withdrawn by no other file, and not landed.

    ``snapshot`` may hold the file still or not; what has been made of it by an edit stays in force.
    """
    others = snapshot.model_copy(update={"removals": tuple(one for one in snapshot.removals if one.key != removal.key)})
    index = store.index.rows()
    found = []
    for name, file in sorted(others.desired().items()):
        if not matches(removal.request, file.request) or name in index:
            continue
        tombstone = store.trash.tombstone(name)
        found.append(
            LandsAgain(
                name=name,
                path=file.path,
                owner=file.request.owner,
                size_bytes=None if tombstone is None else tombstone.size_bytes,
                in_trash=any(entry.why == "removed" for entry in store.trash.entries(name)),
            )
        )
    return tuple(found)


def _hit(name: str, file: AddFile | None, landed: Landed | None) -> RemovalHit:
    request = file.request if file else landed.asked if landed else None
    return RemovalHit(
        name=name,
        path=file.path if file else None,
        owner=request.owner if request else None,
        landed=landed is not None,
        size_bytes=landed.size_bytes if landed else 0,
        files=landed.files if landed else 0,
        rows=landed.rows if landed else 0,
        hours=landed.hours if landed else 0.0,
        commit=landed.commit if landed else "",
    )


def _verdict(
    removal: RemoveFile,
    snapshot: RequestSnapshot,
    hits: tuple[RemovalHit, ...],
    cut: tuple[RemovalHit, ...],
    done: tuple[str, ...],
    frees: str,
) -> Verdict:
    paths = {"paths": [removal.path]}
    if cut:
        return Verdict(
            name=REMOVALS_MATCH,
            passed=False,
            message=f"{removal.path} would cut a part out of {listed(one.name for one in cut)}, which landed as one.",
            remedy="Withdraw the whole of it, or ask for the parts that stay as requests of their own first.",
            code=TOO_NARROW,
            details=paths,
        )
    if hits:
        withdrawn = listed(f"{one.name} ({one.owner or 'no owner'}, {human_size(one.size_bytes)})" for one in hits)
        return Verdict(name=REMOVALS_MATCH, passed=True, message=f"Withdraws {withdrawn}; {frees}.", details=paths)
    if done:
        message = f"Carried out: {listed(done)} went."
        return Verdict(name=REMOVALS_MATCH, passed=True, message=message, details=paths)
    near = near_misses(removal.request, [one.request for one in snapshot.adds])
    hint = f"; did you mean {near}?" if near else "."
    return Verdict(
        name=REMOVALS_MATCH,
        passed=False,
        message=f"{removal.path} matches nothing that is asked for or landed{hint}",
        remedy="Correct its fields, or delete the file.",
        code=MATCHES_NOTHING,
        details=paths,
    )
