"""A canary in every secret setting is found nowhere after runs that fail in every way, but in Authorization headers."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hugflow_assets.settings import Settings, variable_of
from hugflow_assets_tests.doubles.github import GitHubDouble
from hugflow_assets_tests.doubles.serving import Double, RefusalError, Request
from hugflow_assets_tests.doubles.slack import SlackDouble

ROOT = Path(__file__).parents[2]
CANARIES = {
    "HF_TOKEN": "hf_CanaryHubToken0123456789",
    "GITHUB_TOKEN": "ghp_CanaryGitHub0123456789",
    "SLACK_BOT_TOKEN": "xoxb-CanarySlack0123456789",
    "SLACK_WEBHOOK_URL": "https://127.0.0.1:9/services/T0/B0/CanaryWebhook0123456789",
    "OPENLINEAGE_API_KEY": "CanaryLineage0123456789",
    "HTTPS_PROXY": "http://someone:CanaryProxyPassword@127.0.0.1:9",
}
NEEDLES = [
    "CanaryHubToken", "CanaryGitHub0", "CanarySlack0", "CanaryWebhook", "CanaryProxyPassword", "CanaryLineage",
    base64.b64encode(f"x-access-token:{CANARIES['GITHUB_TOKEN']}".encode()).decode(),
]  # fmt: skip

# Everything that talks to somebody, in the order of a day; each is going to fail in its own way.
DAY = """
import logging, time
from dagster import DagsterInstance, build_sensor_context
from hugflow_assets.logs import configure_logs
from hugflow_assets.orchestration.github import delivery_sensor, pull_requests_sensor
from hugflow_assets.orchestration.sync.instance import project_instance
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.store import EventKind
configure_logs(Platform().settings())
logging.getLogger("urllib3").setLevel("DEBUG")
Platform().store().events.append(EventKind.STARTED, "org__x__rev_main", path="add/x.yaml")
with project_instance() as instance:
    for sensor in (pull_requests_sensor.tick, delivery_sensor.tick):
        with build_sensor_context(instance=instance) as context:
            print(sensor(context))
"""


class BrokenHub(Double):
    """A Hub that echoes what it is told, and refuses."""

    def answer(self, request: Request) -> Any:
        raise RefusalError(500, {"error": f"no: {request.headers}"})


def found(text: str) -> list[str]:
    return [needle for needle in NEEDLES if needle in text]


def test_a_canary_in_every_secret_setting_is_found_nowhere(tmp_path: Path) -> None:
    secret = {
        variable_of(name) for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    assert secret <= CANARIES.keys()
    project = tmp_path / "project"
    (project / "requests/add").mkdir(parents=True)
    (project / "requests/remove").mkdir()
    (project / "requests/add/x.yaml").write_text("hf_id: org/x\ndescription: Speech.\n")
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, project / name)
    with ExitStack() as stack:
        hub = stack.enter_context(BrokenHub())
        # Both refuse these tokens, and say so.
        github, slack = stack.enter_context(GitHubDouble()), stack.enter_context(SlackDouble())
        environment = {
            key: value for key, value in os.environ.items() if key not in map(variable_of, Settings.model_fields)
        } | {
            **CANARIES,
            "HF_ENDPOINT": hub.url,
            "HUB_RETRIES": "0",
            "STORAGE_MIN_FREE": "1MB",
            "LOG_LEVEL": "DEBUG",
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": github.repository,
            "SLACK_API_URL": slack.api_url,
            "SLACK_CHANNEL": slack.channel,
            "OPENLINEAGE_URL": f"{hub.url}/lineage",  # echoes the key, and refuses
            "NO_PROXY": "127.0.0.1",
        }
        said = ""
        for more, command in (
            ({}, ["-c", CLI, "sync", "--ci-mode", "--debug"]),
            # Through the proxy, which is down.
            (
                {"HF_ENDPOINT": "https://a.invalid", "NO_PROXY": ""},
                ["-c", CLI, "plan", "requests/add/x.yaml", "--debug"],
            ),
            ({}, ["-c", CLI, "settings"]),
            ({}, ["-c", CLI, "doctor"]),
            ({}, ["-c", CLI, "status", "--json"]),
            ({}, ["-c", CLI, "add", "org/y", "--pr", "--debug"]),
            ({"REQUESTS_GIT_URL": f"{hub.url}/acme/requests.git"}, ["-c", CLI, "sync", "--debug"]),
            ({}, ["-c", DAY]),
            ({"SLACK_BOT_TOKEN": "", "GITHUB_API_URL": "https://a.invalid", "NO_PROXY": ""}, ["-c", DAY]),
        ):
            done = subprocess.run(
                [sys.executable, *command], cwd=project, env=environment | more, capture_output=True, text=True,
                check=False, timeout=120,
            )  # fmt: skip
            assert found(done.stdout + done.stderr) == [], command
            said += done.stdout + done.stderr
        requests = [*hub.requests, *github.requests, *slack.requests]
    # They were really asked, with the tokens, and failed.
    assert "Bad credentials" in said
    assert "invalid_auth" in said
    assert "hub-unreachable" in said
    authorizations = " ".join(one.headers.get("authorization", "") for one in requests)
    for needle in ("CanaryHubToken", "CanaryGitHub0", "CanarySlack0", NEEDLES[-1]):
        assert needle in authorizations
    for one in requests:
        headers = {key: value for key, value in one.headers.items() if key != "authorization"}
        assert found(f"{one.path} {one.query} {one.body} {headers}") == []
    files = [path for path in project.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    for path in files:
        assert found(path.read_bytes().decode("utf-8", "replace")) == [], path


CLI = "from hugflow_assets.cli import main; main()"
