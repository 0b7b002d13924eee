"""What a team does to its branch, and which runs the sensor asks for: exactly those, and each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from hugflow_assets.demo import LocalHub
from hugflow_assets_tests.datasets_made import text_files
from hugflow_assets_tests.e2e.team import Team, team_at

RED, BLUE = "org__red__rev_main", "org__blue__rev_main"


def asks(hf_id: str, description: str = "Text.") -> str:
    return f"hf_id: {hf_id}\ndescription: {description}\n"


@pytest.fixture
def team(tmp_path: Path, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with DagsterInstance.ephemeral() as instance, team_at(tmp_path, hub, instance, monkeypatch) as team:
        for name in ("red", "blue"):
            hub.add_repo(f"org/{name}", text_files(tmp_path / name))
        for variable in ("GITHUB_TOKEN", "SLACK_BOT_TOKEN"):
            monkeypatch.delenv(variable)
        yield team


def runs(team: Team) -> list[tuple[str, str]]:
    """Name and request file of the runs that reconciling the branch started, oldest first; every one succeeded."""
    before = {one.run_id for one in team.instance.get_runs()}
    team.sync()
    new = [one for one in reversed(team.instance.get_runs()) if one.run_id not in before]
    assert {one.status for one in new} <= {DagsterRunStatus.SUCCESS}
    return [(one.tags[".dagster/hugflow_name"], one.tags[".dagster/hugflow_request"]) for one in new]


def names(team: Team) -> set[str]:
    return set(team.store.index.names())


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_a_merge_of_any_kind_runs_once_and_knows_its_commit(team: Team, how: str) -> None:
    team.github.commit_files({"requests/add/red.yaml": asks("org/red", "Wrong.")}, branch="ask", author="Grace")
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")}, branch="ask", author="Grace")
    number = team.github.propose("ask")
    team.github.commit_files({"elsewhere.txt": "Meanwhile."})
    commit = team.github.merge(number, how=how)
    assert runs(team) == [(RED, "add/red.yaml")]
    (run,) = team.instance.get_runs()
    assert run.tags[".dagster/hugflow_merged_in"] == commit
    assert run.tags[".dagster/hugflow_request_commit"] == commit
    assert runs(team) == []


def test_a_force_push_that_drops_a_request_removes_nothing(team: Team) -> None:
    before = team.github.git("rev-parse", "main")
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    assert runs(team) == [(RED, "add/red.yaml")]
    team.github.git("update-ref", "refs/heads/main", before)
    team.github.commit_files({"requests/add/blue.yaml": asks("org/blue")})
    assert runs(team) == [(BLUE, "add/blue.yaml")]
    assert names(team) == {RED, BLUE}


def test_a_rename_of_a_request_file_runs_nothing(team: Team) -> None:
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    runs(team)
    team.github.commit_files({"requests/add/red.yaml": None, "requests/add/rot.yml": asks("org/red")})
    assert runs(team) == []
    assert names(team) == {RED}


def test_a_revert_of_a_revert_runs_nothing_and_an_edited_text_updates_the_manifest_alone(team: Team) -> None:
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    runs(team)
    team.github.commit_files({"requests/add/red.yaml": None})
    assert runs(team) == []
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    assert runs(team) == []
    team.github.commit_files({"requests/add/red.yaml": asks("org/red", "Better.")})
    assert runs(team) == [(RED, "add/red.yaml")]
    manifest = team.store.manifest(RED)
    assert manifest is not None
    assert manifest.request.description == "Better."


def test_a_removal_and_its_revert_land_again(team: Team) -> None:
    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    runs(team)
    for _ in range(2):  # the same file again is a new removal
        team.github.commit_files({"requests/remove/red.yaml": "hf_id: org/red\nreason: Old.\n"})
        ((key, path),) = runs(team)
        assert path == "remove/red.yaml"
        assert key.startswith("red__")
        assert names(team) == set()
        team.github.commit_files({"requests/remove/red.yaml": None})
        assert runs(team) == [(RED, "add/red.yaml")]


def test_odd_names_links_and_rubbish_stop_nothing_else(team: Team) -> None:
    team.github.commit_file("requests/add/link.yaml", "../../../etc/passwd", mode="120000")
    team.github.commit_files(
        {
            'requests/add/it\'s "one" of ours.yaml': asks("org/red"),
            "requests/add/huge.yaml": "#" * 100_000,
            "requests/add/rubbish.yaml": "\x00",
            "requests/add/blue.yaml": asks("org/blue"),
        }
    )
    assert set(runs(team)) == {(BLUE, "add/blue.yaml"), (RED, 'add/it\'s "one" of ours.yaml')}
    assert names(team) == {RED, BLUE}


def test_a_run_reads_the_request_of_its_own_commit(team: Team) -> None:
    from hugflow_assets.orchestration.assets.platform import Platform

    first = team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    team.github.commit_files({"requests/add/red.yaml": asks("org/red", "Later.")})
    then, now = Platform().at(first).add(RED), Platform().snapshot().add(RED)
    assert then is not None
    assert now is not None
    assert (then.request.description, now.request.description) == ("Text.", "Later.")


def test_an_unreachable_remote_changes_nothing_and_is_caught_up(team: Team) -> None:
    from hugflow_assets.errors import RequestSourceError

    team.github.commit_files({"requests/add/red.yaml": asks("org/red")})
    away = team.github.remote.rename(team.github.remote.with_name("away.git"))
    with pytest.raises(RequestSourceError):
        team.sync()
    assert names(team) == set()
    away.rename(team.github.remote)
    assert runs(team) == [(RED, "add/red.yaml")]
