"""What landing a request means now: a landed dataset stays at its commit, unless it is updated. Decided here alone."""

from __future__ import annotations

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub.client import Hub
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name
from hugflow_assets.planning.models import LandingPlan, Version
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.store import Manifest, Store


def plan(hub: Hub, request: DatasetRequest, *, landed: Manifest | None, update: bool = False) -> LandingPlan:
    """The plan of a request: at the commit that is landed, or else at the newest one of its revision.

    The Hub's own conversion of a repository is pinned like the repository: a repair brings back the landed rows.

    Args:
        landed: the manifest of what the storage holds of this request; None: nothing.
        update: move what is landed to the newest commit and the newest conversion.
    Raises:
        HFError: as ``resolve``; a repository that we hold a landing of is gone, not unknown.
    """
    over = Version.of(landed) if landed is not None else None
    found = resolve(
        hub,
        request,
        pinned=None if update else over,
        known_oid=landed.repo.oid if landed is not None else None,
        seen_before=landed is not None,
    )
    return found.model_copy(update={"over": over})


def plan_on(hub: Hub, store: Store, request: DatasetRequest, *, update: bool = False) -> LandingPlan | HugflowError:
    """``plan`` over what a storage holds, or the error that says why there is none, for the rules to judge."""
    try:
        return plan(hub, request, landed=store.manifest(storage_name(request)), update=update)
    except HugflowError as error:
        return error
