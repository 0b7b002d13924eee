"""Settings: where values come from, what is refused and how, and the texts that are made from the class."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hugflow_assets.cli.start.settings_text import env_example, likely_misspelt, markdown_table, plain
from hugflow_assets.errors import SettingsError
from hugflow_assets.settings import (
    GROUPS,
    Settings,
    export_network,
    group_of,
    load_settings,
    secret_values,
    variable_of,
)

ROOT = Path(__file__).parents[1]
CHANGED_BY_EXPORT = ("HF_ENDPOINT", "HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project, and an environment without a setting in it."""
    for variable in [*map(variable_of, Settings.model_fields), *CHANGED_BY_EXPORT, "HUGFLOW_PROJECT_DIR"]:
        monkeypatch.setenv(variable, "")  # so that what a test exports is undone, too
        monkeypatch.delenv(variable)
    (tmp_path / "requests").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_the_real_environment_wins_over_the_env_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text("HF_ENDPOINT=http://of.file\nLOG_FORMAT=json\n")
    monkeypatch.setenv("HF_ENDPOINT", "http://of.environment/")
    settings = load_settings()
    assert (settings.hf_endpoint, settings.log_format) == ("http://of.environment", "json")


def test_relative_paths_resolve_against_the_project_wherever_one_stands(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "requests" / "add").mkdir()
    monkeypatch.chdir(project / "requests" / "add")
    settings = load_settings()
    assert settings.storage_root == project / "datasets"
    assert settings.hugflow_state_dir == project / ".hugflow-state"
    assert settings.requests_dir == project / "requests"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("HF_ENDPOINT", "huggingface.co", "https://huggingface.co"),
        ("STORAGE_QUOTA", "plenty", "10TB"),
        ("MAX_CONCURRENT_DOWNLOADS", "0", "greater than or equal to 1"),
        ("READ_TIMEOUT", "soon", "90s"),
        ("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("CHECKSUMS", "md5", "'xxh128' or 'sha256'"),
        ("FILE_MODE", "rw-r", "0440"),
        ("LANDING_VIEWS", "nemo,kaldi", "nemo, lhotse, datasets"),
        ("HTTPS_PROXY", "proxy:3128", "http://proxy.example.org:3128"),
        ("AUTO_MERGE", "perhaps", "boolean"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert variable in caught.value.message
    assert allowed in caught.value.message
    assert caught.value.exit_status == 3


@pytest.mark.parametrize("variable", ["HF_TOKEN", "GITHUB_TOKEN", "SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN"])
def test_a_secret_with_a_line_end_inside_is_refused_unseen_and_one_at_its_end_taken_off(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "canary\n")
    assert secret_values(load_settings()) == ("canary",)
    monkeypatch.setenv(variable, "canary\nsecond line")
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings()
    assert "canary" not in f"{caught.value}{caught.value.details}"


def test_every_wrong_value_is_named_at_once_and_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_QUOTA", "canary")
    monkeypatch.setenv("HTTPS_PROXY", "user:canary@proxy")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.details["variables"] == ["HTTPS_PROXY", "STORAGE_QUOTA"]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe nonsense", None])
def test_an_env_file_that_cannot_be_read_is_an_error_by_name(project: Path, content: bytes | None) -> None:
    env = project / ".env"
    if content is None:
        env.mkdir()
        assert load_settings().log_level == "INFO"  # a folder of that name is no file to read
    else:
        env.write_bytes(content)
        with pytest.raises(SettingsError, match=r"\.env cannot be read"):
            load_settings()


def test_people_write_sizes_durations_lists_and_levels_as_they_like(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {
        "STORAGE_QUOTA": "1.5 TiB",
        "READ_TIMEOUT": "2m",
        "LANDING_VIEWS": " nemo , lhotse ",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "JSON",
        "HF_TOKEN": "",
    }.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.storage_quota == 3 * 2**39
    assert settings.read_timeout == timedelta(minutes=2)
    assert settings.landing_views == ("nemo", "lhotse")
    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")
    assert settings.hf_token is None


def test_the_bundle_that_other_tools_name_is_read_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "ca.pem")
    assert load_settings().ssl_cert_file == project / "ca.pem"


def test_client_libraries_find_the_network_in_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text("HTTPS_PROXY=http://proxy:3128\nSSL_CERT_FILE=ca.pem\nHF_ENDPOINT=http://hub\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/own.pem")
    export_network(load_settings())
    assert os.environ["HF_ENDPOINT"] == "http://hub"
    assert os.environ["HTTPS_PROXY"] == "http://proxy:3128"
    assert os.environ["REQUESTS_CA_BUNDLE"] == "/own.pem"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REQUESTS_GIT_URL", "https://me:canary@git.example.org/x.git"),
        ("REQUESTS_GIT_URL", "https://canary@git.example.org/x.git"),
        ("REQUESTS_GIT_URL", "ssh://me:canary@git.example.org/x.git"),
        ("HF_ENDPOINT", "https://me:canary@hub.example.org"),
        ("GITHUB_API_URL", "https://canary@api.example.org"),
        ("SLACK_API_URL", "https://me:canary@slack.example.org/api/"),
        ("GITHUB_REPOSITORY", "https://me:canary@github.com/org/requests"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example.org/ canary"),
        ("HTTPS_PROXY", "me:canary@proxy 3128"),
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert variable in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert "canary" not in f"{told}{caught.value!r}{caught.value.details}"


def test_secrets_are_known_to_the_redaction_and_shown_by_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_longer_canary")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy:1")
    settings = load_settings()
    assert {"hf_canary", "ghp_longer_canary", "canary"} == set(secret_values(settings))
    assert "canary" not in repr(settings)
    assert plain(settings.https_proxy) == "http://********@proxy:1"


def test_every_setting_has_a_group_and_a_description() -> None:
    for name, field in Settings.model_fields.items():
        assert group_of(name) in GROUPS, name
        assert field.description, name


def test_a_default_as_written_reads_back_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        if plain(field.default):
            monkeypatch.setenv(variable_of(name), plain(field.default))
    read, default = Settings(), Settings.model_construct()
    for name in Settings.model_fields:
        assert getattr(read, name) == getattr(default, name), name


def test_env_example_is_made_from_the_class() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run `make docs`"


def test_the_readmes_table_is_made_from_the_class() -> None:
    assert markdown_table() in (ROOT / "README.md").read_text(), "run `make docs`"


def test_slips_of_the_pen_in_the_env_file_are_found_and_other_peoples_variables_left_alone(project: Path) -> None:
    env = project / ".env"
    env.write_text("STORAGE_QUOTTA=1TB\nHF_TOKEN=x\nHF_HOME=/x\nMY_OWN=1\nDAGSTER_HOME=/x\n")
    assert likely_misspelt(env) == [("STORAGE_QUOTTA", "STORAGE_QUOTA")]
