"""`hugflow add` and `hugflow remove`: the request file written, or proposed in a pull request."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.cli.requests.proposal import remote_of
from hugflow_assets.intake import FolderSource, GitSource
from hugflow_assets.intake.proposal import push_proposal
from hugflow_assets.settings import load_settings
from hugflow_assets_tests.cli.conftest import Project, Ran
from hugflow_assets_tests.doubles.repository import RepositoryDouble
from hugflow_assets_tests.doubles.serving import Fault

TOKEN = "ghp_CanaryCanaryCanary"


def asked(project: Project) -> list[str]:
    return [one.name for one in FolderSource(project.root / "requests").snapshot().adds]


def test_add_writes_a_file_that_validates(run: Callable[..., Ran], project: Project) -> None:
    ran = run("add", "org/x", "--subset", "no", "--split", "train", "--description", "Speech: 8 kHz", "--owner", "me")
    assert (ran.code, ran.out) == (0, "wrote requests/add/org__x__subset_no__split_train__rev_main.yaml\n")
    assert run("validate", "--offline").code == 0
    (file,) = FolderSource(project.root / "requests").snapshot().adds
    assert (file.request.subset, file.request.description, file.request.owner) == ("no", "Speech: 8 kHz", "me")


def test_adding_twice_is_the_same_as_once(run: Callable[..., Ran], project: Project) -> None:
    run("add", "org/x")
    before = sorted((project.root / "requests/add").iterdir())
    ran = run("add", "org/x")
    assert (ran.code, ran.out) == (0, "nothing to do: it is asked for so already\n")
    assert sorted((project.root / "requests/add").iterdir()) == before


def test_adding_in_other_words_names_the_file_to_edit(run: Callable[..., Ran], project: Project) -> None:
    project.add("mine", "org/x")
    ran = run("add", "org/x", "--owner", "someone")
    assert ran.code == 1
    assert "requests/add/mine.yaml" in ran.err
    assert "owner" in ran.err


def test_add_deletes_the_removal_in_force_and_says_what_else_lands_again(
    run: Callable[..., Ran], project: Project
) -> None:
    project.add("x", "org/x", subset="a")
    removal = project.write("remove/x.yaml", "hf_id: org/x\nreason: Old.\n")
    ran = run("add", "org/x", "--subset", "b")
    assert ran.code == 0
    assert not removal.exists()
    assert "org__x__subset_a__rev_main" in ran.err
    assert asked(project) == ["org__x__subset_b__rev_main", "org__x__subset_a__rev_main"]


def test_add_of_what_is_asked_for_only_takes_the_removal_away(run: Callable[..., Ran], project: Project) -> None:
    file = project.add("x", "org/x")
    text = file.read_text()
    removal = project.write("remove/x.yaml", "hf_id: org/x\nreason: Old.\n")
    assert run("add", "org/x").out == "deleted requests/remove/x.yaml\n"
    assert (removal.exists(), file.read_text()) == (False, text)


@pytest.mark.parametrize("hf_id", ["https://huggingface.co/datasets/org/x", "org//x", "../../etc"])
def test_an_id_that_is_none_writes_nothing(run: Callable[..., Ran], project: Project, hf_id: str) -> None:
    ran = run("add", hf_id)
    assert ran.code == 2
    assert "hf_id" in ran.err
    assert list((project.root / "requests/add").iterdir()) == []


def test_remove_is_as_narrow_as_the_dataset(run: Callable[..., Ran], project: Project) -> None:
    project.add("a", "org/x", subset="a")
    project.add("b", "org/x", subset="b")
    assert run("remove", "org__x__subset_a__rev_main", "--reason", "Bad audio.").code == 0
    snapshot = FolderSource(project.root / "requests").snapshot()
    assert list(snapshot.desired()) == ["org__x__subset_b__rev_main"]
    assert snapshot.removals[0].request.reason == "Bad audio."
    assert "nothing to do" in run("remove", "org__x__subset_a__rev_main", "--reason", "Again.").out


def test_remove_of_a_whole_does_not_take_its_parts_along_unasked(run: Callable[..., Ran], project: Project) -> None:
    project.add("whole", "org/x")
    project.add("part", "org/x", subset="a")
    refused = run("remove", "org__x__rev_main", "--reason", "Old.")
    assert refused.code == 1
    assert "org__x__subset_a__rev_main" in refused.err
    assert FolderSource(project.root / "requests").snapshot().removals == ()
    assert run("remove", "org__x__rev_main", "--reason", "Old.", "--others").code == 0
    assert FolderSource(project.root / "requests").snapshot().desired() == {}


def test_remove_takes_an_id_where_it_says_which_one(run: Callable[..., Ran], project: Project) -> None:
    project.add("a", "org/x", subset="a")
    assert run("remove", "org/x", "--reason", "Old.").code == 0
    project.add("b", "org/x", subset="b")
    several, unknown = run("remove", "org/x", "--reason", "Old."), run("remove", "org/y", "--reason", "Old.")
    assert (several.code, unknown.code) == (1, 1)
    assert "Name one of them" in several.err


# ---- with --pr


@pytest.fixture
def github(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[RepositoryDouble]:
    with RepositoryDouble(tmp_path / "github", token=TOKEN) as double:
        monkeypatch.setenv("GITHUB_API_URL", double.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", double.repository)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("REQUESTS_GIT_URL", str(double.remote))
        yield double


def test_a_pull_request_holds_the_file_and_touches_nothing_here(
    run: Callable[..., Ran], project: Project, github: RepositoryDouble
) -> None:
    before = github.git("rev-parse", "main")
    ran = run("add", "org/x", "--pr")
    assert ran.code == 0, ran.err
    (pull,) = github.pulls.values()
    assert ran.out.strip() == pull["html_url"]
    assert pull["title"] == "Land org__x__rev_main"
    branch = pull["head"]["ref"]
    assert github.git("diff", "--name-status", "main", branch) == "A\trequests/add/org__x__rev_main.yaml"
    assert github.git("rev-parse", f"{branch}~1") == before
    assert asked(project) == []


def test_asking_again_renews_the_branch_and_opens_no_second_pull_request(
    run: Callable[..., Ran], github: RepositoryDouble
) -> None:
    first = run("add", "org/x", "--pr")
    second = run("add", "org/x", "--description", "Speech.", "--pr")
    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    assert len(github.pulls) == 1
    assert "Speech." in github.git("show", f"{github.pulls[1]['head']['ref']}:requests/add/org__x__rev_main.yaml")


def test_a_pull_request_whose_answer_was_lost_is_found(run: Callable[..., Ran], github: RepositoryDouble) -> None:
    github.faults.append(Fault(status=502, on="POST /repos/org/requests/pulls", after=True))
    ran = run("add", "org/x", "--pr")
    assert ran.code == 0, ran.err
    assert len(github.pulls) == 1


def test_a_removal_is_proposed_and_deleted_by_the_next_addition(
    run: Callable[..., Ran], github: RepositoryDouble
) -> None:
    github.commit_file("requests/add/x.yaml", "hf_id: org/x\ndescription: Speech.\n")
    assert run("remove", "org__x__rev_main", "--reason", "Old.", "--pr").code == 0
    github.merge(1)
    assert run("add", "org/x", "--pr").code == 0
    assert github.git("diff", "--name-status", "main", github.pulls[2]["head"]["ref"]) == (
        "D\trequests/remove/org__x__rev_main.yaml"
    )


def test_without_a_token_the_settings_are_named(run: Callable[..., Ran], project: Project) -> None:
    ran = run("add", "org/x", "--pr")
    assert ran.code == 3
    assert "GITHUB_TOKEN" in ran.err


def test_a_refusing_github_is_told_without_the_token(run: Callable[..., Ran], github: RepositoryDouble) -> None:
    github.token = "another"
    ran = run("add", "org/x", "--pr")
    assert ran.code == 3
    assert "Bad credentials" in ran.err
    assert TOKEN not in ran.err + ran.out


def test_a_proposal_leaves_every_other_file_as_it_is(tmp_path: Path) -> None:
    with RepositoryDouble(tmp_path / "github") as double:
        double.commit_file("tool.sh", "#!/bin/sh\n", mode="100755")
        double.commit_file("requests/add/it's a name.yaml", "hf_id: org/q\ndescription: Q.\n")
        commit = push_proposal(str(double.remote), "main", "hugflow/x", {"requests/add/x.yaml": "text\n"}, "Add x")
        assert double.git("diff", "--raw", "main", commit).split("\t")[-1] == "requests/add/x.yaml"
        assert len(double.git("diff", "--raw", "main", commit).splitlines()) == 1
        assert double.git("rev-parse", "hugflow/x") == commit
        source = GitSource(str(double.remote), "hugflow/x", tmp_path / "cache")
        assert {one.path for one in source.snapshot().problems} == {"add/x.yaml"}


def test_the_token_goes_in_a_header_and_nowhere_else(
    tmp_path: Path, run: Callable[..., Ran], github: RepositoryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = subprocess.Popen

    class Recorded(real):  # type: ignore[misc,valid-type]
        def __init__(self, command: Any, *arguments: Any, **options: Any) -> None:
            seen.append(repr(command))
            super().__init__(command, *arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    run("add", "org/x", "--pr")
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert seen
    assert not [one for one in seen if TOKEN in one or basic in one]
    for request in github.requests:
        assert TOKEN not in request.path + repr(request.query) + repr(request.body)


@pytest.mark.parametrize(
    ("api", "host"),
    [
        ("https://api.github.com", "github.com"),
        ("https://api.octocorp.ghe.com", "octocorp.ghe.com"),
        ("https://git.example.com/api/v3", "git.example.com"),
        ("https://api.example.com/api/v3", "api.example.com"),
    ],
)
def test_a_proposal_is_pushed_to_where_people_clone_from(api: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub, GitHub Enterprise with data residency, and GitHub Enterprise Server."""
    for variable, value in {
        "GITHUB_API_URL": api,
        "GITHUB_REPOSITORY": "org/requests",
        "GITHUB_TOKEN": "ghp_x",
    }.items():
        monkeypatch.setenv(variable, value)
    assert remote_of(load_settings()) == f"https://{host}/org/requests.git"
