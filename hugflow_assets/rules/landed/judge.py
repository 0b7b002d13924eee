"""After a landing: is what lies on the storage what was asked for, and is it still what the Hub has?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from hugflow_assets.errors import HugflowError, ManifestError, UnknownDatasetError
from hugflow_assets.hub.models import RepoState
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.landed.case import LandedCase, Leak, OnDisk, TextFacts
from hugflow_assets.rules.landed.complete import Complete
from hugflow_assets.rules.landed.rules import (
    AudioReadable,
    Hashes,
    NoLeakage,
    StorageWithinQuota,
    TranscriptsPresent,
    UpstreamUnchanged,
)
from hugflow_assets.rules.rule import Rule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.settings import Settings
from hugflow_assets.store.capacity.space import Headroom

if TYPE_CHECKING:
    from hugflow_assets.store import Store

POSTLANDING_RULES: tuple[Rule[LandedCase], ...] = (
    Complete(),
    Hashes(),
    AudioReadable(),
    TranscriptsPresent(),
    NoLeakage(),
    StorageWithinQuota(),
    UpstreamUnchanged(),
)


class Verification(Protocol):
    """What re-hashing found: paths relative to the dataset's folder, and how many files were looked at."""

    @property
    def missing(self) -> Sequence[str]: ...
    @property
    def damaged(self) -> Sequence[str]: ...
    @property
    def extra(self) -> Sequence[str]: ...
    @property
    def checked(self) -> int: ...


def judge_landed(
    rule: Rule[LandedCase],
    name: str,
    store: Store,
    settings: Settings,
    *,
    plan: LandingPlan | None = None,
    verification: Verification | None = None,
    texts: TextFacts | None = None,
    leaks: Sequence[Leak] | None = None,
    upstream: RepoState | HugflowError | None = None,
) -> Verdict:
    """Judge a landed dataset by one post-landing rule.

    Args:
        rule: of ``POSTLANDING_RULES``.
        name: the storage name.
        plan: what it was landed from, for the rows that upstream promised; left out, only the manifest is compared.
        verification: what ``landing.verify`` found; left out, ``hashes`` is not evaluated.
        texts: how many rows have a transcript; left out, ``transcripts_present`` is not evaluated.
        leaks: clips that are for testing and for training; left out, ``no_leakage`` is not evaluated.
        upstream: the repository now, or why it could not be looked at; left out, not evaluated.

    Raises:
        Nothing on purpose: a manifest that cannot be read, or none at all, fails ``complete``; the rules that need
        one are then not evaluated.
    """
    case = _case(name, store, settings)
    return rule.verdict(
        replace(
            case,
            plan=plan,
            verification=None if verification is None else OnDisk.of(verification),
            texts=texts,
            leaks=None if leaks is None else tuple(leaks),
            upstream=upstream,
        )
    )


def _case(name: str, store: Store, settings: Settings) -> LandedCase:
    missing: HugflowError | None = None
    manifest = None
    try:
        manifest = store.manifest(name)
    except ManifestError as error:
        missing = error
    if manifest is None and missing is None:
        missing = UnknownDatasetError(f"{name} is not landed.", remedy="Materialize it.")
    room: Headroom | HugflowError
    try:
        room = store.quota.headroom()
    except HugflowError as error:
        room = error
    return LandedCase(
        name=name,
        folder=store.layout.dataset(name),
        manifest=manifest,
        missing=missing,
        settings=settings,
        room=room,
    )
