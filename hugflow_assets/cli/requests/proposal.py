"""A change of request files, written into the folder or proposed in a pull request: ``hugflow add`` and ``remove``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from hugflow_assets.errors import DuplicateRequestError, SettingsError
from hugflow_assets.intake import DatasetRequest, FolderSource, GitSource, RemovalRequest, RequestSnapshot
from hugflow_assets.settings import Settings

Asked = TypeVar("Asked", DatasetRequest, RemovalRequest)
PullOption = Annotated[bool, typer.Option("--pr", help="Push a branch and open the pull request.")]


@dataclass
class Proposal:
    """Changes of request files. ``changes``: path (``add/x.yaml``) -> text, or None to delete."""

    title: str
    branch: str
    changes: dict[str, str | None]
    notes: list[str] = field(default_factory=list)


def validated(kind: type[Asked], values: dict[str, str]) -> Asked:
    """A request of these values.

    Raises:
        typer.BadParameter: a value is not allowed; the message says what is.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False):
            facts = one.get("ctx", {})
            message, suggestion = facts.get("message", one["msg"]), facts.get("suggestion", "")
            problems.append(f"{message} ({suggestion})" if suggestion else str(message))
        raise typer.BadParameter("; ".join(problems)) from None


def snapshot_of(settings: Settings, pr: bool) -> RequestSnapshot:
    """What is asked for where the change is going to be: on the branch, or in the folder."""
    if not pr:
        return FolderSource(settings.requests_dir).snapshot()
    return GitSource(
        remote_of(settings),
        settings.requests_git_branch,
        settings.hugflow_state_dir / "requests-git",
        timeout_s=settings.read_timeout.total_seconds(),
        token=_token(settings),
    ).snapshot()


def remote_of(settings: Settings) -> str:
    """The git remote of the requests: ``REQUESTS_GIT_URL``, or the repository that is reviewed on GitHub.

    Raises:
        SettingsError: neither is set, or there is no token.
    """
    if settings.github_repository is None or settings.github_token is None:
        raise SettingsError(
            "--pr needs GITHUB_REPOSITORY and GITHUB_TOKEN.",
            remedy="Set both, or leave --pr out and push the file yourself.",
        )
    if settings.requests_git_url is not None:
        return settings.requests_git_url
    from hugflow_assets.notify.github.client import web_url

    return f"{web_url(settings.github_api_url)}/{settings.github_repository}.git"


def _token(settings: Settings) -> str | None:
    return settings.github_token.get_secret_value() if settings.github_token else None


def carry_out(proposal: Proposal, settings: Settings, pr: bool) -> None:
    for note in proposal.notes:
        typer.echo(f"note: {note}", err=True)
    if not proposal.changes:
        typer.echo("nothing to do: it is asked for so already")
    elif pr:
        typer.echo(_proposed(proposal, settings))
    else:
        for path, text in proposal.changes.items():
            _write(settings.requests_dir / path, text)
        if settings.requests_git_url is not None:
            typer.echo("note: requests are read from REQUESTS_GIT_URL: merge it there, or use --pr", err=True)


def _proposed(proposal: Proposal, settings: Settings) -> str:
    from hugflow_assets.intake.proposal import push_proposal
    from hugflow_assets.notify.github.client import GitHub
    from hugflow_assets.notify.github.new_pull_request import open_pull

    base = settings.requests_git_branch
    push_proposal(
        remote_of(settings),
        base,
        proposal.branch,
        {f"requests/{path}": text for path, text in proposal.changes.items()},
        proposal.title,
        token=_token(settings),
        timeout_s=max(60.0, settings.read_timeout.total_seconds()),
    )
    github = GitHub.of(settings)
    if github is None:
        raise SettingsError("--pr needs GITHUB_REPOSITORY and GITHUB_TOKEN.", remedy="Set both.")
    files = "\n".join(
        f"- `requests/{path}`{' (deleted)' if text is None else ''}" for path, text in proposal.changes.items()
    )
    return open_pull(github, base=base, branch=proposal.branch, title=proposal.title, body=files)


def _write(path: Path, text: str | None) -> None:
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    if text is None:
        path.unlink()
        typer.echo(f"deleted {shown}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise DuplicateRequestError(
            f"{shown} is there already and holds another request.", remedy="Rename that file, or edit it."
        ) from None
    typer.echo(f"wrote {shown}")
