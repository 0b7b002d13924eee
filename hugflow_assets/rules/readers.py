"""The rule about who may read what lands."""

from __future__ import annotations

from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.readers import ReadersPolicy


class ReadersKnown(PlanRule):
    name = "readers_known"
    about = "Those who may read it are a group that is there, and gated or private data are not shown to everyone."

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        policy, asked = ReadersPolicy.of_settings(case.settings), plan.request.group
        is_guarded = plan.state.is_guarded
        policy.of(plan.request, is_guarded=is_guarded)
        group = policy.group_of(plan.request, is_guarded=is_guarded)
        if asked is not None and group != asked:
            return self.failed(
                f"The Hub gives {plan.state.repo_id} to some only: it goes to the group {group} (GATED_GROUP), not to "
                f"{asked}.",
                remedy=f"Take `group: {asked}` out of {case.request_file.path}: GATED_GROUP decides for such data.",
                severity=Severity.WARNING,
                group=group,
            )
        if group is None:
            mode = f"{policy.folder_mode:04o}"
            return self.passed(f"The group of the storage may read it (FOLDER_MODE {mode}).", folder_mode=mode)
        return self.passed(f"The group {group} may read it, and nobody else.", group=group)
