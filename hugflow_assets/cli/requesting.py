"""``hugflow add`` and ``hugflow remove``: write the request file, or propose it in a pull request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from hugflow_assets.cli.startup import settings_in_force
from hugflow_assets.errors import DuplicateRequestError, SettingsError, UnknownDatasetError
from hugflow_assets.intake import (
    DatasetRequest,
    FolderSource,
    GitSource,
    RemovalRequest,
    RequestSnapshot,
    matches,
    storage_name,
    to_yaml,
)
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


def add(
    hf_id: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset's id on the Hub.")],
    subset: Annotated[str | None, typer.Option(help="One subset (config); every one when left out.")] = None,
    split: Annotated[str | None, typer.Option(help="One split; every one when left out.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; main when left out.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is and what it is for.")] = None,
    owner: Annotated[str | None, typer.Option(help="Person or team to ask about it.")] = None,
    audio_column: Annotated[str | None, typer.Option(help="Column with the audio.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column with the transcript.")] = None,
    pr: PullOption = False,
) -> None:
    """Ask for a dataset: write its request file, and delete the removal that withdraws it."""
    settings = settings_in_force()
    told = {
        "hf_id": hf_id,
        "subset": subset,
        "split": split,
        "revision": revision,
        "description": description or f"Requested with hugflow add: {hf_id}.",
        "owner": owner,
        "audio_column": audio_column,
        "text_column": text_column,
    }
    request = _validated(DatasetRequest, {key: value for key, value in told.items() if value is not None})
    _carry_out(proposed_addition(request, _snapshot(settings, pr), given=told, said=description), settings, pr)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `hugflow status` lists it, or ORG/NAME.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the log for good.")],
    others: Annotated[
        bool, typer.Option("--others", help="Also withdraw what the removal cannot help to match.")
    ] = False,
    pr: PullOption = False,
) -> None:
    """Withdraw a dataset: write a removal as narrow as the dataset. Its data go once that is in force."""
    settings = settings_in_force()
    snapshot = _snapshot(settings, pr)
    known = _known(snapshot, settings)
    found = _named(name, known)
    request = known[found]
    removal = _validated(
        RemovalRequest,
        {
            key: value
            for key, value in {
                "hf_id": request.hf_id,
                "reason": reason,
                "subset": request.subset,
                "split": request.split,
                "revision": request.revision,
            }.items()
            if value is not None
        },
    )
    _carry_out(proposed_removal(found, removal, snapshot, known, others=others), settings, pr)


def proposed_addition(
    request: DatasetRequest, snapshot: RequestSnapshot, *, given: dict[str, str | None], said: str | None = None
) -> Proposal:
    """What an addition changes.

    Raises:
        DuplicateRequestError: a file asks for the same data in other words already; that one is to be edited.
    """
    name = storage_name(request)
    changes: dict[str, str | None] = {}
    notes: list[str] = []
    known = snapshot.add(name)
    if known is None:
        changes[f"add/{name}.yaml"] = to_yaml(request)
        if said is None:
            notes.append("say what it is for with --description, or in the file")
    elif differs := [
        key for key, value in given.items() if value is not None and key != "description"
        and getattr(known.request, key) != value
    ] + (["description"] if said is not None and known.request.description != said else []):  # fmt: skip
        raise DuplicateRequestError(
            f"requests/{known.path} asks for {name} already, with another {', '.join(differs)}.",
            remedy="Edit that file.",
            path=known.path,
        )
    for removal in snapshot.removals_of(request):
        changes[removal.path] = None
        again = [one.name for one in snapshot.adds if one.name != name and matches(removal.request, one.request)]
        if again:
            notes.append(f"{removal.path} withdraws others too, which land again: {', '.join(sorted(set(again)))}")
    return Proposal(f"Land {name}", f"hugflow/add-{name}", changes, notes)


def proposed_removal(
    name: str,
    removal: RemovalRequest,
    snapshot: RequestSnapshot,
    known: dict[str, DatasetRequest],
    *,
    others: bool,
) -> Proposal:
    """What a removal changes.

    Raises:
        DuplicateRequestError: it would withdraw other datasets too, and ``others`` does not allow it.
    """
    notes = []
    if standing := snapshot.removals_of(known[name]):
        return Proposal("", "", {}, [f"{standing[0].path} withdraws it already"])
    also = sorted(one for one, request in known.items() if one != name and matches(removal, request))
    if also and not others:
        raise DuplicateRequestError(
            f"A removal of {name} withdraws what lies within it too: {', '.join(also)}.",
            remedy="Give --others if they are to go as well.",
            names=also,
        )
    if also:
        notes.append(f"withdraws {', '.join(also)} too")
    return Proposal(f"Remove {name}", f"hugflow/remove-{name}", {f"remove/{name}.yaml": to_yaml(removal)}, notes)


def _validated(kind: type[Asked], values: dict[str, str]) -> Asked:
    """A request of these values.

    Raises:
        typer.BadParameter: a value is not allowed; the message says what is.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        told = []
        for one in error.errors(include_url=False):
            facts = one.get("ctx", {})
            message, suggestion = facts.get("message", one["msg"]), facts.get("suggestion", "")
            told.append(f"{message} ({suggestion})" if suggestion else str(message))
        raise typer.BadParameter("; ".join(told)) from None


def _known(snapshot: RequestSnapshot, settings: Settings) -> dict[str, DatasetRequest]:
    """Name -> request of everything asked for or landed."""
    from hugflow_assets.store import Store

    known: dict[str, DatasetRequest] = {}
    store = Store.of(settings)
    for name in store.names():
        if manifest := store.manifest(name):
            known[name] = manifest.request
    return known | {one.name: one.request for one in reversed(snapshot.adds)}


def _named(name: str, known: dict[str, DatasetRequest]) -> str:
    """The storage name that is meant; an id on the Hub will do where it says which one.

    Raises:
        UnknownDatasetError: nothing is called so, or several things are.
    """
    if name in known:
        return name
    found = sorted(one for one, request in known.items() if request.hf_id == name)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownDatasetError(f"{name} is asked for as {', '.join(found)}.", remedy="Name one of them.", name=name)
    raise UnknownDatasetError(
        f"no request and no landed dataset is called {name[:200]!r}.",
        remedy="Take a name that `hugflow status` lists.",
        name=name[:200],
    )


def _snapshot(settings: Settings, pr: bool) -> RequestSnapshot:
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
    parts = urlsplit(settings.github_api_url)
    host = parts.netloc.removeprefix("api.") if parts.netloc == "api.github.com" else parts.netloc
    return f"{parts.scheme}://{host}/{settings.github_repository}.git"


def _token(settings: Settings) -> str | None:
    return settings.github_token.get_secret_value() if settings.github_token else None


def _carry_out(proposal: Proposal, settings: Settings, pr: bool) -> None:
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
    from hugflow_assets.notify.github_channel import GitHub
    from hugflow_assets.notify.new_pull_request import open_pull

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
