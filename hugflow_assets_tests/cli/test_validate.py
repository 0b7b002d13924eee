"""`hugflow validate`: file:line:col: message, for every problem of every file."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hugflow_assets.cli.requests.findings import Finding
from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.cli.conftest import Project, Ran


def test_every_problem_is_a_line_with_file_line_and_column(run: Callable[..., Ran], project: Project) -> None:
    project.add("fine", "org/fine")
    project.write("add/bad.yaml", "hf_id: org/x\ndescrption: typo\nsubset: [a]\n")
    ran = run("validate", "--offline")
    lines = ran.out.splitlines()
    assert ran.code == 1
    assert [line.split(": ")[0] for line in lines] == ["requests/add/bad.yaml:2:1", "requests/add/bad.yaml:3:9"]
    assert "description" in lines[0]
    assert "1 of 2 request files" in ran.err


def test_fine_files_are_silent_on_stdout(run: Callable[..., Ran], project: Project) -> None:
    project.add("fine", "org/fine")
    ran = run("validate", "--offline")
    assert (ran.code, ran.out, ran.err) == (0, "", "1 request file: fine\n")


def test_only_the_named_file_is_judged_but_against_all_the_others(run: Callable[..., Ran], project: Project) -> None:
    project.add("a", "org/x")
    second = project.add("b", "org/x")
    project.write("add/bad.yaml", "nonsense: 1\n")
    ran = run("validate", "--offline", second)
    assert ran.code == 1
    assert ran.out.startswith("requests/add/b.yaml:1:1: ")
    assert "add/a.yaml" in ran.out
    assert "bad.yaml" not in ran.out


def test_a_folder_may_be_the_requests_folder_or_one_of_its_two(run: Callable[..., Ran], project: Project) -> None:
    project.write("add/bad.yaml", "nonsense: 1\n")
    project.write("remove/bad.yaml", "nonsense: 1\n")
    both, one = run("validate", "--offline", "requests"), run("validate", "--offline", "requests/remove")
    assert {line.split(":")[0] for line in both.out.splitlines()} == {
        "requests/add/bad.yaml",
        "requests/remove/bad.yaml",
    }
    assert {line.split(":")[0] for line in one.out.splitlines()} == {"requests/remove/bad.yaml"}


@pytest.mark.parametrize("path", ["elsewhere", "loose.yaml"])
def test_a_path_that_is_no_request_is_wrong_usage(run: Callable[..., Ran], project: Project, path: str) -> None:
    (project.root / "elsewhere").mkdir()
    (project.root / "loose.yaml").write_text("hf_id: org/x\n")
    ran = run("validate", "--offline", path)
    assert ran.code == 2
    assert path in ran.err


def test_a_link_is_refused_and_not_followed(run: Callable[..., Ran], project: Project) -> None:
    (project.root / "secret.yaml").write_text("hf_id: org/x\ndescription: not a request\n")
    (project.root / "requests" / "add" / "link.yaml").symlink_to(project.root / "secret.yaml")
    ran = run("validate", "--offline", "requests/add/link.yaml")
    assert ran.code == 1
    assert "symbolic link" in ran.out


def test_json_names_files_and_findings(run: Callable[..., Ran], project: Project) -> None:
    project.write("add/bad.yaml", "hf_id: org/x\ndescription: x\nrevison: main\n")
    told = json.loads(run("validate", "--offline", "--format", "json").out)
    assert told["schema_version"] == 1
    assert told["files"] == ["requests/add/bad.yaml"]
    assert [(one["line"], one["column"], one["code"]) for one in told["findings"]] == [(3, 1, "request-invalid")]


def test_github_annotations_cannot_be_broken_out_of() -> None:
    hostile = Finding("add/a,b:c.yaml", 3, 1, "error", "request-invalid", "50 % of\r\n::error::it", "fix: this")
    assert hostile.annotation() == (
        "::error file=add/a%2Cb%3Ac.yaml,line=3,col=1,title=request-invalid::50 %25 of%0D%0A::error::it (fix: this)"
    )
    assert "\n" not in str(hostile)


def test_online_the_hub_is_asked_and_the_line_that_is_wrong_is_named(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("fine", "org/speech")
    project.add("subset", "org/two", subset="cleen")
    project.add("gone", "org/gone")
    project.add("gated", "org/gated")
    ran = run("validate")
    places = {line.split(": ")[0]: line for line in ran.out.splitlines() if ": warning: " not in line}
    assert ran.code == 1
    assert set(places) == {
        "requests/add/subset.yaml:3:1",
        "requests/add/gone.yaml:1:1",
        "requests/add/gated.yaml:1:1",
    }
    assert "clean" in places["requests/add/subset.yaml:3:1"]
    assert f"{speech_hub.url}/datasets/org/gated" in places["requests/add/gated.yaml:1:1"]


def test_a_removal_that_matches_nothing_is_a_warning_online_and_offline(
    run: Callable[..., Ran], project: Project
) -> None:
    project.write("remove/none.yaml", "hf_id: org/none\nreason: x\n")
    for ran in (run("validate"), run("validate", "--offline")):
        assert ran.code == 0
        assert ran.out.startswith("requests/remove/none.yaml:1:1: warning: ")


def test_a_hub_that_does_not_answer_is_the_environments_fault(run: Callable[..., Ran], project: Project) -> None:
    project.add("speech", "org/speech")
    ran = run("validate")
    assert ran.code == 3
    assert "does not answer" in ran.out
