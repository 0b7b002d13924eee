"""``update``, ``pause``, ``resume``, ``cancel``, ``adopt``: what a person decides about a dataset that is asked for."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.console import size
from hugflow_assets.cli.selection import select
from hugflow_assets.cli.startup import settings_in_force
from hugflow_assets.cli.syncing import show_results, worst_of
from hugflow_assets.errors import HugflowError, UnknownDatasetError

if TYPE_CHECKING:
    from hugflow_assets.intake import AddFile
    from hugflow_assets.settings import Settings

NAMES = Annotated[list[str], typer.Argument(metavar="NAME…", help="Storage names, as `hugflow status` shows them.")]
AS_JSON = Annotated[bool, typer.Option("--json", help="The results as a JSON list, stable over versions.")]


def update(names: NAMES, as_json: AS_JSON = False) -> None:
    """Land the newest commit of the branch and swap it in; what did not change is linked, not fetched."""
    settings_in_force()
    from hugflow_assets.orchestration.sync.one_dataset import materialize

    results = materialize(list(dict.fromkeys(names)), update=True)
    show_results(results, as_json=as_json)
    if status := worst_of(results):
        raise typer.Exit(status)


def pause(names: NAMES) -> None:
    """Let nothing land or change for these datasets until they are resumed; a landing in flight stops and keeps all."""
    _hold(names, "paused")


def cancel(names: NAMES) -> None:
    """Stop the landing in flight, and do not try this request again until it is edited or resumed."""
    _hold(names, "cancelled")


def resume(names: NAMES) -> None:
    """Let them go on: what was paused or cancelled, and what waits after failures, is tried again now."""
    _hold(names, "resumed")


def _hold(names: list[str], held: str) -> None:
    settings = settings_in_force()
    from hugflow_assets.intake import source_of
    from hugflow_assets.store import EventKind, Held, Hold, Store, now_text, request_digest

    store, snapshot = Store.of(settings), source_of(settings).snapshot()
    landed, wanted = set(store.names()), Held(held)
    asked = {one.name: one for one in reversed(snapshot.adds)}
    for name in names:
        if name not in asked and name not in landed:
            raise unknown(name)
    by = whoami()
    for name in dict.fromkeys(names):
        request = asked[name].request if name in asked else None
        digest = request_digest(request) if request is not None and wanted is Held.CANCELLED else ""
        store.holds.write(Hold(name=name, held=wanted, by=by, at=now_text(), request=digest))
        # First the mark, then the lease: a landing that begins in between finds the mark under its lease.
        stopped = wanted is not Held.RESUMED and store.cancel(name, by=by)
        store.events.append(EventKind(held), name, by=by, stopped_a_landing=stopped)
        typer.echo(f"{name}: {held}{'; the landing in flight stops and keeps what it has' if stopped else ''}")


def whoami() -> str:
    """Who runs the command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def unknown(name: str) -> UnknownDatasetError:
    """The error for a name that nothing has."""
    return UnknownDatasetError(
        f"no request and no landed dataset is called {name[:200]!r}.",
        remedy="`hugflow status` lists the names.",
        name=name[:200],
    )


def adopt(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A folder with files of the repository; it is not changed.")
    ],
    request: Annotated[
        Path, typer.Option("--request", metavar="FILE", help="The request file, in requests/add/ of the project.")
    ],
    as_json: AS_JSON = False,
) -> None:
    """Land a request from files that are on this machine already; only what is missing there is fetched."""
    settings = settings_in_force()
    if not path.is_dir():
        raise typer.BadParameter(f"{path}: no such folder", param_hint="PATH")
    asked = _asked(request, settings)
    from hugflow_assets.hub import Hub, HubAccess
    from hugflow_assets.orchestration.sync.one_dataset import materialize
    from hugflow_assets.planning.pin import plan_on
    from hugflow_assets.store import Store
    from hugflow_assets.transfer.local_copies import find_matches, write_adopted

    store = Store.of(settings)
    plan = plan_on(Hub(HubAccess.of(settings)), store, asked.request)
    if isinstance(plan, HugflowError):
        raise plan
    files = [file for config in plan.configs for split in config.splits for one in split.shards for file in one.files]
    found = find_matches(path.resolve(), files)
    told = (
        f"{found.matched:,} of {found.wanted:,} files ({size(found.matched_bytes)} of {size(found.wanted_bytes)}) of "
        f"{plan.request.hf_id} at {plan.commit[:12]} are in {path}; {size(found.hashed_bytes)} hashed"
    )
    typer.echo(told, err=as_json)
    listed = store.layout.adopted(asked.name)
    write_adopted(listed, found.files)
    try:
        results = materialize([asked.name])
    finally:
        listed.unlink(missing_ok=True)
    show_results(results, as_json=as_json)
    if status := worst_of(results):
        raise typer.Exit(status)


def _asked(path: Path, settings: Settings) -> AddFile:
    (selection,) = select([path])
    if selection.root.resolve() != settings.requests_dir and settings.requests_git_url is None:
        raise typer.BadParameter(
            f"{path} lies outside the requests folder {settings.requests_dir}: what no request asks for would be an "
            f"orphan. Copy it to {settings.requests_dir / 'add'}/.",
            param_hint="--request",
        )
    if adds := selection.adds():
        return adds[0]
    problems = "; ".join(map(str, selection.problems())) or "it is no request to add a dataset"
    raise typer.BadParameter(f"{path}: {problems}", param_hint="--request")
