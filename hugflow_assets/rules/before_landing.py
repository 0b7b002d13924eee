"""Before a byte is fetched: may this request land?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from hugflow_assets.errors import HugflowError
from hugflow_assets.intake import AddFile, RequestSnapshot
from hugflow_assets.planning.models import Forecast, LandingPlan
from hugflow_assets.rules.columns import ColumnsExist
from hugflow_assets.rules.duplicates import NotDuplicate
from hugflow_assets.rules.hub_rules import (
    CanonicalId,
    GatedTermsAccepted,
    RepoAccessible,
    RevisionExists,
    ShapeSupported,
    SplitExists,
    SubsetExists,
)
from hugflow_assets.rules.licence import LicenceAllowed
from hugflow_assets.rules.quota import WithinQuota
from hugflow_assets.rules.readers import ReadersKnown
from hugflow_assets.rules.requests import NoRemovalInForce
from hugflow_assets.rules.rule import Case, Rule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.settings import Settings
from hugflow_assets.shapes.models import Shape
from hugflow_assets.store.capacity.space import Headroom
from hugflow_assets.store.models import IndexRow

if TYPE_CHECKING:
    from hugflow_assets.store import Store

PREFLIGHT_RULES: tuple[Rule[Case], ...] = (
    RepoAccessible(),
    CanonicalId(),
    RevisionExists(),
    GatedTermsAccepted(),
    SubsetExists(),
    SplitExists(),
    ColumnsExist(),
    ShapeSupported(),
    LicenceAllowed(),
    NotDuplicate(),
    NoRemovalInForce(),
    ReadersKnown(),
    WithinQuota(),
)


def preflight(
    request_file: AddFile,
    snapshot: RequestSnapshot,
    plan: LandingPlan | HugflowError,
    store: Store,
    settings: Settings,
    *,
    forecast: Forecast | HugflowError | None,
    index: Mapping[str, IndexRow] | None = None,
    plans: Mapping[str, LandingPlan] | None = None,
    landable: Collection[Shape] | None = None,
) -> list[Verdict]:
    """Judge a request by every pre-flight rule, in the order of ``PREFLIGHT_RULES``. Nothing is fetched.

    Args:
        request_file: the request, whether or not it is the file that counts for its name.
        snapshot: everything asked for at this moment, ``request_file`` included.
        plan: what the Hub says to it, or the error that resolving it raised. An error fails the rule that it is
            about; the rules that need a plan then say "not evaluated", which is not passed and does not block.
        forecast: of the plan, by ``landing.forecast``: what landing it would do and take; None where there is no plan.
        index: what is landed, when the caller has read it already (``store.index.rows()``).
        plans: plans of other requests that are known, by name: two that have not landed are compared by them.
        landable: the shapes that there is a reader for; None: every one but ``UNSUPPORTED``.

    Raises:
        Nothing on purpose: a storage that cannot be read is the failure of the rule that needed it.
    """
    planned = plan if isinstance(plan, LandingPlan) else None
    case = Case(
        request_file=request_file,
        snapshot=snapshot,
        plan=planned,
        error=None if isinstance(plan, LandingPlan) else plan,
        index=_index(store) if index is None else index,
        room=_room(store, request_file.name),
        settings=settings,
        forecast=forecast,
        landable=landable,
        plans={} if plans is None else plans,
    )
    return [rule.verdict(case) for rule in PREFLIGHT_RULES]


def _index(store: Store) -> Mapping[str, IndexRow] | HugflowError:
    try:
        return store.index.rows()
    except HugflowError as error:
        return error


def _room(store: Store, name: str) -> Headroom | HugflowError:
    try:
        return store.quota.headroom(name)
    except HugflowError as error:
        return error
