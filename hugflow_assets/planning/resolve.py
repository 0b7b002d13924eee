"""What a request means on the Hub, now or at a given commit. Which of the two is decided by ``pin``."""

from __future__ import annotations

from hugflow_assets.hub.client import Hub
from hugflow_assets.hub.prefetch import meanwhile
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.planning.models import LandingPlan, Version


def resolve(
    hub: Hub,
    request: DatasetRequest,
    *,
    pinned: Version | None = None,
    known_oid: str | None = None,
    seen_before: bool = False,
) -> LandingPlan:
    """What the request means on the Hub: commit, configs, splits, files with hashes, features, estimate.

    Nothing but metadata is read: the list of files, the card, parquet footers. A shape that cannot be landed is no
    error here: ``plan.shape`` is UNSUPPORTED and ``shape_reason`` says why.

    Args:
        pinned: plan at these 40-hex commits instead of what the revision, and the Hub's conversion, point to now.
        known_oid: the Hub's ``_id`` of the repository we landed: another one under this name means ours is gone.
        seen_before: we hold a landing of it, so that "not found" means gone.
    Raises:
        HFNotFoundError, HFGoneError, HFGatedError, HFDisabledError, HFIdSpellingError, HFRevisionNotFoundError,
        HFSubsetNotFoundError, HFSplitNotFoundError.
    """
    with meanwhile(_libraries):
        repository = hub.repository(
            request.hf_id, pinned.commit if pinned else request.revision, known_oid=known_oid, seen_before=seen_before
        )
    from hugflow_assets.planning.plan import plan_of

    return plan_of(hub, request, repository, pinned)


def _libraries() -> None:
    """What a plan is made with: it takes as long to import as the first answers of a far Hub take to come."""
    import datasets  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    from huggingface_hub import DatasetCard  # noqa: F401

    import hugflow_assets.planning.plan  # noqa: F401
