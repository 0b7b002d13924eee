"""Whether there is anything to do: the plan, the options and what is landed, compared by fingerprint."""

from __future__ import annotations

from hugflow_assets.landing.options import Action, LandingOptions
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store.models import Fingerprint, Manifest


def fingerprint_of(plan: LandingPlan, commit: str, options: LandingOptions) -> Fingerprint:
    """The fingerprint of the plan's request, landed at ``commit`` with these options."""
    return Fingerprint.of(plan.request, commit, options.checksums, options.views)


def decide(plan: LandingPlan, manifest: Manifest | None, options: LandingOptions) -> Action:
    """What landing ``plan`` means where ``manifest`` (None: nothing) is landed.

    Looks at no files: whether the landed ones are all there is found by ``land``, which then repairs.
    """
    if manifest is None:
        return Action.LAND
    wanted, landed = fingerprint_of(plan, plan.commit, options), manifest.fingerprint
    if wanted.data != landed.data or plan.state.files_commit != manifest.repo.files_commit:
        return Action.UPDATE
    if wanted.views != landed.views:
        return Action.VIEWS
    if wanted.about != landed.about or plan.request != manifest.request:
        return Action.DESCRIPTION
    return Action.NOOP
