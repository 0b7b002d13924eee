"""The rule about licences."""

from __future__ import annotations

from collections.abc import Iterator

from hugflow_assets.hub.models import RepoState
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.wording import listed

_UNKNOWN = {"", "unknown", "other", "none", "noassertion"}


def licences(state: RepoState) -> tuple[str, ...]:
    """Every licence that a dataset's card names, as it names them. A card may hold one, or a list; both are legal.

    The licence ``other`` is replaced by the card's ``license_name``, which is what it stands for.
    """
    named = state.card_data.get("license")
    given = named if isinstance(named, list) else [named if named is not None else state.license]
    found = [text for one in given for text in _parts(one)]
    own_name = state.card_data.get("license_name")
    if isinstance(own_name, str) and own_name.strip():
        found = [own_name.strip() if _id(one) == "other" else one for one in found]
    return tuple(dict.fromkeys(found))


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (part.strip() for part in value.split(",") if part.strip())


def _id(licence: str) -> str:
    return licence.strip().casefold().removeprefix("license:").replace(" ", "-")


class LicenceAllowed(PlanRule):
    name = "licence_allowed"
    about = "Every licence of the dataset is among ALLOWED_LICENSES (empty: all), and is known."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        found = licences(plan.state)
        allowed = {_id(one) for one in case.settings.allowed_licenses}
        unknown = [one for one in found if _id(one) in _UNKNOWN and _id(one) not in allowed]
        refused = [one for one in found if allowed and _id(one) not in allowed and one not in unknown]
        if refused:
            return self.failed(
                f"Licence {listed(refused)} is not among those allowed: {listed(case.settings.allowed_licenses)}.",
                remedy="Choose another dataset, or have the licence added to ALLOWED_LICENSES.",
                code="licence-not-allowed",
                licences=list(found),
            )
        if unknown or not found:
            blocks = case.settings.unknown_license == "block"
            return self.failed(
                f"The licence is not known ({listed(unknown) if unknown else 'the card names none'}).",
                remedy=f"Read the card of {plan.state.repo_id}"
                + (", and have UNKNOWN_LICENSE set to warn if it may land." if blocks else "."),
                code="licence-unknown",
                severity=Severity.ERROR if blocks else Severity.WARNING,
                licences=list(found),
            )
        return self.passed(f"Licence {listed(found)}.", licences=list(found))
