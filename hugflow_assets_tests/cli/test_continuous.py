"""`hugflow sync --ci-mode`: what a workflow reads of a reconciliation, inside of one and outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.cli.datasets.ci_mode import schema_text
from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.cli.conftest import SPEECH, Project, Ran
from hugflow_assets_tests.doubles.serving import Fault
from hugflow_assets_tests.doubles.slack import SlackDouble

ROOT = Path(__file__).parents[2]


def outputs(text: str) -> dict[str, str]:
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        value = []
        while (one := next(lines)) != end:
            value.append(one)
        found[name] = "\n".join(value)
    return found


def test_everything_a_workflow_reads_is_written(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.root / "out"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.root / "summary"))
    project.add("speech", "org/speech")
    project.add("gone", "org/gone")
    project.write("add/bad.yaml", "hf_id: <script>\n")
    ran = run("sync", "--ci-mode", "--results", "r.json")
    assert ran.code == 1
    told = json.loads((project.root / "r.json").read_text())
    assert (told["schema_version"], told["mode"], told["exit_status"], told["error"]) == (1, "alone", 1, None)
    by_path = {one["path"]: one for one in told["results"]}
    assert {path: one["state"] for path, one in by_path.items()} == {
        "add/bad.yaml": "malformed",
        "add/gone.yaml": "failed",
        "add/speech.yaml": "landed",
    }
    speech = by_path["add/speech.yaml"]
    assert (speech["name"], speech["action"], speech["error_code"]) == (SPEECH, "land", "")
    assert speech["bytes"] > 0
    assert speech["seconds"] > 0
    assert all(one["passed"] for one in speech["verdicts"])
    assert by_path["add/gone.yaml"]["error_code"] == "hub-not-found"
    assert outputs((project.root / "out").read_text()) == {
        "results": str(project.root / "r.json"),
        "mode": "alone",
        "exit-status": "1",
        "changed": "1",
        "failed": "2",
    }
    summary = (project.root / "summary").read_text()
    assert "hub-not-found" in summary
    assert "<script>" not in summary


def test_a_second_time_changes_nothing(run: Callable[..., Ran], project: Project, speech_hub: LocalHub) -> None:
    project.add("speech", "org/speech")
    assert run("sync", "--ci-mode").code == 0
    ran = run("sync", "--ci-mode")
    told = json.loads((project.root / "results.json").read_text())
    assert (ran.code, [one["action"] for one in told["results"]]) == (0, ["no-op"])


def test_outside_of_a_workflow_it_says_what_it_leaves_out(
    run: Callable[..., Ran], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    ran = run("sync", "--ci-mode")
    assert ran.code == 0
    told = json.loads((project.root / "results.json").read_text())
    assert told["results"] == []
    assert len(told["skipped"]) == 5
    assert all(f"skipped: {sentence}" in ran.out for sentence in told["skipped"])


def test_results_are_written_when_nothing_can_be_looked_at(
    run: Callable[..., Ran], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_GIT_URL", str(project.root / "nowhere.git"))
    ran = run("sync", "--ci-mode")
    told = json.loads((project.root / "results.json").read_text())
    assert (ran.code, told["exit_status"], told["error"]["code"]) == (3, 3, "request-source-unreadable")


def test_the_schema_is_the_one_that_is_documented_and_results_follow_it(
    run: Callable[..., Ran], project: Project, tmp_path: Path
) -> None:
    assert (ROOT / "docs/results.schema.json").read_text() == schema_text()
    project.write("add/bad.yaml", "nonsense\n")
    run("sync", "--ci-mode")
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--schemafile", ROOT / "docs/results.schema.json", project.root / "results.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_where_results_cannot_be_written_nothing_is_begun(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    project.add("speech", "org/speech")
    ran = run("sync", "--ci-mode", "--results", "nowhere/r.json")
    assert (ran.code, "cannot be written" in ran.err) == (2, True)
    assert not (project.root / "datasets" / SPEECH).exists()


def test_without_a_daemon_slack_hears_of_it_before_the_command_ends(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("speech", "org/speech")
    project.add("gone", "org/gone")
    with SlackDouble() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.hook_url)
        run("sync", "--ci-mode")
        heard = json.dumps(slack.hooked)
        assert "Landed" in heard and "Refused before download" in heard and "org__gone__rev_main" in heard
        told = json.loads((project.root / "results.json").read_text())
        assert told["not_delivered"] == []


def test_what_nobody_could_be_told_is_listed_and_told_the_next_time(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("speech", "org/speech")
    with SlackDouble() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.hook_url)
        slack.faults.extend(Fault(503, headers={"Retry-After": "120"}) for _ in range(5))
        ran = run("sync", "--ci-mode")
        (left,) = json.loads((project.root / "results.json").read_text())["not_delivered"]
        assert (left["channel"], ran.code) == ("slack", 0) and left["events"] >= 3 and left["problem"]
        assert f"slack has not heard of {left['events']} events yet" in ran.out
        assert not slack.hooked


def test_ci_mode_takes_json_and_names_an_output_file_that_cannot_be_written(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add("speech", "org/speech")
    assert json.loads(run("sync", "--ci-mode", "--json", "--wait", "0").out)["results"][0]["state"] == "landed"
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.root / "no/such/folder"))
    ran = run("sync", "--ci-mode")
    assert ran.code == 3 and "error[settings-invalid]: GITHUB_OUTPUT" in ran.err
