"""AUTO_MERGE merges only past every guard."""

from __future__ import annotations

from typing import Any

import pytest

from hugflow_assets.notify import GUARDS, GitHub, PullFacts, Review, merge_if_allowed, merge_refusals, pull_facts
from hugflow_assets_tests.doubles.github import GitHubDouble

HEAD, EARLIER = "a" * 40, "b" * 40
GOOD = PullFacts(
    number=1, state="open", base="main", head=HEAD, author="ada", draft=False, mergeable=True, merge_base="0" * 40,
    files=("requests/add/x.yaml",), listed_files=1, validation="success",
    reviews=(Review(login="ben", state="APPROVED", commit=HEAD),),
)  # fmt: skip


def test_a_good_pull_request_is_refused_by_no_guard_and_by_the_setting_alone_when_it_is_off() -> None:
    assert merge_refusals(GOOD, auto_merge=True) == []
    assert merge_refusals(GOOD, auto_merge=False) == ["AUTO_MERGE is off"]


@pytest.mark.parametrize(
    ("guard", "change"),
    [
        ("open", {"state": "closed"}),
        ("base_is_main", {"base": "release"}),
        ("not_draft", {"draft": True}),
        ("only_requests", {"files": ("requests/add/x.yaml", "hugflow_assets/cli.py"), "listed_files": 2}),
        ("only_requests", {"files": ("requests/../.github/workflows/ci.yml",)}),
        ("only_requests", {"files": ("requests_evil/x.yaml",)}),
        ("only_requests", {"files": (), "listed_files": 0}),
        ("only_requests", {"listed_files": 3001}),
        ("validation_green", {"validation": "failure"}),
        ("validation_green", {"validation": "pending"}),
        ("validation_green", {"validation": None}),
        ("approved_at_head", {"reviews": ()}),
        ("approved_at_head", {"reviews": (Review(login="ben", state="APPROVED", commit=EARLIER),)}),
        ("approved_at_head", {"reviews": (Review(login="ada", state="APPROVED", commit=HEAD),)}),
        (
            "approved_at_head",
            {"reviews": (*GOOD.reviews, Review(login="eve", state="CHANGES_REQUESTED", commit=EARLIER))},
        ),
        ("approved_by_owners", {"unowned": ("requests/add/x.yaml",)}),
        ("mergeable", {"mergeable": False}),
        ("mergeable", {"mergeable": None}),
    ],
)
def test_each_guard_alone_keeps_a_pull_request_from_being_merged(guard: str, change: dict[str, Any]) -> None:
    [refusal] = merge_refusals(GOOD.model_copy(update=change), auto_merge=True)
    assert refusal == next(one.refusal for one in GUARDS if one.name == guard)


def _ready(double: GitHubDouble) -> GitHub:
    double.review(1, "ben", "CHANGES_REQUESTED", commit=EARLIER)
    double.review(1, "ben", "APPROVED")
    double.review(1, "ben", "COMMENTED")
    double.check(1)
    return GitHub(double.token, double.repository, api_url=double.url)


def test_facts_are_read_as_github_tells_them(github: GitHubDouble) -> None:
    facts = pull_facts(_ready(github), 1)
    [review] = facts.reviews
    assert facts == GOOD.model_copy(update={"reviews": (GOOD.reviews[0].model_copy(update={"at": review.at}),)})


def test_a_renamed_file_counts_under_both_names(github: GitHubDouble) -> None:
    on = _ready(github)
    github.files[1] = [{"filename": "requests/add/x.yaml", "previous_filename": "src/x.py", "status": "renamed"}]
    assert list(merge_if_allowed(on, 1, auto_merge=True).refusals) == ["it touches more than requests/"]
    assert github.merged == []


@pytest.mark.parametrize(
    ("owners", "refusals"),
    [
        ("* @ben", []),
        ("* @org/stewards", []),  # ben is one of them
        ("* @ben\n/requests/add/ @carol", ["a file of it is not approved by one of its owners (CODEOWNERS)"]),
        ("", ["a file of it is not approved by one of its owners (CODEOWNERS)"]),
    ],
)
def test_an_approval_counts_when_it_is_an_owner_s(github: GitHubDouble, owners: str, refusals: list[str]) -> None:
    github.owners = owners
    assert list(merge_if_allowed(_ready(github), 1, auto_merge=True).refusals) == refusals


def test_of_two_runs_of_the_check_the_one_that_failed_counts(github: GitHubDouble) -> None:
    on = _ready(github)
    github.check_runs[HEAD].append({"id": 2, "name": "request-validate", "conclusion": "failure", "started_at": None})
    assert list(merge_if_allowed(on, 1, auto_merge=True).refusals) == [
        "its validation is not green at this head and base"
    ]


def test_a_head_that_nobody_planned_is_not_merged(github: GitHubDouble) -> None:
    on = _ready(github)
    assert list(merge_if_allowed(on, 1, auto_merge=True, head=EARLIER).refusals) == [
        "it was pushed to after it was planned"
    ]
    assert list(merge_if_allowed(on, 1, auto_merge=True, head=HEAD).refusals) == []


def test_it_is_merged_at_the_head_that_was_looked_at(github: GitHubDouble) -> None:
    on = _ready(github)
    assert list(merge_if_allowed(on, 1, auto_merge=False).refusals) == ["AUTO_MERGE is off"]
    assert github.merged == []
    assert list(merge_if_allowed(on, 1, auto_merge=True).refusals) == []
    assert github.merged == [(1, HEAD)]


@pytest.mark.parametrize(
    ("allowed", "method"),
    [
        ({}, "merge"),
        ({"allow_merge_commit": True, "allow_squash_merge": True}, "merge"),
        ({"allow_merge_commit": False, "allow_squash_merge": True}, "squash"),
        ({"allow_merge_commit": False, "allow_squash_merge": False, "allow_rebase_merge": True}, "rebase"),
    ],
)
def test_it_is_merged_in_a_way_that_the_repository_allows(
    github: GitHubDouble, allowed: dict[str, bool], method: str
) -> None:
    github.repository_settings |= {"allow_merge_commit": None, "allow_squash_merge": None, "allow_rebase_merge": None}
    github.repository_settings |= allowed
    assert list(merge_if_allowed(_ready(github), 1, auto_merge=True).refusals) == []
    assert [one.body["merge_method"] for one in github.requests if one.method == "PUT"] == [method]


def test_a_push_in_the_last_moment_is_not_merged(github: GitHubDouble) -> None:
    on = _ready(github)
    github.before_merge = lambda: github.pulls[1]["head"].update(sha="c" * 40)
    [refusal] = merge_if_allowed(on, 1, auto_merge=True).refusals
    assert "409" in refusal
    assert github.merged == []
