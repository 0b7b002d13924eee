"""``hugflow update``: land the newest commit of a dataset's branch."""

from __future__ import annotations

import typer

from hugflow_assets.cli.datasets.names import AS_JSON, NAMES
from hugflow_assets.cli.datasets.results import exit_status, show_results
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force


def update(names: NAMES, as_json: AS_JSON = False) -> None:
    """Land the newest commit of the branch and swap it in; what did not change is linked, not fetched."""
    settings_in_force()
    from hugflow_assets.orchestration.sync.one_dataset import materialize

    results = materialize(list(dict.fromkeys(names)), update=True)
    show_results(results, as_json=as_json)
    if status := exit_status(results):
        raise typer.Exit(status)
