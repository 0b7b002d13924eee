"""The rule about removals in force."""

from __future__ import annotations

from hugflow_assets.errors import RemovalInForceError
from hugflow_assets.rules.rule import Case, Rule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.rules.words import listed


class NoRemovalInForce(Rule[Case]):
    name = "no_removal_in_force"
    about = "No removal request withdraws the dataset."

    def judge(self, case: Case) -> Verdict:
        removals = case.snapshot.removals_of(case.request_file.request)
        if not removals:
            return self.passed("No removal request matches.")
        paths = [one.path for one in removals]
        reasons = listed(f"{one.path}: {one.request.reason}" for one in removals)
        return self.failed(
            f"Withdrawn by {reasons}",
            remedy=f"Delete {listed(paths)} to let it land.",
            code=RemovalInForceError.code,
            paths=paths,
        )
