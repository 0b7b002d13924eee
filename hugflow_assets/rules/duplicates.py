"""The rule against landing the same data twice, by meaning and not by spelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hugflow_assets.errors import DuplicateRequestError, HugflowError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.conflicts import conflicts_of
from hugflow_assets.rules.rule import Case, Rule
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.models import IndexRow, Landed, Selection

Index = Mapping[str, IndexRow]


class _Other(Frozen):
    """Another dataset, landed or planned, reduced to what decides whether it is the same data."""

    name: str
    where: str
    repo_id: str
    repo_oid: str | None
    selection: Selection


class NotDuplicate(Rule[Case]):
    """What is landed already may stay and be repaired: of two requests for the same data the later one is refused."""

    name = "not_duplicate"
    about = "No other request or landing holds the same data, or a name that differs in case only."

    def judge(self, case: Case) -> Verdict:
        if isinstance(case.index, HugflowError):
            raise case.index
        index = case.index
        landed_here = case.request_file.name in index
        found = [*self._by_text(case, index, landed_here), *self._by_meaning(case, index, landed_here)]
        if case.plan is None and not found:
            return self.not_evaluated(
                "no other request is the same by its text; the commit is not known.",
                transient=bool(case.error and case.error.transient),
                code=case.error.code if case.error else "",
            )
        if not found:
            return self.passed("Nothing else asks for or holds the same data.")
        return self.failed(
            " ".join(dict.fromkeys(message for message, _, _ in found)),
            remedy=" ".join(dict.fromkeys(remedy for _, remedy, _ in found)),
            code=DuplicateRequestError.code,
            severity=Severity.ERROR if any(blocks for _, _, blocks in found) else Severity.WARNING,
        )

    def _by_text(self, case: Case, index: Index, landed_here: bool) -> Iterator[tuple[str, str, bool]]:
        """Conflicts among the request files, then names on the storage that differ in case only."""
        mine = case.request_file
        for one in conflicts_of(case.snapshot, mine):
            first_of_name = one.kind == "same-name" and one.paths[0] == mine.path
            wider_lands = one.kind != "held-by-whole" or not landed_here
            yield one.message, one.remedy, not first_of_name and not landed_here and wider_lands
        asked = {one.name for one in case.snapshot.adds}
        for name in index:
            if name != mine.name and name.casefold() == mine.name.casefold() and name not in asked:
                yield (
                    f"{name} is landed, and differs from {mine.name} in case only.",
                    f"Remove {name} first, or spell the request as it was.",
                    not landed_here,
                )

    def _by_meaning(self, case: Case, index: Index, landed_here: bool) -> Iterator[tuple[str, str, bool]]:
        plan = case.plan
        if plan is None:
            return
        mine = _selection(plan)
        for other in _others(case, index, plan.commit):
            if not mine or other.name.casefold() == plan.name.casefold() or not _same_repo(plan, other):
                continue
            spelt = "" if other.repo_id == plan.state.repo_id else f" under the name {other.repo_id}"
            if mine == other.selection:
                yield (
                    f"{other.name} ({other.where}{spelt}) is the same data: commit {plan.commit[:12]}, same selection.",
                    f"Use {other.name}, or remove it first.",
                    not landed_here,
                )
            elif mine < other.selection:
                yield (
                    f"{other.name} ({other.where}{spelt}) already holds this selection at commit {plan.commit[:12]}.",
                    f"Use {other.name}, or remove it first.",
                    not landed_here,
                )


def _others(case: Case, index: Index, commit: str) -> Iterator[_Other]:
    """The other datasets at this commit: only they can hold the same data."""
    yield from (_of_landed(row) for row in index.values() if isinstance(row, Landed) and row.commit == commit)
    desired = case.snapshot.desired()
    for name, plan in case.plans.items():
        if plan.commit == commit and name not in index and name in desired:
            yield _Other(
                name=name,
                where=f"asked for in {desired[name].path}",
                repo_id=plan.state.repo_id,
                repo_oid=plan.state.repo_oid,
                selection=_selection(plan),
            )


def _selection(plan: LandingPlan) -> Selection:
    return frozenset((config.name, split.name) for config in plan.configs for split in config.splits)


def _of_landed(landed: Landed) -> _Other:
    return _Other(
        name=landed.name,
        where="landed",
        repo_id=landed.hf_id,
        repo_oid=landed.repo_oid,
        selection=landed.selection,
    )


def _same_repo(plan: LandingPlan, other: _Other) -> bool:
    """Same repository: by the Hub's own id where both are known, which survives renames, else by spelling."""
    if plan.state.repo_oid and other.repo_oid:
        return plan.state.repo_oid == other.repo_oid
    return plan.state.repo_id.casefold() == other.repo_id.casefold()
