"""Every environment variable, in named groups; read when used, never at import.

``load_settings()`` reads the real environment first and ``.env`` of the project root second. Relative paths resolve
against the project root. A wrong value is a ``SettingsError`` that names the variable and what is allowed.
``.env.example`` and the README's table are generated from this class (``make docs``; a test compares them).
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hugflow_assets.errors import SettingsError
from hugflow_assets.setting_values import UNIX_GROUP, URL, Duration, Size, Words, lower, upper

PROJECT_DIR_VARIABLE = "HUGFLOW_PROJECT_DIR"
GROUPS = ("Hub", "GitHub", "Slack", "Lineage", "Storage", "Download", "Network", "Validation", "Logging", "Behavior")

_LEAST_PACK_BYTES = 10**6
DownloadMode = Literal["auto", "stream", "disk"]
XetMode = Literal["auto", "on", "off"]


def _setting(group: str, default: Any, description: str, **kwargs: Any) -> Any:
    return Field(default=default, description=description, json_schema_extra={"group": group}, **kwargs)


class Settings(BaseSettings):
    """What can be set. The variable of a field is its name in capitals: ``storage_root`` is ``STORAGE_ROOT``."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        enable_decoding=False,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    # Hub
    hf_endpoint: str = _setting("Hub", "https://huggingface.co", "The Hub, or any server that speaks its protocol.")
    hf_token: SecretStr | None = _setting("Hub", None, "Access token; needed for gated and private datasets.")

    # GitHub
    github_token: SecretStr | None = _setting("GitHub", None, "Token for comments, statuses and pull requests.")
    requests_git_url: str | None = _setting(
        "GitHub", None, "Read requests from this git remote (https, ssh or path) instead of REQUESTS_DIR."
    )
    requests_git_branch: str = _setting("GitHub", "main", "The branch of REQUESTS_GIT_URL.")
    github_repository: str | None = _setting(
        "GitHub", None, "Where requests are reviewed, as ORG/NAME; off when empty."
    )
    github_api_url: str = _setting(
        "GitHub", "https://api.github.com", "The GitHub API, or that of a GitHub Enterprise."
    )

    # Slack
    slack_webhook_url: SecretStr | None = _setting("Slack", None, "Incoming webhook; off when empty.")
    slack_bot_token: SecretStr | None = _setting(
        "Slack", None, "Bot token: one message a request, edited, details in its thread; wins over the webhook."
    )
    slack_channel: str | None = _setting("Slack", None, "The channel's id (C0123456789) for SLACK_BOT_TOKEN.")
    slack_api_url: str = _setting("Slack", "https://slack.com/api/", "The Slack API.")

    # Lineage
    openlineage_url: str | None = _setting(
        "Lineage", None, "OpenLineage server told of every landing (hugflow[openlineage]); off when empty."
    )
    openlineage_api_key: SecretStr | None = _setting("Lineage", None, "Its API key.")
    openlineage_namespace: str = _setting("Lineage", "hugflow", "The namespace of the jobs there.")

    # Storage
    storage_root: Path = _setting("Storage", Path("datasets"), "Where datasets land.")
    hugflow_state_dir: Path = _setting("Storage", Path(".hugflow-state"), "State that can be rebuilt: index, progress.")
    requests_dir: Path = _setting("Storage", Path("requests"), "The folder with add/ and remove/.")
    storage_quota: Size | None = _setting(
        "Storage", None, "Hard limit of all datasets together; empty: the file system less STORAGE_MIN_FREE."
    )
    storage_min_free: Size = _setting("Storage", ByteSize(10**9), "Free space that a landing never takes.")
    storage_soft_limit: Size | None = _setting(
        "Storage", None, "Use of storage above which everyone is warned; empty: no warning."
    )
    storage_max_inodes: int | None = _setting(
        "Storage", None, "Most files and folders of all datasets together; empty: what the file system has.", ge=1
    )
    trash_grace: Duration = _setting(
        "Storage", timedelta(days=7), "How long removed and replaced versions can be restored."
    )
    staging_grace: Duration = _setting(
        "Storage", timedelta(days=1), "How long an abandoned landing is kept for a run that resumes it."
    )
    checksums: Literal["xxh128", "sha256"] = _setting("Storage", "xxh128", "Kind of the per-file checksum list.")
    file_mode: str = _setting("Storage", "0440", "Mode of landed files, octal.")
    folder_mode: str = _setting("Storage", "0750", "Mode of landed folders, octal.")
    read_group: str | None = _setting(
        "Storage", None, "Unix group that alone may read what lands; a request's own group wins; empty: FOLDER_MODE."
    )
    gated_group: str | None = _setting(
        "Storage", None, "Unix group that alone may read gated and private data, whatever a request says."
    )
    peer_stores: Words = _setting("Storage", (), "Storage roots that `hugflow land` copies from before the Hub.")

    # Download
    max_concurrent_downloads: int = _setting("Download", 4, "Datasets in flight over all runs.", ge=1)
    max_bandwidth: Size | None = _setting(
        "Download", None, "Bytes a second that all runs on this machine fetch together, e.g. 200MB; empty: no limit."
    )
    download_mode: DownloadMode = _setting(
        "Download", "auto", "Parquet from the Hub into memory (stream), over the disk (disk), or as is best (auto)."
    )
    xet: XetMode = _setting(
        "Download", "auto", "Fetch from the Hub's Xet storage: files above 50 GB (auto), always (on), never (off)."
    )
    landing_executor: Literal["threads", "processes"] = _setting("Download", "threads", "How shards run in parallel.")
    landing_workers: int | None = _setting("Download", None, "Shards in parallel in one run; empty: the cores.", ge=1)
    landing_form: Literal["files", "packed"] = _setting(
        "Download", "files", "Media as files, or packed into tars; a request's own form wins."
    )
    pack_size: Size = _setting("Download", ByteSize(10**9), "About how large the tars of the packed form are.")
    landing_views: Words = _setting(
        "Download", ("nemo", "lhotse", "datasets"), "Views made beside the record: nemo, lhotse, datasets."
    )
    progress_interval: Duration = _setting("Download", timedelta(seconds=5), "How often progress is written.")

    # Network
    connect_timeout: Duration = _setting("Network", timedelta(seconds=10), "Longest wait for a connection.")
    read_timeout: Duration = _setting("Network", timedelta(seconds=30), "Longest silence of a server.")
    hub_retries: int = _setting("Network", 5, "Tries again after a fault that can pass.", ge=0)
    retry_max_wait: Duration = _setting(
        "Network", timedelta(minutes=5), "Longest wait between two tries (the Hub counts in windows of 5 minutes)."
    )
    https_proxy: str | None = _setting(
        "Network", None, "Proxy for https requests, http://[user:password@]host:port.", repr=False
    )
    ssl_cert_file: Path | None = _setting(
        "Network",
        None,
        "CA bundle (PEM) to trust instead of the system's; REQUESTS_CA_BUNDLE is read too.",
        validation_alias=AliasChoices("ssl_cert_file", "requests_ca_bundle"),
    )

    # Validation
    allowed_licenses: Words = _setting("Validation", (), "Licences that may land, comma-separated; empty: all.")
    unknown_license: Literal["warn", "block"] = _setting("Validation", "warn", "What an unknown licence does.")
    max_dataset_size: Size | None = _setting("Validation", None, "Largest single dataset, e.g. 2TB; empty: no limit.")
    max_unreadable_share: float = _setting(
        "Validation", 0.01, "Share of audio files with unreadable headers above which a check fails.", ge=0, le=1
    )
    min_transcript_share: float = _setting(
        "Validation", 0.9, "Share of rows with a transcript below which a check warns.", ge=0, le=1
    )

    # Logging
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(upper)] = _setting(
        "Logging", "INFO", "Least level that is shown."
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(lower)] = _setting(
        "Logging", "text", "Form of the process log."
    )

    # Behavior
    auto_merge: bool = _setting("Behavior", False, "Merge approved, valid request pull requests by itself.")
    sensor_interval: Duration = _setting("Behavior", timedelta(seconds=15), "How often requests are looked at.")
    upstream_policy: Literal["notify", "update", "ignore"] = _setting(
        "Behavior", "notify", "When a branch has moved on the Hub: say so, land its newest commit, or do not look."
    )
    upstream_schedule: str = _setting(
        "Behavior", "17 * * * *", "When the Hub is asked whether branches have moved, as a cron line (UTC)."
    )
    catalogue_dir: Path | None = _setting(
        "Behavior", None, "Where the catalogue's pages are written; replaced as a whole; off when empty."
    )
    catalogue_schedule: str = _setting(
        "Behavior", "*/10 * * * *", "When the catalogue's pages are written anew, as a cron line (UTC)."
    )
    scrub_schedule: str = _setting("Behavior", "23 3 * * 0", "When every file is hashed again, as a cron line (UTC).")
    keep_until_warning: Duration = _setting(
        "Behavior", timedelta(days=14), "How long before keep_until its owner is warned; nothing is ever deleted by it."
    )
    lease_ttl: Duration = _setting("Behavior", timedelta(seconds=60), "Silence after which a run counts as dead.")

    @field_validator(
        "hf_token", "github_token", "slack_webhook_url", "slack_bot_token", "openlineage_api_key", mode="before"
    )
    @classmethod
    def _one_word(cls, value: Any) -> Any:
        # A line end that came along from a file would be quoted, secret and all, by whoever refuses the header.
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str):
            return value
        if not re.fullmatch(r"[!-~]*", text.strip()):
            raise ValueError("expected one word of plain letters, digits and signs, without blanks or line ends")
        return text.strip() or None

    @field_validator("hf_endpoint", "github_api_url", "slack_api_url")
    @classmethod
    def _url(cls, value: str, info: Any) -> str:
        if not re.fullmatch(URL, value):
            example = cls.model_fields[info.field_name].default
            raise ValueError(f"expected a URL such as {example}, without user, query or fragment")
        return value.rstrip("/") if info.field_name == "hf_endpoint" else value

    @field_validator("github_repository")
    @classmethod
    def _repository(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", value):
            raise ValueError("expected ORG/NAME such as speech-team/requests")
        return value

    @field_validator("openlineage_url")
    @classmethod
    def _lineage_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(URL, value):
            raise ValueError("expected a URL such as http://marquez:5000, without user, query or fragment")
        return value

    @field_validator("requests_git_url")
    @classmethod
    def _git_url(cls, value: str | None) -> str | None:
        if value is not None and re.match(r"-|https?://[^/]*@|\w+://[^/]*:[^/]*@|\w+::", value):
            raise ValueError("expected https://host/org/repo.git, git@host:org/repo.git or a path; no token in it")
        return value

    @field_validator("requests_git_branch")
    @classmethod
    def _git_branch(cls, value: str) -> str:
        if not re.fullmatch(r"(?!-)(?!.*(?:\.\.|//|@\{))[^\s~^:?*\[\\\x00-\x1f]+(?<![/.])", value):
            raise ValueError("expected the name of a branch such as main")
        return value

    @field_validator("https_proxy")
    @classmethod
    def _proxy(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"(?:https?|socks5h?)://\S+", value):
            raise ValueError("expected a URL such as http://proxy.example.org:3128")
        return value

    @field_validator("file_mode", "folder_mode")
    @classmethod
    def _mode(cls, value: str, info: Any) -> str:
        if not re.fullmatch(r"0?[0-7]{3}", value):
            raise ValueError("expected an octal mode such as 0440")
        if info.field_name == "folder_mode" and int(value, 8) & 0o700 != 0o700:
            raise ValueError("the owner needs 7: a folder it cannot write could be neither moved nor replaced")
        return value

    @field_validator("read_group", "gated_group")
    @classmethod
    def _unix_group(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(UNIX_GROUP, value):
            raise ValueError("expected the name of a Unix group such as asr, or its number")
        return value

    @field_validator("upstream_schedule", "scrub_schedule", "catalogue_schedule")
    @classmethod
    def _cron(cls, value: str) -> str:
        if not re.fullmatch(r"@(?:hourly|daily|weekly|monthly)|[\d*/,-]+(?: +[\w*/,-]+){4}", value.strip()):
            raise ValueError("expected a cron line of five fields such as 23 3 * * 0")
        return value.strip()

    @field_validator("pack_size")
    @classmethod
    def _pack_size(cls, value: ByteSize) -> ByteSize:
        if value < _LEAST_PACK_BYTES:
            raise ValueError("expected at least 1MB; tars are packed so that there are few files")
        return value

    @field_validator("landing_views")
    @classmethod
    def _views(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := sorted(set(value) - {"nemo", "lhotse", "datasets"}):
            raise ValueError(f"unknown view {wrong[0]!r}; allowed: nemo, lhotse, datasets")
        return value


def project_root() -> Path:
    """The folder that relative paths resolve against.

    ``HUGFLOW_PROJECT_DIR`` if set, else the nearest folder from the working folder upwards that holds ``requests/`` or
    ``workspace.yaml``, else the working folder itself.
    """
    if named := os.environ.get(PROJECT_DIR_VARIABLE):
        return Path(named).expanduser().resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "requests").is_dir() or (folder / "workspace.yaml").is_file():
            return folder
    return here


def load_settings(**overrides: Any) -> Settings:
    """Read the settings afresh, paths made absolute.

    Args:
        overrides: values that win over the environment, by field name.
    Raises:
        SettingsError: a value is not allowed; every wrong variable is named.
    """
    root = project_root()
    env_file = root / ".env"
    try:
        written = env_file.read_bytes() if env_file.is_file() else b""
        if overrides:
            settings = _validated(env_file, **overrides)
        else:
            settings = _validated_before(env_file, written, frozenset(os.environ.items()))
    except ValidationError as error:
        raise _settings_error(error) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} cannot be read: {error}", remedy="It must be a readable UTF-8 file.") from None
    paths = ("storage_root", "hugflow_state_dir", "requests_dir", "ssl_cert_file", "catalogue_dir")
    found = {name: getattr(settings, name) for name in paths}
    return settings.model_copy(
        update={name: (root / path.expanduser()).resolve() for name, path in found.items() if path is not None}
    )


def _validated(env_file: Path, **overrides: Any) -> Settings:
    return Settings(_env_file=env_file, _env_file_encoding="utf-8-sig", **overrides)  # type: ignore[call-arg]


@lru_cache(maxsize=2)
def _validated_before(env_file: Path, _written: bytes, _environment: frozenset[tuple[str, str]]) -> Settings:
    """The settings of a file and an environment that are as they were: a run asks forty times, some ms each."""
    return _validated(env_file)


def export_network(settings: Settings) -> None:
    """Put the endpoint, proxy and CA bundle into the environment, for client libraries that read only that.

    They freeze it when they are imported, so entry points call this first. What is set in the environment stays.
    """
    named = {
        "HF_ENDPOINT": settings.hf_endpoint,
        "HTTPS_PROXY": settings.https_proxy,
        "SSL_CERT_FILE": settings.ssl_cert_file,
        "REQUESTS_CA_BUNDLE": settings.ssl_cert_file,
    }
    for variable, value in named.items():
        if value is not None:
            os.environ.setdefault(variable, str(value))


def variable_of(field: str) -> str:
    """The environment variable of a field of ``Settings``."""
    return field.upper()


def group_of(field: str) -> str:
    """The group a field belongs to, one of ``GROUPS``."""
    extra = Settings.model_fields[field].json_schema_extra
    return str(extra["group"]) if isinstance(extra, dict) else ""


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Every secret that is set, in the clear, longest first: what a log must never show."""
    values = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    if settings.https_proxy and (password := urlsplit(settings.https_proxy).password):
        values.append(password)
    return tuple(sorted({value for value in values if value}, key=len, reverse=True))


def _settings_error(error: ValidationError) -> SettingsError:
    wrong = {str(one["loc"][0]).upper(): one["msg"].removeprefix("Value error, ") for one in error.errors()}
    reasons = "; ".join(f"{variable}: {message}" for variable, message in wrong.items())
    return SettingsError(reasons, remedy="Correct it in the environment or in .env.", variables=sorted(wrong))
