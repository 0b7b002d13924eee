"""``hugflow doctor``: is everything that a landing needs here, a line each, with a remedy for what is not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import typer
from rich.text import Text

from hugflow_assets.cli.start.channels import github_told, refusals_told, slack_told
from hugflow_assets.cli.start.settings_text import likely_misspelt, plain
from hugflow_assets.cli.terminal.console import console, count, size
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.durable import Flock
from hugflow_assets.errors import ENVIRONMENT_AT_FAULT, HugflowError
from hugflow_assets.settings import Settings, project_root

CLOCK_TOLERANCE_S = 5.0
_BY_HEARTBEAT = "heartbeats and fencing tokens alone decide, and a run that dies is noticed after LEASE_TTL"
_LOCKS = {
    Flock.EXCLUDES: "flock works",
    Flock.GRANTED_TO_ALL: f"flock is granted to everybody: {_BY_HEARTBEAT}",
    Flock.REFUSED: f"there is no flock: {_BY_HEARTBEAT}",
}


class Health(StrEnum):
    """How one thing is. Only ``BAD`` makes the command fail."""

    OK = "ok"
    NOTE = "note"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    health: Health
    what: str
    message: str
    remedy: str = ""


STYLES = {Health.OK: "green", Health.NOTE: "yellow", Health.BAD: "bold red"}


def doctor() -> None:
    """Look whether Python, settings, Hub, proxy, disk, locks, GitHub, Slack and the daemon are well; a remedy each."""
    bad = 0
    for finding in findings():
        bad += finding.health is Health.BAD
        line = Text.assemble(
            (f"{finding.health.value:<5}", STYLES[finding.health]), f"{finding.what}: {finding.message}"
        )
        console().print(line)
        if finding.remedy:
            console().print(Text(f"     fix: {finding.remedy}"))
    if bad:
        raise typer.Exit(ENVIRONMENT_AT_FAULT)


def findings() -> Iterator[Finding]:
    """Everything the doctor finds, in order; what cannot be asked for want of something before it is left out."""
    yield Finding(Health.OK, "python", f"{sys.version.split()[0]} at {sys.executable}")
    try:
        settings = settings_in_force()
    except HugflowError as error:
        yield Finding(Health.BAD, "settings", error.message, error.remedy)
        return
    for what, examine in EXAMINATIONS:
        try:
            yield from examine(settings)
        except HugflowError as error:
            yield Finding(Health.BAD, what, error.message, error.remedy)


def _settings(settings: Settings) -> Iterator[Finding]:
    env_file = project_root() / ".env"
    misspelt = likely_misspelt(env_file)
    for written, meant in misspelt:
        yield Finding(Health.NOTE, "settings", f"{env_file} sets {written}, which nothing reads", f"Write {meant}.")
    if not misspelt:
        summary = f"{env_file} is read" if env_file.is_file() else f"no {env_file}: environment and defaults alone"
        yield Finding(Health.OK, "settings", summary)


def _network(settings: Settings) -> Iterator[Finding]:
    yield Finding(Health.OK, "proxy", plain(settings.https_proxy) or "none")
    bundle = settings.ssl_cert_file
    if bundle is None:
        yield Finding(Health.OK, "certificates", "the system's")
    elif bundle.is_file():
        yield Finding(Health.OK, "certificates", str(bundle))
    else:
        yield Finding(
            Health.BAD, "certificates", f"{bundle} is no file", "Correct SSL_CERT_FILE or REQUESTS_CA_BUNDLE."
        )


def _hub(settings: Settings) -> Iterator[Finding]:
    from hugflow_assets.hub import Hub, HubAccess

    hub = Hub(HubAccess.of(settings))
    hub.ping()
    yield Finding(Health.OK, "hub", f"{settings.hf_endpoint} answers")
    account = hub.whoami()
    if account is None:
        yield Finding(
            Health.NOTE,
            "token",
            "none: public datasets only, and the Hub's limits for anonymous calls",
            "Set HF_TOKEN for gated and private datasets.",
        )
    else:
        yield Finding(Health.OK, "token", f"of {account}")


def _storage(settings: Settings) -> Iterator[Finding]:
    from hugflow_assets.store import Store

    store = Store.of(settings)
    probe = store.probe()
    root = settings.storage_root
    if not probe.writable:
        yield Finding(
            Health.BAD,
            "storage",
            f"{root} cannot be written: {probe.problem}",
            "Make it writable, or set STORAGE_ROOT.",
        )
        return
    yield Finding(Health.OK, "storage", f"{root} can be written")
    inodes = "" if probe.free_inodes is None else f", {count(probe.free_inodes)} of {count(probe.total_inodes)} inodes"
    space = f"{size(probe.free_bytes)} of {size(probe.total_bytes)}{inodes} free"
    if probe.free_bytes <= settings.storage_min_free or probe.free_inodes == 0:
        yield Finding(
            Health.BAD,
            "space",
            f"{space}; STORAGE_MIN_FREE keeps {size(settings.storage_min_free)}",
            "Free some space.",
        )
    else:
        yield Finding(Health.OK, "space", space)
    room = store.quota.headroom()
    limit = size(room.quota_bytes) if room.quota_bytes is not None else "none but the file system's"
    yield Finding(Health.OK, "quota", f"{limit}; {size(room.used_bytes)} used, {size(room.reserved_bytes)} reserved")
    yield from _file_system(probe.rename, probe.exclusive_create, probe.flock, probe.exchange, probe.clock_offset_s)


def _file_system(rename: bool, exclusive: bool, flock: Flock, exchange: bool, offset_s: float) -> Iterator[Finding]:
    if not rename or not exclusive:
        missing = " and ".join(
            name for name, there in (("rename", rename), ("exclusive create", exclusive)) if not there
        )
        yield Finding(
            Health.BAD, "file system", f"{missing} does not work here", "Put STORAGE_ROOT on a POSIX file system."
        )
    else:
        swap = "updates swap folders at once" if exchange else "updates swap folders by two renames"
        locks = _LOCKS[flock]
        yield Finding(Health.OK, "file system", f"rename and exclusive create work, {swap}, {locks}")
    if abs(offset_s) > CLOCK_TOLERANCE_S:
        yield Finding(
            Health.NOTE, "clock", f"{offset_s:+.0f} s between the file server and this machine", "Run NTP on both."
        )


def _requests(settings: Settings) -> Iterator[Finding]:
    from hugflow_assets.intake import source_of

    snapshot = source_of(settings).snapshot()
    where = settings.requests_git_url or settings.requests_dir
    summary = f"{where}: {count(len(snapshot.adds))} in add/, {count(len(snapshot.removals))} in remove/"
    if snapshot.problems:
        files = len({one.path for one in snapshot.problems})
        yield Finding(
            Health.NOTE, "requests", f"{summary}, {files} unreadable", "`hugflow validate --offline` names them."
        )
    else:
        yield Finding(Health.OK, "requests", summary)


def _notices(settings: Settings) -> Iterator[Finding]:
    for what, answer in (("github", github_told(settings)), ("slack", slack_told(settings))):
        if answer is not None:
            well, message, remedy = answer
            yield Finding(Health.OK if well else Health.BAD, what, message, remedy)
    for what, message in refusals_told(settings):
        yield Finding(Health.NOTE, what, message, "The audit log has them; mend the cause, and what is new is sent.")


def _daemon(settings: Settings) -> Iterator[Finding]:
    from hugflow_assets.orchestration.sync.daemon import sensor_daemon_alive

    if sensor_daemon_alive():
        yield Finding(Health.OK, "daemon", "running: requests land by themselves")
    else:
        yield Finding(
            Health.NOTE, "daemon", "not running: nothing lands by itself", "`make up`, or `hugflow sync` by hand."
        )


EXAMINATIONS: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
    ("settings", _settings),
    ("network", _network),
    ("hub", _hub),
    ("storage", _storage),
    ("requests", _requests),
    ("notices", _notices),
    ("daemon", _daemon),
)
