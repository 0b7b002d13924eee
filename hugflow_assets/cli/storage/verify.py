"""``hugflow verify``: whether what landed is as it landed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.datasets.names import LANDED_NAMES, landed_names, whoami
from hugflow_assets.cli.terminal.console import count, size
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import REQUEST_AT_FAULT, ManifestError

if TYPE_CHECKING:
    from hugflow_assets.store import Scrub

AS_JSON = Annotated[bool, typer.Option("--json", help="A JSON list, stable over versions.")]


def verify(names: LANDED_NAMES = None, as_json: AS_JSON = False) -> None:
    """Hash every file again and compare; exit 1 and name the files when one is damaged or missing."""
    settings = settings_in_force()
    from hugflow_assets.landing.verify.scrub import scrub
    from hugflow_assets.store import Store

    store = Store.of(settings)
    chosen = landed_names(store, names)
    if not names:
        store.look_for_links()
    results: list[Checked] = []
    for name in chosen:
        try:
            results.append(Checked(name, scrub(store, name, by=whoami())))
        except ManifestError as error:
            results.append(Checked(name, None, error.message))
        if not as_json:
            _tell(results[-1])
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in results], indent=2))
    elif not results:
        typer.echo("nothing has landed")
    if damaged := [one.name for one in results if not one.whole]:
        if not as_json:
            typer.echo(
                f"  fix: `hugflow sync`, or a materialization in the UI, repairs {', '.join(damaged)}; "
                "what is whole is linked, not fetched",
                err=True,
            )
        raise typer.Exit(REQUEST_AT_FAULT)


@dataclass(frozen=True)
class Checked:
    """One dataset, checked; ``found`` is None where its manifest cannot be read, and ``problem`` says why."""

    name: str
    found: Scrub | None
    problem: str = ""

    @property
    def whole(self) -> bool:
        return self.found is not None and self.found.whole

    def files(self) -> dict[str, tuple[str, ...]]:
        found = self.found
        if found is None:
            return {"damaged": (), "missing": (), "extra": ()}
        return {"damaged": found.damaged, "missing": found.missing, "extra": found.extra}

    def as_json(self) -> dict[str, object]:
        checked, size_bytes = (self.found.checked, self.found.checked_bytes) if self.found else (0, 0)
        facts = {"name": self.name, "whole": self.whole, "problem": self.problem}
        return {**facts, "checked": checked, "checked_bytes": size_bytes, **self.files()}


def _tell(one: Checked) -> None:
    if one.found is None:
        typer.echo(f"{one.name}: DAMAGED: {one.problem}", err=True)
        return
    done = f"{count(one.found.checked)} files, {size(one.found.checked_bytes)} hashed"
    typer.echo(f"{one.name}: {'whole' if one.whole else 'DAMAGED'}, {done}")
    for kind, paths in one.files().items():
        for path in paths:
            typer.echo(f"  {kind}: {path}", err=kind != "extra")
