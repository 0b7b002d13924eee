"""``hugflow adopt``: land a request from files that are on this machine already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.datasets.names import AS_JSON
from hugflow_assets.cli.datasets.results import exit_status, show_results
from hugflow_assets.cli.requests.selection import select
from hugflow_assets.cli.terminal.console import size
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import HugflowError

if TYPE_CHECKING:
    from hugflow_assets.intake import AddFile
    from hugflow_assets.settings import Settings


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
    summary = (
        f"{found.matched:,} of {found.wanted:,} files ({size(found.matched_bytes)} of {size(found.wanted_bytes)}) of "
        f"{plan.request.hf_id} at {plan.commit[:12]} are in {path}; {size(found.hashed_bytes)} hashed"
    )
    typer.echo(summary, err=as_json)
    copies_file = store.layout.adopted(asked.name)
    write_adopted(copies_file, found.files)
    try:
        results = materialize([asked.name])
    finally:
        copies_file.unlink(missing_ok=True)
    show_results(results, as_json=as_json)
    if status := exit_status(results):
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
