"""`init`, `settings` and `doctor`."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.cli.start.settings_text import env_example
from hugflow_assets.demo import LocalHub
from hugflow_assets.settings import Settings, variable_of
from hugflow_assets_tests.cli.conftest import Project, Ran
from hugflow_assets_tests.doubles.repository import RepositoryDouble
from hugflow_assets_tests.doubles.slack import SlackDouble


def test_init_makes_folders_and_a_private_env_and_never_overwrites(run: Callable[..., Ran], project: Project) -> None:
    (project.root / "requests/add").rmdir()
    first = run("init")
    env = project.root / ".env"
    assert first.code == 0
    assert env.read_text() == env_example()
    assert env.stat().st_mode & 0o777 == 0o600
    assert (project.root / "requests/add").is_dir()
    env.write_text("HF_TOKEN=mine\n")
    second = run("init")
    assert second.code == 0
    assert "nothing to do" in second.out
    assert env.read_text() == "HF_TOKEN=mine\n"


def test_settings_shows_every_variable_and_hides_secrets(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@proxy:3128")
    monkeypatch.setenv("STORAGE_QUOTA", "10TB")
    shown = run("settings").out
    assert all(variable_of(name) in shown for name in Settings.model_fields)
    assert "10.0TB" in shown
    assert "proxy:3128" in shown
    assert "canary" not in shown


def test_doctor_says_a_line_and_a_remedy_each(run: Callable[..., Ran], project: Project) -> None:
    (project.root / ".env").write_text("STORAGE_QUOTTA=1TB\nMY_OWN=1\n")
    ran = run("doctor")
    assert ran.code == 3
    assert "note settings" in ran.out
    assert "STORAGE_QUOTA" in ran.out
    assert "MY_OWN" not in ran.out
    assert "BAD  hub: http://127.0.0.1:9 does not answer" in ran.out
    assert "ok   storage" in ran.out
    assert "ok   file system" in ran.out
    assert "note daemon: not running" in ran.out
    assert "  fix: " in ran.out


def test_doctor_says_what_decides_where_flock_is_granted_to_everybody(
    run: Callable[..., Ran], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "flock works" in run("doctor").out
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)  # as some FUSE and NFS mounts do
    said = " ".join(run("doctor").out.split())
    assert "flock is granted to everybody: heartbeats and fencing tokens alone decide" in said


def test_doctor_is_content_with_a_hub_that_answers(
    run: Callable[..., Ran], project: Project, speech_hub: LocalHub
) -> None:
    ran = run("doctor")
    assert ran.code == 0
    assert f"ok   hub: {speech_hub.url} answers" in ran.out


def test_doctor_stops_at_settings_that_cannot_be_read(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_QUOTA", "lots")
    ran = run("doctor")
    assert ran.code == 3
    assert "BAD  settings: STORAGE_QUOTA" in ran.out


def test_doctor_names_a_certificate_bundle_that_is_not_there(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    ran = run("doctor")
    assert ran.code == 3
    assert "BAD  certificates: /nowhere/ca.pem" in ran.out


def test_doctor_asks_github_and_slack_and_tells_nobody(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with RepositoryDouble(tmp_path / "github") as github, SlackDouble() as slack:
        told = {
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": github.repository,
            "GITHUB_TOKEN": github.token,
            "SLACK_API_URL": slack.api_url,
            "SLACK_CHANNEL": slack.channel,
            "SLACK_BOT_TOKEN": slack.token,
        }
        for variable, value in told.items():
            monkeypatch.setenv(variable, value)
        fine = run("doctor").out
        assert f"ok   github: {github.repository} answers, as {github.login}" in fine
        assert f"ok   slack: the bot reads channel {slack.channel}" in fine
        assert (github.statuses, github.comments, slack.messages) == ({}, {}, [])
        github.open_pull(7)
        github.rights = {"contents"}
        slack.scopes = {"channels:history"}
        lacking = run("doctor").out
        assert "the token lacks: Commit statuses: write, Pull requests: write" in lacking
        assert "BAD  slack: the bot lacks the scope chat:write" in lacking
        monkeypatch.setenv("GITHUB_TOKEN", "ghp_wrong")
        monkeypatch.setenv("SLACK_CHANNEL", "C0002")
        wrong = run("doctor").out
        assert "BAD  github: GitHub: org/requests (401): Bad credentials" in wrong
        assert "channel_not_found" in wrong
        assert "ghp_wrong" not in wrong
        monkeypatch.delenv("GITHUB_TOKEN")
        monkeypatch.delenv("SLACK_CHANNEL")
        half = run("doctor").out
        assert "BAD  github: off: GITHUB_TOKEN is not set" in half
        assert "BAD  slack: no bot: SLACK_CHANNEL is not set" in half
