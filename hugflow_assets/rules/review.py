"""What can be said of the requests together from their text alone: no Hub, no storage."""

from __future__ import annotations

from collections import defaultdict

from hugflow_assets.errors import DuplicateRequestError
from hugflow_assets.intake import AddFile, RemoveFile, RequestSnapshot, matches
from hugflow_assets.rules.conflicts import conflicts
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.rules.withdrawing import MATCHES_NOTHING, REMOVALS_MATCH, TOO_NARROW, cuts, near_misses
from hugflow_assets.wording import listed

NAMES_UNIQUE = "names_unique"
OFFLINE_RULES = (NAMES_UNIQUE, REMOVALS_MATCH)


def offline(snapshot: RequestSnapshot) -> list[Verdict]:
    """Judge the request files against each other. One verdict a problem, its files in ``details["paths"]``.

    Duplicates block. A removal that would cut a wider request blocks; one that matches no request only warns, since
    the storage may hold a landing of it whose request is gone. When nothing is wrong each rule says so once.
    """
    duplicates = [
        Verdict(
            name=NAMES_UNIQUE,
            passed=False,
            message=one.message,
            remedy=one.remedy,
            code=DuplicateRequestError.code,
            details={"paths": list(one.paths), "names": list(one.names), "kind": one.kind},
        )
        for one in conflicts(snapshot)
    ]
    by_repo: dict[str, list[AddFile]] = defaultdict(list)
    for add in snapshot.adds:
        by_repo[add.request.hf_id].append(add)
    removals = [
        verdict
        for one in snapshot.removals
        if (verdict := _removal(one, by_repo.get(one.request.hf_id, []), snapshot)) is not None
    ]
    return [
        *(duplicates or [_fine(NAMES_UNIQUE, f"{len(snapshot.adds)} requests, no two for the same data.")]),
        *(removals or [_fine(REMOVALS_MATCH, f"{len(snapshot.removals)} removals, each matches.")]),
    ]


def _removal(removal: RemoveFile, of_repo: list[AddFile], snapshot: RequestSnapshot) -> Verdict | None:
    asked = [one for one in of_repo if cuts(removal.request, one.request)]
    if asked:
        return Verdict(
            name=REMOVALS_MATCH,
            passed=False,
            message=f"{removal.path} would cut a part out of {listed(one.name for one in asked)}, "
            f"asked for as one in {listed(one.path for one in asked)}.",
            remedy="Withdraw the whole of it, or ask for the parts that stay as requests of their own first.",
            code=TOO_NARROW,
            details={"paths": [removal.path], "names": [one.name for one in asked]},
        )
    if any(matches(removal.request, one.request) for one in of_repo):
        return None
    near = near_misses(removal.request, [one.request for one in snapshot.adds])
    return Verdict(
        name=REMOVALS_MATCH,
        passed=False,
        severity=Severity.WARNING,
        message=f"{removal.path} matches no request{f'; did you mean {near}?' if near else '.'}",
        remedy="It still withdraws a landing whose request was deleted; the storage machine tells.",
        code=MATCHES_NOTHING,
        details={"paths": [removal.path], "names": []},
    )


def _fine(name: str, message: str) -> Verdict:
    return Verdict(name=name, passed=True, message=message, details={"paths": [], "names": []})
