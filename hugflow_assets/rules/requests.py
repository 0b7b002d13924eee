"""The rule about removals in force."""

from __future__ import annotations

from hugflow_assets.errors import HugflowError, RemovalInForceError
from hugflow_assets.rules.rule import Case, Rule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.wording import listed


class NoRemovalInForce(Rule[Case]):
    name = "no_removal_in_force"
    about = "No removal request withdraws the dataset."

    def judge(self, case: Case) -> Verdict:
        removals = case.snapshot.removals_of(case.request_file.request)
        if not removals:
            return self._unread(case) or self.passed("No removal request matches.")
        paths = [one.path for one in removals]
        reasons = listed(f"{one.path} ({one.request.reason.rstrip('.')})" for one in removals)
        return self.failed(
            f"Withdrawn by {reasons}.",
            remedy=f"Delete {listed(paths)} to let it land.",
            code=RemovalInForceError.code,
            paths=paths,
        )

    def _unread(self, case: Case) -> Verdict | None:
        """A removal that cannot be read could mean this dataset: what is not landed yet waits until it is corrected."""
        unread = case.snapshot.might_withdraw(case.request_file.request)
        landed = not isinstance(case.index, HugflowError) and case.request_file.name in case.index
        if not unread or landed:
            return None
        return self.failed(
            f"{listed(one.path for one in unread)} cannot be read and could withdraw it; nothing new lands against it.",
            remedy=f"Correct or delete {listed(one.path for one in unread)}; `hugflow validate` says what is wrong.",
            code=RemovalInForceError.code,
            transient=True,
            paths=[one.path for one in unread],
        )
