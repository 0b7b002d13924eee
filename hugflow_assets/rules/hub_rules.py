"""Rules about what the Hub holds: the repository, its spelling, its revision, its terms, its subsets and splits."""

from __future__ import annotations

from typing import ClassVar

from hugflow_assets.errors import (
    HFDisabledError,
    HFGatedError,
    HFIdSpellingError,
    HFRevisionNotFoundError,
    HFSplitNotFoundError,
    HFSubsetNotFoundError,
    HugflowError,
    UnsupportedShapeError,
)
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.rule import Case, PlanRule
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.shapes.models import Shape
from hugflow_assets.wording import human_size as size
from hugflow_assets.wording import listed


class CanonicalId(PlanRule):
    name = "canonical_id"
    about = "The request spells the dataset's id as the Hub does."
    errors = (HFIdSpellingError,)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        asked, canonical = case.request_file.request.hf_id, plan.state.repo_id
        if asked == canonical:
            return self.passed(f"The Hub spells it {canonical}, too.")
        return self.failed(
            f"The request says {asked}, the Hub {canonical}.",
            remedy=f"Write hf_id: {canonical} in {case.request_file.path}.",
            code=HFIdSpellingError.code,
            canonical=canonical,
        )


class RevisionExists(PlanRule):
    name = "revision_exists"
    about = "The revision asked for exists and is pinned to a commit."
    errors = (HFRevisionNotFoundError,)
    proved_by = (HFSubsetNotFoundError, HFSplitNotFoundError, UnsupportedShapeError)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        return self.passed(f"{case.request_file.request.revision} is at commit {plan.commit}.", commit=plan.commit)


class GatedTermsAccepted(PlanRule):
    name = "gated_terms_accepted"
    about = "The terms of a gated dataset are accepted with the account of HF_TOKEN."
    errors = (HFGatedError,)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        if plan.state.gated:
            return self.passed(f"Gated ({plan.state.gated}); the terms are accepted.", gated=plan.state.gated)
        return self.passed("Not gated.")


class SubsetExists(PlanRule):
    name = "subset_exists"
    about = "The subset asked for exists."
    errors = (HFSubsetNotFoundError,)
    proved_by = (HFSplitNotFoundError,)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        names = [config.name for config in plan.configs]
        subset = case.request_file.request.subset
        if subset is None:
            return self.passed(f"No subset asked for: every one lands ({listed(names)}).", subsets=names)
        if plan.shape is not Shape.UNSUPPORTED and subset not in names:
            return self.failed(f"The plan holds {listed(names)}, not {subset}.", code=HFSubsetNotFoundError.code)
        return self.passed(f"Subset {subset} exists.", subsets=names)


class SplitExists(PlanRule):
    name = "split_exists"
    about = "The split asked for exists."
    errors = (HFSplitNotFoundError,)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        names = list(dict.fromkeys(split.name for config in plan.configs for split in config.splits))
        split = case.request_file.request.split
        if split is None:
            return self.passed(f"No split asked for: every one lands ({listed(names)}).", splits=names)
        if plan.shape is not Shape.UNSUPPORTED and split not in names:
            return self.failed(f"The plan holds {listed(names)}, not {split}.", code=HFSplitNotFoundError.code)
        return self.passed(f"Split {split} exists.", splits=names)


class ShapeSupported(PlanRule):
    name = "shape_supported"
    about = "The repository's files are laid out in a way that Hugflow lands."
    errors = (UnsupportedShapeError,)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        if plan.shape is Shape.UNSUPPORTED:
            return self._refused(plan.shape_reason or "The files have no shape that Hugflow knows.", plan.remedy)
        if case.landable is not None and plan.shape not in case.landable:
            known = listed(sorted(str(shape) for shape in case.landable))
            reason = f" {plan.shape_reason}" if plan.shape_reason else ""
            return self._refused(f"The files are laid out as {plan.shape}, which does not land yet ({known}).{reason}")
        if not any(split.shards for config in plan.configs for split in config.splits):
            return self._refused("The selection holds no data files: nothing would land.")
        count = plan.upstream_files
        files = f"{count:,} {'file' if count == 1 else 'files'}"
        message = f"{plan.shape}: {files}, {size(plan.estimate.download_bytes)} upstream."
        return self.passed(f"{message} {plan.shape_reason}".rstrip(), shape=str(plan.shape))

    def _refused(self, reason: str, remedy: str = "") -> Verdict:
        return self.failed(
            reason,
            remedy=remedy
            or "Ask for another subset or revision (refs/convert/parquet holds the Hub's own conversion, if any).",
            code=UnsupportedShapeError.code,
        )


class RepoAccessible(PlanRule):
    name = "repo_accessible"
    about = "The repository exists and the token may read it."
    proved_by = (
        *CanonicalId.errors,
        *RevisionExists.errors,
        *GatedTermsAccepted.errors,
        *SubsetExists.errors,
        *SplitExists.errors,
        *ShapeSupported.errors,
    )

    # Whatever no other rule is about is this rule's failure: an error on the way to a plan always blocks.
    _others: ClassVar[tuple[type[HugflowError], ...]] = proved_by

    def owns(self, error: HugflowError) -> bool:
        return not isinstance(error, self._others)

    def judge_plan(self, case: Case, plan: LandingPlan) -> Verdict:
        state = plan.state
        if state.disabled:
            return self.failed(
                f"The Hub has disabled access to {state.repo_id}.",
                remedy="Ask its owner, or withdraw the request.",
                code=HFDisabledError.code,
            )
        return self.passed(f"{state.repo_id} is {'private' if state.private else 'public'} and readable.")
